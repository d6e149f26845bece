//! What an export's file is made of: read from the export and the catalog, once per invocation.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use waybill::aws::RecordsClients;
use waybill::catalog::{Catalog, Column, ExportType};
use waybill::export::{Export, Failure};
use waybill::file::FileOptions;
use waybill::records::{DynamoRecords, Order, Range, Reading, RecordsError};
use waybill::selection::{Projection, Selection};

/// Everything that decides a file's bytes, but the records.
pub(crate) struct Plan {
    /// The type as the parent had it at the request.
    export_type: ExportType,
    table: String,
    parent_id: String,
    range: Range,
    pub(crate) selection: Selection,
    pub(crate) projection: Projection,
    pub(crate) options: FileOptions,
}

impl Plan {
    /// The plan of `export`. It fails for good where the catalog no longer has what the export was requested with.
    pub(crate) fn new(
        catalog: &Catalog,
        tables: &HashMap<String, String>,
        export: &Export,
    ) -> Result<Self, Failure> {
        let export_type = catalog
            .get(&export.type_name)
            .ok_or_else(|| gone("the type"))?
            .of(&export.definitions, export.parent.id());
        let columns: Vec<&Column> = export_type
            .select_columns(&export.columns)
            .map_err(|_| gone("a column"))?;
        let selection = Selection::from_stored(&export.filters, export.search.as_deref())
            .map_err(|_| gone("a filter"))?;
        let time_zone = TimeZone::get(&export.time_zone).map_err(|_| gone("the time zone"))?;
        let table = tables
            .get(&export_type.records.table)
            .ok_or_else(|| gone("the table"))?
            .clone();
        let asked = selection.created_at();
        Ok(Self {
            table,
            parent_id: export.parent.id().to_owned(),
            range: Range {
                from: asked.from,
                until: asked
                    .to
                    .map_or(export.created_at, |to| to.min(export.created_at)),
                as_of: export.created_at,
            },
            projection: Projection::new(&export_type, &columns, &selection),
            selection,
            options: FileOptions {
                profile: export.profile,
                time_zone,
                columns: columns.into_iter().cloned().collect(),
                created_at: export.created_at,
            },
            export_type,
        })
    }

    /// Whether the records are read from an index, which follows its table a little later.
    pub(crate) fn reads_an_index(&self) -> bool {
        self.export_type.records.index.is_some()
    }

    /// The records, from a position on.
    pub(crate) fn records(
        &self,
        clients: &RecordsClients,
        position: Option<&str>,
    ) -> Result<DynamoRecords, RecordsError> {
        let spec = &self.export_type.records;
        let reading = Reading {
            table: &self.table,
            spec,
            parent_id: &self.parent_id,
            projection: &self.projection,
            range: self.range.clone(),
            order: Order::Ascending,
        };
        DynamoRecords::new(clients.of(spec).clone(), reading, position)
    }
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
    use serde_json::json;

    use super::*;

    fn leads(columns: &[&str]) -> Export {
        let export = json!({
            "id": 7, "type": "leads", "format": "csv", "status": "processing", "parent": "source#web",
            "user": {"id": "u", "name": null, "email": null}, "requested_by": "u", "columns": columns,
            "definitions": {
                "custom_fields": [{"key": "job", "label": "Job", "kind": "text"}],
                "attributes": [{"key": "vip", "label": "VIP", "kind": "boolean"}],
            },
            "profile": "data", "time_zone": "UTC", "file_name": "leads.csv",
            "download": "00000000-0000-0000-0000-000000000000", "created_at": "2026-11-21T12:00:00Z",
        });
        serde_json::from_value(export).unwrap()
    }

    fn plan(export: &Export) -> Result<Plan, Failure> {
        let catalog = Catalog::built_in().unwrap();
        let tables = HashMap::from([("RECORDS_TABLE".to_owned(), "records".to_owned())]);
        Plan::new(&catalog, &tables, export)
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
    fn what_the_catalog_no_longer_has_ends_the_export() {
        let failure = |export: &Export| plan(export).map(|_| ()).unwrap_err();
        assert_eq!(failure(&leads(&["age"])).code, "catalog_changed");
        let mut tickets = leads(&["id"]);
        tickets.type_name = "tickets".to_owned();
        assert!(failure(&tickets).message.contains("the type"));
    }
}
