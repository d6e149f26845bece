//! `catalog sample`: reads some of a parent's records by their type's entry.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use waybill::aws::CallError;
use waybill::catalog::{Catalog, Column, DynamodbSpec, ExportType, RecordsSpec};
use waybill::deployment_file::DeploymentFile;
use waybill::env;
use waybill::parent::Parent;
use waybill::records::{Order, Range, ReadRequest, RecordsClients, RecordsOpener};
use waybill::selection::{Projection, Selection};

use super::check::deployment_file;
use super::report::Report;
use super::sort_keys;

/// The arguments of `catalog sample`.
pub(crate) struct Sample {
    pub(crate) type_name: String,
    pub(crate) parent_id: String,
    /// The catalog's file; `None` for the functions' catalog.
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) table: Option<String>,
    /// The deployment file.
    pub(crate) deployment: Option<PathBuf>,
    pub(crate) endpoint: Option<String>,
    /// The id of the root that the parent belongs to, by which some tables have their records.
    pub(crate) root: Option<String>,
    /// The maximum number of records to read from each end of the partitions.
    pub(crate) records: usize,
}

impl Sample {
    /// Prints the report. Returns whether all records match the entry.
    pub(crate) async fn run(mut self) -> Result<bool, Box<dyn Error>> {
        let catalog = match &self.catalog {
            Some(file) => Catalog::read(file)?,
            None => Catalog::load()?,
        };
        let Some(export_type) = catalog.get(&self.type_name) else {
            let names: Vec<_> = catalog.types().iter().map(|t| t.name.as_str()).collect();
            let names = names.join(", ");
            return Err(format!("unknown type {}; the types are {names}", self.type_name).into());
        };
        let kinds = catalog.kinds();
        let kind = kinds.get(export_type.parent.as_str());
        let kind = kind.ok_or("the catalog lacks the type's kind of parent")?;
        let parent = kind.parent(&self.parent_id)?;
        if kind.is_root {
            self.root = Some(parent.id().to_owned());
        }
        let spec = &export_type.records;
        let opener = self.opener(spec).await?;
        let problems = match spec {
            RecordsSpec::Dynamodb(spec) => {
                let place = opener.table(spec)?;
                println!(
                    "{} of {parent} in the table {}",
                    export_type.name, place.table
                );
                let client = opener.client(&place).await;
                key_problems(export_type, spec, &client, &place.table).await
            }
            RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec) => {
                println!(
                    "{} of {parent} in the table {} of {}",
                    export_type.name, spec.table, spec.database.name
                );
                Vec::new()
            }
        };
        for problem in &problems {
            println!("  key: {problem}");
        }
        if !problems.is_empty() {
            return Ok(false);
        }
        let mut report = Report::new(export_type);
        let is_complete = self
            .read(&opener, &parent, Order::Ascending, &mut report)
            .await?;
        if !is_complete && spec.is_listed() {
            self.read(&opener, &parent, Order::Descending, &mut report)
                .await?;
        }
        if report.records() == 0 {
            return Err(format!("no record of {parent}").into());
        }
        print!("{report}");
        Ok(report.matches_entry())
    }

    /// An opener for the table and endpoint in the command's arguments, or else in the environment.
    async fn opener(&self, spec: &RecordsSpec) -> Result<RecordsOpener, Box<dyn Error>> {
        let config = waybill::aws::config().await;
        let endpoint = self.endpoint.clone();
        let endpoint = endpoint.or_else(|| env::optional("RECORDS_ENDPOINT_URL"));
        let file = deployment_file(self.deployment.clone(), self.catalog.as_deref());
        let deployment = match (spec, &self.table, &file) {
            (RecordsSpec::Dynamodb(spec), Some(table), _) => {
                DeploymentFile::of_table(&spec.table, table)
            }
            (_, _, Some(file)) => DeploymentFile::parse(&fs::read_to_string(file)?)?,
            (_, _, None) => DeploymentFile::default(),
        };
        let clients = RecordsClients::new(&config, endpoint);
        Ok(RecordsOpener::new(clients, deployment.into()))
    }

    /// Reads the first or last records of the partitions, with any keys and any values of `fixed` attributes. Returns
    /// whether these were all records.
    async fn read(
        &self,
        opener: &RecordsOpener,
        parent: &Parent,
        order: Order,
        report: &mut Report<'_>,
    ) -> Result<bool, Box<dyn Error>> {
        let sampled = report.sampled();
        let columns: Vec<&Column> = sampled.columns.iter().collect();
        let projection = Projection::new(&sampled, &columns, &Selection::default());
        let reading = ReadRequest {
            spec: &sampled.records,
            parent_id: parent.id(),
            root_id: self.root.as_deref(),
            projection: &projection,
            range: Range::whole(Timestamp::now()),
            order,
            reads_outside: false,
            strong_until: None,
            is_file: false,
        };
        let mut records = opener.open(reading, None).await?;
        records.examine_at_most(u32::try_from(self.records.max(1)).unwrap_or(u32::MAX));
        let mut count = 0;
        while count < self.records
            && let Some(page) = records.next().await?
        {
            let mut values = Vec::new();
            for n in 0..page.len().min(self.records - count) {
                page.values(n, &projection, &mut values);
                report.record(&values, projection.created(&values));
                count += 1;
            }
        }
        Ok(records.is_at_end())
    }
}

/// The differences between the table's key and the entry. If the table cannot be described, prints a line about it.
async fn key_problems(
    export_type: &ExportType,
    spec: &DynamodbSpec,
    client: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Vec<String> {
    let described = client.describe_table().table_name(table).send().await;
    match described.map(|described| described.table) {
        Ok(Some(described)) => sort_keys::problems(export_type, spec, &described),
        Ok(None) => Vec::new(),
        Err(error) => {
            let error = CallError::new("DescribeTable", error);
            println!(
                "  the table cannot be described ({error}), so only the records' keys are checked"
            );
            Vec::new()
        }
    }
}
