//! Compares a table's key, from the table's description, with a type's entry.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{
    KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType, TableDescription,
};
use waybill::catalog::{Column, DynamodbSpec, ExportType, SortFormat};

/// The differences between the key of the table or index and the type's entry.
pub(crate) fn problems(
    of: &ExportType,
    spec: &DynamodbSpec,
    table: &TableDescription,
) -> Vec<String> {
    let Some(name) = &spec.index else {
        return key_problems(spec, table, table.key_schema());
    };
    let global = table.global_secondary_indexes().iter();
    let global = global.map(|index| (index.index_name(), index.key_schema(), index.projection()));
    let local = table.local_secondary_indexes().iter();
    let local = local.map(|index| (index.index_name(), index.key_schema(), index.projection()));
    let indexes: Vec<_> = global.chain(local).collect();
    match indexes.iter().find(|(index, ..)| *index == Some(name)) {
        None => {
            let names: Vec<_> = indexes.iter().filter_map(|(index, ..)| *index).collect();
            vec![match names.is_empty() {
                true => format!("there is no index {name}; the table has none"),
                false => format!("there is no index {name}; there are {}", names.join(", ")),
            }]
        }
        Some((_, schema, projection)) => {
            let mut problems = key_problems(spec, table, schema);
            problems.extend(projection.and_then(|p| missing_columns(of, spec, table, schema, p)));
            problems
        }
    }
}

fn key_problems(
    spec: &DynamodbSpec,
    table: &TableDescription,
    schema: &[KeySchemaElement],
) -> Vec<String> {
    let attribute = |role: KeyType| {
        let element = schema.iter().find(|element| *element.key_type() == role);
        element.map(|element| element.attribute_name())
    };
    let kind = |name: &str| {
        let mut definitions = table.attribute_definitions().iter();
        let definition = definitions.find(|definition| definition.attribute_name() == name);
        definition.map(|definition| definition.attribute_type())
    };
    let partition_key = match attribute(KeyType::Hash) {
        Some(name) if name == spec.partition_key => {
            kind(name).and_then(|kind| partition_key_problem(spec, name, kind))
        }
        Some(name) => Some(format!(
            "the partition key is {name}, but `partition_key` is {}",
            spec.partition_key
        )),
        None => Some("there is no partition key".to_owned()),
    };
    let sort_key = match (attribute(KeyType::Range), spec.sort_key.as_deref()) {
        (Some(name), Some(of_entry)) if name == of_entry => {
            kind(name).and_then(|kind| sort_key_problem(&spec.sort_format, name, kind))
        }
        (Some(name), Some(of_entry)) => Some(format!(
            "the sort key is {name}, but `sort_key` is {of_entry}"
        )),
        (Some(name), None) => Some(format!(
            "the sort key is {name}, but the entry has no `sort_key`"
        )),
        (None, Some(of_entry)) => Some(format!(
            "there is no sort key, but `sort_key` is {of_entry}"
        )),
        (None, None) => None,
    };
    partition_key.into_iter().chain(sort_key).collect()
}

/// Why a partition key of this DynamoDB type does not fit the entry.
fn partition_key_problem(
    spec: &DynamodbSpec,
    name: &str,
    kind: &ScalarAttributeType,
) -> Option<String> {
    match (kind, spec.has_number_partitions) {
        (ScalarAttributeType::N, true) | (ScalarAttributeType::S, false) => None,
        (ScalarAttributeType::N, false) => Some(format!(
            "the partition key {name} is a number, which needs `partition_type = \"number\"`"
        )),
        (ScalarAttributeType::S, true) => Some(format!(
            "the partition key {name} is a text, but `partition_type` is a number"
        )),
        _ => Some(format!(
            "the partition key {name} is binary, which is not supported"
        )),
    }
}

/// Why a sort key of this DynamoDB type does not fit the format.
fn sort_key_problem(format: &SortFormat, name: &str, kind: &ScalarAttributeType) -> Option<String> {
    match kind {
        ScalarAttributeType::B => Some(format!(
            "the sort key {name} is binary, which is not supported"
        )),
        ScalarAttributeType::N if format.can_be_number() => None,
        ScalarAttributeType::N => Some(format!(
            "the sort key {name} is a number, but `sort_format` is a text"
        )),
        _ if format.is_number() => Some(format!(
            "the sort key {name} is a text, but `sort_format` is a number"
        )),
        _ => None,
    }
}

/// The columns and other attributes that are not projected into the index.
fn missing_columns(
    of: &ExportType,
    spec: &DynamodbSpec,
    table: &TableDescription,
    schema: &[KeySchemaElement],
    projection: &Projection,
) -> Option<String> {
    if projection.projection_type() == Some(&ProjectionType::All) {
        return None;
    }
    let keys = schema.iter().chain(table.key_schema());
    let mut projected: Vec<&str> = keys.map(|element| element.attribute_name()).collect();
    projected.extend(projection.non_key_attributes().iter().map(String::as_str));
    let is_projected = |column: &Column| {
        let roots = column.origin.roots();
        roots.is_some_and(|mut roots| roots.all(|root| projected.contains(&root)))
    };
    let missing = of.columns.iter().filter(|column| !is_projected(column));
    let fixed = spec.fixed.iter().map(|(name, _)| name.as_str());
    let others = fixed.chain(of.created.as_ref().map(|path| path.root()));
    let others = others.filter(|name| !projected.contains(name));
    let missing = missing.map(|column| column.key.as_str()).chain(others);
    let missing: BTreeSet<_> = missing.collect();
    let missing: Vec<_> = missing.into_iter().collect();
    (!missing.is_empty()).then(|| format!("the index does not project {}", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeDefinition, GlobalSecondaryIndexDescription};
    use waybill::catalog::Catalog;

    use super::*;

    fn things(records: &str) -> ExportType {
        let text = format!(
            "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"T\", partition = \"{{parent}}\", {records} }}\n\
             created = \"at\"\ncolumns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"name\", kind = \"text\" }} ]\n"
        );
        Catalog::parse(&text).unwrap().types()[0].clone()
    }

    fn schema(partition: &str, sort: Option<&str>) -> Vec<KeySchemaElement> {
        let element = |name: &str, role| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(role)
                .build()
                .unwrap()
        };
        let sort = sort.map(|name| element(name, KeyType::Range));
        std::iter::once(element(partition, KeyType::Hash))
            .chain(sort)
            .collect()
    }

    /// A table with the key `pk` and `sk`, and an index with the key `gpk` and `at` that also projects `id`.
    fn table() -> TableDescription {
        let attribute = |(name, kind): (&str, ScalarAttributeType)| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(kind)
                .build()
                .unwrap()
        };
        let (text, number) = (ScalarAttributeType::S, ScalarAttributeType::N);
        let attributes = [
            ("pk", text.clone()),
            ("sk", text),
            ("gpk", number.clone()),
            ("at", number),
        ];
        let projection = Projection::builder()
            .projection_type(ProjectionType::Include)
            .non_key_attributes("id")
            .build();
        let index = GlobalSecondaryIndexDescription::builder()
            .index_name("by_time")
            .set_key_schema(Some(schema("gpk", Some("at"))))
            .projection(projection)
            .build();
        TableDescription::builder()
            .set_attribute_definitions(Some(attributes.map(attribute).to_vec()))
            .set_key_schema(Some(schema("pk", Some("sk"))))
            .global_secondary_indexes(index)
            .build()
    }

    fn problems_with(records: &str) -> String {
        found(&things(records), &table()).join("\n")
    }

    fn found(of: &ExportType, table: &TableDescription) -> Vec<String> {
        problems(of, of.records.dynamodb().unwrap(), table)
    }

    #[test]
    fn a_key_that_matches_the_entry_has_no_problems() {
        assert_eq!(
            problems_with(
                r##"partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_s#id""##
            ),
            ""
        );
        assert_eq!(
            problems_with(r#"partition_key = "pk", sort_key = "sk", sort_format = "id""#),
            ""
        );
    }

    #[test]
    fn every_difference_from_the_entry_is_listed() {
        insta::assert_snapshot!(problems_with(r#"partition_key = "tenant", sort_key = "at", sort_format = "epoch_s""#), @"
        the partition key is pk, but `partition_key` is tenant
        the sort key is sk, but `sort_key` is at
        ");
        insta::assert_snapshot!(problems_with(r#"partition_key = "pk", sort_key = "sk", sort_format = "epoch_s""#), @"the sort key sk is a text, but `sort_format` is a number");
        insta::assert_snapshot!(problems_with(r#"index = "by_name", partition_key = "pk", sort_key = "sk", sort_format = "id""#), @"there is no index by_name; there are by_time");
        insta::assert_snapshot!(problems_with(r#"index = "by_time", partition_key = "gpk", sort_key = "at", sort_format = "rfc3339", fixed = { deleted = { absent = true } }"#), @"
        the partition key gpk is a number, which needs `partition_type = \"number\"`
        the sort key at is a number, but `sort_format` is a text
        the index does not project deleted, name
        ");
        let bare = TableDescription::builder()
            .set_key_schema(Some(schema("pk", None)))
            .build();
        let of = things(
            r#"index = "by_time", partition_key = "pk", sort_key = "sk", sort_format = "id""#,
        );
        insta::assert_snapshot!(found(&of, &bare).join("\n"), @"there is no index by_time; the table has none");
        let of = things(r#"partition_key = "pk", sort_key = "sk", sort_format = "id""#);
        insta::assert_snapshot!(found(&of, &bare).join("\n"), @"there is no sort key, but `sort_key` is sk");
        insta::assert_snapshot!(problems_with(r#"partition_key = "pk""#), @"the sort key is sk, but the entry has no `sort_key`");
        insta::assert_snapshot!(problems_with(r#"partition_key = "pk", partition_type = "number", sort_key = "sk", sort_format = "id""#), @"the partition key pk is a text, but `partition_type` is a number");
    }
}
