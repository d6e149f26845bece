//! The catalog that the functions use, and its tables in DynamoDB.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    KeySchemaElement, KeyType, ProjectionType, TableDescription, TableStatus,
};
use waybill::aws::CallError;
use waybill::catalog::{DynamodbSpec, ExportType, RecordsSpec, SqlSpec};
use waybill::live_catalog::CatalogVersion;

use super::{Finding, Found};
use crate::stack::{Function, Stack};

pub(super) async fn look(stack: &Stack) -> Found {
    let api = stack.function("ApiFunctionName").await?;
    let live = match stack.catalog(&api).await {
        Ok(live) => live,
        Err(error) => {
            let folder = api
                .variable("CATALOG_URL")
                .unwrap_or("the command's own catalog");
            return Ok(vec![Finding::wrong(
                format!("The catalog in {folder} cannot be read: {error}."),
                "Put a valid catalog.toml into the folder of CatalogUrl: `waybill catalog check FILE` says what is wrong with one.",
            )]);
        }
    };
    let mistakes = live.mistakes().into_iter();
    let mut found: Vec<Finding> = mistakes
        .map(|mistake| {
            Finding::wrong(
                format!("{mistake}."),
                "Correct catalog.toml, and put it into the folder of CatalogUrl.",
            )
        })
        .collect();
    let version = live.current();
    let mut of_tables: BTreeMap<String, Vec<(&str, &DynamodbSpec)>> = BTreeMap::new();
    for export_type in version.catalog.types() {
        let Some(spec) = export_type.records.dynamodb() else {
            found.extend(of_database(&version, export_type));
            continue;
        };
        match table_of(&api, &version, export_type, spec) {
            Ok(table) => of_tables
                .entry(table)
                .or_default()
                .push((&export_type.name, spec)),
            Err(finding) => found.push(finding),
        }
    }
    for (table, types) in of_tables {
        found.extend(of_table(stack, &api, &table, &types).await?);
    }
    Ok(found)
}

/// The table of a type's records, where it can be looked at.
fn table_of(
    api: &Function,
    version: &CatalogVersion,
    export_type: &ExportType,
    spec: &DynamodbSpec,
) -> Result<String, Finding> {
    let (name, variable) = (&export_type.name, &spec.table);
    let mapped = version.deployment.table(variable);
    let table = mapped.or_else(|| api.variable(variable).map(str::to_owned));
    let table = table.ok_or_else(|| {
        Finding::wrong(
            format!("{name} is out of service: no table is mapped to {variable}."),
            format!("Add `tables.{variable} = \"…\"` to deployment.toml, and the table's ARN to RecordsTableArns."),
        )
    })?;
    match &spec.role {
        None => Ok(table),
        Some(_) => Err(Finding::note(
            format!(
                "The table {table} of {name} is read by a role in another account, and was not looked at."
            ),
            "`waybill catalog sample` with that account's credentials compares its records with the catalog.",
        )),
    }
}

/// What is wrong with a table that these types are read from.
async fn of_table(
    stack: &Stack,
    api: &Function,
    table: &str,
    types: &[(&str, &DynamodbSpec)],
) -> Found {
    let region = types.iter().find_map(|(_, spec)| spec.region.as_ref());
    let client = stack.records(region.map(|region| api.variable(region).unwrap_or(region)));
    let described = match client.describe_table().table_name(table).send().await {
        Ok(described) => described,
        Err(error) => {
            let error = CallError::new("DescribeTable", error);
            let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
            return match error.code.as_str() {
                "ResourceNotFoundException" => Ok(vec![Finding::wrong(
                    format!(
                        "There is no table {table}, where the records of {} are to be.",
                        names.join(", ")
                    ),
                    "Correct RecordsTable or deployment.toml; a table in another region or account needs `region` or `role` in the catalog.",
                )]),
                _ => Err(error.into()),
            };
        }
    };
    let description = described
        .table()
        .ok_or("DynamoDB does not describe the table")?;
    let found = types
        .iter()
        .flat_map(|(name, spec)| compared(name, spec, description));
    Ok(found.collect())
}

/// A database is compared with the catalog by another command, which signs in to it.
fn of_database(version: &CatalogVersion, export_type: &ExportType) -> Option<Finding> {
    let database = &sql(&export_type.records)?.database.name;
    let name = &export_type.name;
    Some(match version.deployment.database(database) {
        Some(_) => Finding::note(
            format!("{name} is in the database {database}, which was not looked at."),
            "`waybill catalog check FILE`, from where the database can be reached, compares the two.",
        ),
        None => Finding::wrong(
            format!("{name} is out of service: deployment.toml has no database {database}."),
            format!(
                "Add `databases.{database} = {{ url = \"…\", secret = \"…\" }}` to deployment.toml."
            ),
        ),
    })
}

/// The records in a database; `None` for those in DynamoDB.
pub(super) fn sql(records: &RecordsSpec) -> Option<&SqlSpec> {
    match records {
        RecordsSpec::Dynamodb(_) => None,
        RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec) => Some(spec),
    }
}

/// How a table differs from what the catalog says of it.
fn compared(name: &str, spec: &DynamodbSpec, table: &TableDescription) -> Vec<Finding> {
    let of_table = table.table_name().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(status @ (TableStatus::InaccessibleEncryptionCredentials | TableStatus::Deleting)) =
        table.table_status()
    {
        found.push(Finding::wrong(
            format!("The table {of_table} of {name} is {status}."),
            "Give DynamoDB access to the table's key again, or correct the table's name.",
        ));
    }
    let Some(index) = &spec.index else {
        found.extend(other_keys(name, spec, of_table, table.key_schema()));
        return found;
    };
    let globals = table.global_secondary_indexes().iter();
    let globals = globals.map(|one| (one.index_name(), one.key_schema(), one.projection()));
    let locals = table.local_secondary_indexes().iter();
    let locals = locals.map(|one| (one.index_name(), one.key_schema(), one.projection()));
    let mut indexes = globals.chain(locals);
    let Some((_, keys, projection)) = indexes.find(|(name, ..)| *name == Some(index)) else {
        found.push(Finding::wrong(
            format!("The table {of_table} of {name} has no index {index}."),
            "Correct `index` in the catalog, or add the index to the table.",
        ));
        return found;
    };
    found.extend(other_keys(name, spec, &format!("{of_table}/{index}"), keys));
    if projection.and_then(|projection| projection.projection_type()) != Some(&ProjectionType::All)
    {
        found.push(Finding::note(
            format!("The index {index} of {of_table} has not all attributes of a record: the others are empty cells."),
            "Project ALL, or remove the columns from the catalog.",
        ));
    }
    found
}

/// Where the key of a table or an index is another than the catalog says.
fn other_keys(
    name: &str,
    spec: &DynamodbSpec,
    of: &str,
    keys: &[KeySchemaElement],
) -> Option<Finding> {
    if spec.scan.is_some() {
        return None;
    }
    let of_kind = |kind: &KeyType| {
        let mut keys = keys.iter();
        keys.find(|key| key.key_type() == kind)
            .map(KeySchemaElement::attribute_name)
    };
    let actual = (of_kind(&KeyType::Hash), of_kind(&KeyType::Range));
    let said = (Some(spec.partition_key.as_str()), spec.sort_key.as_deref());
    let words = |(partition, sort): (Option<&str>, Option<&str>)| {
        let sort = sort.map_or(String::new(), |sort| format!(" and {sort}"));
        format!("{}{sort}", partition.unwrap_or("nothing"))
    };
    (actual != said).then(|| {
        Finding::wrong(
            format!(
                "{name} is read by {}, but the key of {of} is {}.",
                words(said),
                words(actual)
            ),
            "Correct `partition_key` and `sort_key` of the type in the catalog.",
        )
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, Projection};
    use waybill::catalog::Catalog;

    use super::*;

    fn key(name: &str, kind: KeyType) -> KeySchemaElement {
        let key = KeySchemaElement::builder().attribute_name(name);
        key.key_type(kind).build().expect("a key")
    }

    fn spec(line: &str) -> DynamodbSpec {
        let built_in = include_str!("../../../infra/catalog.toml");
        let changed = built_in.replacen("partition_key = \"pk\"", line, 1);
        let catalog = Catalog::parse(&changed).expect("a catalog");
        catalog.types()[0]
            .records
            .dynamodb()
            .expect("DynamoDB")
            .clone()
    }

    #[test]
    fn a_table_with_another_key_or_without_the_index_is_wrong() {
        let table = TableDescription::builder()
            .table_name("records")
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range));
        let fits = spec("partition_key = \"pk\"");
        assert_eq!(compared("purchases", &fits, &table.clone().build()), []);
        let other = compared(
            "purchases",
            &spec("partition_key = \"PK\""),
            &table.clone().build(),
        );
        assert_eq!(
            other,
            [Finding::wrong(
                "purchases is read by PK and sk, but the key of records is pk and sk.",
                "Correct `partition_key` and `sort_key` of the type in the catalog.",
            )]
        );
        let by_index = spec("partition_key = \"pk\", index = \"by_owner\"");
        let missing = compared("purchases", &by_index, &table.clone().build());
        assert_eq!(missing.len(), 1, "{missing:?}");
        let index = GlobalSecondaryIndexDescription::builder()
            .index_name("by_owner")
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::KeysOnly)
                    .build(),
            );
        let partial = compared(
            "purchases",
            &by_index,
            &table.global_secondary_indexes(index.build()).build(),
        );
        assert_eq!(partial.len(), 1, "{partial:?}");
    }
}
