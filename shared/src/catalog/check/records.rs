//! Parses and checks where a type's records are.

mod database;
mod fixed;
mod mysql;
mod partitions;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

pub(super) use self::database::Databases;
use self::database::{DatabaseEngine, database_spec, key};
use self::fixed::fixed;
pub(super) use self::mysql::read_numbers;
use self::partitions::{number_partitions, partitions, periods};
use super::{Wrong, not_empty, wrong};
use crate::catalog::{DatabaseSpec, DynamodbSpec, RecordsSpec, SortFormat, SqlSpec};

/// The default read rate in MB per second: strongly consistent reads of one partition, 3,000 units of 4 KB per second.
const READ_MB_PER_S: u32 = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecords {
    engine: Option<Spanned<Engine>>,
    table: Option<Spanned<String>>,
    #[serde(default)]
    fixed: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    // DynamoDB.
    index: Option<Spanned<String>>,
    scan: Option<Spanned<RawScan>>,
    partition: Option<Spanned<String>>,
    partitions: Option<Vec<Spanned<String>>>,
    partition_key: Option<Spanned<String>>,
    partition_type: Option<Spanned<PartitionType>>,
    since: Option<Spanned<toml::Value>>,
    time_zone: Option<Spanned<String>>,
    sort_key: Option<Spanned<String>>,
    sort_format: Option<Spanned<String>>,
    region: Option<Spanned<String>>,
    role: Option<Spanned<String>>,
    read_mb_per_s: Option<Spanned<i64>>,
    // A database.
    database: Option<Spanned<String>>,
    parent: Option<Spanned<String>>,
    key: Option<Spanned<Vec<Spanned<String>>>>,
    row_security: Option<Spanned<bool>>,
}

/// The engine of records that are in no database of the catalog.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Engine {
    Dynamodb,
    Postgres,
    Mysql,
}

/// How a whole table is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScan {
    parent: Spanned<String>,
}

/// The type of a partition key.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartitionType {
    Text,
    Number,
}

/// Where a type's records are.
pub(super) fn records(
    raw: Spanned<RawRecords>,
    databases: &Databases,
) -> Result<RecordsSpec, Wrong> {
    match &raw.get_ref().database {
        None => dynamodb(raw).map(RecordsSpec::Dynamodb),
        Some(name) => {
            let found = databases
                .iter()
                .find(|(known, _)| known.get_ref() == name.get_ref());
            let (_, database) = found.ok_or_else(|| {
                wrong(
                    name,
                    format!("the catalog has no [database.{}]", name.get_ref()),
                )
            })?;
            let spec = database_spec(name.get_ref(), database.get_ref())?;
            match database.get_ref().engine {
                DatabaseEngine::Postgres => sql(raw, spec).map(RecordsSpec::Postgres),
                DatabaseEngine::Mysql => {
                    let row_security = raw.get_ref().row_security.clone();
                    refused(row_security, "row_security", "MySQL")?;
                    let records = sql(raw, spec)?;
                    Ok(RecordsSpec::Mysql(mysql::with_numbers(records)))
                }
            }
        }
    }
}

/// A key that the records' engine needs.
fn needed<T>(span: &Range<usize>, value: Option<T>, name: &str) -> Result<T, Wrong> {
    value.ok_or_else(|| Wrong::at(span.clone(), format!("`{name}` is missing in `records`")))
}

/// Refuses a key of another engine.
fn refused<T>(value: Option<Spanned<T>>, name: &str, engine: &str) -> Result<(), Wrong> {
    match value {
        None => Ok(()),
        Some(value) => Err(wrong(
            &value,
            format!("records in {engine} have no `{name}`"),
        )),
    }
}

fn dynamodb(raw: Spanned<RawRecords>) -> Result<DynamodbSpec, Wrong> {
    let span = raw.span();
    let raw = raw.into_inner();
    let mut found = Wrong::default();
    let engine = "DynamoDB";
    if let Some(engine) = found.keep(needed(&span, raw.engine, "engine"))
        && let Engine::Postgres | Engine::Mysql = engine.get_ref()
    {
        found.add(wrong(
            &engine,
            "the engine of a database is in its [database.…]; `records` names that database instead: database = \"…\"",
        ));
    }
    found.keep(refused(raw.parent, "parent", engine));
    found.keep(refused(raw.key, "key", engine));
    found.keep(refused(raw.row_security, "row_security", engine));
    let table = found.keep(needed(&span, raw.table, "table"));
    let partition_key = found.keep(needed(&span, raw.partition_key, "partition_key"));
    let sort_format = match (&raw.scan, raw.sort_format) {
        (Some(_), None) => Some(SortFormat::any()),
        (_, format) => found.keep(sort_format(&span, raw.sort_key.is_some(), format)),
    };
    let partitions = match &raw.scan {
        None => found.keep(partitions(span, raw.partition, raw.partitions)),
        Some(scan) => {
            if raw.partition.is_some() || raw.partitions.is_some() || raw.index.is_some() {
                found.add(wrong(scan, "a `scan` reads the whole table; leave out `partition`, `partitions` and `index`"));
            }
            Some(Vec::new())
        }
    };
    let keys = found.or(table.zip(partition_key).zip(sort_format).zip(partitions))?;
    let (((table, partition_key), sort_format), partitions) = keys;
    if !is_logical_name(table.get_ref()) {
        return Err(wrong(
            &table,
            "`table` must be a name (a letter, then letters, digits and _) that the deployment file or an environment variable maps to the table's own",
        ));
    }
    if let Some(sort_key) = &raw.sort_key
        && partition_key.get_ref() == sort_key.get_ref()
    {
        return Err(wrong(
            sort_key,
            "the sort key and the partition key must be different attributes",
        ));
    }
    let has_number_partitions = number_partitions(raw.partition_type, &partitions)?;
    let periods = periods(&partitions, raw.since, raw.time_zone)?;
    let sort_key = raw.sort_key.map(not_empty).transpose()?;
    let is_key = |name: &String| name == partition_key.get_ref() || Some(name) == sort_key.as_ref();
    if let Some((name, _)) = raw.fixed.iter().find(|(name, _)| is_key(name.get_ref())) {
        return Err(wrong(
            name,
            "an attribute of the key cannot be in `fixed`; `partition` determines the key",
        ));
    }
    Ok(DynamodbSpec {
        table: table.into_inner(),
        index: raw.index.map(not_empty).transpose()?,
        partition_key: not_empty(partition_key)?,
        has_number_partitions,
        sort_key,
        sort_format,
        fixed: fixed(raw.fixed)?,
        region: raw.region.map(not_empty).transpose()?,
        role: raw.role.map(role).transpose()?,
        read_mb_per_s: raw.read_mb_per_s.map_or(Ok(READ_MB_PER_S), read_mb_per_s)?,
        scan: raw
            .scan
            .map(|scan| not_empty(scan.into_inner().parent))
            .transpose()?,
        partitions: partitions.into_iter().map(Spanned::into_inner).collect(),
        periods,
    })
}

/// The format of the sort key. A table or an index without a sort key has no format either.
fn sort_format(
    span: &Range<usize>,
    has_sort_key: bool,
    format: Option<Spanned<String>>,
) -> Result<SortFormat, Wrong> {
    match (has_sort_key, format) {
        (false, None) => Ok(SortFormat::any()),
        (false, Some(format)) => Err(wrong(
            &format,
            "`sort_format` needs the attribute of the sort key in `sort_key`",
        )),
        (true, format) => {
            let format = needed(span, format, "sort_format")?;
            SortFormat::parse(format.get_ref()).map_err(|message| wrong(&format, message))
        }
    }
}

fn sql(raw: Spanned<RawRecords>, database: DatabaseSpec) -> Result<SqlSpec, Wrong> {
    let span = raw.span();
    let raw = raw.into_inner();
    let engine = "a database";
    let mut found = Wrong::default();
    found.keep(refused(raw.engine, "engine", engine));
    found.keep(refused(raw.index, "index", engine));
    found.keep(refused(raw.partition, "partition", engine));
    found.keep(refused(raw.partition_key, "partition_key", engine));
    found.keep(refused(raw.partition_type, "partition_type", engine));
    found.keep(refused(raw.scan, "scan", engine));
    found.keep(refused(raw.since, "since", engine));
    found.keep(refused(raw.time_zone, "time_zone", engine));
    found.keep(refused(raw.sort_key, "sort_key", engine));
    found.keep(refused(raw.sort_format, "sort_format", engine));
    found.keep(refused(raw.region, "region", engine));
    found.keep(refused(raw.role, "role", engine));
    found.keep(refused(raw.read_mb_per_s, "read_mb_per_s", engine));
    if raw.partitions.is_some() {
        found.add(Wrong::at(
            span.clone(),
            format!("records in {engine} have no `partitions`"),
        ));
    }
    let key = found.keep(needed(&span, raw.key, "key").and_then(key));
    let table = found.keep(needed(&span, raw.table, "table").and_then(not_empty));
    let parent = found.keep(needed(&span, raw.parent, "parent").and_then(not_empty));
    let fixed = found.keep(fixed(raw.fixed));
    let (((table, parent), key), fixed) = found.or(table.zip(parent).zip(key).zip(fixed))?;
    Ok(SqlSpec {
        database,
        table,
        parent,
        key,
        fixed,
        row_security: raw.row_security.is_some_and(Spanned::into_inner),
    })
}

/// A role's ARN, or the name of the variable that contains the ARN.
fn role(role: Spanned<String>) -> Result<String, Wrong> {
    let text = role.get_ref();
    if is_logical_name(text) || (text.starts_with("arn:") && text.contains(":role/")) {
        return Ok(role.into_inner());
    }
    Err(wrong(
        &role,
        "`role` must be the role's ARN, or a name (a letter, then letters, digits and _) that the deployment file or an environment variable maps to the ARN",
    ))
}

/// At least 1 MB per second. With less, an export would exceed its time limit.
fn read_mb_per_s(budget: Spanned<i64>) -> Result<u32, Wrong> {
    let megabytes = u32::try_from(*budget.get_ref())
        .ok()
        .filter(|megabytes| *megabytes > 0);
    megabytes.ok_or_else(|| {
        wrong(
            &budget,
            "`read_mb_per_s` must be an integer of at least 1, in megabytes per second",
        )
    })
}

fn is_logical_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
