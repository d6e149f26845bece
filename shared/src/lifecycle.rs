//! The life of an export as changes of its state: pure functions from what was read to what is to be written.
//!
//! Every change is committed in one transaction on the condition that nobody has written the work since it was
//! read (see [`crate::store`]); so each function may be run again on what is read anew.

mod delivery_failure;
mod mail;

use jiff::{SignedDuration, Timestamp};

use crate::event::{Actor, Event, EventKind};
use crate::export::{Deleter, Export, ExportedFile, Failure, Mail, Receipt, Status};
use crate::work::{Completing, InLine, Lease, MailWork, Reached, Work, WorkTiming};

pub use delivery_failure::{Amendment, DeliveryFailure};

/// An export and its work, as read together.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The export.
    pub export: Export,
    /// What is still to be done for it.
    pub work: Work,
}

/// What is to be written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The state that it was made from, which must still hold.
    pub before: State,
    /// The state that it leads to.
    pub after: State,
    /// What it tells the export's history.
    pub events: Vec<Event>,
    /// Whether there is nothing left to be done, so that the work goes.
    pub done: bool,
}

/// What a worker is to do on the export's message.
#[derive(Debug)]
pub enum Claim {
    /// The worker has the lease once this is committed.
    Take(Box<Change>),
    /// The export has been tried too often or for too long: it fails once this is committed.
    GiveUp(Box<Change>),
    /// The wait before another attempt is not over: the message must come again after this long.
    NotYet(SignedDuration),
    /// There is nothing for this worker to do: the export is final, or another worker has the lease.
    Leave,
}

impl State {
    /// A change of nothing yet, to be filled in.
    fn change(&self, fill: impl FnOnce(&mut State, &mut Vec<Event>)) -> Change {
        let mut after = self.clone();
        let mut events = Vec::new();
        fill(&mut after, &mut events);
        Change {
            before: self.clone(),
            after,
            events,
            done: false,
        }
    }

    /// A worker asks for the lease.
    pub fn claim(&self, owner: &str, now: Timestamp, timing: WorkTiming) -> Claim {
        if self.export.status.is_final() {
            return Claim::Leave;
        }
        if self
            .work
            .lease
            .as_ref()
            .is_some_and(|lease| now < lease.until + timing.skew())
        {
            return Claim::Leave;
        }
        let wait = self.work.held_back(now);
        if wait.is_positive() {
            return Claim::NotYet(wait);
        }
        if let Some(failure) = self.overdue(now).or_else(|| self.worn_out()) {
            return Claim::GiveUp(Box::new(self.fail(failure, now, timing)));
        }
        Claim::Take(Box::new(self.change(|s, events| {
            s.work.lease = Some(Lease {
                owner: owner.to_owned(),
                until: now + timing.lease(),
            });
            s.work.not_before = None;
            s.work.waited_s = s.work.waited().as_secs();
            s.work.in_line = None;
            s.work.attempts += 1;
            s.work.invocations += 1;
            s.work.sends = 0;
            s.work.set_due(now + timing.lease() * 2);
            let began = s.export.status == Status::Waiting;
            if began {
                s.export.status = Status::Processing;
                s.export.started_at = Some(now);
            }
            events.push(Event::new(
                &s.export,
                if began {
                    EventKind::Started
                } else {
                    EventKind::Resumed
                },
                now,
            ));
        })))
    }

    /// A worker could have claimed the export, but all slots of the parent are in use, so the export waits in line. This
    /// time does not count towards the time in which an export must begin. The worker that frees a slot sends the
    /// export's message; the sweeper sends one only if that message is lost.
    pub fn wait_in_line(&self, now: Timestamp, timing: WorkTiming) -> Change {
        self.change(|s, _| {
            let since = s.work.in_line.as_ref().map_or(now, |line| line.since);
            s.work.in_line = Some(InLine {
                since,
                // Clocks of two machines may differ.
                seen: now.max(since),
            });
            // Where there is one, it has ended: its worker is gone.
            s.work.lease = None;
            s.work.sends = 0;
            s.work.set_due(now + timing.in_line());
        })
    }

    /// The worker renews its lease and reports how far the file is. `due` moves only when it comes near.
    pub fn renew(&self, reached: Reached, now: Timestamp, timing: WorkTiming) -> Change {
        self.change(|s, _| {
            if let Some(lease) = &mut s.work.lease {
                lease.until = now + timing.lease();
            }
            s.work.report(reached, now);
            let near = now
                + timing.lease()
                + timing
                    .heartbeat()
                    .try_into()
                    .unwrap_or(SignedDuration::ZERO);
            if s.work.due_at().is_none_or(|due| due <= near) {
                s.work.set_due(now + timing.lease() * 2);
            }
        })
    }

    /// The worker stores what a later attempt needs; a new checkpoint resets the count of attempts.
    pub fn with_work(&self, fill: impl FnOnce(&mut Work)) -> Change {
        self.change(|s, _| {
            fill(&mut s.work);
            if s.work.checkpoint != self.work.checkpoint && s.work.checkpoint.is_some() {
                s.work.attempts = 0;
                s.work.progress = s
                    .work
                    .progress
                    .max(s.work.checkpoint.as_ref().map_or(0, |c| c.progress.rows));
            }
        })
    }

    /// Drops the upload and the checkpoint: the next attempt writes the file from its first byte.
    pub fn start_over(&self) -> Change {
        self.change(|s, _| {
            s.work.upload = None;
            s.work.checkpoint = None;
            s.work.completing = None;
        })
    }

    /// The worker's invocation nears its end: the next one goes on at once. It adds no attempt.
    pub fn continue_later(&self, now: Timestamp, timing: WorkTiming) -> Change {
        self.change(|s, _| {
            s.work.lease = None;
            s.work.attempts = s.work.attempts.saturating_sub(1);
            s.work.continuations += 1;
            s.work.set_due(now + timing.wait_unit());
        })
    }

    /// The attempt failed for a reason that may pass, or its worker has died: another attempt follows after a wait, unless
    /// this was the last one.
    ///
    /// The wait is counted from the end of the attempt; for a worker that died, from the end of its lease. The message is
    /// delayed by the rest of the wait. The sweeper sends one only if that message is lost.
    pub fn end_attempt(&self, now: Timestamp, timing: WorkTiming) -> Change {
        if let Some(failure) = self.overdue(now).or_else(|| self.worn_out()) {
            return self.fail(failure, now, timing);
        }
        self.change(|s, _| {
            let lease = s.work.lease.take();
            let ended = lease.map_or(now, |lease| lease.until.min(now));
            let begin = ended + timing.wait_after_attempts(s.work.attempts.max(1));
            s.work.not_before = Some(begin);
            s.work.set_due(begin.max(now) + timing.wait_unit());
        })
    }

    /// The file is complete, as was recorded before its object appeared.
    pub fn succeed(
        &self,
        completing: &Completing,
        receipt: Receipt,
        retention: SignedDuration,
        now: Timestamp,
        timing: WorkTiming,
    ) -> Change {
        let mut change = self.end(Status::Succeeded, EventKind::Succeeded, None, now, timing);
        let export = &mut change.after.export;
        export.completed_at = Some(now);
        export.expires_at = Some(now + retention);
        export.file = Some(ExportedFile {
            object: completing.object.clone(),
            rows: completing.progress.rows,
            size: completing.size,
            receipt,
        });
        export.warnings = completing.progress.cell_warnings.warnings(&export.columns);
        export
            .warnings
            .extend(completing.progress.undecided.warnings());
        change.after.reschedule();
        change
    }

    /// The file cannot be made.
    pub fn fail(&self, failure: Failure, now: Timestamp, timing: WorkTiming) -> Change {
        let mut change = self.end(Status::Failed, EventKind::Failed, None, now, timing);
        if let Some(event) = change.events.last_mut() {
            event.detail = Some(failure.code.clone());
        }
        change.after.export.failure = Some(failure);
        change
    }

    /// A person cancels the export.
    pub fn cancel(&self, who: Actor, now: Timestamp, timing: WorkTiming) -> Change {
        self.end(
            Status::Canceled,
            EventKind::Canceled,
            Some(who),
            now,
            timing,
        )
    }

    /// Into a final state: the mail becomes pending, unless the recipient has ended the export themselves, and objects and uploads that are not the file are removed once no
    /// worker can still be writing.
    fn end(
        &self,
        status: Status,
        kind: EventKind,
        who: Option<Actor>,
        now: Timestamp,
        timing: WorkTiming,
    ) -> Change {
        self.change(|s, events| {
            s.export.status = status;
            s.export.ended_at = Some(now);
            let knows = who
                .as_ref()
                .is_some_and(|who| who.person() == s.export.user.person());
            s.export.mail = (!knows).then_some(Mail::Pending);
            s.work.lease = None;
            s.work.not_before = None;
            s.work.upload = None;
            s.work.checkpoint = None;
            s.work.completing = None;
            s.work.mail = (!knows).then(|| MailWork {
                next: now + timing.wait_unit(),
                asked: 0,
                claimed_until: None,
            });
            s.work.clean_at = Some(now + timing.lease() + timing.skew());
            s.reschedule();
            events.push(Event {
                who,
                ..Event::new(&s.export, kind, now)
            });
        })
    }

    /// Sets when the sweeper must look next at an export in a final state.
    fn reschedule(&mut self) {
        let mail = self.work.mail.as_ref().map(|mail| mail.next);
        let expiry = (self.export.status == Status::Succeeded)
            .then_some(self.export.expires_at)
            .flatten();
        match [mail, self.work.clean_at, expiry]
            .into_iter()
            .flatten()
            .min()
        {
            Some(next) => self.work.set_due(next),
            None => self.work.clear_due(),
        }
    }

    /// Whether the work can be deleted: the mail is settled, and nothing is left in the bucket.
    fn is_done(&self) -> bool {
        let kept = self.export.status == Status::Succeeded;
        self.export.status.is_final()
            && !kept
            && self.work.mail.is_none()
            && self.work.clean_at.is_none()
    }

    /// The sweeper sends the message again, and looks again later each time.
    pub fn send_again(&self, now: Timestamp, timing: WorkTiming) -> Change {
        if let Some(failure) = self.overdue(now) {
            return self.fail(failure, now, timing);
        }
        self.change(|s, _| {
            s.work.sends += 1;
            s.work.set_due(now + timing.doubling_wait(s.work.sends));
        })
    }

    /// A worker has the lease: the sweeper looks again when the lease has ended.
    pub fn look_again(&self, at: Timestamp) -> Change {
        self.change(|s, _| s.work.set_due(at))
    }

    /// The file's time is over. Its object stays until `delete_at`, for downloads that have begun.
    pub fn expire(&self, delete_at: Timestamp, now: Timestamp) -> Change {
        self.change(|s, events| {
            s.export.status = Status::Expired;
            s.work.clean_at = Some(delete_at);
            s.reschedule();
            events.push(Event::new(&s.export, EventKind::Expired, now));
        })
    }

    /// A person deletes the file before its time. Its object goes with the next sweep.
    pub fn delete_file(&self, who: Actor, now: Timestamp) -> Change {
        self.change(|s, events| {
            s.export.status = Status::Expired;
            s.export.expires_at = Some(now);
            s.export.deleted_by = Some(Deleter {
                id: who.id.clone(),
                issuer: who.issuer.clone(),
                name: who.name.clone(),
            });
            s.work.clean_at = Some(now);
            s.reschedule();
            events.push(Event::new(&s.export, EventKind::Expired, now).by(who));
        })
    }

    /// The bucket has been cleaned up: it holds the object of a succeeded export, and nothing of any other.
    pub fn cleaned(&self, now: Timestamp) -> Change {
        let mut change = self.change(|s, events| {
            s.work.clean_at = None;
            s.reschedule();
            if s.export.status == Status::Expired {
                events.push(Event {
                    who: s.export.deleted_by.clone().map(Actor::from),
                    ..Event::new(&s.export, EventKind::Deleted, now)
                });
            }
        });
        change.done = change.after.is_done();
        change
    }

    fn overdue(&self, now: Timestamp) -> Option<Failure> {
        // The time in line for a slot is the other exports', not this one's.
        let age = now.duration_since(self.export.created_at) - self.work.waited();
        if self.export.status == Status::Waiting && age >= WorkTiming::START_WITHIN {
            return Some(Failure::not_started());
        }
        (age >= WorkTiming::FINISH_WITHIN).then(Failure::took_too_long)
    }

    fn worn_out(&self) -> Option<Failure> {
        let is_worn_out = self.work.attempts >= WorkTiming::MAX_ATTEMPTS;
        is_worn_out.then(|| Failure::gave_up(WorkTiming::MAX_ATTEMPTS))
    }
}

#[cfg(test)]
mod tests;
