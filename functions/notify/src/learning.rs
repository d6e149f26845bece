//! Mails that turn out not to get through: what SES tells of them becomes the export's state and history.

use waybill::export::ExportId;
use waybill::lifecycle::{Amendment, MailRefusal, State};
use waybill::store::{CommitError, Updated};

use crate::handler::{Notifier, NotifyError};
use crate::input::Told;
use crate::mail_event::{MailEvent, News};

/// How often an event is written that others write beside: the sweeper, whoever marks the mail as sent, the same event
/// again.
const TRIES: u32 = 5;

impl Notifier {
    /// Learns what SES has told. What cannot be read or written comes again, and ends among the dead letters.
    pub(crate) async fn learn(&self, told: &Told) -> Result<(), NotifyError> {
        let learned = self.learn_event(&told.body).await;
        if let Err(error) = &learned {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "mail event not taken in"
            );
        }
        learned
    }

    async fn learn_event(&self, body: &str) -> Result<(), NotifyError> {
        let Some(event) = MailEvent::parse(body)? else {
            tracing::info!("mail event without an export");
            return Ok(());
        };
        let id = event.export_id;
        match event.news {
            News::Passing(reason) => {
                tracing::info!(export.id = %id, reason, "mail event without consequence");
                Ok(())
            }
            News::Refused(refusal) => {
                let reason = refusal.as_str();
                match self.refuse(&event, refusal).await? {
                    true => tracing::info!(export.id = %id, reason, "mail refused"),
                    false => tracing::info!(export.id = %id, reason, "mail event changes nothing"),
                }
                Ok(())
            }
        }
    }

    /// Writes that the mail does not get through. False where that is known, or there is no such mail.
    async fn refuse(&self, event: &MailEvent, refusal: MailRefusal) -> Result<bool, NotifyError> {
        let (id, now) = (event.export_id, self.clock.now());
        let refuse = |state: &State| state.refuse_mail(refusal, now);
        match self.exports.update(id, TRIES, refuse).await? {
            Updated::Written(_) => Ok(true),
            Updated::Unchanged(_) => Ok(false),
            Updated::NoWork => self.amend(id, refusal).await,
            Updated::Contended => Err(NotifyError::Contended),
        }
    }

    /// The same of an export for which nothing is left to be done. One that is not there is not this deployment's.
    async fn amend(&self, id: ExportId, refusal: MailRefusal) -> Result<bool, NotifyError> {
        for _ in 0..TRIES {
            let export = self.exports.export(id).await?;
            let now = self.clock.now();
            let amendment = export.and_then(|export| Amendment::refuse_mail(&export, refusal, now));
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

#[cfg(test)]
mod tests;
