//! Tests of the store's reactions to DynamoDB: lost answers, lasting errors, unprocessed keys, unreadable items.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, KeysAndAttributes};
use aws_smithy_mocks::{Rule, mock};
use jiff::SignedDuration;
use tokio::time::{Duration, Instant};
use waybill::bucket::Upload;
use waybill::event::Actor;
use waybill::export::ExportId;
use waybill::selection::Range;
use waybill::store::{CommitError, Exports, ListQuery, StoreError, Tables};
use waybill::work::{Checkpoint, Reached};
use waybill_testing::fake::{Call, Carried, Forgetful, Wire};
use waybill_testing::{FakeTables, at, client, id, processing, timing, waiting};

/// A store whose calls are answered by rules.
fn answered_by(rules: &[&Rule]) -> Exports {
    let tables = Tables {
        exports: "exports".into(),
        work: "work".into(),
        events: "events".into(),
    };
    Exports::new(client!(aws_sdk_dynamodb, rules.iter().copied()), tables)
}

fn put_fails(code: &'static str) -> Rule {
    mock!(Client::put_item)
        .then_error(move || PutItemError::generic(ErrorMetadata::builder().code(code).build()))
}

#[tokio::test(start_paused = true)]
async fn a_lasting_error_is_not_retried() {
    for code in [
        "ValidationException",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    ] {
        let put = put_fails(code);
        let renewed = processing(0).renew(Reached::of_rows(1), at(10), timing());
        let error = answered_by(&[&put]).commit(renewed).await.unwrap_err();
        assert!(
            matches!(&error, CommitError::Store(error) if error.is_lasting()),
            "{code}: {error:?}"
        );
        assert_eq!(put.num_calls(), 1, "{code}");
    }
    let put = put_fails("TransactionConflictException");
    let renewed = processing(0).renew(Reached::of_rows(1), at(10), timing());
    let error = answered_by(&[&put]).commit(renewed).await.unwrap_err();
    assert!(matches!(&error, CommitError::Store(error) if !error.is_lasting()));
    assert_eq!(put.num_calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_with_a_lasting_error_is_not_retried() {
    for (reason, calls, is_lasting) in [
        ("ValidationError", 1, true),
        ("ItemCollectionSizeLimitExceeded", 1, true),
        ("TransactionConflict", 6, false),
        ("ThrottlingError", 6, false),
    ] {
        let transact = mock!(Client::transact_write_items).then_error(move || {
            let reasons =
                ["None", reason].map(|code| CancellationReason::builder().code(code).build());
            TransactWriteItemsError::TransactionCanceledException(
                TransactionCanceledException::builder()
                    .set_cancellation_reasons(Some(reasons.to_vec()))
                    .build(),
            )
        });
        let canceled = waiting().cancel(Actor::default(), at(1), timing());
        let error = answered_by(&[&transact])
            .commit(canceled)
            .await
            .unwrap_err();
        let CommitError::Store(error) = error else {
            panic!("{reason}: {error:?}");
        };
        assert_eq!(error.is_lasting(), is_lasting, "{reason}");
        assert!(error.to_string().contains(reason), "{reason}: {error}");
        assert_eq!(transact.num_calls(), calls, "{reason}");
    }
}

/// A throttled table leaves all keys unprocessed, and would otherwise be called in a tight loop.
#[tokio::test(start_paused = true)]
async fn unprocessed_keys_are_retried_with_backoff_and_a_limit() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let nothing = mock!(Client::batch_get_item).then_compute_output(move |r| {
        let calls = counted.fetch_add(1, Ordering::Relaxed);
        assert!(calls < 50, "there is no limit on retries");
        let left = r.request_items().cloned();
        BatchGetItemOutput::builder()
            .set_unprocessed_keys(left)
            .build()
    });
    let began = Instant::now();
    let error = answered_by(&[&nothing])
        .progress(&[id(7)])
        .await
        .unwrap_err();
    assert!(!error.is_lasting(), "{error}");
    assert!(error.to_string().contains("unprocessed keys"), "{error}");
    let took = began.elapsed();
    let waited = Duration::from_secs(3)..Duration::from_secs(8);
    assert!(
        waited.contains(&took),
        "{} calls took {took:?}",
        calls.load(Ordering::Relaxed)
    );
}

#[tokio::test(start_paused = true)]
async fn keys_unprocessed_once_are_read_on_the_second_try() {
    let tables = FakeTables::holding([&processing(0)]);
    let work = waybill::store::to_item("work", &tables.work(7).unwrap()).unwrap();
    let key = HashMap::from([("id".to_owned(), AttributeValue::S("7".into()))]);
    let left = KeysAndAttributes::builder().keys(key).build().unwrap();
    let read = mock!(Client::batch_get_item)
        .sequence()
        .output(move || {
            let left = HashMap::from([("work".to_owned(), left.clone())]);
            BatchGetItemOutput::builder()
                .set_unprocessed_keys(Some(left))
                .build()
        })
        .output(move || {
            BatchGetItemOutput::builder()
                .responses("work", vec![work.clone()])
                .build()
        })
        .build();
    let progress = answered_by(&[&read]).progress(&[id(7)]).await.unwrap();
    assert_eq!(
        (progress.reached.get(&id(7)), progress.unreadable),
        (Some(&Reached::of_rows(0)), 0)
    );
}

/// Commits a checkpoint with this number of parts.
async fn with_parts(tables: &FakeTables, parts: u32) {
    let etags: Vec<String> = (1..=parts).map(|part| format!("etag-{part}")).collect();
    let mut state = processing(0);
    state.work.upload = Some(Upload {
        object: "exports/7/a".into(),
        upload_id: "u".into(),
    });
    tables.write(&state);
    let change = tables.state(7).with_work(|work| {
        work.checkpoint = Some(Checkpoint {
            parts,
            ..Checkpoint::default()
        });
    });
    let exports = tables.exports();
    exports.commit_with_parts(change, &etags, 1).await.unwrap();
}

/// The retried deletion finds nothing, which does not mean that there are no further items.
#[tokio::test(start_paused = true)]
async fn the_etags_of_parts_are_deleted_even_if_an_answer_is_lost() {
    let tables = FakeTables::holding([&processing(0)]);
    with_parts(&tables, 1_700).await;
    assert_eq!(tables.parts_items(7), 4);
    let wire = Arc::new(Forgetful::new(tables.clone(), &["DynamoDB.DeleteItem"]));
    tables
        .exports_over(wire.clone())
        .delete_etags(id(7))
        .await
        .unwrap();
    assert_eq!(wire.lost(), ["DynamoDB.DeleteItem"]);
    assert_eq!(tables.parts_items(7), 0);
}

/// Tables that answer with a delay.
struct Unhurried(FakeTables);

impl Wire for Unhurried {
    fn carry(&self, call: Call) -> Carried {
        let tables = self.0.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            tables.carry(call).await
        })
    }
}

/// A call that is interrupted between two deletions leaves the first items, so that the next call finds the rest.
#[tokio::test]
async fn an_interrupted_deletion_of_parts_is_completed_by_the_next() {
    let tables = FakeTables::holding([&processing(0)]);
    with_parts(&tables, 1_700).await;
    let exports = tables.exports_over(Arc::new(Unhurried(tables.clone())));
    let mut stopped = Box::pin(exports.delete_etags(id(7)));
    while tables.parts_items(7) == 4 {
        assert!(
            !is_done(&mut stopped).await,
            "the deletion was not interrupted"
        );
    }
    drop(stopped);
    assert!((1..4).contains(&tables.parts_items(7)));
    exports.delete_etags(id(7)).await.unwrap();
    assert_eq!(tables.parts_items(7), 0);
}

/// Polls once, and returns whether the future is done.
async fn is_done<F: Future + Unpin>(future: &mut F) -> bool {
    tokio::task::yield_now().await;
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(polled.is_ready())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn deleting_work_succeeds_even_if_the_answer_is_lost() {
    let tables = FakeTables::holding([&processing(0)]);
    let work = tables.work(7).unwrap();
    let wire = Arc::new(Forgetful::new(tables.clone(), &["DynamoDB.DeleteItem"]));
    let forgotten = tables.exports_over(wire.clone()).forget(&work).await;
    assert_eq!(wire.lost(), ["DynamoDB.DeleteItem"]);
    assert!(forgotten.is_ok(), "{forgotten:?}");

    // Work that was written meanwhile is kept.
    let tables = FakeTables::holding([&processing(0)]);
    let work = tables.work(7).unwrap();
    tables.overtake(7);
    let forgotten = tables.exports().forget(&work).await;
    assert!(
        matches!(forgotten, Err(CommitError::Conflict)),
        "{forgotten:?}"
    );
    assert!(tables.work(7).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_succeeds() {
    let operations = &["DynamoDB.PutItem", "DynamoDB.TransactWriteItems"];
    let tables = FakeTables::holding([&processing(0)]);
    let wire = Arc::new(Forgetful::new(tables.clone(), operations));
    let exports = tables.exports_over(wire.clone());
    let renewed = tables.state(7).renew(Reached::of_rows(3), at(10), timing());
    let renewed = exports.commit(renewed).await.unwrap();
    assert_eq!(renewed, tables.state(7));
    let canceled = renewed.cancel(Actor::default(), at(20), timing());
    let canceled = exports.commit(canceled).await.unwrap();
    assert_eq!(canceled, tables.state(7));
    assert_eq!(wire.lost().len(), 2);
    assert_eq!(tables.events(), ["canceled"]);
}

#[tokio::test]
async fn a_list_of_some_days_reads_no_others() {
    let day = |number: i64| at(number * 86_400);
    let requested = [day(1), day(2), day(3), day(4)].map(ExportId::first_at);
    let states = requested.map(|id| {
        let mut state = waiting();
        (state.export.id, state.work.id) = (id, id);
        state
    });
    let exports = FakeTables::holding(&states).exports();
    let query = |from, to| ListQuery {
        parent: "project#42".parse().unwrap(),
        of_root: false,
        before: None,
        created_at: Range { from, to },
        limit: 25,
    };
    // Exports of the same millisecond as the end are read too: only their times tell which ones are before it.
    let at_end = day(3) + SignedDuration::from_micros(1);
    for (from, to, expected) in [
        (Some(day(2)), Some(at_end), &requested[1..3]),
        (Some(day(3)), None, &requested[2..]),
        (
            None,
            Some(day(2) - SignedDuration::from_millis(1)),
            &requested[..1],
        ),
        (Some(day(5)), Some(day(6)), &[]),
        (
            Some("1999-01-01T00:00:00Z".parse().unwrap()),
            Some("2000-01-01T00:00:00Z".parse().unwrap()),
            &[],
        ),
    ] {
        let list = exports.list(&query(from, to), |_| true).await.unwrap();
        let mut listed: Vec<ExportId> = list.exports.iter().map(|export| export.id).collect();
        listed.reverse();
        assert_eq!(
            (listed.as_slice(), list.next),
            (expected, None),
            "{from:?} to {to:?}"
        );
    }
}

#[tokio::test]
async fn a_list_has_the_readable_exports_and_counts_the_others() {
    let states = [5, 6, 7, 8].map(|number| {
        let mut state = waiting();
        (state.export.id, state.work.id) = (id(number), id(number));
        state
    });
    let tables = FakeTables::holding(&states);
    tables.spoil_export(6);
    tables.spoil_work(7);
    let exports = tables.exports();
    let query = ListQuery {
        parent: "project#42".parse().unwrap(),
        of_root: false,
        before: None,
        created_at: Range::default(),
        limit: 2,
    };
    let first = exports.list(&query, |_| true).await.unwrap();
    let listed: Vec<u64> = first.exports.iter().map(|export| export.id.get()).collect();
    // The unreadable export comes after them.
    assert_eq!((listed, first.unreadable), (vec![8, 7], 0));
    let rest = ListQuery {
        before: first.next,
        ..query
    };
    let rest = exports.list(&rest, |_| true).await.unwrap();
    let listed: Vec<u64> = rest.exports.iter().map(|export| export.id.get()).collect();
    assert_eq!((listed, rest.unreadable, rest.next), (vec![5], 1, None));
    let progress = exports.progress(&[id(7), id(8)]).await.unwrap();
    assert_eq!((progress.reached.len(), progress.unreadable), (1, 1));
    let error = exports.state(id(6)).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_failing_export_is_put_off_longer_each_time_and_keeps_its_due_time() {
    let tables = FakeTables::holding([&waiting()]);
    let exports = tables.exports();
    for (failures, minutes) in [
        (1, 1),
        (2, 2),
        (3, 4),
        (4, 8),
        (5, 16),
        (6, 32),
        (7, 60),
        (8, 60),
    ] {
        exports
            .record_failed_step(id(7), at(100), timing())
            .await
            .unwrap();
        let work = tables.work(7).unwrap();
        let retry = at(100) + SignedDuration::from_mins(minutes);
        assert_eq!(
            (work.failures, work.retry_at),
            (failures, Some(retry.as_second()))
        );
        assert_eq!((work.due_at(), work.sequence), (Some(at(60)), 1));
        assert_eq!(work.shard, Some(16 + 7));
    }
    let of_shard = async |shard| {
        let due = exports.due(shard, at(100), None, 10).await.unwrap();
        due.exports
    };
    assert_eq!(of_shard(7).await, []);
    assert_eq!(of_shard(16 + 7).await, [(id(7), at(60))]);
    // An unreadable one is put off too; one that does not exist is not.
    tables.spoil_work(7);
    exports
        .record_failed_step(id(7), at(100), timing())
        .await
        .unwrap();
    exports
        .record_failed_step(id(8), at(100), timing())
        .await
        .unwrap();
}

/// The key and the value of a daily total.
fn total(day: &str, person: usize) -> HashMap<String, AttributeValue> {
    let text = |text: String| AttributeValue::S(text);
    let mut item = HashMap::from([
        ("sk".to_owned(), text(format!("{day}##{person:05}"))),
        ("day".to_owned(), text(day.to_owned())),
        ("user_id".to_owned(), text(format!("u-{person}"))),
        ("v".to_owned(), AttributeValue::N("1".into())),
    ]);
    for count in ["exports", "downloads", "rows", "bytes"] {
        item.insert(count.to_owned(), AttributeValue::N("1".into()));
    }
    item
}

/// The totals of the days of these pages, of 20,000 people each, and how many queries read them.
async fn days_of_pages(pages: &'static [[&str; 2]]) -> (usize, String, usize) {
    let asked = AtomicUsize::new(0);
    let query = mock!(Client::query).then_output(move || {
        let page = asked.fetch_add(1, Ordering::Relaxed);
        let items = pages[page].iter().enumerate();
        let items = items.flat_map(|(half, day)| {
            (0..10_000).map(move |n| total(day, page * 20_000 + half * 10_000 + n))
        });
        let items: Vec<_> = items.collect();
        let last = items.last().filter(|_| page + 1 < pages.len()).cloned();
        QueryOutput::builder()
            .set_items(Some(items))
            .set_last_evaluated_key(last)
            .build()
    });
    let parent = "project#42".parse().unwrap();
    let (from, to) = ("2026-11-01".parse().unwrap(), "2026-11-09".parse().unwrap());
    let rules = [&query];
    let days = answered_by(&rules).daily_totals(&parent, from, to).await;
    let days = days.unwrap();
    (days.totals.len(), days.end.to_string(), query.num_calls())
}

#[tokio::test]
async fn daily_totals_of_very_many_people_end_with_a_whole_day() {
    const A: &str = "2026-11-01";
    const B: &str = "2026-11-02";
    const C: &str = "2026-11-03";
    let few = days_of_pages(&[[A, B], [B, C]]).await;
    assert_eq!(few, (40_000, "2026-11-09".into(), 2));
    let many = days_of_pages(&[[A, A], [A, B], [B, C], [C, C]]).await;
    assert_eq!(many, (50_000, C.into(), 3));
    // The first day is always there.
    let one = days_of_pages(&[[A, A], [A, A], [A, A], [A, B]]).await;
    assert_eq!(one, (80_000, "2026-11-09".into(), 4));
}
