//! A read of records in a database beside a writer, through stops, connections that end and a server that crashes.

use jiff::Timestamp;
use serde_json::json;
use waybill::records::Range;
use waybill::value::Value;

use crate::sql_source::SqlSource;

/// The rows that are there at the request. The writer touches those whose number is a multiple of three.
pub const ROWS: i64 = 900;
/// Every so many reads, the server crashes.
const CRASH_EVERY: u64 = 10;

/// What happened to reads, so that no test passes for lack of trouble.
#[derive(Debug, Default)]
pub struct Troubles {
    resumed: u32,
    ended: u32,
    failed: u32,
    crashed: u32,
}

impl Troubles {
    /// Whether there was enough of every kind in so many reads.
    pub fn are_enough(&self, reads: u64) -> bool {
        let [resumed, ended, crashed] = [self.resumed, self.ended, self.crashed].map(u64::from);
        resumed > 2 * reads && ended > reads && crashed == reads.div_ceil(CRASH_EVERY)
    }
}

/// Whether the writer touches a row.
pub fn is_touched(id: i64) -> bool {
    id % 3 == 0 || id > ROWS
}

/// A statement of the writer, which inserts, deletes, moves and commits late. `time` makes the time so many seconds ago in SQL,
/// and `insert` the statement that inserts a row at a time unless it is there.
pub fn written(
    random: &mut fastrand::Rng,
    time: impl Fn(i64) -> String,
    insert: impl Fn(i64, &str) -> String,
    pause: &str,
) -> String {
    let (touched, new) = (random.i64(1..=ROWS / 3) * 3, ROWS + random.i64(1..=500));
    let time = time(random.i64(-5..80));
    let insert = insert(new, &time);
    match random.u8(0..4) {
        0 => insert,
        1 => format!("DELETE FROM orders WHERE id = {touched}"),
        2 => format!("UPDATE orders SET created_at = {time} WHERE id = {touched}"),
        _ => format!("BEGIN; {insert}; {pause}; COMMIT"),
    }
}

/// Reads as a worker does: with windows of a few rows, from position to position, through all troubles. `crash` crashes the
/// server, and `end` ends connections of the reader and says whether there were any. Returns the ids of the rows.
pub async fn read_disturbed(
    source: &SqlSource,
    as_of: Timestamp,
    seed: u64,
    troubles: &mut Troubles,
    crash: impl Fn(),
    end: impl AsyncFn() -> bool,
) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let projection = source.projection(&json!({}));
    let (mut ids, mut position) = (Vec::new(), None::<String>);
    let mut has_crashed = !seed.is_multiple_of(CRASH_EVERY);
    'open: loop {
        let range = Range::whole(as_of);
        let opened = source.open_within("acme", &projection, position.as_deref(), range);
        let mut records = match opened.await {
            Ok(records) => records.with_read_ahead(),
            Err(error) => {
                assert!(error.failure().is_none(), "{error}");
                troubles.failed += 1;
                continue;
            }
        };
        records.examine_at_most(random.u32(1..60));
        loop {
            if !has_crashed && ids.len() > 100 {
                has_crashed = true;
                troubles.crashed += 1;
                crash();
            }
            let page = match records.next().await {
                Ok(Some(page)) => page,
                Ok(None) => return ids,
                Err(error) => {
                    assert!(error.failure().is_none(), "{error}");
                    troubles.failed += 1;
                    continue 'open;
                }
            };
            let stop = random.bool().then(|| random.usize(0..page.len().max(1)));
            let mut values = Vec::new();
            for n in 0..page.len() {
                page.values(n, &projection, &mut values);
                if projection.decide(&values, page.key_time(n), as_of).is_in() {
                    let Value::Number(id) = &projection.columns(&values)[0] else {
                        panic!("an id is a number")
                    };
                    ids.push(id.parse().unwrap());
                }
                if stop == Some(n) && random.u8(0..4) == 0 {
                    position = Some(page.position(n));
                    troubles.resumed += 1;
                    continue 'open;
                }
            }
            position = Some(page.end());
            if random.u8(0..8) == 0 {
                troubles.ended += u32::from(end().await);
            }
        }
    }
}

/// Checks that every row came exactly once that is of the parent and that nobody touched. Every seventh row is of another
/// parent.
pub fn check_ids(ids: &[i64], seed: u64) {
    let count = |id: i64| ids.iter().filter(|found| **found == id).count();
    for id in (1..=ROWS).filter(|id| !is_touched(*id)) {
        let expected = usize::from(id % 7 != 0);
        assert_eq!(count(id), expected, "the row {id} in the read {seed}");
    }
    assert!(
        ids.iter().all(|id| id % 7 != 0 || *id > ROWS),
        "rows of another shop in the read {seed}"
    );
}
