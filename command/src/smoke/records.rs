//! Records that the test makes for a parent of its own, in a DynamoDB table of the deployment.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use waybill::aws::{CallError, Item};
use waybill::catalog::{
    Catalog, Column, Constant, DynamodbSpec, ExportType, FixedCondition, KeyForm, SortFormat,
};
use waybill::parent::{IdForm, Parent};
use waybill::value::Kind;

/// How many records are made.
pub(super) const COUNT: usize = 3;
/// What the text columns of a record begin with: a formula for a spreadsheet, quotes, a separator, a line break.
const HOSTILE: &str = "=1+1,\"waybill\"\nsmoke";

/// Records of a parent that nobody else knows.
#[derive(Debug, Clone)]
pub(super) struct OwnRecords {
    table: String,
    /// The attributes of the table's key.
    key_names: Vec<String>,
    items: Vec<Item>,
}

impl OwnRecords {
    /// Records of the type for the parent, created in the last minutes.
    ///
    /// # Errors
    /// Why the command cannot make records of the type.
    pub(super) fn new(
        export_type: &ExportType,
        table: String,
        parent: &Parent,
        now: Timestamp,
    ) -> Result<Self, &'static str> {
        let spec = makeable(export_type)?;
        let groups = spec.groups(parent.id(), None, Some(now), now);
        let groups = groups.map_err(|_| "partitions have the id of the parent's root")?;
        let partition = groups.last().and_then(|group| group.partitions.first());
        let partition = partition.ok_or("no partition can be that of a new parent")?;
        let items = (1..=COUNT).map(|number| {
            let at = now - SignedDuration::from_mins(number as i64);
            let key = match &spec.sort_key {
                Some(name) => Some((name.clone(), sort_key(&spec.sort_format, at, number)?)),
                None => return Err("records have no sort key"),
            };
            Ok(item(export_type, spec, partition, key, number, at))
        });
        Ok(Self {
            table,
            key_names: spec.key_names().map(str::to_owned).collect(),
            items: items.collect::<Result<_, _>>()?,
        })
    }

    /// Writes the records, none over another.
    pub(super) async fn write(&self, db: &Client) -> Result<(), CallError> {
        for item in &self.items {
            let put = db.put_item().table_name(&self.table);
            let put = put.set_item(Some(item.clone()));
            let put = put
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", &self.key_names[0]);
            let put = put.send().await;
            put.map_err(|error| CallError::new("PutItem", error).with_table(&self.table))?;
        }
        Ok(())
    }

    /// Deletes the records.
    pub(super) async fn delete(&self, db: &Client) -> Result<(), CallError> {
        for item in &self.items {
            let key = self.key_names.iter();
            let key = key.filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
            let delete = db.delete_item().table_name(&self.table);
            let deleted = delete.set_key(Some(key.collect())).send().await;
            deleted.map_err(|error| CallError::new("DeleteItem", error).with_table(&self.table))?;
        }
        Ok(())
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }
}

/// The first type of which the command can make records.
pub(super) fn first_makeable(catalog: &Catalog) -> Option<&ExportType> {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
    catalog.types().iter().find(|export_type| {
        let parent = own_parent(catalog, export_type);
        parent
            .is_some_and(|parent| OwnRecords::new(export_type, String::new(), &parent, now).is_ok())
    })
}

/// A parent of the type with an id that nothing else has.
pub(super) fn own_parent(catalog: &Catalog, export_type: &ExportType) -> Option<Parent> {
    let kind = catalog.kinds().get(export_type.parent.as_str())?;
    let unique = Uuid::new_v4();
    let id = match kind.id {
        // From 2^52, which no counter reaches, to 2^53, up to which every program reads numbers exactly.
        IdForm::Integer => ((1 << 52) | (unique.as_u64_pair().0 >> 12)).to_string(),
        IdForm::Uuid => unique.to_string(),
        IdForm::Text | IdForm::Name => format!("waybill-smoke-{}", unique.simple()),
    };
    kind.parent(&id).ok()
}

/// Where the records of a type are, if the command can make some there.
fn makeable(export_type: &ExportType) -> Result<&DynamodbSpec, &'static str> {
    let spec = export_type.records.dynamodb();
    let spec = spec.ok_or("records are in a database, which the command does not write to")?;
    if spec.index.is_some() {
        return Err(
            "records are read by an index, of which the catalog does not know the table's key",
        );
    }
    if spec.scan.is_some() {
        return Err("the whole table is read");
    }
    if spec.role.is_some() || spec.region.is_some() {
        return Err("records are in another account or region");
    }
    Ok(spec)
}

fn item(
    export_type: &ExportType,
    spec: &DynamodbSpec,
    partition: &str,
    key: Option<(String, AttributeValue)>,
    number: usize,
    at: Timestamp,
) -> Item {
    let mut item = Item::new();
    for column in &export_type.columns {
        let path = column.origin.path().map(|path| path.names());
        if let (Some([name]), Some(value)) = (path, value(column, number, at)) {
            item.insert(name.clone(), value);
        }
    }
    for (name, condition) in &spec.fixed {
        if let Some(value) = fixed(condition) {
            item.insert(name.clone(), value);
        } else {
            item.remove(name);
        }
    }
    let partition = match spec.has_number_partitions {
        true => AttributeValue::N(partition.to_owned()),
        false => AttributeValue::S(partition.to_owned()),
    };
    item.insert(spec.partition_key.clone(), partition);
    item.extend(key);
    item
}

/// A value of the column, where a plain one is enough: none where it is stored in another form.
fn value(column: &Column, number: usize, at: Timestamp) -> Option<AttributeValue> {
    if column.stored.is_some() || !column.conversion.is_none() {
        return None;
    }
    let text = |text: String| Some(AttributeValue::S(text));
    match (column.kind, column.values.first()) {
        (Kind::Text, Some(listed)) => text(listed.clone()),
        (Kind::Text, None) => text(format!("{HOSTILE} {number}")),
        (Kind::Integer | Kind::Decimal, _) => Some(AttributeValue::N(number.to_string())),
        (Kind::Boolean, _) => Some(AttributeValue::Bool(true)),
        (Kind::Timestamp, _) => text(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        (Kind::Date, _) => text(at.strftime("%Y-%m-%d").to_string()),
        (Kind::Email, _) => text(format!("smoke-{number}@example.com")),
        (Kind::Phone, _) => text(format!("+1555010{number}")),
    }
}

/// A value that meets the condition; `None` where none is to be there.
fn fixed(condition: &FixedCondition) -> Option<AttributeValue> {
    let constant = match condition {
        FixedCondition::Is(constant) => constant,
        FixedCondition::OneOf { one_of } => one_of.first()?,
        FixedCondition::Absent { absent: false } => {
            return Some(AttributeValue::S("smoke".to_owned()));
        }
        FixedCondition::Not { .. } | FixedCondition::Absent { absent: true } => return None,
    };
    Some(match constant {
        Constant::Text(text) => AttributeValue::S(text.clone()),
        Constant::Integer(number) => AttributeValue::N(number.to_string()),
        Constant::Boolean(flag) => AttributeValue::Bool(*flag),
    })
}

/// A sort key of the format.
fn sort_key(
    format: &SortFormat,
    at: Timestamp,
    number: usize,
) -> Result<AttributeValue, &'static str> {
    let unknown = "the command does not know how to make a sort key of this format";
    if format.is_number() {
        return Err(unknown);
    }
    // The time begins as the lower bound of its instant does.
    let key = match format.lower_bound(at) {
        Some(bound) => format!("{bound}#{number}"),
        None => format!("{}{number}", format.prefix()),
    };
    let bare = format.lower_bound(at);
    let fits = |key: &String| {
        format.form(key) == KeyForm::Fits
            && format.is_within(key, None, at + SignedDuration::from_secs(1))
    };
    let candidates = [Some(key), bare];
    let key = candidates.into_iter().flatten().find(fits);
    key.map(AttributeValue::S).ok_or(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(catalog: &Catalog, export_type: &ExportType) -> Result<OwnRecords, &'static str> {
        let parent = own_parent(catalog, export_type).expect("a parent");
        let now = "2026-11-21T12:01:02Z".parse().expect("an instant");
        OwnRecords::new(export_type, "records".to_owned(), &parent, now)
    }

    #[test]
    fn records_of_each_built_in_type_have_keys_of_its_format() {
        let catalog = Catalog::built_in().expect("the catalog");
        for export_type in catalog.types() {
            let own = made(&catalog, export_type).expect("records");
            let spec = export_type.records.dynamodb().expect("DynamoDB");
            let name = spec.sort_key.as_ref().expect("a sort key");
            let keys = own
                .items
                .iter()
                .map(|item| item[name].as_s().expect("a text"));
            let mut keys: Vec<&String> = keys.collect();
            assert!(
                keys.iter()
                    .all(|key| spec.sort_format.form(key) == KeyForm::Fits),
                "{keys:?}"
            );
            keys.dedup();
            assert_eq!(keys.len(), COUNT, "{keys:?}");
        }
    }

    #[test]
    fn a_type_of_which_no_records_can_be_made_says_why() {
        let built_in = include_str!("../../../infra/catalog.toml");
        let index = "partition_key = \"pk\", index = \"by_owner\"";
        let changed = built_in.replacen("partition_key = \"pk\"", index, 1);
        let catalog = Catalog::parse(&changed).expect("a catalog");
        let refused = made(&catalog, &catalog.types()[0]).expect_err("no records");
        assert!(refused.contains("by an index"), "{refused}");
        let first = first_makeable(&catalog).expect("another type");
        assert_eq!(first.name, catalog.types()[1].name);
    }
}
