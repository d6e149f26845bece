//! Tests of the slots of a parent: which exports have one, which wait, and which are woken.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::sync::Arc;

use waybill::event::Actor;
use waybill::export::{Export, ExportId};
use waybill::lifecycle::{Claim, State};
use waybill::store::{Exports, Place, SlotClaim};
use waybill_testing::fake::Forgetful;
use waybill_testing::{FakeTables, at, id, timing, waiting};

/// Five exports of one parent, and their store.
fn five() -> (FakeTables, Exports) {
    let tables = FakeTables::holding(&[1, 2, 3, 4, 5].map(state));
    let exports = tables.exports();
    (tables, exports)
}

fn state(number: u64) -> State {
    let mut state = waiting();
    (state.export.id, state.work.id) = (id(number), id(number));
    state
}

fn export(number: u64) -> Export {
    state(number).export
}

fn ids(numbers: &[u64]) -> Vec<ExportId> {
    numbers.iter().copied().map(id).collect()
}

/// The worker `w1` calls `take_slot` for export 1, and so on, with `most` slots.
async fn asks(exports: &Exports, number: u64, most: usize, second: i64) -> SlotClaim {
    let (export, owner) = (export(number), format!("w{number}"));
    let asked = exports.take_slot(&export, &owner, most, at(second), timing());
    asked.await.unwrap()
}

async fn place(exports: &Exports, number: u64, second: i64) -> Place {
    let asked = asks(exports, number, 1, second).await;
    assert_eq!(asked.woken, []);
    asked.place
}

async fn ends(exports: &Exports, number: u64, second: i64) -> Vec<ExportId> {
    let (export, owner) = (export(number), format!("w{number}"));
    let ended = exports.end_slot(&export, &owner, at(second));
    ended.await.unwrap()
}

#[tokio::test]
async fn a_slot_goes_to_the_longest_waiting_export() {
    let (_, exports) = five();
    assert_eq!(place(&exports, 1, 0).await, Place::Slot);
    assert_eq!(place(&exports, 2, 1).await, Place::Line);
    assert_eq!(place(&exports, 3, 2).await, Place::Line);
    // It is in line only once, however often it tries.
    assert_eq!(place(&exports, 2, 3).await, Place::Line);
    assert_eq!(ends(&exports, 1, 10).await, ids(&[2]));
    // Another export's message comes before that of the woken export.
    assert_eq!(place(&exports, 4, 11).await, Place::Line);
    assert_eq!(place(&exports, 3, 11).await, Place::Line);
    assert_eq!(place(&exports, 2, 12).await, Place::Slot);
    assert_eq!(ends(&exports, 2, 20).await, ids(&[3]));
    assert_eq!(place(&exports, 3, 21).await, Place::Slot);
    assert_eq!(ends(&exports, 3, 30).await, ids(&[4]));
    assert_eq!(place(&exports, 4, 31).await, Place::Slot);
    assert_eq!(ends(&exports, 4, 40).await, []);
}

#[tokio::test]
async fn only_its_own_worker_frees_a_slot() {
    let (_, exports) = five();
    asks(&exports, 1, 1, 0).await;
    asks(&exports, 2, 1, 1).await;
    let other = exports.end_slot(&export(1), "w9", at(2)).await.unwrap();
    assert_eq!(other, []);
    let other = exports.end_slot(&export(3), "w1", at(2)).await.unwrap();
    assert_eq!(other, []);
    assert_eq!(place(&exports, 3, 3).await, Place::Line);
    assert_eq!(ends(&exports, 1, 4).await, ids(&[2]));
}

#[tokio::test]
async fn a_canceled_export_passes_its_reservation_on() {
    let (_, exports) = five();
    for number in 1..=4 {
        asks(&exports, number, 1, 0).await;
    }
    // It leaves the line.
    assert_eq!(exports.leave_line(&export(3), at(1)).await.unwrap(), []);
    assert_eq!(ends(&exports, 1, 2).await, ids(&[2]));
    // It has a reservation.
    let passed_on = exports.leave_line(&export(2), at(3)).await.unwrap();
    assert_eq!(passed_on, ids(&[4]));
    assert_eq!(place(&exports, 4, 4).await, Place::Slot);
    // A worker keeps its slot until it stops.
    assert_eq!(exports.leave_line(&export(4), at(5)).await.unwrap(), []);
    assert_eq!(place(&exports, 5, 6).await, Place::Line);
    // This export has neither a slot nor a place in line.
    assert_eq!(exports.leave_line(&export(2), at(7)).await.unwrap(), []);
}

#[tokio::test]
async fn an_export_that_ended_in_line_is_skipped() {
    let (tables, exports) = five();
    for number in 1..=4 {
        asks(&exports, number, 1, 0).await;
    }
    let canceled = state(2).cancel(Actor::default(), at(1), timing());
    tables.write(&canceled.after);
    tables.lose_export(3);
    assert_eq!(ends(&exports, 1, 2).await, ids(&[4]));
}

#[tokio::test]
async fn an_unreadable_export_does_not_block_the_line() {
    let (tables, exports) = five();
    for number in 1..=3 {
        asks(&exports, number, 1, 0).await;
    }
    tables.spoil_export(2);
    assert_eq!(ends(&exports, 1, 2).await, ids(&[3]));
}

#[tokio::test]
async fn a_continued_export_goes_to_the_end_of_the_line() {
    let (_, exports) = five();
    asks(&exports, 1, 1, 0).await;
    let requeue = async |number, second| {
        let (export, owner) = (export(number), format!("w{number}"));
        let woken = exports.requeue_slot(&export, &owner, at(second));
        woken.await.unwrap()
    };
    // No other export waits: it keeps the slot.
    assert_eq!(requeue(1, 10).await, ids(&[1]));
    assert_eq!(place(&exports, 2, 11).await, Place::Line);
    assert_eq!(place(&exports, 1, 12).await, Place::Slot);
    assert_eq!(place(&exports, 3, 13).await, Place::Line);
    assert_eq!(requeue(1, 20).await, ids(&[2]));
    assert_eq!(place(&exports, 1, 21).await, Place::Line);
    assert_eq!(place(&exports, 2, 22).await, Place::Slot);
    assert_eq!(ends(&exports, 2, 30).await, ids(&[3]));
    assert_eq!(place(&exports, 3, 31).await, Place::Slot);
    assert_eq!(ends(&exports, 3, 40).await, ids(&[1]));
}

#[tokio::test]
async fn an_unused_reservation_ends_by_timeout() {
    let (_, exports) = five();
    for number in 1..=3 {
        asks(&exports, number, 1, 0).await;
    }
    assert_eq!(ends(&exports, 1, 10).await, ids(&[2]));
    assert_eq!(place(&exports, 3, 10 + 299).await, Place::Line);
    assert_eq!(place(&exports, 3, 10 + 300).await, Place::Slot);
    // The export is still in line.
    assert_eq!(ends(&exports, 3, 400).await, ids(&[2]));
    // It can still take the slot if no other export has.
    assert_eq!(place(&exports, 2, 4_000).await, Place::Slot);
}

#[tokio::test]
async fn the_slot_of_a_killed_worker_ends_with_its_lease() {
    let (tables, exports) = five();
    asks(&exports, 1, 1, 0).await;
    let Claim::Take(taken) = state(1).claim("w1", at(0), timing()) else {
        panic!("the claim is not possible");
    };
    tables.write(&taken.after);
    // A lease of 60 s, and a clock skew of 30 s.
    assert_eq!(place(&exports, 2, 89).await, Place::Line);
    assert_eq!(place(&exports, 2, 90).await, Place::Slot);
}

#[tokio::test]
async fn a_second_worker_of_the_same_export_leaves_the_slot_to_the_first() {
    let (_, exports) = five();
    asks(&exports, 1, 1, 0).await;
    let export = export(1);
    let second = exports.take_slot(&export, "another", 1, at(1), timing());
    assert_eq!(second.await.unwrap().place, Place::Taken);
    // The first worker was killed before it took the lease.
    let third = exports.take_slot(&export, "another", 1, at(60), timing());
    assert_eq!(third.await.unwrap().place, Place::Slot);
}

#[tokio::test]
async fn more_slots_than_before_are_filled_from_the_line() {
    let (_, exports) = five();
    for number in 1..=4 {
        asks(&exports, number, 1, 0).await;
    }
    let asked = asks(&exports, 5, 3, 1).await;
    assert_eq!((asked.place, asked.woken), (Place::Line, ids(&[2, 3])));
}

/// Otherwise an export that was reserved a slot by a write whose answer was lost would not be woken.
#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_recognized() {
    for (ends, others) in [(true, ids(&[2])), (false, ids(&[2]))] {
        let (tables, exports) = five();
        for number in 1..=3 {
            asks(&exports, number, 1, 0).await;
        }
        let wire = Arc::new(Forgetful::new(tables.clone(), &["DynamoDB.PutItem"]));
        let forgetful = tables.exports_over(wire.clone());
        let woken = match ends {
            true => forgetful.end_slot(&export(1), "w1", at(1)).await,
            false => forgetful.requeue_slot(&export(1), "w1", at(1)).await,
        };
        assert_eq!(wire.lost(), ["DynamoDB.PutItem"]);
        assert_eq!(woken.unwrap(), others);
        assert_eq!(place(&exports, 2, 2).await, Place::Slot);
    }
}

#[tokio::test]
async fn a_line_is_of_bounded_length() {
    let tables = FakeTables::default();
    let exports = tables.exports();
    for number in 1..=1_003 {
        tables.write(&state(number));
        assert_eq!(asks(&exports, number, 1, 0).await.woken, []);
    }
    // Beyond 1,000, an export tries again when the sweeper sends its message.
    let asked = asks(&exports, 1_003, 2_000, 1).await;
    let waited: Vec<u64> = (2..=1_001).collect();
    assert_eq!((asked.place, asked.woken), (Place::Line, ids(&waited)));
}

/// Otherwise no export of the parent could run.
#[tokio::test]
async fn unreadable_slots_are_reset() {
    let (tables, exports) = five();
    asks(&exports, 1, 1, 0).await;
    asks(&exports, 2, 1, 0).await;
    tables.spoil_slots("project#42");
    assert_eq!(place(&exports, 3, 1).await, Place::Slot);
    assert_eq!(place(&exports, 2, 2).await, Place::Line);
    assert_eq!(ends(&exports, 3, 3).await, ids(&[2]));
}
