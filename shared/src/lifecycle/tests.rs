use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::export::{ExportId, User};
use crate::file::{Format, Headers, Profile, RowOrder, WarningCode};
use crate::parent::StoredKinds;
use crate::work::{Checkpoint, FileProgress, Reached};

const DAY: i64 = 86_400;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const DELETE_AFTER: SignedDuration = SignedDuration::from_hours(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn timing() -> WorkTiming {
    WorkTiming::new(Duration::from_secs(60), Duration::from_secs(60))
}

fn requested() -> State {
    let id = ExportId::try_from(7).unwrap();
    let export = Export {
        id,
        type_name: "orders".into(),
        format: Format::Csv,
        status: Status::Waiting,
        parent: "project#42".parse().unwrap(),
        root_id: None,
        kinds: StoredKinds::default(),
        user: User {
            id: "u-17".into(),
            issuer: None,
            name: None,
            email: None,
            email_verified: true,
        },
        requested_by: "u-17".into(),
        requester_issuer: None,
        filters: serde_json::Value::Null,
        search: None,
        columns: vec!["id".into()],
        entry: String::new(),
        definitions: Default::default(),
        headers: Headers::default(),
        locale: None,
        order: RowOrder::default(),
        profile: Profile::Data,
        time_zone: "UTC".into(),
        file_name: "orders.csv".into(),
        download: crate::download_uuid::new_download(id),
        created_at: at(0),
        started_at: None,
        completed_at: None,
        ended_at: None,
        expires_at: None,
        deleted_by: None,
        file: None,
        warnings: Vec::new(),
        failure: None,
        mail: None,
    };
    State {
        export,
        work: Work::new(id, at(60)),
    }
}

fn take(state: &State, owner: &str, second: i64) -> State {
    match state.claim(owner, at(second), timing()) {
        Claim::Take(change) => change.after,
        other => panic!("{other:?}"),
    }
}

fn completing() -> Completing {
    Completing {
        progress: FileProgress {
            read: 3,
            matched: 2,
            rows: 2,
            read_units: 1.0,
            ..FileProgress::default()
        },
        object: "exports/7/whole".into(),
        size: 12,
        ..Completing::default()
    }
}

fn receipt() -> Receipt {
    Receipt {
        read: 3,
        matched: 2,
        written: 2,
        as_of: at(0),
        consistency: "strong".into(),
        entry: String::new(),
        sha256: String::new(),
        attempts: 1,
        invocations: 1,
        seconds: 1.0,
        read_units: 1.0,
        estimated_cost_usd: 0.0,
    }
}

fn succeed(state: &State, second: i64) -> Change {
    state.succeed(&completing(), receipt(), WEEK, at(second), timing())
}

fn due(state: &State) -> i64 {
    state.work.due.unwrap() - at(0).as_second()
}

fn begin(state: &State) -> i64 {
    state
        .work
        .not_before
        .unwrap()
        .duration_since(at(0))
        .as_secs()
}

fn code(change: &Change) -> &str {
    &change.after.export.failure.as_ref().unwrap().code
}

#[test]
fn a_lease_is_another_workers_only_once_it_has_surely_ended() {
    let taken = take(&requested(), "a", 0);
    assert_eq!(
        (taken.export.status, taken.export.started_at),
        (Status::Processing, Some(at(0)))
    );
    assert!(matches!(taken.claim("b", at(89), timing()), Claim::Leave));
    let other = take(&taken, "b", 90);
    assert_eq!(other.work.lease.as_ref().unwrap().owner, "b");
    assert_eq!(
        (other.work.attempts, other.export.started_at),
        (2, Some(at(0)))
    );
}

#[test]
fn only_a_new_checkpoint_resets_the_count_of_attempts() {
    let at_row = |rows| {
        let progress = FileProgress {
            rows,
            ..FileProgress::default()
        };
        Some(Checkpoint {
            progress,
            ..Checkpoint::default()
        })
    };
    let attempts = |before: Option<Checkpoint>, after: Option<Checkpoint>| {
        let mut state = take(&requested(), "a", 0);
        (state.work.attempts, state.work.checkpoint) = (3, before);
        let changed = state.with_work(|work| work.checkpoint = after).after.work;
        (changed.attempts, changed.progress)
    };
    assert_eq!(attempts(None, at_row(5)), (0, 5));
    assert_eq!(attempts(at_row(5), at_row(9)), (0, 9));
    assert_eq!(attempts(at_row(5), at_row(5)), (3, 0));
    assert_eq!(attempts(at_row(5), None), (3, 0));
    assert_eq!(attempts(None, None), (3, 0));
}

#[test]
fn the_sweeper_asks_for_a_mail_no_sooner_than_a_retry_after_the_end() {
    let canceled = requested()
        .cancel(Actor::default(), at(100), timing())
        .after;
    assert_eq!(canceled.work.mail.unwrap().next, at(160));
}

#[test]
fn only_the_deletion_of_a_file_is_an_event() {
    let kinds = |change: &Change| change.events.iter().map(|e| e.kind).collect::<Vec<_>>();
    let canceled = requested().cancel(Actor::default(), at(0), timing()).after;
    assert_eq!(kinds(&canceled.cleaned(at(100))), []);
    let expired = succeed(&take(&requested(), "a", 0), 1).after;
    let expired = expired.expire(at(200), at(100)).after;
    assert_eq!(kinds(&expired.cleaned(at(200))), [EventKind::Deleted]);
}

#[test]
fn a_mail_is_given_up_a_week_after_the_end_and_no_sooner() {
    let canceled = requested().cancel(Actor::default(), at(0), timing()).after;
    let asked = |second| {
        canceled
            .ask_for_mail(at(second), timing())
            .after
            .export
            .mail
    };
    assert_eq!(asked(7 * DAY - 1), Some(Mail::Pending));
    assert_eq!(asked(7 * DAY), Some(Mail::Failed));
}

#[test]
fn a_heartbeat_moves_due_only_when_it_comes_near() {
    let taken = take(&requested(), "a", 0);
    assert_eq!(due(&taken), 120);
    let beat = taken.renew(Reached::of_rows(5), at(40), timing()).after;
    assert_eq!((due(&beat), beat.work.progress), (120, 5));
    assert_eq!(beat.work.lease.as_ref().unwrap().until, at(100));
    let late = beat.renew(Reached::of_rows(4), at(50), timing()).after;
    assert_eq!((due(&late), late.work.progress), (170, 5));
}

#[test]
fn five_claims_without_a_checkpoint_are_the_last() {
    let (mut state, mut now, mut waits) = (requested(), 0, Vec::new());
    for _ in 0..4 {
        state = take(&state, "a", now);
        now += 5;
        state = state.end_attempt(at(now), timing()).after;
        waits.push(begin(&state) - now);
        now += waits[waits.len() - 1];
    }
    assert_eq!(waits, [60, 120, 240, 480]);
    state = take(&state, "a", now);
    assert_eq!(code(&state.end_attempt(at(now + 90), timing())), "gave_up");
    let Claim::GiveUp(given_up) = state.claim("b", at(now + 90), timing()) else {
        panic!()
    };
    assert_eq!(code(&given_up), "gave_up");
}

#[test]
fn no_message_begins_the_next_attempt_before_its_time_and_none_is_lost() {
    let freed = take(&requested(), "a", 0)
        .end_attempt(at(5), timing())
        .after;
    // The sweeper looks once the message has had a minute to come.
    assert_eq!((begin(&freed), due(&freed)), (65, 125));
    let Claim::NotYet(wait) = freed.claim("b", at(6), timing()) else {
        panic!()
    };
    assert_eq!(wait, SignedDuration::from_secs(59));
    assert_eq!(freed.work.held_back(at(6)), wait);
    assert_eq!(freed.work.held_back(at(65)), SignedDuration::ZERO);
    let again = take(&freed, "b", 65);
    assert_eq!((again.work.attempts, again.work.not_before), (2, None));
    assert_eq!(
        freed
            .cancel(Actor::default(), at(6), timing())
            .after
            .work
            .not_before,
        None
    );
}

#[test]
fn the_wait_after_a_worker_that_is_gone_began_with_the_end_of_its_lease() {
    let taken = take(&requested(), "a", 0);
    let soon = taken.end_attempt(at(95), timing()).after;
    assert_eq!((begin(&soon), due(&soon)), (120, 180));
    // Found late, it goes on at once.
    let late = taken.end_attempt(at(600), timing()).after;
    assert_eq!((begin(&late), due(&late)), (120, 660));
    assert_eq!(late.work.held_back(at(600)), SignedDuration::ZERO);
    take(&late, "b", 600);
}

#[test]
fn a_checkpoint_clears_the_attempts_and_a_continuation_adds_none() {
    let mut state = take(&requested(), "a", 0);
    state.work.attempts = 4;
    let same = state.with_work(|work| work.progress = 9).after;
    assert_eq!(same.work.attempts, 4);
    let kept = state
        .with_work(|work| {
            work.checkpoint = Some(Checkpoint {
                progress: FileProgress {
                    rows: 8,
                    ..FileProgress::default()
                },
                ..Default::default()
            })
        })
        .after;
    assert_eq!((kept.work.attempts, kept.work.progress), (0, 8));
    let later = take(&requested(), "a", 0)
        .continue_later(at(50), timing())
        .after;
    assert_eq!(
        (
            later.work.attempts,
            later.work.continuations,
            &later.work.lease
        ),
        (0, 1, &None)
    );
    assert_eq!(due(&later), 110);
}

/// DynamoDB's limit of an item.
const MAX_ITEM: usize = 400_000;

#[test]
fn warnings_about_each_of_400_columns_with_long_names_fit_into_the_items() {
    let codes = WarningCode::ALL
        .into_iter()
        .filter(|code| code.is_about_cells());
    let counts: BTreeMap<_, _> = codes
        .map(|code| (code, vec![u64::MAX / 2_800; 400]))
        .collect();
    let progress = FileProgress {
        cell_warnings: counts.into(),
        ..FileProgress::default()
    };
    let mut state = requested();
    state.export.columns = (0..400).map(|n| format!("{n:0>250}")).collect();
    state = take(&state, "a", 0);
    state.work.checkpoint = Some(Checkpoint {
        progress: progress.clone(),
        ..Checkpoint::default()
    });
    let completing = Completing {
        progress,
        ..completing()
    };
    state.work.completing = Some(completing.clone());
    let work = serde_json::to_string(&state.work).unwrap();
    assert!(work.len() < MAX_ITEM, "{}", work.len());
    let change = state.succeed(&completing, receipt(), WEEK, at(1), timing());
    let export = serde_json::to_string(&change.after.export).unwrap();
    assert!(export.len() < MAX_ITEM, "{}", export.len());
    let warnings = change.after.export.warnings;
    assert_eq!(warnings.len(), 207);
    assert_eq!(warnings.last().unwrap().column, None);
}

#[test]
fn what_takes_too_long_fails() {
    let waiting = requested();
    assert_eq!(
        waiting
            .send_again(at(DAY - 1), timing())
            .after
            .export
            .status,
        Status::Waiting
    );
    assert_eq!(code(&waiting.send_again(at(DAY), timing())), "not_started");
    let freed = take(&waiting, "a", 0)
        .continue_later(at(50), timing())
        .after;
    assert_eq!(
        freed
            .send_again(at(2 * DAY - 1), timing())
            .after
            .export
            .status,
        Status::Processing
    );
    assert_eq!(
        code(&freed.send_again(at(2 * DAY), timing())),
        "took_too_long"
    );
    let Claim::GiveUp(late) = freed.claim("b", at(2 * DAY), timing()) else {
        panic!()
    };
    assert_eq!(code(&late), "took_too_long");
}

#[test]
fn nothing_is_cleaned_while_the_lease_of_the_moment_may_hold() {
    let taken = take(&requested(), "a", 0)
        .renew(Reached::of_rows(1), at(50), timing())
        .after;
    for change in [
        taken.cancel(Actor::default(), at(51), timing()),
        succeed(&taken, 51),
    ] {
        let lease_end = taken.work.lease.as_ref().unwrap().until;
        assert!(change.after.work.clean_at.unwrap() >= lease_end + timing().skew());
        assert!(change.after.work.lease.is_none());
    }
}

#[test]
fn only_a_succeeded_export_expires_and_its_object_outlives_it_a_little() {
    let done = succeed(&take(&requested(), "a", 0), 10).after;
    assert_eq!(done.export.expires_at, Some(at(10) + WEEK));
    let file = done.export.file.as_ref().unwrap();
    assert_eq!(file.object, "exports/7/whole");
    let expired = done
        .expire(at(10) + WEEK + DELETE_AFTER, at(10) + WEEK)
        .after;
    assert_eq!(expired.work.clean_at, Some(at(10) + WEEK + DELETE_AFTER));
    let failed = requested().send_again(at(DAY), timing()).after;
    assert_eq!(failed.export.expires_at, None);
}

fn zoe() -> Actor {
    Actor {
        id: "u-9".into(),
        issuer: Some("https://issuer.example".into()),
        name: Some("Zoe".into()),
        on_behalf_of: None,
        address: Some("192.0.2.9".into()),
    }
}

#[test]
fn a_deleted_file_expires_at_once_and_its_object_is_cleaned_at_once() {
    let done = succeed(&take(&requested(), "a", 0), 10).after;
    let mailed = done.record_mail_outcome(None, at(11)).after;
    // The sweeper may not have cleaned up after the export yet.
    for before in [&done, &mailed] {
        let change = before.delete_file(zoe(), at(20));
        let after = &change.after;
        assert_eq!(after.export.status_at(at(20)), Status::Expired);
        assert_eq!(after.export.expires_at, Some(at(20)));
        assert_eq!(
            (after.work.clean_at, due(after)),
            (Some(at(20)), due(before).min(20))
        );
        let [event] = &change.events[..] else {
            panic!("{:?}", change.events)
        };
        assert_eq!((event.kind, &event.who), (EventKind::Expired, &Some(zoe())));

        let gone = after.cleaned(at(30));
        let [event] = &gone.events[..] else {
            panic!("{:?}", gone.events)
        };
        let who = event.who.clone().unwrap();
        // An export does not keep from where somebody came.
        let address = None;
        assert_eq!(
            (event.kind, who),
            (EventKind::Deleted, Actor { address, ..zoe() })
        );
    }
    assert!(mailed.delete_file(zoe(), at(20)).after.cleaned(at(30)).done);
}

#[test]
fn a_cancel_tells_who_did_it() {
    let who = zoe();
    let change = requested().cancel(who.clone(), at(5), timing());
    let [event] = &change.events[..] else {
        panic!("{:?}", change.events)
    };
    assert_eq!((event.kind, &event.who), (EventKind::Canceled, &Some(who)));
    assert_eq!(change.after.export.ended_at, Some(at(5)));
}

#[test]
fn a_settled_mail_says_what_became_of_it_and_leaves_none_to_be_sent() {
    let ended = requested().cancel(Actor::default(), at(5), timing()).after;
    let refusal = Some("there is no address");
    for (refusal, mail, what) in [
        (None, Mail::Sent, EventKind::Mailed),
        (refusal, Mail::Failed, EventKind::MailFailed),
    ] {
        let change = ended.record_mail_outcome(refusal.map(str::to_owned), at(9));
        let State { export, work } = &change.after;
        assert_eq!((export.mail, &work.mail), (Some(mail), &None));
        let event = change.events.last().unwrap();
        let told = (event.kind, event.detail.as_deref(), event.at);
        assert_eq!(told, (what, refusal, at(9)));
        // What lies around is still to be removed, and is what is due next.
        assert!(!change.done);
        assert_eq!(due(&change.after), 5 + 60 + 30);
        let cleaned = change.after.cleaned(at(200));
        assert!(cleaned.done);
    }
}

#[test]
fn what_is_asked_for_again_waits_longer_each_time() {
    let (mut waiting, mut ended) = (
        requested(),
        requested().cancel(Actor::default(), at(0), timing()).after,
    );
    let minutes = |next: Timestamp| next.duration_since(at(0)).as_mins();
    let mut waits = (Vec::new(), Vec::new());
    for _ in 0..7 {
        waiting = waiting.send_again(at(0), timing()).after;
        waits.0.push(minutes(waiting.work.due_at().unwrap()));
        ended = ended.ask_for_mail(at(0), timing()).after;
        waits
            .1
            .push(minutes(ended.work.mail.as_ref().unwrap().next));
    }
    assert_eq!(waits.0, [2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(waits.1, [2, 4, 8, 16, 32, 60, 60]);
    assert_eq!((waiting.work.sends, ended.work.mail.unwrap().asked), (7, 7));
}

#[test]
fn a_mail_is_claimed_by_one_and_given_up_by_none_that_sees_a_claim() {
    let done = succeed(&take(&requested(), "a", 0), 10).after;
    let claimed = done.claim_mail(at(11), at(131)).unwrap().after;
    assert!(claimed.claim_mail(at(130), at(250)).is_none());
    assert!(claimed.claim_mail(at(131), at(251)).is_some());
    assert!(
        claimed
            .release_mail()
            .after
            .claim_mail(at(12), at(132))
            .is_some()
    );
    let week = 10 + 7 * DAY;
    assert_eq!(
        done.ask_for_mail(at(week), timing()).after.export.mail,
        Some(Mail::Failed)
    );
    let late = done.claim_mail(at(week), at(week + 120)).unwrap().after;
    assert_eq!(
        late.ask_for_mail(at(week + 1), timing()).after.export.mail,
        Some(Mail::Pending)
    );
    // The claim ends at this instant.
    assert_eq!(
        late.ask_for_mail(at(week + 120), timing())
            .after
            .export
            .mail,
        Some(Mail::Failed)
    );
    let sent = done.record_mail_outcome(None, at(12)).after;
    assert!(sent.claim_mail(at(13), at(133)).is_none());
}

/// What the change writes of the mail: its state, and the events with their details.
fn told(export: &Export, events: &[Event]) -> (Option<Mail>, String) {
    let words = events.iter().map(|event| match &event.detail {
        Some(detail) => format!("{:?} {detail}", event.kind),
        None => format!("{:?}", event.kind),
    });
    (export.mail, words.collect::<Vec<_>>().join(", "))
}

#[test]
fn a_mail_that_does_not_get_through_is_told_of_once() {
    let done = succeed(&take(&requested(), "a", 0), 10).after;
    let claimed = done.claim_mail(at(11), at(131)).unwrap().after;
    let sent = claimed.record_mail_outcome(None, at(12)).after;
    let words = ["bounced", "complained", "rejected"];
    for (refusal, word) in DeliveryFailure::ALL.into_iter().zip(words) {
        let late = sent.fail_delivery(refusal, at(13)).unwrap();
        let refused = (Some(Mail::Refused), format!("MailFailed {word}"));
        assert_eq!(told(&late.after.export, &late.events), refused);
        assert!(!late.done, "the file is still to expire");
        assert_eq!(late.after.work, sent.work);

        // It came before whoever sent the mail could say that they had: nobody sends it again.
        let early = claimed.fail_delivery(refusal, at(12)).unwrap();
        let refused = (Some(Mail::Refused), format!("Mailed, MailFailed {word}"));
        assert_eq!(told(&early.after.export, &early.events), refused);
        assert!(early.after.claim_mail(at(200), at(300)).is_none());
        assert_eq!(early.after.work.mail, None);

        for known in [&late.after, &early.after] {
            assert!(known.fail_delivery(refusal, at(14)).is_none());
        }
        let failed = claimed.record_mail_outcome(Some("no".into()), at(12)).after;
        assert!(failed.fail_delivery(refusal, at(14)).is_none());
        assert!(requested().fail_delivery(refusal, at(14)).is_none());
    }
}

#[test]
fn a_refused_mail_keeps_no_work_that_is_done_otherwise() {
    let canceled = requested().cancel(Actor::default(), at(0), timing()).after;
    let cleaned = canceled.cleaned(at(100));
    assert!(!cleaned.done, "the mail is still to be sent");
    let refused = cleaned
        .after
        .fail_delivery(DeliveryFailure::Bounced, at(101));
    assert!(refused.unwrap().done);
}

/// The table `work` and the export, written as the store writes them: on the sequence that was read.
struct Store {
    export: Export,
    work: Option<Work>,
    history: Vec<EventKind>,
}

impl Store {
    fn read(&self) -> Option<State> {
        let work = self.work.clone()?;
        Some(State {
            export: self.export.clone(),
            work,
        })
    }

    /// Whether the change was written; what must hold after every write is checked here.
    fn commit(&mut self, change: Change) -> bool {
        if self
            .work
            .as_ref()
            .is_none_or(|work| work.sequence != change.before.work.sequence)
        {
            return false;
        }
        let (before, after) = (self.export.status, change.after.export.status);
        assert!(
            before == after || before.may_become(after),
            "{before:?} became {after:?}"
        );
        self.export = change.after.export;
        self.history
            .extend(change.events.iter().map(|event| event.kind));
        self.work = (!change.done).then_some(change.after.work);
        if let Some(work) = &mut self.work {
            work.sequence += 1;
        }
        self.check();
        true
    }

    fn check(&self) {
        let times = |these: &[EventKind]| {
            self.history
                .iter()
                .filter(|what| these.contains(what))
                .count()
        };
        let over = self.export.status.is_final();
        assert_eq!(
            times(&[EventKind::Succeeded, EventKind::Failed, EventKind::Canceled]),
            usize::from(over)
        );
        let (sent, refused) = match self.export.mail {
            None | Some(Mail::Pending) => (0, 0),
            Some(Mail::Sent) => (1, 0),
            Some(Mail::Failed) => (0, 1),
            Some(Mail::Refused) => (1, 1),
        };
        assert_eq!(times(&[EventKind::Mailed]), sent);
        assert_eq!(times(&[EventKind::MailFailed]), refused);
        let had_file = matches!(self.export.status, Status::Succeeded | Status::Expired);
        assert_eq!(self.export.expires_at.is_some(), had_file);
        assert_eq!(self.export.file.is_some(), had_file);
        assert_eq!(self.export.mail.is_some(), over);
        let Some(work) = &self.work else {
            assert!(over && self.export.status != Status::Succeeded);
            assert_ne!(self.export.mail, Some(Mail::Pending));
            return;
        };
        // The one guarantee: whatever is left to do, somebody will look.
        let due = work.due_at().expect("work without a due time");
        assert!(work.shard.is_some());
        if over {
            assert_eq!(work.mail.is_some(), self.export.mail == Some(Mail::Pending));
            let expiry = self
                .export
                .expires_at
                .filter(|_| self.export.status == Status::Succeeded);
            let first = [
                work.mail.as_ref().map(|mail| mail.next),
                work.clean_at,
                expiry,
            ];
            let first = first
                .into_iter()
                .flatten()
                .min()
                .expect("work with nothing to do");
            assert!(due.duration_since(first) < SignedDuration::from_secs(1));
        } else if let Some(lease) = &work.lease {
            assert!(due <= lease.until + timing().lease() + timing().skew());
        }
    }

    /// What the sweeper does at `now` with all that is due; the mail service takes mails if `mails`.
    fn sweep(&mut self, now: Timestamp, mails: bool) {
        while let Some(state) = self
            .read()
            .filter(|state| state.work.due_at().is_some_and(|due| due <= now))
        {
            let (export, work) = (&state.export, &state.work);
            let lease_end = work
                .lease
                .as_ref()
                .map(|lease| lease.until + timing().skew());
            let change = match (export.status.is_final(), lease_end) {
                (false, Some(end)) if now < end => state.look_again(end),
                (false, Some(_)) => state.end_attempt(now, timing()),
                (false, None) => state.send_again(now, timing()),
                (true, _) if work.mail.as_ref().is_some_and(|mail| mail.next <= now) => {
                    if mails
                        && let Some(claim) =
                            state.claim_mail(now, now + SignedDuration::from_mins(2))
                    {
                        assert!(self.commit(claim));
                        self.read().unwrap().record_mail_outcome(None, now)
                    } else {
                        state.ask_for_mail(now, timing())
                    }
                }
                (true, _) if export.status_at(now) != export.status => {
                    state.expire(export.expires_at.unwrap() + DELETE_AFTER, now)
                }
                (true, _) => state.cleaned(now),
            };
            assert!(self.commit(change));
        }
    }
}

const HOUR: i64 = 3_600;

#[test]
fn the_time_in_line_is_no_time_in_which_an_export_could_have_been_begun() {
    let fails = |state: &State, second| {
        let after = state.send_again(at(second), timing()).after;
        after.export.failure.map(|failure| failure.code)
    };
    let mut waits = requested();
    for hour in 1..=30 {
        waits = waits.wait_in_line(at(hour * HOUR), timing()).after;
        assert_eq!(waits.work.due_at(), Some(at(hour * HOUR + 120)));
    }
    // It waited from the first hour to the 30th; from then on no worker has seen it.
    assert_eq!(waits.work.waited(), SignedDuration::from_hours(29));
    assert_eq!(fails(&waits, (29 + 24) * HOUR - 1), None);
    assert_eq!(
        fails(&waits, (29 + 24) * HOUR).as_deref(),
        Some("not_started")
    );
    assert_eq!(
        fails(&requested(), 24 * HOUR).as_deref(),
        Some("not_started")
    );

    // Nor is it time to finish: of one that goes on in another invocation too.
    let Claim::Take(begun) = waits.claim("a", at(31 * HOUR), timing()) else {
        panic!("it is taken");
    };
    assert_eq!(
        (&begun.after.work.in_line, begun.after.work.waited_s),
        (&None, 29 * HOUR)
    );
    let continued = begun.after.continue_later(at(32 * HOUR), timing()).after;
    let again = continued.wait_in_line(at(33 * HOUR), timing()).after;
    let again = again.wait_in_line(at(43 * HOUR), timing()).after;
    assert_eq!(again.work.waited(), SignedDuration::from_hours(39));
    assert_eq!(fails(&again, (39 + 48) * HOUR - 1), None);
    assert_eq!(
        fails(&again, (39 + 48) * HOUR).as_deref(),
        Some("took_too_long")
    );
}

#[test]
fn an_export_in_line_is_sent_again_in_two_minutes_however_often_it_was() {
    let mut state = requested();
    for minute in [1, 3, 7, 15] {
        state = state.send_again(at(minute * 60), timing()).after;
    }
    assert_eq!(state.work.sends, 4);
    let waits = state.wait_in_line(at(1_000), timing()).after;
    assert_eq!(
        (waits.work.sends, waits.work.due_at()),
        (0, Some(at(1_120)))
    );
    // By the clock of another machine it is a little earlier.
    let seen = waits.wait_in_line(at(990), timing()).after;
    assert_eq!(seen.work.waited(), SignedDuration::ZERO);
}

/// What workers, people and the notifier may do, each on what it last read.
#[derive(Debug, Clone, Copy)]
enum Act {
    Read,
    Claim,
    WaitInLine,
    Renew,
    Checkpoint,
    StartOver,
    Continue,
    Retry,
    Succeed,
    Fail,
    Cancel,
    ClaimMail,
    ReleaseMail,
    Mailed,
    Refused,
    Bounced,
}

const ACTS: [Act; 16] = [
    Act::Read,
    Act::Claim,
    Act::WaitInLine,
    Act::Renew,
    Act::Checkpoint,
    Act::StartOver,
    Act::Continue,
    Act::Retry,
    Act::Succeed,
    Act::Fail,
    Act::Cancel,
    Act::ClaimMail,
    Act::ReleaseMail,
    Act::Mailed,
    Act::Refused,
    Act::Bounced,
];

/// The change that the functions would make of what they have read, if they would make one.
fn change(act: Act, state: &State, owner: &str, now: Timestamp) -> Option<Change> {
    let holds = state
        .work
        .lease
        .as_ref()
        .is_some_and(|lease| lease.owner == owner);
    let open = !state.export.status.is_final();
    let mailing = state
        .work
        .mail
        .as_ref()
        .is_some_and(|mail| mail.claimed_until.is_some());
    match act {
        Act::Read => None,
        Act::Claim => match state.claim(owner, now, timing()) {
            Claim::Take(change) | Claim::GiveUp(change) => Some(*change),
            Claim::NotYet(_) | Claim::Leave => None,
        },
        Act::WaitInLine => match state.claim(owner, now, timing()) {
            Claim::Take(_) => Some(state.wait_in_line(now, timing())),
            Claim::GiveUp(_) | Claim::NotYet(_) | Claim::Leave => None,
        },
        Act::Renew => {
            holds.then(|| state.renew(Reached::of_rows(state.work.progress + 1), now, timing()))
        }
        Act::Checkpoint => holds.then(|| {
            let rows = state.work.progress + 1;
            state.with_work(|work| {
                work.checkpoint = Some(Checkpoint {
                    progress: FileProgress {
                        rows,
                        ..FileProgress::default()
                    },
                    ..Default::default()
                })
            })
        }),
        Act::StartOver => holds.then(|| state.start_over()),
        Act::Continue => holds.then(|| state.continue_later(now, timing())),
        Act::Retry => holds.then(|| state.end_attempt(now, timing())),
        Act::Succeed => holds.then(|| state.succeed(&completing(), receipt(), WEEK, now, timing())),
        Act::Fail => holds.then(|| {
            let failure = Failure {
                code: "wrong".into(),
                message: String::new(),
                retryable: false,
            };
            state.fail(failure, now, timing())
        }),
        Act::Cancel => open.then(|| state.cancel(Actor::default(), now, timing())),
        Act::ClaimMail => state.claim_mail(now, now + SignedDuration::from_mins(2)),
        Act::ReleaseMail => mailing.then(|| state.release_mail()),
        Act::Mailed => mailing.then(|| state.record_mail_outcome(None, now)),
        Act::Refused => mailing.then(|| state.record_mail_outcome(Some("refused".into()), now)),
        Act::Bounced => state.fail_delivery(DeliveryFailure::Bounced, now),
    }
}

proptest! {
    /// Three at once act on what they read at any time before; each change is sent twice, as one whose answer was
    /// lost. Then all of them die, and the sweeper alone brings the export to its end.
    #[test]
    fn every_path_ends_told_and_cleaned(
        steps in prop::collection::vec((0..ACTS.len(), 0..3_usize, 0..200_i64, any::<bool>(), any::<bool>()), 0..60),
        mails in any::<bool>(),
    ) {
        let start = requested();
        let mut store = Store { export: start.export.clone(), work: Some(start.work.clone()), history: Vec::new() };
        let mut seen = [Some(start.clone()), Some(start.clone()), Some(start)];
        let mut second = 0;
        for (act, actor, wait, reads, sweeps) in steps {
            second += wait;
            let now = at(second);
            if sweeps {
                store.sweep(now, mails);
            }
            let act = ACTS[act];
            if reads || matches!(act, Act::Read) {
                seen[actor] = store.read();
            }
            let owner = ["a", "b", "c"][actor];
            let Some(change) = seen[actor].as_ref().and_then(|state| change(act, state, owner, now)) else { continue };
            if store.commit(change.clone()) {
                prop_assert!(!store.commit(change), "a change was written twice");
                seen[actor] = store.read();
            }
        }
        let mut looks = 0;
        while let Some(state) = store.read() {
            second = second.max(due(&state));
            store.sweep(at(second), mails);
            looks += 1;
            prop_assert!(looks < 500, "no end in sight");
        }
        prop_assert!(second <= 17 * DAY);
        prop_assert!(matches!(store.export.mail, Some(Mail::Sent | Mail::Failed | Mail::Refused)));
        prop_assert!(matches!(store.export.status, Status::Failed | Status::Canceled | Status::Expired));
    }
}
