//! The mail of an export that has ended: claimed, sent or given up.

use jiff::Timestamp;

use super::{Change, State};
use crate::event::{Event, EventKind};
use crate::export::Mail;
use crate::work::WorkTiming;

impl State {
    /// Claims the mail until `until`, so that nobody else sends it meanwhile; `None` where no mail is pending or another
    /// claim holds.
    pub fn claim_mail(&self, now: Timestamp, until: Timestamp) -> Option<Change> {
        let mail = self.work.mail.as_ref()?;
        if self.export.mail != Some(Mail::Pending)
            || mail.claimed_until.is_some_and(|end| now < end)
        {
            return None;
        }
        Some(self.change(|s, _| {
            if let Some(mail) = &mut s.work.mail {
                mail.claimed_until = Some(until);
            }
        }))
    }

    /// Gives the claim back: the mail could not be sent now, and the next call may try at once.
    pub fn release_mail(&self) -> Change {
        self.change(|s, _| {
            if let Some(mail) = &mut s.work.mail {
                mail.claimed_until = None;
            }
        })
    }

    /// SES has accepted the mail, or the mail will not be sent, for the reason in `failure`.
    pub fn record_mail_outcome(&self, failure: Option<String>, now: Timestamp) -> Change {
        let mut change = self.change(|s, events| {
            let (mail, kind) = if failure.is_none() {
                (Mail::Sent, EventKind::Mailed)
            } else {
                (Mail::Failed, EventKind::MailFailed)
            };
            s.export.mail = Some(mail);
            s.work.mail = None;
            s.reschedule();
            events.push(Event {
                detail: failure,
                ..Event::new(&s.export, kind, now)
            });
        });
        change.done = change.after.is_done();
        change
    }

    /// The sweeper asks for the mail once more; it is given up after [`WorkTiming::MAIL_WITHIN`].
    pub fn ask_for_mail(&self, now: Timestamp, timing: WorkTiming) -> Change {
        // Whoever has claimed it may be sending it at this moment, and then it is not given up.
        let claimed = self
            .work
            .mail
            .as_ref()
            .is_some_and(|mail| mail.claimed_until.is_some_and(|end| now < end));
        if !claimed
            && self
                .export
                .ended_at
                .is_some_and(|ended| ended + WorkTiming::MAIL_WITHIN <= now)
        {
            return self.record_mail_outcome(
                Some("the mail service did not accept the mail within seven days".to_owned()),
                now,
            );
        }
        self.change(|s, _| {
            if let Some(mail) = &mut s.work.mail {
                mail.asked += 1;
                mail.next = now + timing.doubling_wait(mail.asked);
            }
            s.reschedule();
        })
    }
}
