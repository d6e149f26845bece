use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::Object;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_smithy_mocks::{Rule, mock};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use waybill::event::Actor;
use waybill::lifecycle::Claim;

use super::*;
use waybill_testing::fake::{Silent, http_client};
use waybill_testing::{FakeTables, at, client, id, processing, succeeded, timing, waiting};

type Keys = Arc<Mutex<BTreeSet<String>>>;
/// The delay of each message in seconds.
type Delays = Arc<Mutex<Vec<Option<i32>>>>;

/// A sweeper over mocked services.
struct World {
    tables: FakeTables,
    objects: Keys,
    sent: Rule,
    delays: Delays,
    asked: Rule,
    sweeper: Sweeper,
}

impl World {
    fn new(tables: FakeTables, objects: &[&str]) -> Self {
        let delays = Delays::default();
        let noted = delays.clone();
        let sent = mock!(aws_sdk_sqs::Client::send_message)
            .match_requests(|r| r.message_body() == Some(r#"{"v":1,"export_id":7}"#))
            .then_compute_output(move |r| {
                noted.lock().unwrap().push(r.delay_seconds());
                SendMessageOutput::builder().build()
            });
        let asked = mock!(aws_sdk_lambda::Client::invoke)
            .match_requests(|r| {
                r.function_name() == Some("notify")
                    && r.invocation_type() == Some(&aws_sdk_lambda::types::InvocationType::Event)
                    && r.payload().map(|p| p.as_ref()) == Some(br#"{"v":1,"export_id":7}"#)
            })
            .then_output(|| InvokeOutput::builder().build());
        Self {
            delays,
            ..Self::with(tables, objects, sent, asked)
        }
    }

    fn with(tables: FakeTables, objects: &[&str], sent: Rule, asked: Rule) -> Self {
        let objects: Keys = Arc::new(Mutex::new(
            objects.iter().map(|key| (*key).to_owned()).collect(),
        ));
        let listed = objects.clone();
        let list = mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_output(move |r| {
            let objects = listed.lock().unwrap();
            let found = objects
                .iter()
                .filter(|key| key.starts_with(r.prefix().unwrap()));
            let found = found
                .map(|key| Object::builder().key(key).build())
                .collect();
            ListObjectsV2Output::builder()
                .set_contents(Some(found))
                .build()
        });
        let held = objects.clone();
        let delete = mock!(aws_sdk_s3::Client::delete_object).then_compute_output(move |r| {
            held.lock().unwrap().remove(r.key().unwrap());
            DeleteObjectOutput::builder().build()
        });
        let uploads = mock!(aws_sdk_s3::Client::list_multipart_uploads)
            .then_output(|| ListMultipartUploadsOutput::builder().build());
        let sweeper = Sweeper {
            exports: tables.exports(),
            queue: Queue::new(client!(aws_sdk_sqs, [&sent]), "https://queue".into()),
            bucket: Bucket::new(client!(aws_sdk_s3, [&list, &delete, &uploads]), "files"),
            notifier: Notifier {
                lambda: client!(aws_sdk_lambda, [&asked]),
                function: "notify".into(),
            },
            timing: timing(),
            delete_after: SignedDuration::from_hours(1),
        };
        Self {
            tables,
            objects,
            sent,
            delays: Delays::default(),
            asked,
            sweeper,
        }
    }

    async fn sweep(&self, second: i64) -> Summary {
        let deadline = Instant::now() + Duration::from_secs(50);
        self.sweeper.sweep(at(second), deadline).await.unwrap()
    }

    fn delays(&self) -> Vec<Option<i32>> {
        self.delays.lock().unwrap().clone()
    }

    fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().iter().cloned().collect()
    }
}

const WEEK: i64 = 7 * 86_400;

#[tokio::test]
async fn a_lost_message_is_sent_again_later_each_time() {
    let world = World::new(FakeTables::holding([&waiting()]), &[]);
    assert_eq!(world.sweep(59).await, Summary::default());
    let summary = world.sweep(65).await;
    assert_eq!(
        (summary.looked_at, summary.due_age_s, summary.done[SENT]),
        (1, 5, 1)
    );
    assert_eq!(world.sent.num_calls(), 1);
    assert_eq!(world.tables.work(7).unwrap().due_at(), Some(at(65 + 120)));
    assert_eq!(world.sweep(100).await.looked_at, 0);
    world.sweep(185).await;
    assert_eq!(world.sent.num_calls(), 2);
    assert_eq!(world.tables.work(7).unwrap().due_at(), Some(at(185 + 240)));
}

#[tokio::test]
async fn an_export_that_no_worker_begins_fails_after_a_day_and_its_user_gets_a_mail() {
    let world = World::new(FakeTables::holding([&waiting()]), &[]);
    let summary = world.sweep(86_400).await;
    assert_eq!((summary.done[FAILED], world.sent.num_calls()), (1, 0));
    let export = world.tables.export(7).unwrap();
    assert_eq!(export.failure.unwrap().code, "not_started");
    assert_eq!(world.sweep(86_460).await.done[ASKED], 1);
    assert_eq!(world.asked.num_calls(), 1);
}

#[tokio::test]
async fn the_lease_of_a_gone_worker_is_freed_and_a_live_worker_keeps_its_own() {
    let world = World::new(
        FakeTables::holding([&processing(0).look_again(at(0)).after]),
        &[],
    );
    let summary = world.sweep(30).await;
    assert_eq!(summary.done[AWAITED], 1);
    let work = world.tables.work(7).unwrap();
    assert!(work.lease.is_some());
    assert_eq!(work.due_at(), Some(at(90)));
    assert_eq!(world.sent.num_calls(), 0);
    // The wait began at 60, with the lease's end. The rest of it is the message's delay.
    assert_eq!(world.sweep(90).await.done[FREED], 1);
    assert_eq!(world.tables.work(7).unwrap().lease, None);
    assert_eq!(
        (world.sent.num_calls(), world.delays()),
        (1, vec![Some(30)])
    );
    // The sweeper sends another message only if that one is lost.
    assert_eq!(world.sweep(179).await.looked_at, 0);
    assert_eq!(world.sweep(180).await.done[SENT], 1);
    assert_eq!(world.delays(), [Some(30), None]);
}

#[tokio::test]
async fn a_gone_worker_is_followed_at_once_if_the_wait_is_over() {
    let world = World::new(FakeTables::holding([&processing(0)]), &[]);
    assert_eq!(world.sweep(121).await.done[FREED], 1);
    assert_eq!(world.delays(), [None]);
    let found = world.tables.state(7);
    assert!(matches!(
        found.claim("next", at(121), timing()),
        Claim::Take(_)
    ));
}

#[tokio::test]
async fn the_fifth_attempt_without_a_checkpoint_is_the_last() {
    let mut state = processing(0);
    state.work.attempts = WorkTiming::MAX_ATTEMPTS;
    let world = World::new(FakeTables::holding([&state]), &[]);
    assert_eq!(world.sweep(200).await.done[FAILED], 1);
    assert_eq!(
        world.tables.export(7).unwrap().failure.unwrap().code,
        "gave_up"
    );
}

#[tokio::test]
async fn a_succeeded_export_keeps_only_its_object_for_a_week_and_an_hour() {
    let world = World::new(
        FakeTables::holding([&succeeded(10).record_mail_outcome(None, at(11)).after]),
        &["exports/7/kept", "exports/7/tail", "exports/71/of-another"],
    );
    assert_eq!(world.sweep(100).await.done[CLEANED], 1);
    assert_eq!(world.keys(), ["exports/7/kept", "exports/71/of-another"]);
    assert_eq!(world.sweep(10 + WEEK - 1).await.looked_at, 0);
    assert_eq!(world.sweep(10 + WEEK).await.done[EXPIRED], 1);
    assert_eq!(world.tables.export(7).unwrap().status, Status::Expired);
    assert_eq!(world.sweep(10 + WEEK + 3599).await.looked_at, 0);
    assert_eq!(world.keys().len(), 2);
    assert_eq!(world.sweep(10 + WEEK + 3600).await.done[CLEANED], 1);
    assert_eq!(world.keys(), ["exports/71/of-another"]);
    assert_eq!(world.tables.work(7), None);
    let events = world.tables.events();
    assert!(events.contains(&"expired".into()) && events.contains(&"deleted".into()));
    assert!(world.tables.export(7).is_some());
}

#[tokio::test]
async fn after_a_week_without_sweeps_one_sweep_does_all_that_is_due() {
    let world = World::new(FakeTables::holding([&succeeded(10)]), &["exports/7/kept"]);
    let summary = world.sweep(10 + WEEK + 3600).await;
    assert_eq!(
        (
            summary.done[GIVEN_UP],
            summary.done[EXPIRED],
            summary.done[CLEANED]
        ),
        (1, 1, 1)
    );
    assert_eq!(world.asked.num_calls(), 0);
    assert_eq!(world.tables.work(7), None);
    assert!(world.keys().is_empty());
}

#[tokio::test]
async fn a_mail_is_delayed_from_the_fourth_try_on() {
    let canceled = processing(0)
        .cancel(Actor::default(), at(10), timing())
        .after;
    let world = World::new(FakeTables::holding([&canceled]), &[]);
    let (mut tries, mut second) = (Vec::new(), 10);
    while tries.len() < 5 {
        second += 30;
        let done = world.sweep(second).await.done;
        if done.contains_key(ASKED) {
            tries.push(done.contains_key(DELAYED));
        }
    }
    assert_eq!(tries, [false, false, false, true, true]);
}

#[tokio::test]
async fn a_mail_that_is_being_sent_is_not_abandoned() {
    let late = at(10 + WEEK + 60);
    let claimed = succeeded(10)
        .claim_mail(late, late + SignedDuration::from_secs(90))
        .unwrap()
        .after;
    let world = World::new(FakeTables::holding([&claimed]), &["exports/7/kept"]);
    let summary = world.sweep(10 + WEEK + 61).await;
    assert_eq!(summary.done.get(GIVEN_UP), None);
    assert_eq!(world.tables.export(7).unwrap().mail, Some(Mail::Pending));
}

#[tokio::test]
async fn a_canceled_export_is_cleaned_after_its_worker_must_have_stopped() {
    let canceled = processing(0)
        .cancel(Actor::default(), at(20), timing())
        .after;
    let mailed = canceled.record_mail_outcome(None, at(21)).after;
    let world = World::new(FakeTables::holding([&mailed]), &["exports/7/half"]);
    world.sweep(109).await;
    assert_eq!(world.keys(), ["exports/7/half"]);
    world.sweep(110).await;
    assert!(world.keys().is_empty());
    assert_eq!(world.tables.work(7), None);
}

#[tokio::test]
async fn after_a_conflict_the_sweeper_leaves_the_export_alone() {
    let state = waiting();
    let world = World::new(FakeTables::holding([&state]), &[]);
    world.tables.overtake(7);
    let mut summary = Summary::default();
    let taken = world
        .sweeper
        .take(Step::Send, &state, at(60), &mut summary)
        .await;
    assert!(matches!(taken, Err(TakeError::Conflict)));
    assert_eq!((summary, world.sent.num_calls()), (Summary::default(), 0));
}

#[tokio::test]
async fn a_failing_export_does_not_hold_up_others() {
    let (mut first, mut other) = (waiting(), waiting());
    // In the same shard, so that they are processed in order.
    (first.export.id, first.work.id) = (id(7), id(7));
    (other.export.id, other.work.id) = (id(23), id(23));
    let sent = mock!(aws_sdk_sqs::Client::send_message)
        .match_requests(|r| r.message_body() == Some(r#"{"v":1,"export_id":7}"#))
        .sequence()
        .http_status(403, None)
        .build();
    let other_sent = mock!(aws_sdk_sqs::Client::send_message)
        .match_requests(|r| r.message_body() == Some(r#"{"v":1,"export_id":23}"#))
        .then_output(|| SendMessageOutput::builder().build());
    let asked =
        mock!(aws_sdk_lambda::Client::invoke).then_output(|| InvokeOutput::builder().build());
    let mut world = World::with(
        FakeTables::holding([&first, &other]),
        &[],
        sent.clone(),
        asked,
    );
    let queue = Queue::new(
        client!(aws_sdk_sqs, [&sent, &other_sent]),
        "https://queue".into(),
    );
    world.sweeper.queue = queue;
    let summary = world.sweep(60).await;
    assert_eq!(
        (summary.looked_at, summary.failed, other_sent.num_calls()),
        (2, 1, 1)
    );
    // It is due again at the time that was committed before the message was lost.
    assert_eq!(world.tables.work(7).unwrap().due_at(), Some(at(180)));
}

#[tokio::test]
async fn a_call_to_a_throttled_queue_is_retried() {
    let sent = mock!(aws_sdk_sqs::Client::send_message)
        .sequence()
        .http_status(503, None)
        .output(|| SendMessageOutput::builder().build())
        .build();
    let asked =
        mock!(aws_sdk_lambda::Client::invoke).then_output(|| InvokeOutput::builder().build());
    let world = World::with(FakeTables::holding([&waiting()]), &[], sent, asked);
    assert_eq!(world.sweep(60).await.failed, 0);
    assert_eq!(world.sent.num_calls(), 2);
}

#[tokio::test]
async fn a_sweep_that_runs_out_of_time_counts_what_is_left() {
    let world = World::new(FakeTables::holding([&waiting()]), &[]);
    let result = world.sweeper.sweep(at(60), Instant::now() + RESERVE).await;
    match result {
        Ok(summary) => assert_eq!((summary.left, summary.looked_at), (1, 0)),
        Err(error) => assert!(matches!(error, SweepError::Time)),
    }
    assert_eq!(world.sent.num_calls(), 0);
    assert_eq!(world.tables.work(7).unwrap().sequence, 1);
}

#[tokio::test]
async fn work_without_an_export_is_deleted_with_its_objects() {
    let world = World::new(FakeTables::holding([&processing(0)]), &["exports/7/half"]);
    world.tables.lose_export(7);
    // The worker may still be writing.
    let mut summary = Summary::default();
    world
        .sweeper
        .look_at(id(7), at(89), &mut summary)
        .await
        .unwrap();
    assert_eq!(world.keys(), ["exports/7/half"]);
    assert_eq!(world.sweep(120).await.done[ORPHANED], 1);
    assert!(world.keys().is_empty());
    assert_eq!(world.tables.work(7), None);
}

#[tokio::test]
async fn the_index_alone_does_not_make_an_export_due() {
    let world = World::new(FakeTables::holding([&waiting()]), &[]);
    let mut summary = Summary::default();
    // One export is due in the index but not in its item; the other no longer exists.
    world
        .sweeper
        .look_at(id(7), at(30), &mut summary)
        .await
        .unwrap();
    world
        .sweeper
        .look_at(id(8), at(30), &mut summary)
        .await
        .unwrap();
    assert_eq!(world.tables.work(7).unwrap().sequence, 1);
    assert_eq!(summary.due_age_s, 0);
}

/// An export with this id, which is in shard 7 for 7 plus a multiple of 16.
fn numbered(mut state: State, number: u64) -> State {
    (state.export.id, state.work.id) = (id(number), id(number));
    state
}

/// S3 that lists and deletes only for exports for which `may` is true.
fn bucket(may: fn(&str) -> bool) -> Bucket {
    let uploads = mock!(aws_sdk_s3::Client::list_multipart_uploads)
        .match_requests(move |r| may(r.prefix().unwrap()))
        .then_output(|| ListMultipartUploadsOutput::builder().build());
    let objects = mock!(aws_sdk_s3::Client::list_objects_v2)
        .then_output(|| ListObjectsV2Output::builder().build());
    let denied = mock!(aws_sdk_s3::Client::list_multipart_uploads).then_http_response(|| {
        let body = "<Error><Code>AccessDenied</Code></Error>";
        aws_sdk_s3::config::http::HttpResponse::new(403.try_into().unwrap(), body.into())
    });
    Bucket::new(client!(aws_sdk_s3, [&uploads, &objects, &denied]), "files")
}

fn mailed(number: u64) -> State {
    let canceled = processing(0)
        .cancel(Actor::default(), at(1), timing())
        .after;
    numbered(canceled.record_mail_outcome(None, at(2)).after, number)
}

#[tokio::test]
async fn repeatedly_failing_cleanups_do_not_delay_a_lost_message() {
    // All in one shard, and due before the lost message.
    let failing = (1..=250).map(|n| mailed(7 + 16 * n));
    let mut states: Vec<State> = failing.collect();
    let mut lost = waiting();
    lost.work.set_due(at(1_000));
    states.push(lost);
    let mut world = World::new(FakeTables::holding(&states), &[]);
    world.sweeper.bucket = bucket(|_| false);
    let summary = world.sweep(1_000).await;
    assert_eq!((summary.failed, summary.looked_at), (250, 251));
    assert_eq!(world.sent.num_calls(), 1);
    // They wait for their retry, and are counted nevertheless.
    let summary = world.sweep(1_001).await;
    assert_eq!((summary.failed, summary.put_off), (0, 250));
    assert_eq!(summary.due_age_s, 1_001 - 91);
}

#[tokio::test]
async fn a_failing_step_is_retried_later_each_time_and_keeps_its_due_time() {
    let mut world = World::new(FakeTables::holding([&mailed(7)]), &[]);
    world.sweeper.bucket = bucket(|_| false);
    let mut tried = Vec::new();
    for minute in 2..=40 {
        let summary = world.sweep(minute * 60).await;
        assert_eq!(summary.due_age_s, minute * 60 - 91, "{minute}");
        if summary.failed > 0 {
            tried.push(minute);
        }
    }
    assert_eq!(tried, [2, 3, 5, 9, 17, 33]);
    // Once the cause is fixed, the next retry succeeds.
    world.sweeper.bucket = bucket(|_| true);
    assert_eq!(world.sweep(64 * 60).await.put_off, 1);
    assert_eq!(world.sweep(65 * 60).await.done[CLEANED], 1);
    assert_eq!(world.tables.work(7), None);
}

#[tokio::test]
async fn a_failing_cleanup_holds_up_neither_mail_nor_expiry() {
    let mut world = World::new(FakeTables::holding([&succeeded(10)]), &[]);
    world.sweeper.bucket = bucket(|_| false);
    let summary = world.sweep(100).await;
    assert_eq!((summary.done[ASKED], summary.failed), (1, 1));
    let next = world.tables.work(7).unwrap().mail.unwrap().next;
    let second = next.duration_since(at(0)).as_secs();
    assert_eq!(world.sweep(second).await.done[ASKED], 1);
    assert_eq!(world.asked.num_calls(), 2);
    assert_eq!(world.sweep(10 + WEEK).await.done[EXPIRED], 1);
    assert_eq!(world.tables.export(7).unwrap().status, Status::Expired);
}

#[tokio::test]
async fn an_unreadable_item_stops_nothing_and_its_age_is_logged() {
    for spoil in [FakeTables::spoil_export, FakeTables::spoil_work] {
        let (poisoned, lost) = (numbered(waiting(), 23), waiting());
        let world = World::new(FakeTables::holding([&poisoned, &lost]), &[]);
        spoil(&world.tables, 23);
        let summary = world.sweep(70).await;
        assert_eq!(
            (summary.failed, summary.unreadable, summary.done[SENT]),
            (1, 1, 1)
        );
        assert_eq!(summary.due_age_s, 10);
        // The alarm continues until the item is repaired.
        let summary = world.sweep(60 + 3_600).await;
        assert_eq!((summary.unreadable, summary.due_age_s), (1, 3_600));
    }
}

/// The message is sent again when the work is due again.
#[tokio::test(start_paused = true)]
async fn a_hanging_queue_costs_each_export_a_second() {
    let states = [7, 23, 39, 55, 71].map(|number| numbered(waiting(), number));
    let mut world = World::new(FakeTables::holding(&states), &[]);
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new(
            "a", "b", None, None, "test",
        ))
        .timeout_config(waybill::aws::timeouts())
        .http_client(http_client(Arc::new(Silent)));
    let silent = aws_sdk_sqs::Client::from_conf(config.build());
    world.sweeper.queue = Queue::new(silent, "https://queue".into());
    let began = Instant::now();
    let summary = world.sweep(60).await;
    assert_eq!((summary.done[SENT], summary.failed), (5, 5));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    // The step itself did not fail: the committed due time makes a later sweep send the message again.
    assert_eq!(world.tables.work(7).unwrap().failures, 0);
}

#[tokio::test]
async fn the_slot_of_a_failed_export_or_a_gone_worker_is_passed_on() {
    let mut worn_out = processing(0);
    worn_out.work.attempts = WorkTiming::MAX_ATTEMPTS;
    for gone in [processing(0), worn_out] {
        let gone = numbered(gone, 23);
        let mut world = World::new(FakeTables::holding([&gone, &waiting()]), &[]);
        let own = mock!(aws_sdk_sqs::Client::send_message)
            .match_requests(|r| r.message_body() == Some(r#"{"v":1,"export_id":23}"#))
            .then_output(|| SendMessageOutput::builder().build());
        let queue = client!(aws_sdk_sqs, [&world.sent, &own]);
        world.sweeper.queue = Queue::new(queue, "https://queue".into());
        let exports = world.tables.exports();
        let slot = exports.take_slot(&gone.export, "worker", 1, at(0), timing());
        slot.await.unwrap();
        let export = waiting().export;
        let line = exports.take_slot(&export, "other", 1, at(1), timing());
        line.await.unwrap();
        let mut waits = world.tables.state(7);
        waits.work.set_due(at(10_000));
        world.tables.write(&waits);
        world.sweep(150).await;
        // Only the waiting export gets a message.
        assert_eq!(world.sent.num_calls(), 1);
    }
}
