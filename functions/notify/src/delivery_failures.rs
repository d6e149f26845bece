//! Mails that bounce, are marked as spam or are rejected after SES accepted them: SES's events become the export's state
//! and history.

use tracing::Instrument;
use waybill::export::ExportId;
use waybill::lifecycle::{Amendment, DeliveryFailure, State};
use waybill::store::{CommitError, Updated};

use crate::handler::{Notifier, NotifyError};
use crate::mail_event::{Effect, MailEvent};

/// How often writing an event is tried. The sweeper, the invocation that marks the mail as sent, and a repeated event may
/// write the same export.
const TRIES: u32 = 5;

impl Notifier {
    /// Stores what an event of SES says. An event that cannot be read or written is delivered again, and ends in the
    /// dead-letter queue.
    pub(crate) async fn process_event(&self, body: &str) -> Result<(), NotifyError> {
        let Some(event) = MailEvent::parse(body).inspect_err(log_not_stored)? else {
            tracing::info!("mail event without an export");
            return Ok(());
        };
        let span = tracing::info_span!("export", export.id = %event.export_id);
        let stored = async { self.take(event).await.inspect_err(log_not_stored) };
        stored.instrument(span).await
    }

    async fn take(&self, event: MailEvent) -> Result<(), NotifyError> {
        match event.effect {
            Effect::Ignored(reason) => tracing::info!(reason, "mail event ignored"),
            Effect::Refused(failure) => {
                let reason = failure.as_str();
                match self.refuse(event.export_id, failure).await? {
                    true => tracing::info!(reason, "mail refused"),
                    false => tracing::info!(reason, "mail event changes nothing"),
                }
            }
        }
        Ok(())
    }

    /// Marks the mail as refused. False if the mail is already refused, or was never sent.
    async fn refuse(&self, id: ExportId, failure: DeliveryFailure) -> Result<bool, NotifyError> {
        let now = self.clock.now();
        let refuse = |state: &State| state.fail_delivery(failure, now);
        match self.exports.update(id, TRIES, refuse).await? {
            Updated::Written(_) => Ok(true),
            Updated::Unchanged(_) => Ok(false),
            Updated::NoWork => self.amend(id, failure).await,
            Updated::Contended => Err(NotifyError::Contended),
        }
    }

    /// Does the same for an export that has no work. An unknown export belongs to another deployment.
    async fn amend(&self, id: ExportId, failure: DeliveryFailure) -> Result<bool, NotifyError> {
        for _ in 0..TRIES {
            let export = self.exports.export(id).await?;
            let now = self.clock.now();
            let amendment =
                export.and_then(|export| Amendment::fail_delivery(&export, failure, now));
            let Some(amendment) = amendment else {
                return Ok(false);
            };
            match self.exports.amend(&amendment).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(NotifyError::Contended)
    }
}

fn log_not_stored(error: &(impl std::error::Error + 'static)) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "mail event not stored");
}

#[cfg(test)]
mod tests;
