//! Daily totals per parent and person. They are updated in the transaction of each event, so that every event is
//! counted exactly once.
//!
//! They are in the table `events`: an item per parent, day, root and person, and another one for the
//! root itself. So only simultaneous events of the same person write the same item.

use std::ops::AddAssign;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::queries::readable;
use super::{Exports, StoreError, version};
use crate::aws::Item;
use crate::export::{Export, Status};
use crate::hash::hex;
use crate::parent::Parent;
use crate::person::Person;

/// The counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requested exports, whatever their outcome.
    pub exports: u64,
    /// Downloads.
    pub downloads: u64,
    /// Rows in the files of these exports.
    pub rows: u64,
    /// Bytes in the files of these exports.
    pub bytes: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.exports += more.exports;
        self.downloads += more.downloads;
        self.rows += more.rows;
        self.bytes += more.bytes;
    }
}

/// The totals of one person on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyTotals {
    /// The day in UTC. A file counts for the day of its export's request.
    pub day: Date,
    /// The id of the root that the exports belonged to.
    pub root_id: Option<String>,
    /// The user that receives the exports, or that downloaded their files.
    pub user_id: String,
    /// The issuer of the user's tokens; see [`Person`].
    pub user_issuer: Option<String>,
    /// The user's name.
    pub user_name: Option<String>,
    /// The counts.
    pub totals: Totals,
}

#[derive(Deserialize)]
struct TotalsItem {
    day: Date,
    /// The id of the root.
    organization: Option<String>,
    user_id: String,
    user_issuer: Option<String>,
    user_name: Option<String>,
    exports: u64,
    downloads: u64,
    rows: u64,
    bytes: u64,
}

/// The updates for a requested export.
pub(super) fn requested(
    exports: &Exports,
    export: &Export,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let more = Totals {
        exports: 1,
        ..Totals::default()
    };
    for_the_user(exports, export, more)
}

/// The updates for a change of an export: its file, if the export succeeds.
pub(super) fn changed(
    exports: &Exports,
    before: &Export,
    after: &Export,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    if before.status == Status::Succeeded || after.status != Status::Succeeded {
        return Ok(Vec::new());
    }
    let more = Totals {
        rows: after.file.as_ref().map_or(0, |file| file.rows),
        bytes: after.file.as_ref().map_or(0, |file| file.size),
        ..Totals::default()
    };
    for_the_user(exports, after, more)
}

/// The updates for a download at `at`.
pub(super) fn downloaded(
    exports: &Exports,
    export: &Export,
    user: Person<'_>,
    user_name: Option<&str>,
    at: Timestamp,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let more = Totals {
        downloads: 1,
        ..Totals::default()
    };
    updates(exports, export, day(at), user, user_name, more)
}

fn for_the_user(
    exports: &Exports,
    export: &Export,
    more: Totals,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let (day, user) = (day(export.created_at), &export.user);
    updates(
        exports,
        export,
        day,
        user.person(),
        user.name.as_deref(),
        more,
    )
}

fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// One update for the parent, and one for its root.
fn updates(
    exports: &Exports,
    export: &Export,
    day: Date,
    user: Person<'_>,
    user_name: Option<&str>,
    more: Totals,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let root_id = export.root_id.as_deref();
    let root = export.root().filter(|root| *root != export.parent);
    // A user id may be longer than a sort key allows.
    let digest = hex(&Sha256::digest(user.to_string()));
    let sk = format!("{day}#{}#{digest}", root_id.unwrap_or_default());
    let table = &exports.tables.events;
    let s = |text: &str| AttributeValue::S(text.to_owned());
    [Some(export.parent.clone()), root]
        .into_iter()
        .flatten()
        .map(|parent| {
            let mut set = "SET v = :v, #day = :day, user_id = :user_id".to_owned();
            let mut update = Update::builder()
                .table_name(table)
                .key("pk", s(&totals_key(&parent)))
                .key("sk", s(&sk))
                .expression_attribute_names("#day", "day")
                .expression_attribute_values(":day", s(&day.to_string()))
                .expression_attribute_values(":user_id", s(user.id))
                .expression_attribute_values(":v", version());
            for (name, value) in [
                ("organization", root_id),
                ("user_issuer", user.issuer),
                ("user_name", user_name),
            ] {
                if let Some(value) = value {
                    set += &format!(", {name} = :{name}");
                    update = update.expression_attribute_values(format!(":{name}"), s(value));
                }
            }
            for (name, more) in [
                ("exports", more.exports),
                ("downloads", more.downloads),
                ("rows", more.rows),
                ("bytes", more.bytes),
            ] {
                update = update
                    .expression_attribute_names(format!("#{name}"), name)
                    .expression_attribute_values(
                        format!(":{name}"),
                        AttributeValue::N(more.to_string()),
                    );
            }
            let add = "ADD #exports :exports, #downloads :downloads, #rows :rows, #bytes :bytes";
            let update = update
                .update_expression(format!("{set} {add}"))
                .build()
                .map_err(|e| StoreError::malformed(table, e))?;
            Ok(TransactWriteItem::builder().update(update).build())
        })
        .collect()
}

pub(super) fn totals_key(parent: &Parent) -> String {
    format!("totals#{parent}")
}

/// The daily totals of a parent, for whole days.
#[derive(Debug)]
pub struct TotalsOfDays {
    /// The totals, by day.
    pub totals: Vec<DailyTotals>,
    /// The number of unreadable items, which are left out.
    pub unreadable: usize,
    /// The end of the days, exclusive. Earlier than asked for where there are too many totals.
    pub end: Date,
}

/// The number of daily totals after which reading ends with the day: about 10 MB of memory, and 2 s.
const MAX_TOTALS: usize = 50_000;

impl Exports {
    /// The daily totals of a parent from `from` (inclusive) to `to` (exclusive). A root's totals include those of all parents
    /// that belong to it.
    ///
    /// After 50,000 totals, the answer ends with the last whole day; it has at least the first day.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn daily_totals(
        &self,
        parent: &Parent,
        from: Date,
        to: Date,
    ) -> Result<TotalsOfDays, StoreError> {
        let mut days = TotalsOfDays {
            totals: Vec::new(),
            unreadable: 0,
            end: to,
        };
        let mut start: Option<Item> = None;
        loop {
            let (items, last) = self.totals_page(parent, from, to, start).await?;
            let (items, unreadable) = readable::<TotalsItem>(&self.tables.events, items);
            days.totals.extend(items.into_iter().map(DailyTotals::from));
            days.unreadable += unreadable;
            let Some(last) = last else {
                return Ok(days);
            };
            if days.totals.len() >= MAX_TOTALS
                && let Some(unfinished) = day_of_key(&last).filter(|day| *day > from)
            {
                days.totals.retain(|totals| totals.day < unfinished);
                days.end = unfinished;
                return Ok(days);
            }
            start = Some(last);
        }
    }

    /// Items, and the key of the last one unless there are no more.
    async fn totals_page(
        &self,
        parent: &Parent,
        from: Date,
        to: Date,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let table = &self.tables.events;
        // A key begins with its day and has more after it, so keys of the day `to` sort after the text of `to` alone.
        let query = self
            .db
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(totals_key(parent)))
            .expression_attribute_values(":from", AttributeValue::S(from.to_string()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_string()))
            .consistent_read(true)
            .set_exclusive_start_key(start);
        let answer = query.send().await;
        let answer = answer.map_err(|e| StoreError::sdk("Query", table, e))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }
}

/// The day at the beginning of the key of a total.
fn day_of_key(key: &Item) -> Option<Date> {
    let (day, _) = key.get("sk")?.as_s().ok()?.split_once('#')?;
    day.parse().ok()
}

impl From<TotalsItem> for DailyTotals {
    fn from(item: TotalsItem) -> Self {
        Self {
            day: item.day,
            root_id: item.organization,
            user_id: item.user_id,
            user_issuer: item.user_issuer,
            user_name: item.user_name,
            totals: Totals {
                exports: item.exports,
                downloads: item.downloads,
                rows: item.rows,
                bytes: item.bytes,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};

    use super::*;
    use crate::store::Tables;

    fn exports() -> Exports {
        let config = Config::builder().behavior_version(BehaviorVersion::latest());
        let tables = ["exports", "work", "events"].map(str::to_owned);
        let [exports, work, events] = tables;
        let tables = Tables {
            exports,
            work,
            events,
        };
        Exports::new(Client::from_conf(config.build()), tables)
    }

    fn export(status: Status) -> Export {
        let json = serde_json::json!({
            "id": 1, "type": "orders", "format": "csv", "status": status, "parent": "project#42",
            "organization_id": "acme", "user": {"id": "u-17", "name": "Ana", "email": null},
            "requested_by": "host", "columns": ["id"], "entry": "e", "profile": "data", "time_zone": "UTC",
            "file_name": "orders.csv", "download": uuid::Uuid::nil(),
            "created_at": "2026-11-21T23:59:59Z", "object": "exports/1/a", "rows": 7, "size": 300,
            "receipt": {
                "read": 9, "matched": 7, "written": 7, "as_of": "2026-11-21T23:59:59Z", "consistency": "strong",
                "sha256": "", "attempts": 1, "invocations": 1, "seconds": 1.0, "read_units": 1.0,
                "estimated_cost_usd": 0.0,
            },
        });
        serde_json::from_value(json).unwrap()
    }

    fn keys(writes: &[TransactWriteItem]) -> Vec<String> {
        let key = |write: &TransactWriteItem, name: &str| {
            write.update().unwrap().key()[name].as_s().unwrap().clone()
        };
        writes
            .iter()
            .map(|write| format!("{} {}", key(write, "pk"), &key(write, "sk")[..20]))
            .collect()
    }

    #[test]
    fn a_file_counts_once_for_its_parent_and_its_organization_on_the_day_of_the_request() {
        let (waiting, succeeded) = (export(Status::Processing), export(Status::Succeeded));
        let writes = changed(&exports(), &waiting, &succeeded).unwrap();
        assert_eq!(
            keys(&writes),
            [
                "totals#project#42 2026-11-21#acme#",
                "totals#organization#acme 2026-11-21#acme#",
            ]
            .map(|key| format!("{key}{}", &hex(&Sha256::digest("u-17"))[..4]))
        );
        let values = writes[0].update().unwrap().expression_attribute_values();
        let values = values.unwrap();
        assert_eq!(values[":rows"], AttributeValue::N("7".into()));
        assert_eq!(values[":bytes"], AttributeValue::N("300".into()));
        assert_eq!(values[":exports"], AttributeValue::N("0".into()));
        for (before, after) in [
            (Status::Waiting, Status::Processing),
            (Status::Processing, Status::Failed),
            (Status::Succeeded, Status::Succeeded),
            (Status::Succeeded, Status::Expired),
        ] {
            let writes = changed(&exports(), &export(before), &export(after)).unwrap();
            assert!(writes.is_empty(), "{before:?} {after:?}");
        }
    }

    #[test]
    fn an_organizations_own_export_is_counted_once() {
        let mut export = export(Status::Waiting);
        export.parent = "organization#acme".parse().unwrap();
        assert_eq!(requested(&exports(), &export).unwrap().len(), 1);
        export.root_id = None;
        assert_eq!(requested(&exports(), &export).unwrap().len(), 1);
    }
}
