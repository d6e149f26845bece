//! What an export's file is made of: read from the export and the entry of its request, once per attempt.

use jiff::tz::TimeZone;
use tokio::time::{Duration, Instant};
use waybill::catalog::{Column, ExportType};
use waybill::clock::Clock;
use waybill::export::{Export, Failure};
use waybill::file::FileOptions;
use waybill::records::{
    DynamoRecords, Order, Page, Range, Reading, RecordsError, RecordsOpener, SETTLES,
};
use waybill::selection::{Decision, Projection, Selection, UndecidedCounts};
use waybill::value::Value;

/// How many records are looked at from each end of the partitions where a range of time had none.
const RECORDS_AT_AN_END: i32 = 20;

/// Everything that decides a file's bytes, but the records.
pub(crate) struct Plan {
    /// The type as the parent had it at the request.
    pub(crate) export_type: ExportType,
    /// Where the records are now.
    source: String,
    parent_id: String,
    range: Range,
    pub(crate) projection: Projection,
    pub(crate) options: FileOptions,
}

impl Plan {
    /// The plan of `export`, whose entry at the request is `entry` and whose records `opener` opens. It fails for good
    /// where the entry has not what the export was requested with, or the deployment no longer says where the records are.
    pub(crate) fn new(
        entry: &ExportType,
        opener: &RecordsOpener,
        export: &Export,
    ) -> Result<Self, Failure> {
        let export_type = entry.of(&export.definitions, export.parent.id());
        let columns: Vec<&Column> = export_type
            .select_columns(&export.columns)
            .map_err(|_| gone("a column"))?;
        let selection = Selection::from_stored(&export.filters, export.search.as_deref())
            .map_err(|_| gone("a filter"))?;
        let time_zone = TimeZone::get(&export.time_zone).map_err(|_| gone("the time zone"))?;
        let source = opener.locate(&export_type.records);
        let source =
            source.map_err(|error| error.failure().unwrap_or_else(|| gone("the table")))?;
        Ok(Self {
            source: source.to_string(),
            parent_id: export.parent.id().to_owned(),
            range: Range::of(&selection, export.created_at),
            projection: Projection::new(&export_type, &columns, &selection),
            options: FileOptions {
                profile: export.profile,
                time_zone,
                columns: columns.into_iter().cloned().collect(),
                created_at: export.created_at,
            },
            export_type,
        })
    }

    /// Where the records are read: a checkpoint holds it, and means nothing elsewhere.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Waits until the records may be read: an index follows its table a little later.
    pub(crate) async fn settled(&self, clock: &Clock) {
        if self.export_type.records.index.is_some() {
            tokio::time::sleep(self.unsettled(clock)).await;
        }
    }

    /// How long it is until what was written before the request is seen by eventually consistent reads.
    fn unsettled(&self, clock: &Clock) -> Duration {
        let settled = self.range.as_of + SETTLES;
        let wait = clock.now().duration_until(settled);
        Duration::try_from(wait).unwrap_or_default()
    }

    /// The records, from a position on.
    pub(crate) async fn records(
        &self,
        opener: &RecordsOpener,
        clock: &Clock,
        position: Option<&str>,
    ) -> Result<DynamoRecords, RecordsError> {
        let spec = &self.export_type.records;
        // In a partition that is shared with other types, a range of time reads no more than its own keys.
        let is_shared = !spec.fixed.is_empty();
        let reading = Reading {
            spec,
            parent_id: &self.parent_id,
            projection: &self.projection,
            range: self.range.clone(),
            order: Order::Ascending,
            reads_outside: !is_shared || !self.range.is_filtered(),
            strong_until: Some(Instant::now() + self.unsettled(clock)),
        };
        opener.open(reading, position).await
    }

    /// Whether the record of this index belongs in the file.
    #[inline]
    pub(crate) fn decide(&self, page: &Page, index: usize, values: &[Value<'_>]) -> Decision {
        self.projection
            .decide(values, page.key_time(index), self.range.as_of)
    }

    /// Counts what was in doubt about the record of this index.
    #[inline]
    pub(crate) fn count(
        &self,
        undecided: &mut UndecidedCounts,
        decision: Decision,
        (page, index): (&Page, usize),
        values: &[Value<'_>],
    ) {
        let sort_key = || page.sort_key(index).map(str::to_owned);
        undecided.add(
            decision,
            &self.export_type,
            &self.projection,
            values,
            sort_key,
        );
    }

    /// Where a range of time had no record at all: whether the records at the ends of the partitions show that the range
    /// was made for keys of another form, so that the file would lack records.
    pub(crate) async fn mismatch_at_the_ends(
        &self,
        opener: &RecordsOpener,
    ) -> Result<Option<Failure>, RecordsError> {
        let spec = &self.export_type.records;
        if !self.range.is_filtered() || !spec.sort_format.is_ordered_by_time() {
            return Ok(None);
        }
        for order in [Order::Ascending, Order::Descending] {
            let reading = Reading {
                spec,
                parent_id: &self.parent_id,
                projection: &self.projection,
                range: Range::whole(self.range.as_of),
                order,
                reads_outside: true,
                strong_until: None,
            };
            let mut records = opener.open(reading, None).await?;
            records.examine_at_most(RECORDS_AT_AN_END);
            if let Some(failure) = self.mismatch_of_a_page(&mut records).await? {
                return Ok(Some(failure));
            }
        }
        Ok(None)
    }

    /// What the first page that is not empty shows.
    async fn mismatch_of_a_page(
        &self,
        records: &mut DynamoRecords,
    ) -> Result<Option<Failure>, RecordsError> {
        while let Some(page) = records.next().await? {
            let mut values = Vec::new();
            for (n, row) in page.rows().enumerate() {
                let key = page.sort_key(n);
                if key.is_some_and(|key| self.is_within(key)) {
                    // It has come since the range was read.
                    continue;
                }
                row.values(&mut values);
                let decision = self.decide(&page, n, &values);
                let failure = UndecidedCounts::mismatch_at_an_end(&self.export_type, decision, key);
                if failure.is_some() {
                    return Ok(failure);
                }
            }
            if !page.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    fn is_within(&self, key: &str) -> bool {
        let instant = self.export_type.records.sort_format.instant_of(key);
        instant.is_some_and(|instant| {
            self.range.from.is_none_or(|from| from <= instant) && instant < self.range.until
        })
    }
}

/// What an export fails with whose entry is not there any more.
pub(crate) fn no_entry() -> Failure {
    gone("the entry")
}

fn gone(what: &str) -> Failure {
    Failure {
        code: "catalog_changed".into(),
        message: format!(
            "The catalog no longer has {what} that this export was requested with. Please start it again."
        ),
        retryable: true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use waybill::catalog::Catalog;
    use waybill_testing::client;

    use super::*;

    fn leads(columns: &[&str]) -> Export {
        let export = json!({
            "id": 7, "type": "leads", "format": "csv", "status": "processing", "parent": "source#web",
            "user": {"id": "u", "name": null, "email": null}, "requested_by": "u", "columns": columns, "entry": "e",
            "definitions": {
                "custom_fields": [{"key": "job", "label": "Job", "kind": "text"}],
                "attributes": [{"key": "vip", "label": "VIP", "kind": "boolean"}],
            },
            "profile": "data", "time_zone": "UTC", "file_name": "leads.csv",
            "download": "00000000-0000-0000-0000-000000000000", "created_at": "2026-11-21T12:00:00Z",
        });
        serde_json::from_value(export).unwrap()
    }

    fn opener(mapping: fn(&str) -> Option<String>) -> RecordsOpener {
        RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), Arc::new(mapping))
    }

    fn plan(export: &Export) -> Result<Plan, Failure> {
        let catalog = Catalog::built_in().unwrap();
        let opener = opener(|_| Some("records".to_owned()));
        Plan::new(catalog.get(&export.type_name).unwrap(), &opener, export)
    }

    /// Nothing but the export's own item says which columns its source has.
    #[test]
    fn a_file_has_the_columns_that_were_defined_at_the_request() {
        let plan = plan(&leads(&["id", "vip", "job", "other"])).unwrap();
        let columns = plan
            .options
            .columns
            .iter()
            .map(|column| column.key.as_str());
        assert_eq!(columns.collect::<Vec<_>>(), ["id", "vip", "job", "other"]);
    }

    #[test]
    fn what_the_entry_has_not_or_the_deployment_does_not_map_ends_the_export() {
        let failure = plan(&leads(&["age"])).map(|_| ()).unwrap_err();
        assert_eq!(failure.code, "catalog_changed");
        let catalog = Catalog::built_in().unwrap();
        let opener = opener(|_| None);
        let unmapped = Plan::new(catalog.get("leads").unwrap(), &opener, &leads(&["id"]));
        assert_eq!(unmapped.map(|_| ()).unwrap_err().code, "records_unmapped");
    }
}
