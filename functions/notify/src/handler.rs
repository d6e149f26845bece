//! One call: each export that it names is claimed, mailed and marked.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;
use waybill::access::{Action, Scope};
use waybill::aws::best_effort;
use waybill::bucket::{Bucket, BucketError};
use waybill::catalog::{Catalog, Delivery};
use waybill::clock::Clock;
use waybill::export::{Export, ExportId};
use waybill::grants_function::{ANSWER_TIMEOUT, GrantsFunction, Question};
use waybill::lifecycle::State;
use waybill::store::{CommitError, Exports, StoreError, Updated};

use crate::address::Address;
use crate::attachment::{self, Attached};
use crate::input::{Failures, Input, InvalidInput, Told, Wanted};
use crate::mail::{self, Letterhead};
use crate::mail_event::Unreadable;
use crate::mailer::{Mailer, SEND_WITHIN, SendError};

/// How long a claim holds. It must outlast the function's timeout of a minute: whoever claims the mail next must be
/// sure that nobody is still sending it.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);
/// Mails sent at once: each may hold a file of 7 MB three times over, as it is, in base64 and in the request.
const MAILS_AT_ONCE: usize = 3;
/// How often marking a mail is tried. Without the mark it would be sent once more.
const MARK_TRIES: u32 = 5;
const MARK_WAIT: Duration = Duration::from_millis(500);
/// What must be left of the invocation for a mail to be begun: sending it, asking whether its file may go with it, and
/// reading and writing around these.
const NEEDED: Duration = SEND_WITHIN
    .saturating_add(ANSWER_TIMEOUT)
    .saturating_add(Duration::from_secs(5));

/// Everything that mails need.
#[derive(Debug, Clone)]
pub struct Notifier {
    /// The exports, their work and their history.
    pub exports: Exports,
    /// The bucket that holds the files.
    pub bucket: Bucket,
    /// Sends mails.
    pub mailer: Mailer,
    /// What can be exported.
    pub catalog: Catalog,
    /// Who decides what people may do, where the tokens' grants do not.
    pub grants_function: Option<GrantsFunction>,
    /// What all mails have in common.
    pub letterhead: Letterhead,
    /// The present.
    pub clock: Clock,
}

/// Why an export's mail was not settled. It is still pending then: the stream brings the record again a few times,
/// and the sweeper asks for a week.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The event is none of ours. Trying again is of no use.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The mail was not taken.
    #[error(transparent)]
    Send(SendError),
    /// The mail could not be written.
    #[error("the mail could not be written")]
    Write(#[from] askama::Error),
    /// Too little of the invocation was left.
    #[error("the invocation's time was over")]
    Time,
    /// A record or message that failed has no name, so that only the whole batch can be told to have failed.
    #[error("a record without a name failed")]
    Unnamed,
    /// What SES tells of a mail is not of the form that it documents.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Others wrote the export each time.
    #[error("the export was written by others each time")]
    Contended,
}

/// A mail that was handed over, or will never be.
#[derive(Debug, PartialEq, Eq)]
enum Delivered {
    Sent,
    Refused(&'static str),
}

impl Notifier {
    /// Sends the mails that `event` calls for, or learns what became of those that were sent.
    ///
    /// # Errors
    /// A direct call fails if its mail was not settled. Of a batch, the records that failed are named in the answer and
    /// come again; the call itself fails only where they cannot be named.
    pub async fn handle(&self, event: Value, deadline: Instant) -> Result<Failures, NotifyError> {
        match Input::parse(event)? {
            Input::One(id) => {
                self.notify(id, deadline).await?;
                Ok(Failures::default())
            }
            Input::Stream(wanted) => self.send_all(wanted, deadline).await,
            Input::Told(told) => self.learn_all(told).await,
        }
    }

    async fn send_all(
        &self,
        wanted: Vec<Wanted>,
        deadline: Instant,
    ) -> Result<Failures, NotifyError> {
        let mut answers = futures::stream::iter(wanted)
            .map(async |wanted| {
                (
                    self.notify(wanted.export_id, deadline).await.is_err(),
                    wanted,
                )
            })
            .buffer_unordered(MAILS_AT_ONCE);
        let mut failures = Failures::default();
        while let Some((failed, wanted)) = answers.next().await {
            if failed {
                failures.add(wanted.sequence_number.ok_or(NotifyError::Unnamed)?);
            }
        }
        Ok(failures)
    }

    async fn learn_all(&self, told: Vec<Told>) -> Result<Failures, NotifyError> {
        let mut failures = Failures::default();
        for told in told {
            if self.learn(&told).await.is_err() {
                failures.add(told.message_id.ok_or(NotifyError::Unnamed)?);
            }
        }
        Ok(failures)
    }

    /// Sends the mail of one export, unless somebody else does or has.
    async fn notify(&self, id: ExportId, deadline: Instant) -> Result<(), NotifyError> {
        let notified = self.claim_and_send(id, deadline).await;
        if let Err(error) = &notified {
            tracing::warn!(export.id = %id, error = error as &dyn std::error::Error, "mail failed");
        }
        notified
    }

    async fn claim_and_send(&self, id: ExportId, deadline: Instant) -> Result<(), NotifyError> {
        if Instant::now() + NEEDED > deadline {
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
                tracing::warn!(export.id = %id, reason, "mail failed");
                self.mark(id, Some(reason)).await
            }
            Err(error) => {
                self.release(state).await;
                Err(error)
            }
        }
    }

    async fn deliver(&self, export: &Export, now: Timestamp) -> Result<Delivered, NotifyError> {
        let Some(text) = &export.user.email else {
            return Ok(Delivered::Refused("there is no address"));
        };
        let Some(to) = Address::parse(text) else {
            return Ok(Delivered::Refused("the address is not one"));
        };
        let (label, delivery) = match self.catalog.get(&export.type_name) {
            Some(found) => (found.label.as_str(), found.delivery),
            // The catalog has lost the type since; the person is told all the same.
            None => (export.type_name.as_str(), Delivery::Link),
        };
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
        let mut mail = mail::write(export, label, attached, &self.letterhead, now)?;
        let mut sent = self.mailer.send(&to, &mail, export, file).await;
        if attached == Attached::Yes && matches!(sent, Err(SendError::Refused { .. })) {
            // It may be the file that is not liked; the person is told without it.
            mail = mail::write(export, label, Attached::Unavailable, &self.letterhead, now)?;
            sent = self.mailer.send(&to, &mail, export, None).await;
        }
        match sent {
            Ok(()) => {
                tracing::info!(export.id = %export.id, status = export.status.as_str(), to = to.masked(), "mail sent");
                Ok(Delivered::Sent)
            }
            Err(SendError::Refused { reason }) => Ok(Delivered::Refused(reason)),
            Err(error) => Err(NotifyError::Send(error)),
        }
    }

    /// Whether the recipient may have the file at this moment: a file that is attached is a download that nobody checks
    /// again. There is no token now, and with it no claims. Where the grants are the tokens' own, there is nobody to ask.
    async fn may_download(&self, export: &Export) -> bool {
        let Some(function) = &self.grants_function else {
            return true;
        };
        let (sub, no_claims) = (&export.user.id, BTreeMap::new());
        let question = Question::new(sub, &no_claims, Action::Download, Scope::from(export));
        match function.ask(&question).await {
            Ok(allowed) => allowed,
            Err(error) => {
                tracing::warn!(export.id = %export.id, error = &error as &dyn std::error::Error, "file withheld");
                false
            }
        }
    }

    /// Writes that the mail is settled, whatever else is written to the export meanwhile. A table that does not answer is
    /// waited for: without this mark, the mail would be sent once more.
    pub(crate) async fn mark(
        &self,
        id: ExportId,
        refusal: Option<&str>,
    ) -> Result<(), NotifyError> {
        let settle = |state: &State| {
            let is_pending = state.work.mail.is_some();
            is_pending.then(|| state.settle_mail(refusal.map(str::to_owned), self.clock.now()))
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
            tracing::error!(export.id = %id, "mail not marked");
        }
        Ok(())
    }

    /// Gives the claim back. Where that fails, it ends by itself.
    async fn release(&self, state: State) {
        let id = state.export.id;
        let error: Box<dyn std::error::Error> =
            match best_effort(self.exports.commit(state.release_mail())).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => Box::new(error),
                Err(late) => Box::new(late),
            };
        tracing::warn!(export.id = %id, error = &*error, "claim not given back");
    }
}

#[cfg(test)]
mod tests;
