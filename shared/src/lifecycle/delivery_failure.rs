//! A mail that SES accepted and that was not delivered: it bounced, was marked as spam, or was rejected.
//!
//! SES reports this later, possibly more than once. The work may already be deleted, or the mail may not be marked as sent
//! yet. An export has one mail to one address, so a report about any attempt to send it applies.

use jiff::Timestamp;

use super::{Change, State};
use crate::event::{Event, EventKind};
use crate::export::{Export, Mail};

/// Why a mail that SES accepted was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// The address does not exist, or refuses mails for good.
    Bounced,
    /// The person marked it as spam.
    Complained,
    /// SES did not send the mail because of its contents.
    Rejected,
}

impl DeliveryFailure {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Bounced, Self::Complained, Self::Rejected];

    /// The word for it in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Rejected => "rejected",
        }
    }
}

/// A change of an export that has no work any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The export that it was made from, whose status and mail must still hold.
    pub before: Export,
    /// The export that it leads to.
    pub after: Export,
    /// What it tells the export's history.
    pub events: Vec<Event>,
}

impl Amendment {
    /// The mail of `export` does not get through.
    ///
    /// `None` where that is nothing new: it is known, the mail was never sent, or none is due.
    pub fn fail_delivery(
        export: &Export,
        failure: DeliveryFailure,
        now: Timestamp,
    ) -> Option<Self> {
        let refused =
            Event::new(export, EventKind::MailFailed, now).with_detail(failure.as_str().to_owned());
        let events = match export.mail? {
            Mail::Sent => vec![refused],
            // Whoever sent it has not written that yet, or could not.
            Mail::Pending => vec![Event::new(export, EventKind::Mailed, now), refused],
            Mail::Failed | Mail::Refused => return None,
        };
        Some(Self {
            before: export.clone(),
            after: Export {
                mail: Some(Mail::Refused),
                ..export.clone()
            },
            events,
        })
    }
}

impl State {
    /// As [`Amendment::fail_delivery`], while there is work: the mail is not to be sent again either.
    pub fn fail_delivery(&self, failure: DeliveryFailure, now: Timestamp) -> Option<Change> {
        let amendment = Amendment::fail_delivery(&self.export, failure, now)?;
        let mut change = self.change(|s, events| {
            s.export = amendment.after;
            s.work.mail = None;
            s.reschedule();
            events.extend(amendment.events);
        });
        change.done = change.after.is_done();
        Some(change)
    }
}
