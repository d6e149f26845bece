//! What is due for an export: a decision on what was read, without doing anything.

use jiff::Timestamp;
use waybill::export::{Export, Status};
use waybill::lifecycle::State;
use waybill::work::Pace;

/// The next thing to do for an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// No worker is at it: the message is sent again.
    Send,
    /// A worker holds the lease: somebody looks again at this time.
    LookAgain(Timestamp),
    /// The worker is gone: the next one may try, as soon as the wait before another attempt is over.
    FreeLease,
    /// The person has not been told yet.
    AskForMail,
    /// The file's time is over.
    Expire,
    /// What lies around may be removed, since no worker can still be writing.
    Clean,
    /// Nothing: it was due when the index was read, and is no longer.
    Nothing,
}

/// The one thing that is due first. In a final state several things may be due: the person is told first, and what
/// may take long or fail comes last, so that it holds nothing else up. What failed before waits for its next try.
pub(crate) fn next_step(state: &State, now: Timestamp, pace: Pace) -> Step {
    let (export, work) = (&state.export, &state.work);
    if work.due_at().is_none_or(|due| now < due) {
        return Step::Nothing;
    }
    if !export.status.is_final() {
        return match &work.lease {
            _ if work.is_put_off(now) => Step::Nothing,
            Some(lease) if now < lease.until + pace.skew() => {
                Step::LookAgain(lease.until + pace.skew())
            }
            Some(_) => Step::FreeLease,
            None => Step::Send,
        };
    }
    if work.mail.as_ref().is_some_and(|mail| mail.next <= now) {
        return Step::AskForMail;
    }
    if export.status == Status::Succeeded && export.status_at(now) == Status::Expired {
        return Step::Expire;
    }
    if work.clean_at.is_some_and(|at| at <= now) && !work.is_put_off(now) {
        return Step::Clean;
    }
    Step::Nothing
}

/// The object that is kept when everything else under the export's prefix is removed.
pub(crate) fn kept_object(export: &Export) -> Option<&str> {
    let file = export.file.as_ref();
    file.filter(|_| export.status == Status::Succeeded)
        .map(|file| file.object.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::export::Mail;
    use waybill_testing::{at, pace, processing, succeeded, waiting};

    const SKEW: i64 = 30;

    #[test]
    fn what_is_not_over_goes_on() {
        let taken = processing(0);
        let until = taken.work.lease.as_ref().unwrap().until;
        let look = Step::LookAgain(until + pace().skew());
        // State, seconds after the request, what is due then.
        let freed = taken.retry_later(until + pace().skew(), pace()).after;
        let table = [
            (
                "a message that may still come",
                waiting(),
                59,
                Step::Nothing,
            ),
            ("a message that came to nothing", waiting(), 60, Step::Send),
            ("a worker at it, not due", taken.clone(), 119, Step::Nothing),
            (
                "a worker at it, due",
                renewed(&taken, 100),
                200,
                Step::Nothing,
            ),
            ("a worker gone", taken.clone(), 120, Step::FreeLease),
            ("a message held back", freed.clone(), 179, Step::Nothing),
            ("it came to nothing", freed, 180, Step::Send),
        ];
        for (name, state, second, step) in table {
            assert_eq!(next_step(&state, at(second), pace()), step, "{name}");
        }
        let early = taken.look_again(at(0)).after;
        assert_eq!(next_step(&early, at(60 + SKEW - 1), pace()), look);
        assert_eq!(next_step(&early, at(60 + SKEW), pace()), Step::FreeLease);
    }

    fn renewed(state: &State, second: i64) -> State {
        state.renew(1, at(second), pace()).after
    }

    #[test]
    fn what_is_over_is_told_then_expires_then_is_cleaned() {
        let done = succeeded(10);
        let told = done.settle_mail(None, at(11)).after;
        let cleaned = told.cleaned(at(200)).after;
        let week = 10 + 7 * 86_400;
        let table = [
            (
                "the stream may still bring the mail",
                done.clone(),
                69,
                Step::Nothing,
            ),
            ("nobody sent the mail", done.clone(), 70, Step::AskForMail),
            ("a zombie may still write", told.clone(), 99, Step::Nothing),
            (
                "no worker can still be writing",
                told.clone(),
                100,
                Step::Clean,
            ),
            (
                "all is well for a week",
                cleaned.clone(),
                week - 1,
                Step::Nothing,
            ),
            ("the file's time is over", cleaned, week, Step::Expire),
            (
                "expiry is not held up by cleaning",
                told,
                week,
                Step::Expire,
            ),
            ("nor the mail by anything", done, week, Step::AskForMail),
        ];
        for (name, state, second, step) in table {
            assert_eq!(next_step(&state, at(second), pace()), step, "{name}");
        }
    }

    #[test]
    fn nothing_is_removed_but_in_a_final_state_at_its_time() {
        for status in Status::ALL {
            for clean_at in [None, Some(at(1_000))] {
                for second in [999, 1_000, 10_000_000] {
                    let mut state = waiting();
                    state.export.status = status;
                    state.export.mail = Some(Mail::Sent);
                    state.work.clean_at = clean_at;
                    state.work.set_due(at(0));
                    if next_step(&state, at(second), pace()) == Step::Clean {
                        assert!(status.is_final() && clean_at.is_some() && second >= 1_000);
                    }
                }
            }
        }
    }

    #[test]
    fn only_a_succeeded_exports_object_is_kept() {
        for status in Status::ALL {
            let mut export = succeeded(10).export;
            export.status = status;
            assert_eq!(
                kept_object(&export).is_some(),
                status == Status::Succeeded,
                "{status:?}"
            );
        }
    }
}
