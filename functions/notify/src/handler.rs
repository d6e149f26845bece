//! One invocation: claims, sends and marks the mail of each export that the event names.

use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument;
use waybill::access_rules::{Action, Scope};
use waybill::aws::best_effort;
use waybill::bucket::{Bucket, BucketError};
use waybill::catalog::Delivery;
use waybill::clock::Clock;
use waybill::export::{Export, ExportId};
use waybill::grants_function::{ANSWER_TIMEOUT, GrantsFunction, Question};
use waybill::lifecycle::State;
use waybill::live_catalog::LiveCatalog;
use waybill::store::{CommitError, Exports, StoreError, Updated};

use crate::address::Address;
use crate::attachment::{self, Attached};
use crate::input::{Failures, Input, InvalidInput, MailEventMessage, PendingMail};
use crate::mail::{self, Letterhead, WriteError};
use crate::mail_event::Unreadable;
use crate::mailer::{Mailer, SEND_TIMEOUT, SendError};

/// How long a claim is valid. Longer than the function's timeout of a minute, so that no invocation is still sending a
/// mail that another one claims.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);
/// Mails sent concurrently. Each may hold a file of 7 MB in memory three times: the bytes, base64, and the request.
const MAILS_AT_ONCE: usize = 3;
/// How often writing the mark is tried. Without the mark, the mail would be sent again.
const MARK_TRIES: u32 = 5;
const MARK_WAIT: Duration = Duration::from_millis(500);
/// The remaining time of the invocation that a mail needs: to send it, to ask the grants function, and to read and write
/// the tables.
const TIME_FOR_A_MAIL: Duration = SEND_TIMEOUT
    .saturating_add(ANSWER_TIMEOUT)
    .saturating_add(Duration::from_secs(5));

/// Sends mails and stores their outcome.
#[derive(Debug, Clone)]
pub struct Notifier {
    /// The exports, their work and their history.
    pub exports: Exports,
    /// The bucket with the files.
    pub bucket: Bucket,
    /// Sends mails.
    pub mailer: Mailer,
    /// The types, with their labels and their delivery.
    pub catalog: LiveCatalog,
    /// The host's grants function, if the deployment has one.
    pub grants_function: Option<GrantsFunction>,
    /// What all mails of the deployment have in common.
    pub letterhead: Letterhead,
    /// The current time.
    pub clock: Clock,
}

/// Why an event was not processed. A mail is still pending then: the stream repeats its record a few times, and the
/// sweeper invokes this function for seven days.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The event has an unknown form. A retry fails too.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// SES did not accept the mail.
    #[error(transparent)]
    Send(SendError),
    /// The mail could not be written in the person's language.
    #[error("the mail could not be written")]
    Write(#[from] WriteError),
    /// The invocation had too little time left.
    #[error("the invocation had too little time left")]
    Time,
    /// A failed record or message has no id, so that only the whole batch can fail.
    #[error("a record or message without an id failed")]
    WithoutId,
    /// An event of SES has another form than SES documents.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Every try to write the export conflicted with another write.
    #[error("every write of the export conflicted with another write")]
    Contended,
}

/// The final outcome of a mail.
#[derive(Debug, PartialEq, Eq)]
enum Delivered {
    Sent,
    /// Permanently, for this reason.
    Refused(String),
}

impl Notifier {
    /// Sends the mails that `event` calls for, or stores what SES's events say about sent mails.
    ///
    /// # Errors
    /// A direct invocation fails if the mail is still pending. Of a batch, the answer lists the failed records, which then
    /// are delivered again; the invocation fails only if a failed record has no id.
    pub async fn handle(&self, event: Value, deadline: Instant) -> Result<Failures, NotifyError> {
        let mut failed = Vec::new();
        match Input::parse(event)? {
            Input::One(id) => self.notify(id, deadline).await?,
            Input::Stream(mails) => {
                let mut answers = futures::stream::iter(mails)
                    .map(
                        async |PendingMail {
                                   export_id,
                                   sequence_number,
                               }| {
                            (self.notify(export_id, deadline).await, sequence_number)
                        },
                    )
                    .buffer_unordered(MAILS_AT_ONCE);
                while let Some((notified, sequence_number)) = answers.next().await {
                    failed.extend(notified.is_err().then_some(sequence_number));
                }
            }
            Input::MailEvents(messages) => {
                for MailEventMessage { body, message_id } in messages {
                    let processed = self.process_event(&body).await;
                    failed.extend(processed.is_err().then_some(message_id));
                }
            }
        }
        // The whole batch fails only after all of it was processed.
        let mut failures = Failures::default();
        for id in failed {
            failures.add(id.ok_or(NotifyError::WithoutId)?);
        }
        Ok(failures)
    }

    /// Sends the mail of one export, unless another invocation sends or has sent it.
    async fn notify(&self, id: ExportId, deadline: Instant) -> Result<(), NotifyError> {
        // Every line about the export has its id.
        let span = tracing::info_span!("export", export.id = %id);
        let notified = self.claim_and_send(id, deadline).instrument(span.clone());
        let notified = notified.await;
        if let Err(error) = &notified {
            let error = error as &dyn std::error::Error;
            span.in_scope(|| tracing::warn!(error, "mail put off"));
        }
        notified
    }

    async fn claim_and_send(&self, id: ExportId, deadline: Instant) -> Result<(), NotifyError> {
        if Instant::now() + TIME_FOR_A_MAIL > deadline {
            return Err(NotifyError::Time);
        }
        let Some(state) = self.exports.state(id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let Some(claim) = state.claim_mail(now, now + CLAIM) else {
            return Ok(());
        };
        let state = match self.exports.commit(claim).await {
            Ok(state) => state,
            Err(CommitError::Conflict) => return Ok(()),
            Err(CommitError::Store(error)) => return Err(error.into()),
        };
        match self.deliver(&state.export, now).await {
            Ok(Delivered::Sent) => self.mark(id, None).await,
            Ok(Delivered::Refused(reason)) => {
                tracing::info!(reason, "mail refused");
                self.mark(id, Some(&reason)).await
            }
            Err(error) => {
                self.release(state).await;
                Err(error)
            }
        }
    }

    async fn deliver(&self, export: &Export, now: Timestamp) -> Result<Delivered, NotifyError> {
        let Some(text) = &export.user.email else {
            return Ok(Delivered::Refused("there is no address".to_owned()));
        };
        let to = match Address::parse(text) {
            Ok(to) => to,
            Err(invalid) => return Ok(Delivered::Refused(invalid.to_string())),
        };
        let types = &self.catalog.current().catalog;
        // Where the catalog no longer has the type, the person still gets a mail.
        let of = types.get(&export.type_name);
        let delivery = of.map_or(Delivery::Link, |of| of.delivery);
        let mut attached = attachment::plan(export, delivery, now);
        if attached == Attached::Yes && !self.may_download(export).await {
            attached = Attached::Withheld;
        }
        let mut file = None;
        if attached == Attached::Yes {
            file = attachment::file(&self.bucket, export).await?;
            if file.is_none() {
                attached = Attached::Unavailable;
            }
        }
        let mut mail = mail::write(export, of, attached, &self.letterhead, now)?;
        let mut sent = self.mailer.send(&to, &mail, export, file).await;
        if attached == Attached::Yes && matches!(sent, Err(SendError::Refused { .. })) {
            // SES may have refused the file, so the mail is sent once more without it.
            mail = mail::write(export, of, Attached::Unavailable, &self.letterhead, now)?;
            sent = self.mailer.send(&to, &mail, export, None).await;
        }
        match sent {
            Ok(()) => {
                tracing::info!(status = export.status.as_str(), "mail sent");
                Ok(Delivered::Sent)
            }
            Err(SendError::Refused { reason }) => Ok(Delivered::Refused(reason.to_owned())),
            Err(error) => Err(NotifyError::Send(error)),
        }
    }

    /// Asks the grants function whether the recipient may download the file now, because no download checks an attached
    /// file. Of claims, the question has only the issuer, because there is no token. True without a grants function: the grants are then
    /// only in tokens.
    async fn may_download(&self, export: &Export) -> bool {
        let Some(function) = &self.grants_function else {
            return true;
        };
        let user = &export.user;
        let issuer = user.issuer.iter();
        let claims = issuer
            .map(|issuer| ("iss".to_owned(), issuer.clone()))
            .collect();
        let question = Question::new(&user.id, &claims, Action::Download, Scope::from(export));
        match function.ask(&question).await {
            Ok(decision) => decision.allowed,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "file withheld");
                false
            }
        }
    }

    /// Marks the mail as sent, or as failed with the reason `refusal`. Retries conflicts and errors of the table, because
    /// the mail would be sent again without the mark.
    pub(crate) async fn mark(
        &self,
        id: ExportId,
        refusal: Option<&str>,
    ) -> Result<(), NotifyError> {
        let settle = |state: &State| {
            let is_pending = state.work.mail.is_some();
            is_pending
                .then(|| state.record_mail_outcome(refusal.map(str::to_owned), self.clock.now()))
        };
        let mut wait = MARK_WAIT;
        let mut updated = self.exports.update(id, MARK_TRIES, settle).await;
        for _ in 1..MARK_TRIES {
            if updated.is_ok() {
                break;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            updated = self.exports.update(id, MARK_TRIES, settle).await;
        }
        if let Updated::Contended = updated? {
            tracing::error!("mail not marked");
        }
        Ok(())
    }

    /// Releases the claim. If that fails, the claim expires.
    async fn release(&self, state: State) {
        let error: Box<dyn std::error::Error> =
            match best_effort(self.exports.commit(state.release_mail())).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => Box::new(error),
                Err(late) => Box::new(late),
            };
        tracing::warn!(error = &*error, "claim not released");
    }
}

#[cfg(test)]
mod tests;
