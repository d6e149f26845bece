//! Slots: a limited number of exports of one parent run at once, and the others wait in line, so that one customer's
//! many exports do not starve the host's table or other customers' exports.
//!
//! An item of the table `work` per parent has the exports with a slot and those in line. While an export waits, no slot
//! is free: a worker that frees a slot reserves it, in the same write, for the first export in line, and wakes that
//! export with a message. So no export can overtake the line. An export that continues in another invocation goes to
//! the end of the line.
//!
//! The item only limits exports; it is each export's own work that guarantees progress. A slot of a killed worker ends
//! with the worker's lease, and an unused reservation ends by timeout; the next worker detects both.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Exports, StoreError, from_item, to_item};
use crate::export::{Export, ExportId};
use crate::parent::Parent;
use crate::work::WorkTiming;

/// Tries of a write that conflicts with others. After that, the sweeper's next message brings the export back.
const TRIES: u32 = 10;
/// The longest wait between tries, in milliseconds.
const LONGEST_PAUSE: u64 = 50;
/// The maximum length of the line, so that the item stays far below DynamoDB's limit of 400 KB. Further exports try
/// again when the sweeper sends their message.
const LONGEST_LINE: usize = 1_000;
/// The version of the item's form.
const FORM: u32 = 1;

/// The outcome of [`Exports::take_slot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotClaim {
    /// Whether the export has a slot.
    pub place: Place,
    /// Exports for which a slot was reserved by the same write. The caller must wake each with a message.
    pub woken: Vec<ExportId>,
}

/// The position of an export among its parent's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A slot: the worker may claim the export.
    Slot,
    /// In line. The worker that frees a slot wakes the export.
    Line,
    /// Another worker has just taken the export's slot and is about to claim the export.
    Taken,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Slots {
    id: String,
    /// The version of the item's form ([`FORM`]).
    v: u32,
    /// Incremented by every write.
    revision: u64,
    /// The random name of the last write, by which a retry recognizes an earlier try whose answer was lost.
    write: String,
    /// The number of slots, as the last worker was configured.
    most: usize,
    /// The slots in use or reserved.
    slots: Vec<Slot>,
    /// The exports in line, the longest waiting first.
    line: Vec<ExportId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    export: ExportId,
    /// The random name of the worker that has the slot; null while the slot is reserved.
    owner: Option<String>,
    since: Timestamp,
}

impl Slots {
    /// The slots of a parent without exports.
    fn none(id: String) -> Self {
        Self {
            id,
            v: FORM,
            ..Self::default()
        }
    }

    fn slot_of(&mut self, export: ExportId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.export == export)
    }

    /// Puts an export at the end of the line, unless it is in line. Returns false if the line is full.
    fn join(&mut self, export: ExportId) -> bool {
        if self.slot_of(export).is_some() || self.line.contains(&export) {
            return true;
        }
        let has_room = self.line.len() < LONGEST_LINE;
        if has_room {
            self.line.push(export);
        }
        has_room
    }
}

impl Slot {
    /// Whether the slot was taken so recently that its worker may not have its lease yet.
    fn is_new(&self, now: Timestamp, timing: WorkTiming) -> bool {
        self.since + timing.lease() > now
    }
}

impl Exports {
    /// Takes one of the `most` slots of the export's parent for the worker `owner`. Without a free slot, the export is
    /// put in line.
    ///
    /// # Errors
    /// When the tables cannot be read or written.
    pub async fn take_slot(
        &self,
        export: &Export,
        owner: &str,
        most: usize,
        now: Timestamp,
        timing: WorkTiming,
    ) -> Result<SlotClaim, StoreError> {
        for _ in 0..TRIES {
            let before = self.slots(&export.parent).await?;
            let mut slots = Slots {
                most,
                ..before.clone()
            };
            let mut woken = Vec::new();
            match slots.slot_of(export.id) {
                Some(slot) if slot.owner.is_some() && slot.is_new(now, timing) => {
                    let place = Place::Taken;
                    return Ok(SlotClaim { place, woken });
                }
                Some(_) => {}
                None => {
                    if slots.slots.len() >= most {
                        self.drop_ended(&mut slots, now, timing).await?;
                    }
                    if !slots.join(export.id) {
                        tracing::warn!(export.id = %export.id, "the line of the parent is full");
                    }
                    woken = self.fill(&mut slots, Some(export.id), now).await?;
                    woken.retain(|id| *id != export.id);
                }
            }
            let mut place = Place::Line;
            if let Some(slot) = slots.slot_of(export.id) {
                slot.owner = Some(owner.to_owned());
                slot.since = now;
                place = Place::Slot;
            }
            if slots == before || self.write_slots(slots).await? {
                return Ok(SlotClaim { place, woken });
            }
            pause().await;
        }
        Ok(SlotClaim {
            place: Place::Line,
            woken: Vec::new(),
        })
    }

    /// Frees a worker's slot. Returns the exports for which slots were reserved; the caller must wake them.
    ///
    /// # Errors
    /// When the tables cannot be read or written. The slot then ends with the worker's lease.
    pub async fn end_slot(
        &self,
        export: &Export,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let ended = self.change_slots(export, now, |slots| {
            slots
                .slots
                .retain(|slot| slot.export != export.id || slot.owner.as_deref() != Some(owner));
        });
        Ok(ended.await?.unwrap_or_default())
    }

    /// Frees a worker's slot, and puts its unfinished export at the end of the line. Returns the exports that the
    /// caller must wake. This export is among them if no other waits, or if every try conflicted.
    ///
    /// # Errors
    /// When the tables cannot be read or written. The slot then ends with the worker's lease.
    pub async fn requeue_slot(
        &self,
        export: &Export,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let handed = self.change_slots(export, now, |slots| {
            slots
                .slots
                .retain(|slot| slot.export != export.id || slot.owner.as_deref() != Some(owner));
            slots.join(export.id);
        });
        Ok(handed.await?.unwrap_or_else(|| vec![export.id]))
    }

    /// Removes an export that needs no slot any more from the line, and passes on a reservation for it. A slot that a
    /// worker has stays the worker's. Returns the exports that the caller must wake.
    ///
    /// # Errors
    /// When the tables cannot be read or written. A reservation then ends by timeout.
    pub async fn leave_line(
        &self,
        export: &Export,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let left = self.change_slots(export, now, |slots| {
            let is_reserved = |slot: &Slot| slot.export == export.id && slot.owner.is_none();
            slots.slots.retain(|slot| !is_reserved(slot));
            slots.line.retain(|waiting| *waiting != export.id);
        });
        Ok(left.await?.unwrap_or_default())
    }

    /// Applies `change` to the slots, and reserves freed slots for the first in line. `None` if every try conflicted.
    async fn change_slots(
        &self,
        export: &Export,
        now: Timestamp,
        change: impl Fn(&mut Slots),
    ) -> Result<Option<Vec<ExportId>>, StoreError> {
        for _ in 0..TRIES {
            let before = self.slots(&export.parent).await?;
            let mut slots = before.clone();
            change(&mut slots);
            let woken = match slots == before {
                true => return Ok(Some(Vec::new())),
                false => self.fill(&mut slots, None, now).await?,
            };
            if self.write_slots(slots).await? {
                return Ok(Some(woken));
            }
            pause().await;
        }
        Ok(None)
    }

    /// Reserves every free slot for the first unfinished export in line; `alive` is known to be unfinished.
    async fn fill(
        &self,
        slots: &mut Slots,
        alive: Option<ExportId>,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let mut reserved = Vec::new();
        while slots.slots.len() < slots.most && !slots.line.is_empty() {
            let next = slots.line.remove(0);
            if alive != Some(next) && !self.is_to_be_made(next).await? {
                continue;
            }
            slots.slots.push(Slot {
                export: next,
                owner: None,
                since: now,
            });
            reserved.push(next);
        }
        Ok(reserved)
    }

    async fn is_to_be_made(&self, id: ExportId) -> Result<bool, StoreError> {
        match self.export(id).await {
            Ok(export) => Ok(export.is_some_and(|export| !export.status.is_final())),
            // No worker can process an unreadable export, and it must not block the line. The sweeper reports it.
            Err(StoreError::Malformed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the slots of killed workers, whose lease has ended, and unused reservations, whose exports go to the end
    /// of the line.
    async fn drop_ended(
        &self,
        slots: &mut Slots,
        now: Timestamp,
        timing: WorkTiming,
    ) -> Result<(), StoreError> {
        let mut kept = Vec::with_capacity(slots.slots.len());
        let mut lapsed = Vec::new();
        for slot in std::mem::take(&mut slots.slots) {
            let stays = match slot.owner {
                None => now < slot.since + timing.reserved(),
                Some(_) => {
                    slot.is_new(now, timing) || self.is_held(slot.export, now, timing).await?
                }
            };
            match (stays, &slot.owner) {
                (true, _) => kept.push(slot),
                (false, None) => lapsed.push(slot.export),
                (false, Some(_)) => {}
            }
        }
        slots.slots = kept;
        for export in lapsed {
            slots.join(export);
        }
        Ok(())
    }

    async fn is_held(
        &self,
        id: ExportId,
        now: Timestamp,
        timing: WorkTiming,
    ) -> Result<bool, StoreError> {
        match self.work(id).await {
            Ok(work) => {
                let lease = work.and_then(|work| work.lease);
                Ok(lease.is_some_and(|lease| lease.until + timing.skew() > now))
            }
            // No worker can process an unreadable export.
            Err(StoreError::Malformed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn slots(&self, parent: &Parent) -> Result<Slots, StoreError> {
        let id = slots_key(parent);
        let table = &self.tables.work;
        match self.get(table, AttributeValue::S(id.clone())).await? {
            None => Ok(Slots::none(id)),
            Some(item) => {
                let revision = item.get("revision").and_then(|value| value.as_n().ok());
                let revision = revision.and_then(|text| text.parse().ok()).unwrap_or(0);
                from_item(table, item).or_else(|error: StoreError| {
                    // Otherwise no export of the parent could run. After a reset, more exports than allowed may run for
                    // a while, and the sweeper brings back those in line.
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the slots of a parent cannot be read and are reset");
                    Ok(Slots {
                        revision,
                        ..Slots::none(id)
                    })
                })
            }
        }
    }

    /// Writes the slots, unless they were written since they were read.
    async fn write_slots(&self, mut slots: Slots) -> Result<bool, StoreError> {
        let table = &self.tables.work;
        let before = slots.revision;
        slots.revision += 1;
        slots.write = Uuid::new_v4().simple().to_string();
        let (id, write) = (slots.id.clone(), slots.write.clone());
        let mut put = self
            .db
            .put_item()
            .table_name(table)
            .set_item(Some(to_item(table, &slots)?));
        put = match before {
            0 => put
                .condition_expression("attribute_not_exists(#revision)")
                .expression_attribute_names("#revision", "revision"),
            before => put
                .condition_expression("#revision = :revision")
                .expression_attribute_names("#revision", "revision")
                .expression_attribute_values(":revision", AttributeValue::N(before.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            // The SDK retries a write whose answer was lost, and the retry then conflicts with the first try.
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                let found = self.get(table, AttributeValue::S(id)).await?;
                let found = found.and_then(|mut item| item.remove("write"));
                Ok(found == Some(AttributeValue::S(write)))
            }
            Err(error) => Err(StoreError::sdk("PutItem", table, error)),
        }
    }
}

/// A random wait, so that conflicting writers retry at different times.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=LONGEST_PAUSE))).await;
}

/// The id of the item with a parent's slots, in the table `work`.
pub(super) fn slots_key(parent: &Parent) -> String {
    format!("slots#{parent}")
}
