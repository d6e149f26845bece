use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use jiff::Timestamp;
use serde_json::json;
use waybill::aws::Item;
use waybill::catalog::{Catalog, Path};
use waybill::clock::Clock;
use waybill::deployment_file::DeploymentFile;
use waybill::event::Actor;
use waybill::records::RecordsOpener;
use waybill::work::{Checkpoint, FileProgress, Work};
use waybill_testing::fake::{Call, Carried, Wire};
use waybill_testing::{FakeTables, client, id, query_answer, timing, waiting};

use super::*;
use crate::testing::bucket;
use crate::upload::PartSizes;

type Answer = MockResponse<QueryOutput, QueryError>;

/// A worker over mocked services: tables with one export, and records answered by `records`.
struct World {
    tables: FakeTables,
    /// The delay of each message in seconds.
    sent: Arc<Mutex<Vec<Option<i32>>>>,
    /// Other exports for which a message was sent.
    woken: Arc<Mutex<Vec<u64>>>,
    stored: Rule,
    /// How often records were queried.
    asked: Arc<AtomicUsize>,
    worker: Worker,
}

impl World {
    fn new(state: &State, records: impl Fn(&QueryInput) -> Answer + Send + Sync + 'static) -> Self {
        let tables = FakeTables::holding([state]);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let records = mock!(aws_sdk_dynamodb::Client::query).then_compute_response(move |r| {
            count.fetch_add(1, Ordering::Relaxed);
            records(r)
        });
        let stored = mock!(aws_sdk_s3::Client::put_object)
            .match_requests(|r| r.key().is_some_and(|key| key.starts_with("exports/7/")))
            .then_output(|| PutObjectOutput::builder().build());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let delays = sent.clone();
        let send = mock!(aws_sdk_sqs::Client::send_message)
            .match_requests(|r| r.message_body() == Some(r#"{"v":1,"export_id":7}"#))
            .then_compute_output(move |r| {
                delays.lock().unwrap().push(r.delay_seconds());
                SendMessageOutput::builder().build()
            });
        let woken = Arc::new(Mutex::new(Vec::new()));
        let others = woken.clone();
        let wake = mock!(aws_sdk_sqs::Client::send_message).then_compute_output(move |r| {
            let message: serde_json::Value =
                serde_json::from_str(r.message_body().unwrap()).unwrap();
            others
                .lock()
                .unwrap()
                .push(message["export_id"].as_u64().unwrap());
            SendMessageOutput::builder().build()
        });
        let worker = Worker {
            dependencies: Dependencies {
                exports: tables.exports(),
                records: RecordsOpener::new(
                    client!(aws_sdk_dynamodb, [&records]).into(),
                    DeploymentFile::of_table("RECORDS_TABLE", "records").into(),
                ),
                bucket: bucket(&[&stored]),
                part_sizes: PartSizes::for_memory(1_024),
                clock: Clock::system(),
                checkpoint_every: Duration::from_secs(30),
            },
            queue: Queue::new(client!(aws_sdk_sqs, [&send, &wake]), "https://queue".into()),
            type_entries: TypeEntries::new(tables.exports()),
            mask_secrets: MaskSecrets::new(tables.exports()),
            timing: timing(),
            retention: SignedDuration::from_hours(7 * 24),
            exports_per_parent: 2,
            memory_mb: 1024,
        };
        Self {
            tables,
            sent,
            woken,
            stored,
            asked,
            worker,
        }
    }

    async fn work_on(&self) -> Outcome {
        self.work_until(Instant::now() + Duration::from_secs(600))
            .await
    }

    async fn work_until(&self, deadline: Instant) -> Outcome {
        self.worker.work_on(id(7), deadline).await.unwrap()
    }

    fn sent(&self) -> Vec<Option<i32>> {
        self.sent.lock().unwrap().clone()
    }

    fn woken(&self) -> Vec<u64> {
        self.woken.lock().unwrap().clone()
    }

    fn state(&self) -> State {
        self.tables.state(7)
    }
}

/// A newly requested export.
fn requested() -> State {
    let now = Timestamp::now();
    let mut state = waiting();
    state.export.created_at = now;
    state.work = Work::new(state.export.id, now + SignedDuration::from_mins(1));
    state
}

fn taken(state: &State) -> State {
    match state.claim("another", Timestamp::now(), timing()) {
        Claim::Take(change) => change.after,
        other => panic!("{other:?}"),
    }
}

/// One order in the first queried range, and none in the range of the last minute.
fn one_order(r: &QueryInput) -> Answer {
    let values = r.expression_attribute_values().unwrap();
    if values.contains_key(":from") {
        return MockResponse::Http(query_answer(&QueryOutput::builder().build()));
    }
    let item: Item = [
        ("pk", "orders#42"),
        ("sk", "2026-01-01T00:00:00Z#o-1"),
        ("id", "o-1"),
    ]
    .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())))
    .into();
    MockResponse::Http(query_answer(&QueryOutput::builder().items(item).build()))
}

fn refused(code: &'static str) -> impl Fn(&QueryInput) -> Answer {
    move |_| {
        MockResponse::Error(QueryError::generic(
            ErrorMetadata::builder().code(code).build(),
        ))
    }
}

fn never(_: &QueryInput) -> Answer {
    panic!("records must not be read for this export")
}

fn rows_of(export: &Export) -> Option<u64> {
    export.file.as_ref().map(|file| file.rows)
}

#[tokio::test]
async fn a_file_is_built_and_its_export_succeeds() {
    let world = World::new(&requested(), one_order);
    assert_eq!(world.work_on().await, Outcome::Succeeded);
    let export = world.state().export;
    assert_eq!(
        (export.status, rows_of(&export)),
        (Status::Succeeded, Some(1))
    );
    assert_eq!((world.stored.num_calls(), world.sent()), (1, vec![]));
}

#[tokio::test]
async fn an_export_that_is_unknown_final_or_taken_is_left_alone() {
    let canceled = requested()
        .cancel(Actor::default(), Timestamp::now(), timing())
        .after;
    for state in [canceled, taken(&requested())] {
        let world = World::new(&state, never);
        assert_eq!(world.work_on().await, Outcome::Left);
        assert_eq!((world.state(), world.sent()), (state, vec![]));
    }
    let world = World::new(&requested(), never);
    let deadline = Instant::now() + Duration::from_secs(600);
    let unknown = world.worker.work_on(id(8), deadline).await.unwrap();
    assert_eq!(unknown, Outcome::Left);
}

/// Another export of the same parent, with a worker and a slot.
async fn takes_a_slot(world: &World, number: u64, at: Timestamp) -> State {
    let mut state = requested();
    state.export.id = id(number);
    state.work.id = id(number);
    let state = taken(&state);
    world.tables.write(&state);
    assert_eq!(asks(world, number, 2, at).await, Place::Slot);
    state
}

/// Another export's worker calls `take_slot`.
async fn asks(world: &World, number: u64, most: usize, at: Timestamp) -> Place {
    let mut export = requested().export;
    export.id = id(number);
    let owner = format!("worker {number}");
    let exports = world.tables.exports();
    let asked = exports.take_slot(&export, &owner, most, at, timing());
    asked.await.unwrap().place
}

async fn ends(world: &World, of: &State) -> Vec<ExportId> {
    let owner = format!("worker {}", of.export.id);
    let exports = world.tables.exports();
    let ended = exports.end_slot(&of.export, &owner, Timestamp::now());
    ended.await.unwrap()
}

#[tokio::test]
async fn the_number_of_exports_of_a_parent_at_once_is_limited() {
    let world = World::new(&requested(), one_order);
    let now = Timestamp::now();
    let first = takes_a_slot(&world, 8, now).await;
    takes_a_slot(&world, 9, now).await;
    assert_eq!(world.work_on().await, Outcome::Waits);
    // The wait is recorded, and does not count towards the time limits.
    let work = world.state().work;
    assert!(work.in_line.is_some());
    assert_eq!(
        (work.attempts, work.invocations, world.sent()),
        (0, 0, vec![])
    );

    assert_eq!(ends(&world, &first).await, [id(7)]);
    assert_eq!(world.work_on().await, Outcome::Succeeded);
    assert_eq!(world.state().work.in_line, None);
    // The slot ended with the export.
    takes_a_slot(&world, 10, now).await;
}

#[tokio::test]
async fn an_export_in_line_is_woken_when_a_slot_ends() {
    let world = World::new(&requested(), one_order);
    takes_a_slot(&world, 8, Timestamp::now()).await;
    let mut waits = requested();
    (waits.export.id, waits.work.id) = (id(9), id(9));
    world.tables.write(&waits);
    assert_eq!(asks(&world, 9, 1, Timestamp::now()).await, Place::Line);
    assert_eq!(world.work_on().await, Outcome::Waits);
    // There are two in line now.
    assert_eq!(asks(&world, 10, 2, Timestamp::now()).await, Place::Line);
    assert_eq!(world.work_on().await, Outcome::Waits);
    assert_eq!(asks(&world, 9, 2, Timestamp::now()).await, Place::Slot);
    assert_eq!(ends(&world, &waits).await, [id(7)]);
    let mut next = requested();
    (next.export.id, next.work.id) = (id(10), id(10));
    world.tables.write(&next);
    assert_eq!(world.work_on().await, Outcome::Succeeded);
    assert_eq!(world.woken(), [9, 10]);
}

#[tokio::test]
async fn a_continued_export_passes_its_slot_on_before_its_own_message() {
    let mut world = World::new(&requested(), one_order);
    world.worker.exports_per_parent = 1;
    let mut waits = requested();
    (waits.export.id, waits.work.id) = (id(9), id(9));
    world.tables.write(&waits);
    // Another export joins the line while the first page is being read.
    let outcome = {
        let mut work = std::pin::pin!(world.work_until(Instant::now()));
        while world.asked.load(Ordering::Relaxed) == 0 {
            let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "the export ended too early");
            tokio::task::yield_now().await;
        }
        assert_eq!(asks(&world, 9, 1, Timestamp::now()).await, Place::Line);
        work.await
    };
    assert_eq!(outcome, Outcome::Continued);
    assert_eq!((world.sent(), world.woken()), (vec![], vec![9]));
    // Its own message comes when the other's slot ends.
    assert_eq!(world.work_on().await, Outcome::Waits);
    assert_eq!(asks(&world, 9, 1, Timestamp::now()).await, Place::Slot);
    assert_eq!(ends(&world, &waits).await, [id(7)]);
}

#[tokio::test]
async fn a_worker_that_finds_its_export_final_passes_its_reservation_on() {
    let canceled = requested();
    let canceled = canceled.cancel(Actor::default(), Timestamp::now(), timing());
    let mut old = requested();
    old.export.created_at = Timestamp::now() - SignedDuration::from_hours(25);
    for (end, outcome) in [(canceled.after, Outcome::Left), (old, Outcome::Failed)] {
        let world = World::new(&requested(), never);
        let first = takes_a_slot(&world, 8, Timestamp::now()).await;
        let mut next = requested();
        (next.export.id, next.work.id) = (id(9), id(9));
        world.tables.write(&next);
        for number in [7, 9] {
            assert_eq!(asks(&world, number, 1, Timestamp::now()).await, Place::Line);
        }
        assert_eq!(ends(&world, &first).await, [id(7)]);
        world.tables.write(&end);
        assert_eq!(world.work_on().await, outcome);
        assert_eq!(world.woken(), [9]);
    }
}

#[tokio::test]
async fn the_slot_of_a_killed_worker_ends_with_its_lease() {
    let world = World::new(&requested(), one_order);
    let long_ago = Timestamp::now() - SignedDuration::from_mins(5);
    let mut killed = takes_a_slot(&world, 8, long_ago).await;
    takes_a_slot(&world, 9, long_ago).await;
    // One worker still renews its lease; the other's has long ended.
    assert_eq!(world.work_on().await, Outcome::Waits);
    killed.work.lease.as_mut().unwrap().until = long_ago;
    world.tables.write(&killed);
    assert_eq!(world.work_on().await, Outcome::Succeeded);
}

/// Tables whose slots are slow to read and write.
struct SlowSlots(FakeTables);

impl Wire for SlowSlots {
    fn carry(&self, call: Call) -> Carried {
        let is_slow = String::from_utf8_lossy(&call.body).contains("slots#");
        let carried = self.0.carry(call);
        Box::pin(async move {
            if is_slow {
                tokio::time::sleep(Duration::from_secs(40)).await;
            }
            carried.await
        })
    }
}

/// If its end in the table were counted from before that, another worker could claim the export while this one writes.
#[tokio::test(start_paused = true)]
async fn both_clocks_of_a_lease_begin_after_the_slot_was_taken() {
    let (start, began) = (Timestamp::now(), Instant::now());
    let clock = move || start + SignedDuration::try_from(began.elapsed()).unwrap();
    let slot: Arc<Mutex<Option<FakeTables>>> = Arc::default();
    let tables = slot.clone();
    let mut world = World::new(&requested(), move |r| {
        let tables = tables.lock().unwrap();
        let lease = tables.as_ref().unwrap().work(7).unwrap().lease.unwrap();
        let left = lease.until.duration_since(clock());
        assert!(left >= SignedDuration::from_secs(59), "{left:?}");
        one_order(r)
    });
    *slot.lock().unwrap() = Some(world.tables.clone());
    world.worker.dependencies.clock = Clock::from_fn(clock);
    world.worker.dependencies.exports = world
        .tables
        .exports_over(Arc::new(SlowSlots(world.tables.clone())));
    assert_eq!(world.work_on().await, Outcome::Succeeded);
    assert!(began.elapsed() >= Duration::from_secs(40));
}

#[tokio::test]
async fn a_transient_error_is_retried_after_its_wait() {
    let world = World::new(&requested(), refused("InternalServerError"));
    assert_eq!(world.work_on().await, Outcome::Retried);
    let work = world.state().work;
    assert_eq!((work.lease, work.attempts), (None, 1));
    assert!(work.not_before.is_some());
    assert_eq!(world.sent(), [Some(60)]);

    // A message that comes meanwhile is sent again and changes nothing.
    let before = world.state();
    assert_eq!(world.work_on().await, Outcome::Early);
    assert_eq!((world.state(), world.sent().len()), (before, 2));
    assert!(world.sent()[1].is_some_and(|seconds| (1..=60).contains(&seconds)));
}

#[tokio::test]
async fn the_fifth_attempt_without_a_checkpoint_is_the_last() {
    let mut state = requested();
    state.work.attempts = WorkTiming::MAX_ATTEMPTS - 1;
    let world = World::new(&state, refused("InternalServerError"));
    assert_eq!(world.work_on().await, Outcome::Failed);
    assert_eq!(world.state().export.failure.unwrap().code, "gave_up");
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn a_permanent_error_fails_the_export_at_once() {
    let world = World::new(&requested(), refused("ResourceNotFoundException"));
    assert_eq!(world.work_on().await, Outcome::Failed);
    let state = world.state();
    assert_eq!(
        (state.export.status, state.work.attempts),
        (Status::Failed, 1)
    );
    assert!(!state.export.failure.unwrap().message.is_empty());
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn near_the_deadline_the_next_invocation_continues_at_once_from_a_checkpoint() {
    let world = World::new(&requested(), one_order);
    assert_eq!(world.work_until(Instant::now()).await, Outcome::Continued);
    let work = world.state().work;
    let checkpoint = work.checkpoint.unwrap();
    assert_eq!(
        (checkpoint.progress.rows, checkpoint.tail.is_some()),
        (1, true)
    );
    assert_eq!(
        (work.lease, work.attempts, work.not_before),
        (None, 0, None)
    );
    assert_eq!(world.sent(), [None]);
}

#[tokio::test]
async fn a_cancel_stops_the_worker_for_good() {
    let state = requested();
    let slot: Arc<Mutex<Option<FakeTables>>> = Arc::default();
    let tables = slot.clone();
    let world = World::new(&state, move |r| {
        let tables = tables.lock().unwrap();
        let tables = tables.as_ref().unwrap();
        let now = Timestamp::now();
        tables.write(
            &tables
                .state(7)
                .cancel(Actor::default(), now, timing())
                .after,
        );
        one_order(r)
    });
    *slot.lock().unwrap() = Some(world.tables.clone());
    assert_eq!(world.work_on().await, Outcome::Lost);
    assert_eq!(world.state().export.status, Status::Canceled);
    assert_eq!((world.stored.num_calls(), world.sent()), (0, vec![]));
}

/// Works on an export whose worker is frozen for `length` after the first record: it does not run, but time passes.
/// Calls `happens` meanwhile.
async fn frozen(world: &World, length: Duration, happens: impl FnOnce()) -> Outcome {
    let mut work = std::pin::pin!(world.work_on());
    while world.asked.load(Ordering::Relaxed) == 0 {
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "the export ended too early");
        tokio::task::yield_now().await;
    }
    happens();
    tokio::time::advance(length).await;
    work.await
}

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_worker_frozen_past_its_lease_writes_nothing_and_gives_the_lease_back() {
    let world = World::new(&requested(), one_order);
    assert_eq!(frozen(&world, LEASE, || {}).await, Outcome::Retried);
    let state = world.state();
    assert_eq!(
        (state.export.status, state.work.lease, state.work.attempts),
        (Status::Processing, None, 1)
    );
    assert_eq!(
        (world.stored.num_calls(), world.sent()),
        (0, vec![Some(60)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_frozen_for_a_third_of_its_lease_continues() {
    let world = World::new(&requested(), one_order);
    assert_eq!(frozen(&world, LEASE / 3, || {}).await, Outcome::Succeeded);
    assert_eq!(world.state().export.file.unwrap().receipt.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_worker_has_taken_is_not_given_back() {
    let world = World::new(&requested(), one_order);
    let outcome = frozen(&world, LEASE, || {
        let freed = world
            .state()
            .continue_later(Timestamp::now(), timing())
            .after;
        world.tables.write(&taken(&freed));
    });
    assert_eq!(outcome.await, Outcome::Lost);
    assert_eq!(world.state().work.lease.unwrap().owner, "another");
    assert_eq!((world.stored.num_calls(), world.sent()), (0, vec![]));
}

/// The file follows the entry that was stored with the request, whatever the current catalog.
#[tokio::test]
async fn a_file_follows_the_entry_of_its_request() {
    let catalog = Catalog::built_in().unwrap();
    let mut of = catalog.get("orders").unwrap().clone();
    for column in &mut of.columns {
        column.origin = Path::new("pk", []).into();
    }
    let mut state = requested();
    let world = World::new(&state, one_order);
    state.export.entry = world.worker.type_entries.keep(&of).await.unwrap();
    state.export.columns = vec!["customer".to_owned()];
    world.tables.write(&state);
    assert_eq!(world.work_on().await, Outcome::Succeeded);
    let export = world.state().export;
    // `customer`, `orders#42`, and two line ends.
    let file = export.file.unwrap();
    assert_eq!(file.size, 8 + 9 + 4);
    assert_eq!(file.receipt.entry, state.export.entry);
}

#[tokio::test]
async fn an_export_whose_entry_is_gone_fails_with_a_reason() {
    let mut state = requested();
    state.export.entry = "0".repeat(64);
    let world = World::new(&state, never);
    assert_eq!(world.work_on().await, Outcome::Failed);
    assert_eq!(
        world.state().export.failure.unwrap().code,
        "catalog_changed"
    );
}

/// The version of this release's checkpoints.
const CURRENT: u32 = 2;

/// The number of rows of the file that continues from a checkpoint with seven rows, at the end of the records.
async fn rows_after(v: u32, source: &str) -> Option<u64> {
    let now = Timestamp::now();
    let checkpoint = Checkpoint {
        v: serde_json::from_value(json!(v)).unwrap(),
        progress: FileProgress {
            source: source.to_owned(),
            position: Some(r#"[{"segment":9,"start":null,"after":null}]"#.to_owned()),
            read: 7,
            matched: 7,
            rows: 7,
            ..FileProgress::default()
        },
        hash: waybill::hash::FileHash::default().state(),
        ..Checkpoint::default()
    };
    let state = taken(&requested()).with_work(|work| work.checkpoint = Some(checkpoint));
    let mut state = state.after.continue_later(now, timing()).after;
    state.work.due = Some(now.as_second());
    let world = World::new(&state, one_order);
    assert_eq!(world.work_on().await, Outcome::Succeeded, "{v} {source}");
    rows_of(&world.state().export)
}

/// In another table, the same position refers to other records.
#[tokio::test]
async fn a_file_is_not_continued_from_a_checkpoint_of_another_table() {
    assert_eq!(rows_after(CURRENT, "dynamodb   records").await, Some(7));
    assert_eq!(rows_after(CURRENT, "dynamodb   others").await, Some(1));
}

/// The fields may have another meaning in another release.
#[tokio::test]
async fn a_file_is_not_continued_from_a_checkpoint_of_another_version() {
    assert_eq!(rows_after(CURRENT + 1, "dynamodb   records").await, Some(1));
}

/// The failure names the attribute that does not match, and shows no record.
#[tokio::test]
async fn an_export_fails_if_its_records_do_not_match_the_catalog() {
    let many = |r: &QueryInput| {
        let values = r.expression_attribute_values().unwrap();
        let items = (0..25).filter(|_| values.contains_key(":from")).map(|n| {
            let sk = format!("ORDER#{n:02}");
            [("pk", "orders#42"), ("sk", &sk), ("id", "o-1")]
                .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())))
                .into()
        });
        let items: Vec<Item> = items.collect();
        let output = QueryOutput::builder().set_items(Some(items)).build();
        MockResponse::Http(query_answer(&output))
    };
    let world = World::new(&requested(), many);
    assert_eq!(world.work_on().await, Outcome::Failed);
    let failure = world.state().export.failure.unwrap();
    assert_eq!(failure.code, "catalog_mismatch");
    assert!(failure.message.contains("AAAAA#99"), "{}", failure.message);
    assert_eq!(world.stored.num_calls(), 0);
}

/// Keys of another format that begin with digits sort among the times, outside the range.
#[tokio::test]
async fn an_empty_range_fails_the_export_if_the_ends_have_keys_of_another_format() {
    let at_the_end = |sk: &'static str| {
        move |r: &QueryInput| {
            let values = r.expression_attribute_values().unwrap();
            let until = values.get(":until").and_then(|until| until.as_s().ok());
            let is_all =
                !values.contains_key(":from") && until.is_some_and(|until| until.as_str() > "1");
            let item: Item = [("pk", "orders#42"), ("sk", sk), ("id", "o-1")]
                .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())))
                .into();
            let items = Vec::from_iter(is_all.then_some(item));
            let output = QueryOutput::builder().set_items(Some(items)).build();
            MockResponse::Http(query_answer(&output))
        }
    };
    let mut state = requested();
    state.export.filters =
        json!({"created_at": {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}});
    let world = World::new(&state, at_the_end("20260101T100000Z#o-1"));
    assert_eq!(world.work_on().await, Outcome::Failed);
    let failure = world.state().export.failure.unwrap();
    assert_eq!(failure.code, "catalog_mismatch", "{}", failure.message);
    let world = World::new(&state, at_the_end("2025-01-01T10:00:00Z#o-1"));
    assert_eq!(world.work_on().await, Outcome::Succeeded);
    assert_eq!(rows_of(&world.state().export), Some(0));
}
