//! Slots: so many exports of one parent are made at once, and the others wait in line. It keeps one customer's many
//! exports from starving the host's table and everybody else's exports.
//!
//! An item of the table `work` for each parent says which exports have its slots, and which wait in line. While anybody
//! waits, no slot is free: whoever gives one up reserves it, in the same write, for the first in line, and wakes that
//! export by a message. So nobody overtakes the line, and an export that goes on in another invocation goes to its end.
//!
//! The item is no guarantee that anything is made: an export's own work is. A slot whose worker was killed ends with the
//! worker's lease, and a reservation that nobody takes ends by itself; both are found by whoever comes next.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Exports, StoreError, from_item, to_item};
use crate::export::{Export, ExportId};
use crate::parent::Parent;
use crate::work::Pace;

/// How often a write is tried that others overtake. Beyond, the sweeper brings the export back.
const TRIES: u32 = 10;
/// The longest wait before the next of them, in milliseconds.
const LONGEST_PAUSE: u64 = 50;
/// How many exports the line holds, so that the item stays far below DynamoDB's 400 KB. Beyond, an export comes again
/// when the sweeper sends its message.
const LONGEST_LINE: usize = 1_000;
/// The form of the item.
const FORM: u32 = 1;

/// What came of asking for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotClaim {
    /// What the export has now.
    pub place: Place,
    /// Exports that a slot was reserved for meanwhile: each is to be woken by a message.
    pub woken: Vec<ExportId>,
}

/// What an export has of its parent's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A slot: the worker may take the export on.
    Slot,
    /// A place in line. Whoever gives a slot up wakes the export.
    Line,
    /// Another worker took the export's slot a moment ago, and is about to take the export on.
    Taken,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Slots {
    id: String,
    /// The form of the item ([`FORM`]).
    v: u32,
    /// Grows by one with every write.
    revision: u64,
    /// The random name of the last write, by which one whose answer was lost is recognised.
    write: String,
    /// How many slots there are, as the last worker knew it.
    most: usize,
    /// Those that are in use or reserved.
    slots: Vec<Slot>,
    /// Who waits, the longest first.
    line: Vec<ExportId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    export: ExportId,
    /// The random name of the worker that has it; null while it is reserved.
    owner: Option<String>,
    since: Timestamp,
}

impl Slots {
    /// Those of a parent of which no export was made yet.
    fn none(id: String) -> Self {
        Self {
            id,
            v: FORM,
            ..Self::default()
        }
    }

    fn of(&mut self, export: ExportId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.export == export)
    }

    /// Puts an export at the end of the line, unless it has a place already. False where the line is full.
    fn join(&mut self, export: ExportId) -> bool {
        if self.of(export).is_some() || self.line.contains(&export) {
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
    /// Between the slot and the lease there is a moment without one.
    fn is_new(&self, now: Timestamp, pace: Pace) -> bool {
        self.since + pace.lease() > now
    }
}

impl Exports {
    /// Asks for one of the `most` slots of the export's parent, for the worker `owner`. Without a free one, the export
    /// waits in line.
    ///
    /// # Errors
    /// When the tables cannot be read or written.
    pub async fn take_slot(
        &self,
        export: &Export,
        owner: &str,
        most: usize,
        now: Timestamp,
        pace: Pace,
    ) -> Result<SlotClaim, StoreError> {
        for _ in 0..TRIES {
            let before = self.slots(&export.parent).await?;
            let mut slots = Slots {
                most,
                ..before.clone()
            };
            let mut woken = Vec::new();
            match slots.of(export.id) {
                Some(slot) if slot.owner.is_some() && slot.is_new(now, pace) => {
                    let place = Place::Taken;
                    return Ok(SlotClaim { place, woken });
                }
                Some(_) => {}
                None => {
                    if slots.slots.len() >= most {
                        self.drop_ended(&mut slots, now, pace).await?;
                    }
                    if !slots.join(export.id) {
                        tracing::warn!(export.id = %export.id, "the line of the parent is full");
                    }
                    woken = self.fill(&mut slots, Some(export.id), now).await?;
                    woken.retain(|id| *id != export.id);
                }
            }
            let mut place = Place::Line;
            if let Some(slot) = slots.of(export.id) {
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

    /// Gives a worker's slot up. Returns the exports that it was reserved for: they are to be woken.
    ///
    /// # Errors
    /// When the tables cannot be read or written. The slot then ends with the worker's lease.
    pub async fn end_slot(
        &self,
        export: &Export,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let ended = self.hand_on(export, now, |slots| {
            slots
                .slots
                .retain(|slot| slot.export != export.id || slot.owner.as_deref() != Some(owner));
        });
        Ok(ended.await?.unwrap_or_default())
    }

    /// Gives a worker's slot up for an export that is to go on: it goes to the end of the line. Returns the exports that
    /// are to be woken; this one is among them where nobody else waits, or where others were faster at every try.
    ///
    /// # Errors
    /// When the tables cannot be read or written. The slot then ends with the worker's lease.
    pub async fn requeue_slot(
        &self,
        export: &Export,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let handed = self.hand_on(export, now, |slots| {
            slots
                .slots
                .retain(|slot| slot.export != export.id || slot.owner.as_deref() != Some(owner));
            slots.join(export.id);
        });
        Ok(handed.await?.unwrap_or_else(|| vec![export.id]))
    }

    /// Takes an export that is not to be made any more out of the line, and passes on what was reserved for it. A slot
    /// that a worker has stays the worker's. Returns the exports that are to be woken.
    ///
    /// # Errors
    /// When the tables cannot be read or written. A reservation then ends by itself.
    pub async fn leave_line(
        &self,
        export: &Export,
        now: Timestamp,
    ) -> Result<Vec<ExportId>, StoreError> {
        let left = self.hand_on(export, now, |slots| {
            let is_reserved = |slot: &Slot| slot.export == export.id && slot.owner.is_none();
            slots.slots.retain(|slot| !is_reserved(slot));
            slots.line.retain(|waiting| *waiting != export.id);
        });
        Ok(left.await?.unwrap_or_default())
    }

    /// Writes what `change` makes of the slots, with what it frees reserved for the first in line. `None` where others
    /// were faster at every try.
    async fn hand_on(
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

    /// Reserves every free slot for the first in line that is still to be made; `alive` is known to be.
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
            // Nobody can make it, and it must not hold the line up; the sweeper alarms.
            Err(StoreError::Malformed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Leaves out the slots of workers whose lease has ended, since they were killed, and the reservations that nobody
    /// has taken: those go to the end of the line.
    async fn drop_ended(
        &self,
        slots: &mut Slots,
        now: Timestamp,
        pace: Pace,
    ) -> Result<(), StoreError> {
        let mut kept = Vec::with_capacity(slots.slots.len());
        let mut lapsed = Vec::new();
        for slot in std::mem::take(&mut slots.slots) {
            let stays = match slot.owner {
                None => now < slot.since + pace.reserved(),
                Some(_) => slot.is_new(now, pace) || self.is_held(slot.export, now, pace).await?,
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

    async fn is_held(&self, id: ExportId, now: Timestamp, pace: Pace) -> Result<bool, StoreError> {
        match self.work(id).await {
            Ok(work) => {
                let lease = work.and_then(|work| work.lease);
                Ok(lease.is_some_and(|lease| lease.until + pace.skew() > now))
            }
            // No worker can go on with it.
            Err(StoreError::Malformed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn slots(&self, parent: &Parent) -> Result<Slots, StoreError> {
        let id = format!("slots#{parent}");
        let table = &self.tables.work;
        match self.get(table, AttributeValue::S(id.clone())).await? {
            None => Ok(Slots::none(id)),
            Some(item) => {
                let revision = item.get("revision").and_then(|value| value.as_n().ok());
                let revision = revision.and_then(|text| text.parse().ok()).unwrap_or(0);
                from_item(table, item).or_else(|error: StoreError| {
                    // All exports of the parent would stand still. Begun anew, there may be more at once for a while, and
                    // the sweeper brings back those who waited.
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "the slots of a parent cannot be read, and begin anew"
                    );
                    Ok(Slots {
                        revision,
                        ..Slots::none(id)
                    })
                })
            }
        }
    }

    /// Writes the slots, unless somebody else has since they were read.
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
            // The SDK sends a write again whose answer was lost, and that one then meets itself.
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                let found = self.get(table, AttributeValue::S(id)).await?;
                let found = found.and_then(|mut item| item.remove("write"));
                Ok(found == Some(AttributeValue::S(write)))
            }
            Err(error) => Err(StoreError::sdk("PutItem", table, error)),
        }
    }
}

/// Those who meet at one item come again at different moments.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=LONGEST_PAUSE))).await;
}
