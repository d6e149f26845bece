//! Decides which step is due for an export, without side effects.

use jiff::Timestamp;
use waybill::export::{Export, Status};
use waybill::lifecycle::State;
use waybill::work::WorkTiming;

/// The next step for an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// No worker has the export: send the message again.
    Send,
    /// A worker has the lease: check again at this time.
    LookAgain(Timestamp),
    /// The worker is gone: free the lease, so that another worker can claim the export after the wait.
    FreeLease,
    /// The mail is pending: invoke `notify`.
    AskForMail,
    /// The file has expired.
    Expire,
    /// Delete the export's other objects and uploads, since no worker can still be writing.
    Clean,
    /// Nothing: the export is no longer due.
    Nothing,
}

/// The next step. For a final export several may be due: the mail is first, and cleaning, which may be slow or fail, is
/// last. A step that failed before waits for its retry.
pub(crate) fn next_step(state: &State, now: Timestamp, timing: WorkTiming) -> Step {
    let (export, work) = (&state.export, &state.work);
    if work.due_at().is_none_or(|due| now < due) {
        return Step::Nothing;
    }
    if !export.status.is_final() {
        return match &work.lease {
            _ if work.is_put_off(now) => Step::Nothing,
            Some(lease) if now < lease.until + timing.skew() => {
                Step::LookAgain(lease.until + timing.skew())
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

/// The object to keep when everything else under the export's prefix is deleted.
pub(crate) fn kept_object(export: &Export) -> Option<&str> {
    let file = export.file.as_ref();
    file.filter(|_| export.status == Status::Succeeded)
        .map(|file| file.object.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::export::Mail;
    use waybill::work::Reached;
    use waybill_testing::{at, processing, succeeded, timing, waiting};

    const SKEW: i64 = 30;

    #[test]
    fn an_unfinished_export_is_sent_again_or_freed() {
        let taken = processing(0);
        let until = taken.work.lease.as_ref().unwrap().until;
        let look = Step::LookAgain(until + timing().skew());
        // Description, state, seconds after the request, the step due then.
        let freed = taken.end_attempt(until + timing().skew(), timing()).after;
        let table = [
            (
                "a message that may still arrive",
                waiting(),
                59,
                Step::Nothing,
            ),
            ("a lost message", waiting(), 60, Step::Send),
            (
                "a worker has it, not due",
                taken.clone(),
                119,
                Step::Nothing,
            ),
            (
                "a worker has it, due",
                renewed(&taken, 100),
                200,
                Step::Nothing,
            ),
            ("the worker is gone", taken.clone(), 120, Step::FreeLease),
            ("a delayed message", freed.clone(), 179, Step::Nothing),
            ("the delayed message was lost", freed, 180, Step::Send),
        ];
        for (name, state, second, step) in table {
            assert_eq!(next_step(&state, at(second), timing()), step, "{name}");
        }
        let early = taken.look_again(at(0)).after;
        assert_eq!(next_step(&early, at(60 + SKEW - 1), timing()), look);
        assert_eq!(next_step(&early, at(60 + SKEW), timing()), Step::FreeLease);
    }

    fn renewed(state: &State, second: i64) -> State {
        state.renew(Reached::of_rows(1), at(second), timing()).after
    }

    #[test]
    fn a_final_export_is_mailed_then_expired_then_cleaned() {
        let done = succeeded(10);
        let mailed = done.record_mail_outcome(None, at(11)).after;
        let cleaned = mailed.cleaned(at(200)).after;
        let week = 10 + 7 * 86_400;
        let table = [
            (
                "the stream may still cause the mail",
                done.clone(),
                69,
                Step::Nothing,
            ),
            ("the mail was not sent", done.clone(), 70, Step::AskForMail),
            (
                "a late worker may still write",
                mailed.clone(),
                99,
                Step::Nothing,
            ),
            (
                "no worker can still be writing",
                mailed.clone(),
                100,
                Step::Clean,
            ),
            (
                "nothing is due for a week",
                cleaned.clone(),
                week - 1,
                Step::Nothing,
            ),
            ("the file expires", cleaned, week, Step::Expire),
            ("expiry comes before cleaning", mailed, week, Step::Expire),
            (
                "the mail comes before everything",
                done,
                week,
                Step::AskForMail,
            ),
        ];
        for (name, state, second, step) in table {
            assert_eq!(next_step(&state, at(second), timing()), step, "{name}");
        }
    }

    #[test]
    fn only_a_final_export_is_cleaned_and_only_when_due() {
        for status in Status::ALL {
            for clean_at in [None, Some(at(1_000))] {
                for second in [999, 1_000, 10_000_000] {
                    let mut state = waiting();
                    state.export.status = status;
                    state.export.mail = Some(Mail::Sent);
                    state.work.clean_at = clean_at;
                    state.work.set_due(at(0));
                    if next_step(&state, at(second), timing()) == Step::Clean {
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
