//! Looks at a table of DynamoDB, and drafts its entry.

mod attributes;
mod entity;
mod partition;
mod sort_key;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    TableDescription,
};
use waybill::aws::{CallError, Item};
use waybill::deployment_file::DeploymentFile;
use waybill::parent::IdForm;
use waybill::records::{RecordsClients, RecordsOpener, TableLocation};

use self::entity::Entity;
use self::partition::Partition;
use super::draft::{Draft, DraftRecords};
use super::guess::{self, Asked, word};

/// The items whose attributes are looked at, about.
const SAMPLED_ITEMS: usize = 1_000;
/// The parts of the table that are looked at, since the items of one part can be of one kind.
const SEGMENTS: i32 = 8;
/// The most pages of a part, of 1 MB each, where only some items are wanted.
const MOST_PAGES: usize = 4;

/// An attribute with the value that the items of a type have, as in `fixed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) name: String,
    pub(super) value: String,
}

/// A table, and some of its items.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// The table's own key, and then those of its indexes.
    pub(super) keys: Vec<Key>,
    pub(super) items: Vec<Item>,
}

/// The key of the table or of an index.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// `None` for the table's own.
    pub(super) index: Option<String>,
    pub(super) partition: String,
    pub(super) sort: Option<String>,
    /// Whether the partition key is a number.
    pub(super) is_number: bool,
    /// Whether items have all their attributes there.
    pub(super) has_all: bool,
}

impl Fixed {
    /// Parses `name=value`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(format!(
                "--fixed must be ATTRIBUTE=VALUE, such as entity=order, and is {text:?}"
            )),
        }
    }

    /// Whether an item has the value.
    fn is_of(&self, item: &Item) -> bool {
        item.get(&self.name).and_then(text) == Some(self.value.clone())
    }
}

/// The text of a value of one word, number or truth; `None` for any other.
pub(super) fn text(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(text.clone()),
        AttributeValue::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Looks at a table in the account and region of the AWS credentials, and at items that have these values.
///
/// # Errors
/// When there is no such table, when it may not be read, or when it has no such items.
async fn look(name: &str, fixed: &[Fixed]) -> Result<Table, Box<dyn Error>> {
    let config = waybill::aws::config().await;
    let region = config.region().map(ToString::to_string);
    let region = region
        .ok_or("no AWS region is set: AWS_REGION=eu-central-1, or that of your AWS profile")?;
    let clients = RecordsClients::from_env(&config);
    let opener = RecordsOpener::new(clients, DeploymentFile::default().into());
    let place = TableLocation {
        table: name.to_owned(),
        region: None,
        role: None,
    };
    let client = opener.client(&place).await;
    let described = client.describe_table().table_name(name).send().await;
    let described = described.map_err(|error| match error.as_service_error() {
        Some(error) if error.is_resource_not_found_exception() => {
            format!("there is no table {name} of DynamoDB in {region} (capitals count); for a table of a database, --url has its address")
        }
        _ => refused(&CallError::new("DescribeTable", error)),
    })?;
    let keys = described.table.as_ref().map(keys).unwrap_or_default();
    let items = sample(&client, name, fixed)
        .await
        .map_err(|error| refused(&error))?;
    if items.is_empty() {
        let what = match fixed {
            [] => format!("the table {name} is empty: its items say how its records look"),
            _ => format!("no item of {name} that was looked at has these values of --fixed"),
        };
        return Err(what.into());
    }
    Ok(Table {
        name: name.to_owned(),
        keys,
        items,
    })
}

/// Says what to do about a call that failed.
fn refused(error: &CallError) -> String {
    let advice = match error.code.as_str() {
        "AccessDeniedException" => {
            "the credentials need dynamodb:DescribeTable and dynamodb:Scan on the table"
        }
        "no connection" | "no answer" => {
            "are there AWS credentials (aws sts get-caller-identity), and is the network there?"
        }
        _ => "sign in to AWS as for the AWS CLI (aws sts get-caller-identity)",
    };
    format!("{error}: {advice}")
}

fn keys(table: &TableDescription) -> Vec<Key> {
    let numbers: Vec<&str> = table
        .attribute_definitions()
        .iter()
        .filter(|of| of.attribute_type == ScalarAttributeType::N)
        .map(|of| of.attribute_name.as_str())
        .collect();
    let key =
        |index: Option<&str>, schema: &[KeySchemaElement], projection: Option<&Projection>| {
            let named = |role: KeyType| schema.iter().find(|of| of.key_type == role);
            let partition = named(KeyType::Hash)?.attribute_name.clone();
            let projected = projection.and_then(Projection::projection_type);
            Some(Key {
                index: index.map(str::to_owned),
                is_number: numbers.contains(&partition.as_str()),
                partition,
                sort: named(KeyType::Range).map(|of| of.attribute_name.clone()),
                has_all: projected.is_none_or(|of| *of == ProjectionType::All),
            })
        };
    let local = table.local_secondary_indexes().iter();
    let global = table.global_secondary_indexes().iter();
    let of_local = local.filter_map(|of| key(of.index_name(), of.key_schema(), of.projection()));
    let of_global = global.filter_map(|of| key(of.index_name(), of.key_schema(), of.projection()));
    let own = key(None, table.key_schema(), None);
    own.into_iter().chain(of_global).chain(of_local).collect()
}

/// Some items, of all parts of the table.
async fn sample(client: &Client, table: &str, fixed: &[Fixed]) -> Result<Vec<Item>, CallError> {
    let of_segment = SAMPLED_ITEMS / SEGMENTS as usize;
    let mut items = Vec::new();
    for segment in 0..SEGMENTS {
        let (mut found, mut start) = (0, None);
        for _ in 0..MOST_PAGES {
            let page = client
                .scan()
                .table_name(table)
                .segment(segment)
                .total_segments(SEGMENTS)
                .set_limit(fixed.is_empty().then_some(of_segment as i32))
                .set_exclusive_start_key(start)
                .send();
            let page = page.await.map_err(|error| CallError::new("Scan", error))?;
            let wanted = page.items.unwrap_or_default().into_iter();
            let wanted = wanted.filter(|item| fixed.iter().all(|of| of.is_of(item)));
            let before = items.len();
            items.extend(wanted.take(of_segment - found));
            found += items.len() - before;
            start = page.last_evaluated_key;
            if found >= of_segment || start.is_none() {
                break;
            }
        }
    }
    Ok(items)
}

/// The draft of an entry for a table of DynamoDB, and the parents of the items that were looked at. The items of the type have
/// these values.
///
/// # Errors
/// When the table cannot be looked at, or no item has the parent's attribute.
pub(super) async fn draft(
    asked: &Asked,
    fixed: &[Fixed],
) -> Result<(Draft, Vec<String>), Box<dyn Error>> {
    let table = look(&asked.table, fixed).await?;
    Ok(of_table(&table, asked, fixed)?)
}

fn of_table(table: &Table, asked: &Asked, fixed: &[Fixed]) -> Result<(Draft, Vec<String>), String> {
    let partition = Partition::find(table, &asked.parent)?;
    let entity = Entity::find(table, &partition, fixed);
    let items: Vec<&Item> = partition
        .items(table)
        .filter(|item| entity.is_of(item))
        .collect();
    let left_out = attributes::left_out(table, &items, &entity);
    let overview = attributes::overview(&items, &left_out);
    let parents: Vec<String> = items.iter().filter_map(|item| partition.id(item)).collect();
    let name = entity.name.clone().unwrap_or_else(|| word(&table.name));
    let mut asked = asked.clone();
    asked.kind = asked.kind.or_else(|| partition.kind());
    let records = records(table, &partition, entity, &left_out);
    Ok((
        guess::draft(&overview, &asked, records, id_form(&parents), name),
        parents,
    ))
}

fn records(
    table: &Table,
    partition: &Partition,
    entity: Entity,
    left_out: &BTreeSet<String>,
) -> DraftRecords {
    let variable = format!("{}_TABLE", word(&table.name).to_uppercase());
    let mut keys: Vec<(&str, toml::Value)> = vec![
        ("engine", "dynamodb".into()),
        ("table", variable.clone().into()),
    ];
    keys.extend(partition.entry(table));
    if let (Some(sort), Some(format)) = (&partition.key.sort, entity.sort_format) {
        keys.extend([
            ("sort_key", sort.clone().into()),
            ("sort_format", format.into()),
        ]);
    }
    if !entity.fixed.is_empty() {
        keys.push((
            "fixed",
            toml::Value::Table(entity.fixed.into_iter().collect()),
        ));
    }
    let mut notes = partition.notes(table);
    notes.extend(entity.notes);
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(String::as_str).collect();
        notes.push(format!(
            "no columns, since they only make up keys or name the type: {}",
            names.join(", ")
        ));
    }
    let parameter = match partition.is_scan() {
        true => "ScannedTableArns",
        false => "RecordsTableArns",
    };
    DraftRecords {
        engine: None,
        keys,
        notes: notes.into_iter().map(|note| ("records", note)).collect(),
        deployment: format!(
            "# The functions may read it only if its ARN is in the parameter {parameter}.\ntables.{variable} = {}\n",
            toml::Value::from(table.name.as_str())
        ),
    }
}

/// What ids these are, as a catalog says it.
fn id_form(ids: &[String]) -> &'static str {
    let all =
        |form: IdForm| !ids.is_empty() && ids.iter().all(|id| form.id(id).as_ref() == Some(id));
    match (all(IdForm::Integer), all(IdForm::Uuid)) {
        (true, _) => "integer",
        (_, true) => "uuid",
        _ => "text",
    }
}
