//! The receipt of a complete file.

use jiff::Timestamp;
use waybill::export::Receipt;
use waybill::lifecycle::State;
use waybill::work::Completing;

/// AWS's list prices in us-east-1 in US dollars: Lambda on arm64 per GB-second, DynamoDB on-demand reads per unit, S3
/// PUT requests each, and S3 storage per GB and week.
const GB_SECOND: f64 = 0.000_013_333_4;
const READ_UNIT: f64 = 0.125e-6;
const PUT: f64 = 0.005e-3;
const GB_WEEK: f64 = 0.023 * 7.0 / 30.0;
/// The fixed cost of an export: a few writes, messages, events and a mail.
const EACH: f64 = 0.000_15;

/// The receipt for the file of `completing`.
pub(crate) fn receipt(
    state: &State,
    completing: &Completing,
    consistency: &str,
    memory_mb: u32,
    now: Timestamp,
) -> Receipt {
    let started = state.export.started_at.unwrap_or(now);
    let seconds = now.duration_since(started).as_secs_f64();
    let gb = |bytes: f64| bytes / 1e9;
    let cost = EACH
        + seconds * f64::from(memory_mb) / 1024.0 * GB_SECOND
        + completing.progress.read_units * READ_UNIT
        + f64::from(completing.parts + 2) * PUT
        + gb(completing.size as f64) * GB_WEEK;
    Receipt {
        read: completing.progress.read,
        matched: completing.progress.matched,
        written: completing.progress.rows,
        as_of: state.export.created_at,
        consistency: consistency.to_owned(),
        entry: state.export.entry.clone(),
        sha256: completing.sha256.clone(),
        attempts: state
            .work
            .invocations
            .saturating_sub(state.work.continuations),
        invocations: state.work.invocations,
        seconds: (seconds * 1000.0).round() / 1000.0,
        read_units: completing.progress.read_units,
        estimated_cost_usd: (cost * 1e6).round() / 1e6,
    }
}
