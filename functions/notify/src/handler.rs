//! One call: each export that it names is claimed, mailed and marked.

use std::time::Duration;

use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;
use waybill::catalog::{Catalog, Delivery};
use waybill::export::{Export, ExportId};
use waybill::lifecycle::State;
use waybill::store::{CommitError, Exports, StoreError};

use crate::address::Address;
use crate::attachment::{self, Attached, Bucket, ReadError};
use crate::input::{Input, InvalidInput, Wanted};
use crate::mail::{self, Letterhead};
use crate::mailer::{Mailer, SEND_WITHIN, SendError};

/// How long a claim holds. It must outlast the function's timeout of a minute: whoever claims the mail next must be
/// sure that nobody is still sending it.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);
/// Mails sent at once: each may hold a file of 7 MB three times over, as it is, in base64 and in the request.
const MAILS_AT_ONCE: usize = 3;
/// How often marking a mail is tried. Without the mark it would be sent once more.
const MARK_TRIES: u32 = 5;
const MARK_WAIT: Duration = Duration::from_millis(500);
/// What must be left of the invocation for a mail to be begun: sending it, and reading and writing around it.
const NEEDED: Duration = SEND_WITHIN.saturating_add(Duration::from_secs(5));

/// Everything that mails need.
#[derive(Debug, Clone)]
pub(crate) struct Notifier {
    pub(crate) exports: Exports,
    pub(crate) bucket: Bucket,
    pub(crate) mailer: Mailer,
    pub(crate) catalog: Catalog,
    pub(crate) letterhead: Letterhead,
    pub(crate) clock: fn() -> Timestamp,
}

/// Why an export's mail was not settled. It is still pending then: the stream brings the record again a few times,
/// and the sweeper asks for a week.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotifyError {
    /// The event is none of ours. Trying again is of no use.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The mail was not taken.
    #[error(transparent)]
    Send(SendError),
    /// The mail could not be written.
    #[error("the mail could not be written")]
    Write(#[from] askama::Error),
    /// Too little of the invocation was left.
    #[error("the invocation's time was over")]
    Time,
    /// A record that failed has no sequence number, so that only the whole batch can be told to have failed.
    #[error("a stream record without a sequence number failed")]
    Unnamed,
}

/// A mail that was handed over, or will never be.
#[derive(Debug, PartialEq, Eq)]
enum Delivered {
    Sent,
    Refused(&'static str),
}

impl Notifier {
    /// Sends the mails that `event` calls for.
    ///
    /// # Errors
    /// A direct call fails if its mail was not settled. Of a stream's batch, the records that failed are named in the
    /// answer and come again; the call itself fails only where they cannot be named.
    pub(crate) async fn handle(
        &self,
        event: Value,
        deadline: Instant,
    ) -> Result<DynamoDbEventResponse, NotifyError> {
        match Input::parse(event)? {
            Input::One(id) => {
                self.notify(id, deadline).await?;
                Ok(DynamoDbEventResponse::default())
            }
            Input::Stream(wanted) => self.handle_batch(wanted, deadline).await,
        }
    }

    async fn handle_batch(
        &self,
        wanted: Vec<Wanted>,
        deadline: Instant,
    ) -> Result<DynamoDbEventResponse, NotifyError> {
        let mut answers = futures::stream::iter(wanted)
            .map(async |wanted| {
                (
                    self.notify(wanted.export_id, deadline).await.is_err(),
                    wanted,
                )
            })
            .buffer_unordered(MAILS_AT_ONCE);
        let mut response = DynamoDbEventResponse::default();
        while let Some((failed, wanted)) = answers.next().await {
            if !failed {
                continue;
            }
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(wanted.sequence_number.ok_or(NotifyError::Unnamed)?);
            response.batch_item_failures.push(failure);
        }
        Ok(response)
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
        let now = (self.clock)();
        let Some(claim) = state.claim_mail(now, now + CLAIM) else {
            return Ok(());
        };
        let state = match self.exports.commit(claim).await {
            Ok(state) => state,
            Err(CommitError::Overtaken) => return Ok(()),
            Err(CommitError::Store(error)) => return Err(error.into()),
        };
        match self.deliver(&state.export, now).await {
            Ok(Delivered::Sent) => self.mark(state, None).await,
            Ok(Delivered::Refused(reason)) => {
                tracing::warn!(export.id = %id, reason, "mail failed");
                self.mark(state, Some(reason)).await
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
        let mut file = None;
        if attached == Attached::Yes {
            file = self.bucket.file(export).await?;
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

    /// Writes that the mail is settled, whatever else is written to the export meanwhile.
    async fn mark(&self, mut state: State, refusal: Option<&str>) -> Result<(), NotifyError> {
        let id = state.export.id;
        let mut wait = MARK_WAIT;
        for attempt in 1.. {
            if state.work.mail.is_none() {
                return Ok(());
            }
            let change = state.settle_mail(refusal.map(str::to_owned), (self.clock)());
            match self.exports.commit(change).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Overtaken) if attempt < MARK_TRIES => {}
                Err(CommitError::Overtaken) => break,
                Err(CommitError::Store(error)) if attempt >= MARK_TRIES => return Err(error.into()),
                Err(CommitError::Store(_)) => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
            }
            state = match self.exports.state(id).await {
                Ok(Some(state)) => state,
                Ok(None) => return Ok(()),
                Err(error) if attempt >= MARK_TRIES => return Err(error.into()),
                Err(_) => continue,
            };
        }
        tracing::error!(export.id = %id, "mail not marked");
        Ok(())
    }

    /// Gives the claim back. Where that fails, it ends by itself.
    async fn release(&self, state: State) {
        if let Err(error) = self.exports.commit(state.release_mail()).await {
            let id = state.export.id;
            tracing::warn!(export.id = %id, error = &error as &dyn std::error::Error, "claim not given back");
        }
    }
}

#[cfg(test)]
#[path = "handler_tests.rs"]
mod tests;
