//! A type whose records are in a database, read as an export reads them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use waybill::catalog::{Catalog, Column, ExportType};
use waybill::deployment_file::DeploymentFile;
use waybill::records::{Order, Range, ReadRequest, RecordsError, RecordsOpener, RecordsSource};
use waybill::selection::{Criteria, Projection, Selection};
use waybill::value::Value;
use waybill_testing::client;

/// A type whose records are in the table `orders` of a database.
#[derive(Debug)]
pub struct SqlSource {
    /// The type.
    pub of: ExportType,
    /// Opens the records.
    pub opener: RecordsOpener,
}

/// An opener of the records in a database.
pub fn opener(url: &str) -> RecordsOpener {
    let deployment = format!("[deployment]\ndatabases.shop = {{ url = \"{url}\" }}\n");
    let deployment = DeploymentFile::parse(&deployment).unwrap();
    RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), deployment.into())
}

impl SqlSource {
    /// The table `orders` of the database at this address, with further lines of the database's entry, the rest of `records`,
    /// and columns of these kinds.
    pub fn new(
        engine: &str,
        url: &str,
        database: &str,
        records: &str,
        columns: &[(&str, &str)],
    ) -> Self {
        let table = if engine == "postgres" {
            "public.orders"
        } else {
            "orders"
        };
        let columns: Vec<String> = columns
            .iter()
            .map(|(key, kind)| format!("{{ key = \"{key}\", kind = \"{kind}\" }}"))
            .collect();
        let catalog = format!(
            "[database.shop]\nengine = \"{engine}\"\n{database}\n[[type]]\nname = \"orders\"\nparent = \"organization\"\n\
             delivery = \"link\"\nrecords = {{ database = \"shop\", table = \"{table}\", {records} }}\n\
             created = \"created_at\"\nfilters = [\"created_at\", \"status\"]\nsearch = []\ncolumns = [{}]\n",
            columns.join(", ")
        );
        let catalog = Catalog::parse(&catalog).unwrap();
        Self {
            of: catalog.types()[0].clone(),
            opener: opener(url),
        }
    }

    /// The selection with these filters, requested at [`as_of`].
    pub fn selection(&self, filters: &Json) -> Selection {
        let criteria = Criteria::from_json(&self.of, Some(filters), None).unwrap();
        criteria.pin(as_of(), &TimeZone::UTC).unwrap()
    }

    /// The values that a file with all columns needs.
    pub fn projection(&self, filters: &Json) -> Projection {
        let selection = self.selection(filters);
        let columns: Vec<&Column> = self
            .of
            .columns
            .iter()
            .filter(|column| !column.hidden)
            .collect();
        Projection::new(&self.of, &columns, &selection)
    }

    /// Opens a parent's records, after a position.
    ///
    /// # Errors
    /// Those of the opener.
    pub async fn open(
        &self,
        parent: &str,
        projection: &Projection,
        position: Option<&str>,
    ) -> Result<RecordsSource, RecordsError> {
        let range = Range::whole(as_of());
        self.open_within(parent, projection, position, range).await
    }

    /// The same within another range of time.
    ///
    /// # Errors
    /// Those of the opener.
    pub async fn open_within(
        &self,
        parent: &str,
        projection: &Projection,
        position: Option<&str>,
        range: Range,
    ) -> Result<RecordsSource, RecordsError> {
        let request = ReadRequest {
            spec: &self.of.records,
            parent_id: parent,
            root_id: None,
            projection,
            range,
            order: Order::Ascending,
            reads_outside: true,
            strong_until: None,
            is_file: true,
        };
        self.opener.open(request, position).await
    }

    /// The values of all records in the selection, stopping and going on after every `every` records; and how many were read.
    pub async fn read(&self, parent: &str, filters: &Json, every: usize) -> (Vec<Vec<Json>>, u64) {
        let projection = self.projection(filters);
        let (mut rows, mut read, mut position) = (Vec::new(), 0, None);
        'again: loop {
            let range = Range::new(&self.selection(filters), as_of());
            let opened = self.open_within(parent, &projection, position.as_deref(), range);
            let mut source = opened.await.unwrap();
            source.examine_at_most(7);
            while let Some(page) = source.next().await.unwrap() {
                let mut values = Vec::new();
                for n in 0..page.len() {
                    page.values(n, &projection, &mut values);
                    if !projection
                        .decide(&values, page.key_time(n), as_of())
                        .is_in()
                    {
                        continue;
                    }
                    rows.push(projection.columns(&values).iter().map(shown).collect());
                    if rows.len() % every == 0 {
                        read += page.read_through(n);
                        position = Some(page.position(n));
                        continue 'again;
                    }
                }
                read += page.read();
            }
            return (rows, read);
        }
    }
}

/// A value with its type: a number as `{"n": digits}`, JSON as `{"json": text}`.
pub fn shown(value: &Value<'_>) -> Json {
    match value {
        Value::Missing | Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Number(digits) => json!({ "n": digits }),
        Value::Text(text) => json!(text),
        Value::Json(text) => json!({ "json": text }),
        Value::LossyText(text) => json!({ "lossy": text }),
    }
}

/// The instant of the requests.
pub fn as_of() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}
