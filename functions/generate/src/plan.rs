//! The plan of a file: everything that decides its bytes, from the export and the entry of its request.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Duration, Instant};
use waybill::catalog::{Column, ExportType, RecordsSpec, SortFormat};
use waybill::clock::Clock;
use waybill::export::{Export, Failure};
use waybill::file::{FileOptions, RowOrder};
use waybill::records::{
    INDEX_DELAY, Order, Range, ReadRequest, RecordsError, RecordsOpener, RecordsPage, RecordsSource,
};
use waybill::selection::{Decision, KeyTime, Projection, Selection, UndecidedCounts};
use waybill::value::Value;

/// The number of records examined at each end of the partitions if a time range had no records.
const RECORDS_AT_AN_END: u32 = 20;

/// Everything that decides a file's bytes, except the records.
pub(crate) struct Plan {
    /// The type with the columns defined for the parent at the time of the request.
    pub(crate) export_type: ExportType,
    /// The current location of the records.
    source: String,
    parent_id: String,
    root_id: Option<String>,
    range: Range,
    order: RowOrder,
    pub(crate) projection: Projection,
    pub(crate) options: FileOptions,
}

impl Plan {
    /// The plan of `export`, from the entry of its request. Fails if the entry lacks a column or filter of the export,
    /// or if the deployment no longer maps the names in the entry.
    pub(crate) fn new(
        entry: &ExportType,
        opener: &RecordsOpener,
        export: &Export,
    ) -> Result<Self, Failure> {
        let export_type = entry.with_definitions(&export.definitions, export.parent.id());
        let columns: Vec<&Column> = export_type
            .select_columns(&export.columns)
            .map_err(|_| Failure::catalog_changed("a column"))?;
        let selection = Selection::from_stored(&export.filters, export.search.as_deref())
            .map_err(|_| Failure::catalog_changed("a filter"))?;
        let time_zone = TimeZone::get(&export.time_zone)
            .map_err(|_| Failure::catalog_changed("the time zone"))?;
        let source = opener.locate(&export_type.records);
        let source = source.map_err(|error| {
            error
                .failure()
                .unwrap_or_else(|| Failure::catalog_changed("the table"))
        })?;
        Ok(Self {
            source: source.to_string(),
            parent_id: export.parent.id().to_owned(),
            root_id: export.root_id.clone(),
            range: Range::new(&selection, export.created_at),
            order: export.order,
            projection: Projection::new(&export_type, &columns, &selection),
            options: FileOptions {
                profile: export.profile,
                time_zone,
                columns: columns.into_iter().cloned().collect(),
                headers: export.headers,
                label: export_type.label.clone(),
                created_at: export.created_at,
            },
            export_type,
        })
    }

    /// The location of the records, for checkpoints: a checkpoint is valid only for the same location.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Waits until the records may be read: an index lags behind its table, and what a transaction wrote before the request
    /// is visible only once it has committed.
    pub(crate) async fn wait_until_settled(&self, clock: &Clock) {
        let after = match &self.export_type.records {
            RecordsSpec::Dynamodb(spec) if spec.index.is_none() => return,
            RecordsSpec::Dynamodb(_) => INDEX_DELAY,
            RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec) => {
                SignedDuration::from_secs(spec.database.settles_s.into())
            }
        };
        tokio::time::sleep(self.time_until(after, clock)).await;
    }

    /// The time until this long after the request.
    fn time_until(&self, after: SignedDuration, clock: &Clock) -> Duration {
        let wait = clock.now().duration_until(self.range.as_of + after);
        Duration::try_from(wait).unwrap_or_default()
    }

    /// Opens the records, after `position` if given.
    pub(crate) async fn records(
        &self,
        opener: &RecordsOpener,
        clock: &Clock,
        position: Option<&str>,
    ) -> Result<RecordsSource, RecordsError> {
        let spec = &self.export_type.records;
        // In a partition shared with other types, only the keys of the time range are read.
        let is_shared = !spec.fixed().is_empty();
        let reading = ReadRequest {
            spec,
            parent_id: &self.parent_id,
            root_id: self.root_id.as_deref(),
            projection: &self.projection,
            range: self.range.clone(),
            order: match self.order {
                RowOrder::Oldest => Order::Ascending,
                RowOrder::Newest => Order::Descending,
            },
            reads_outside: !is_shared || !self.range.is_filtered(),
            strong_until: Some(Instant::now() + self.time_until(INDEX_DELAY, clock)),
            is_file: true,
        };
        opener.open(reading, position).await
    }

    /// Whether the record with this index belongs in the file.
    #[inline]
    pub(crate) fn decide(
        &self,
        page: &RecordsPage,
        index: usize,
        values: &[Value<'_>],
    ) -> Decision {
        self.projection
            .decide(values, page.key_time(index), self.range.as_of)
    }

    /// The creation time of the record with this index, where the records come in the order of their time.
    pub(crate) fn ordered_time(
        &self,
        page: &RecordsPage,
        index: usize,
        values: &[Value<'_>],
    ) -> Option<Timestamp> {
        let is_ordered = page.key_time(index) == KeyTime::WithinBounds;
        is_ordered
            .then(|| self.projection.created(values))
            .flatten()
    }

    /// The thousandths of the range's time that lie before the record read last, which is what has been read of the records
    /// if these are spread evenly. At most 990: what comes after the last record takes time too.
    pub(crate) fn permille(&self, first: Timestamp, last: Timestamp) -> Option<u16> {
        let (begin, end) = match self.order {
            RowOrder::Oldest => (self.range.from.unwrap_or(first), self.range.until),
            // Without a filter, nothing says how old the oldest record is.
            RowOrder::Newest => (self.range.until, self.range.from?),
        };
        let whole = begin.duration_until(end).as_millis();
        let read = begin.duration_until(last).as_millis();
        let permille = (read * 1_000).checked_div(whole)?.clamp(0, 990);
        u16::try_from(permille).ok()
    }

    /// Counts the doubt about the record with this index.
    #[inline]
    pub(crate) fn count(
        &self,
        undecided: &mut UndecidedCounts,
        decision: Decision,
        (page, index): (&RecordsPage, usize),
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

    /// Checks, after a time range had no records, whether the records at the ends of the partitions have keys of
    /// another format than the catalog's, so that the file would lack records.
    pub(crate) async fn mismatch_at_the_ends(
        &self,
        opener: &RecordsOpener,
    ) -> Result<Option<Failure>, RecordsError> {
        let spec = &self.export_type.records;
        let format = spec.dynamodb().map(|spec| &spec.sort_format);
        let is_by_time = self.range.is_filtered() && spec.is_listed();
        let Some(format) = format.filter(|format| is_by_time && format.is_ordered_by_time()) else {
            return Ok(None);
        };
        for order in [Order::Ascending, Order::Descending] {
            let reading = ReadRequest {
                spec,
                parent_id: &self.parent_id,
                root_id: self.root_id.as_deref(),
                projection: &self.projection,
                range: Range::whole(self.range.as_of),
                order,
                reads_outside: true,
                strong_until: None,
                is_file: order == Order::Ascending,
            };
            let mut records = opener.open(reading, None).await?;
            records.examine_at_most(RECORDS_AT_AN_END);
            if let Some(failure) = self.mismatch_of_a_page(&mut records, format).await? {
                return Ok(Some(failure));
            }
        }
        Ok(None)
    }

    /// The mismatch in the first page that is not empty.
    async fn mismatch_of_a_page(
        &self,
        records: &mut RecordsSource,
        format: &SortFormat,
    ) -> Result<Option<Failure>, RecordsError> {
        while let Some(page) = records.next().await? {
            let mut values = Vec::new();
            for n in 0..page.len() {
                let key = page.sort_key(n);
                let Range { from, until, .. } = self.range;
                if key.is_some_and(|key| format.is_within(key, from, until)) {
                    // The record was created after the range was read.
                    continue;
                }
                page.values(n, &self.projection, &mut values);
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waybill::catalog::Catalog;
    use waybill::deployment_file::DeploymentFile;
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

    fn opener(deployment: DeploymentFile) -> RecordsOpener {
        RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), deployment.into())
    }

    fn plan(export: &Export) -> Result<Plan, Failure> {
        let catalog = Catalog::built_in().unwrap();
        let opener = opener(DeploymentFile::of_table("RECORDS_TABLE", "records"));
        Plan::new(catalog.get(&export.type_name).unwrap(), &opener, export)
    }

    #[test]
    fn the_share_is_that_of_the_range_before_the_last_record() {
        let at = |text: &str| text.parse().unwrap();
        let mut export = leads(&["id"]);
        let whole = plan(&export).unwrap();
        let first = at("2026-11-11T12:00:00Z");
        for (last, permille) in [
            ("2026-11-11T12:00:00Z", 0),
            ("2026-11-16T12:00:00Z", 500),
            ("2026-11-21T11:59:59Z", 990),
        ] {
            assert_eq!(whole.permille(first, at(last)), Some(permille));
        }
        export.filters =
            json!({"created_at": {"from": "2026-11-01T00:00:00Z", "to": "2026-11-21T00:00:00Z"}});
        let filtered = plan(&export).unwrap();
        assert_eq!(
            filtered.permille(first, at("2026-11-16T00:00:00Z")),
            Some(750)
        );
        let at_the_request = export.created_at;
        assert_eq!(whole.permille(at_the_request, at_the_request), None);
    }

    /// The columns of a source come only from the export's own item.
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
    fn an_export_fails_if_the_entry_or_the_deployment_lacks_something() {
        let failure = plan(&leads(&["age"])).map(|_| ()).unwrap_err();
        assert_eq!(failure.code, "catalog_changed");
        let catalog = Catalog::built_in().unwrap();
        let opener = opener(DeploymentFile::default());
        let unmapped = Plan::new(catalog.get("leads").unwrap(), &opener, &leads(&["id"]));
        assert_eq!(unmapped.map(|_| ()).unwrap_err().code, "records_unmapped");
    }
}
