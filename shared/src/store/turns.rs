//! Turns: so many exports of one parent are made at once, the others wait. It keeps one customer's many exports from
//! starving the host's table and everybody else's exports.
//!
//! An item of the table `work` for each parent says whose turn it is and who waits. It is no guarantee that anything is
//! made: an export's own work is. A worker that was killed keeps its turn until its lease has ended.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Exports, StoreError, from_item, to_item};
use crate::export::{Export, ExportId};
use crate::work::Pace;

/// How often a write is tried that others overtake. Beyond, the sweeper brings the export back.
const TRIES: u32 = 10;
/// How many can wait to be woken, so that the item stays small. Beyond, an export waits for the sweeper.
const MOST_WAITING: usize = 1_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Turns {
    id: String,
    /// Grows by one with every write.
    version: u64,
    running: Vec<Turn>,
    /// Who waits, the longest first.
    waiting: Vec<ExportId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Turn {
    export: ExportId,
    /// The random name of the worker that has it.
    owner: String,
    since: Timestamp,
}

impl Exports {
    /// Takes a turn at this export for a worker, if fewer than `most` exports of its parent are being made. Otherwise
    /// it is false, and whoever ends a turn wakes the export.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn take_turn(
        &self,
        export: &Export,
        owner: &str,
        most: usize,
        now: Timestamp,
        pace: Pace,
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let mut turns = self.turns(export).await?;
            let mine = Turn {
                export: export.id,
                owner: owner.to_owned(),
                since: now,
            };
            if let Some(turn) = turns
                .running
                .iter_mut()
                .find(|turn| turn.export == export.id)
            {
                *turn = mine;
            } else {
                if turns.running.len() >= most {
                    self.drop_ended(&mut turns, now, pace).await?;
                }
                if turns.running.len() < most {
                    turns.running.push(mine);
                    turns.waiting.retain(|waiting| *waiting != export.id);
                } else if turns.waiting.contains(&export.id) || turns.waiting.len() == MOST_WAITING
                {
                    return Ok(false);
                } else {
                    turns.waiting.push(export.id);
                }
            }
            let is_taken = turns.running.iter().any(|turn| turn.owner == owner);
            if self.write_turns(turns).await? {
                return Ok(is_taken);
            }
        }
        Ok(false)
    }

    /// Ends a worker's turn. Returns the export that has waited longest: it is to be woken.
    ///
    /// # Errors
    /// When the table cannot be read or written. The turn then ends with the worker's lease.
    pub async fn end_turn(
        &self,
        export: &Export,
        owner: &str,
    ) -> Result<Option<ExportId>, StoreError> {
        for _ in 0..TRIES {
            let mut turns = self.turns(export).await?;
            let before = turns.running.len();
            turns.running.retain(|turn| turn.owner != owner);
            if turns.running.len() == before {
                return Ok(None);
            }
            let next = (!turns.waiting.is_empty()).then(|| turns.waiting.remove(0));
            if self.write_turns(turns).await? {
                return Ok(next);
            }
        }
        Ok(None)
    }

    /// Leaves out whoever has no lease any more: its worker was killed.
    async fn drop_ended(
        &self,
        turns: &mut Turns,
        now: Timestamp,
        pace: Pace,
    ) -> Result<(), StoreError> {
        let mut running = Vec::with_capacity(turns.running.len());
        for turn in std::mem::take(&mut turns.running) {
            // Between the turn and the lease there is a moment without one.
            let is_new = turn.since + pace.lease() > now;
            if is_new || self.is_held(turn.export, now, pace).await? {
                running.push(turn);
            }
        }
        turns.running = running;
        Ok(())
    }

    async fn is_held(&self, id: ExportId, now: Timestamp, pace: Pace) -> Result<bool, StoreError> {
        let lease = self.work(id).await?.and_then(|work| work.lease);
        Ok(lease.is_some_and(|lease| lease.until + pace.skew() > now))
    }

    async fn turns(&self, export: &Export) -> Result<Turns, StoreError> {
        let id = format!("turns#{}", export.parent);
        let table = &self.tables.work;
        match self.get(table, AttributeValue::S(id.clone())).await? {
            Some(item) => from_item(table, item),
            None => Ok(Turns {
                id,
                ..Turns::default()
            }),
        }
    }

    /// Writes the turns, unless somebody else has since they were read.
    async fn write_turns(&self, mut turns: Turns) -> Result<bool, StoreError> {
        let table = &self.tables.work;
        let before = turns.version;
        turns.version += 1;
        let mut put = self
            .db
            .put_item()
            .table_name(table)
            .set_item(Some(to_item(table, &turns)?));
        put = match before {
            0 => put.condition_expression("attribute_not_exists(id)"),
            before => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", AttributeValue::N(before.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StoreError::sdk("PutItem", table, error)),
        }
    }
}
