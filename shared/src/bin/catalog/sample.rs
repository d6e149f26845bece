//! `catalog sample`: reads some of a parent's records by their type's entry.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use waybill::aws::CallError;
use waybill::catalog::{Catalog, Column, ExportType, RecordsSpec};
use waybill::env;
use waybill::parent::Parent;
use waybill::records::{Mapping, Order, Range, Reading, RecordsClients, RecordsOpener};
use waybill::selection::{Projection, Selection};

use crate::keys;
use crate::report::Report;

/// What is to be sampled.
pub(crate) struct Sample {
    pub(crate) type_name: String,
    pub(crate) parent_id: String,
    /// The catalog's file, where it is not the function's.
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) table: Option<String>,
    pub(crate) endpoint: Option<String>,
    /// How many records are looked at from each end of the partitions.
    pub(crate) records: usize,
}

impl Sample {
    /// Prints what was found; whether all is as the entry says.
    pub(crate) async fn run(self) -> Result<bool, Box<dyn Error>> {
        let catalog = match &self.catalog {
            Some(file) => Catalog::read(file)?,
            None => Catalog::load()?,
        };
        let Some(export_type) = catalog.get(&self.type_name) else {
            let names: Vec<_> = catalog.types().iter().map(|t| t.name.as_str()).collect();
            let names = names.join(", ");
            return Err(format!("no type {}; there are {names}", self.type_name).into());
        };
        let parent = Parent::new(export_type.parent, &self.parent_id)?;
        let spec = &export_type.records;
        let opener = self.opener(spec).await;
        let place = opener.locate(spec)?;
        println!(
            "{} of {parent} in the table {}",
            export_type.name, place.table
        );
        let client = opener.client(&place).await;
        let problems = key_problems(export_type, &client, &place.table).await;
        for problem in &problems {
            println!("  key: {problem}");
        }
        if !problems.is_empty() {
            return Ok(false);
        }
        let mut report = Report::new(export_type);
        let is_whole = self
            .look(&opener, &parent, Order::Ascending, &mut report)
            .await?;
        if !is_whole {
            self.look(&opener, &parent, Order::Descending, &mut report)
                .await?;
        }
        if report.records() == 0 {
            let partitions = spec.partitions(parent.id()).join(", ");
            return Err(format!("there is no record under {partitions}").into());
        }
        print!("{report}");
        Ok(report.is_right())
    }

    /// Opens the type's records where the command's arguments or the environment say that they are.
    async fn opener(&self, spec: &RecordsSpec) -> RecordsOpener {
        let config = waybill::aws::config().await;
        let endpoint = self.endpoint.clone();
        let endpoint = endpoint.or_else(|| env::optional("RECORDS_ENDPOINT_URL"));
        let named = self.table.clone().map(|table| (spec.table.clone(), table));
        let mapping: Mapping = Arc::new(move |word| match &named {
            Some((of, table)) if of == word => Some(table.clone()),
            _ => env::optional(word),
        });
        RecordsOpener::new(RecordsClients::new(&config, endpoint), mapping)
    }

    /// Looks at the first or last records of the partitions, whatever their keys are and whatever the entry says is fixed.
    /// Whether these were all.
    async fn look(
        &self,
        opener: &RecordsOpener,
        parent: &Parent,
        order: Order,
        report: &mut Report<'_>,
    ) -> Result<bool, Box<dyn Error>> {
        let sampled = report.sampled();
        let columns: Vec<&Column> = sampled.columns.iter().collect();
        let projection = Projection::new(&sampled, &columns, &Selection::default());
        let reading = Reading {
            spec: &sampled.records,
            parent_id: parent.id(),
            projection: &projection,
            range: Range::whole(Timestamp::now()),
            order,
            reads_outside: false,
            strong_until: None,
        };
        let mut records = opener.open(reading, None).await?;
        records.examine_at_most(i32::try_from(self.records.max(1)).unwrap_or(i32::MAX));
        let mut looked_at = 0;
        while looked_at < self.records
            && let Some(page) = records.next().await?
        {
            let mut values = Vec::new();
            for row in page.rows().take(self.records - looked_at) {
                row.values(&mut values);
                report.record(&values, projection.created(&values));
                looked_at += 1;
            }
        }
        Ok(records.is_at_end())
    }
}

/// What in the table's key is not as the entry says. A table that cannot be described is said to be so.
async fn key_problems(
    export_type: &ExportType,
    client: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Vec<String> {
    let described = client.describe_table().table_name(table).send().await;
    match described.map(|described| described.table) {
        Ok(Some(described)) => keys::problems(export_type, &described),
        Ok(None) => Vec::new(),
        Err(error) => {
            let error = CallError::new("DescribeTable", error);
            println!("  the table is not described ({error}): its key is seen in records alone");
            Vec::new()
        }
    }
}
