//! One page of a list of records: read until there are enough of them, or enough has been read.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tokio::time::Instant;
use waybill::file::json;
use waybill::records::RecordsSource;
use waybill::selection::Projection;
use waybill::value::Value;

use super::query::RecordsQuery;
use crate::http::error::ApiError;

/// How much of the table one call examines, in bytes: a rare match must not cost a table.
const MAX_EXAMINED: u64 = 5_000_000;
/// How long one call reads.
const LONGEST: Duration = Duration::from_secs(2);
/// The longest list, in bytes: Lambda answers with 6 MB at most, in which the gateway's form escapes each quote.
const MAX_BYTES: usize = 4_000_000;
/// By how much each page that is read is larger than the one before: few calls for a rare match, few records read in
/// vain for a frequent one.
const GROWTH: u32 = 4;

/// A record as it is shown: its columns' values by their keys.
pub(super) type Record = Map<String, Json>;

/// A page.
pub(super) struct Found {
    pub(super) records: Vec<Record>,
    /// Where the next page goes on: past this position, or from the first record. `None` when there is none.
    pub(super) next: Option<Option<String>>,
}

/// Reads from `source`, which begins past `after`, as many records of the selection as are asked for. There may be
/// fewer, or none, with a `next`.
pub(super) async fn page(
    source: &mut RecordsSource,
    asked: &RecordsQuery<'_>,
    projection: &Projection,
    as_of: Timestamp,
    after: Option<String>,
) -> Result<Found, ApiError> {
    let limit = asked.list.limit;
    let started = Instant::now();
    let (mut examined, mut bytes) = (0, 0);
    let mut records = Vec::new();
    // Up to here every record of the selection is shown.
    let mut position = after;
    // One more than are shown tells whether there is a next page.
    let mut size = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
    loop {
        source.examine_at_most(size);
        let Some(page) = source.next().await? else {
            return Ok(Found {
                records,
                next: None,
            });
        };
        let mut values: Vec<Value<'_>> = Vec::new();
        for n in 0..page.len() {
            page.values(n, projection, &mut values);
            if !projection.decide(&values, page.key_time(n), as_of).is_in() {
                continue;
            }
            if records.len() == limit || bytes >= MAX_BYTES {
                return Ok(Found {
                    records,
                    next: Some(position),
                });
            }
            let record = record(asked, projection.columns(&values));
            bytes += serde_json::to_vec(&record).map_or(0, |json| json.len());
            records.push(record);
            position = Some(page.position(n));
        }
        position = Some(page.end());
        if page.read() > 0 {
            size = size.saturating_mul(GROWTH);
        }
        examined += page.examined();
        let is_over = records.len() == limit
            || bytes >= MAX_BYTES
            || examined >= MAX_EXAMINED
            || started.elapsed() >= LONGEST;
        if is_over {
            return Ok(Found {
                records,
                next: (!source.is_at_end()).then_some(position),
            });
        }
    }
}

fn record(asked: &RecordsQuery<'_>, values: &[Value<'_>]) -> Record {
    let columns = asked.columns.iter().zip(values);
    columns
        .map(|(column, value)| {
            (
                column.key.clone(),
                json::value(column, value, &asked.time_zone),
            )
        })
        .collect()
}
