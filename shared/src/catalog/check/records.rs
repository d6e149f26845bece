//! Parses and checks where a type's records are.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, not_empty, wrong};
use crate::catalog::partitions::{PARENT, ROOT};
use crate::catalog::{
    Constant, DatabaseSpec, DynamodbSpec, FixedCondition, PeriodLength, Periods, RecordsSpec,
    SortFormat, SqlSpec,
};

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
    since: Option<Spanned<Date>>,
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

/// The engine of a database.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DatabaseEngine {
    Postgres,
}

/// A `[database.name]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDatabase {
    engine: DatabaseEngine,
    settles: Option<Spanned<i64>>,
    time_zone: Option<Spanned<String>>,
    connections: Option<Spanned<i64>>,
}

/// The databases of the catalog, by their names.
pub(super) type Databases = BTreeMap<Spanned<String>, Spanned<RawDatabase>>;

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
            let database = database_spec(name.get_ref(), database.get_ref())?;
            sql(raw, database).map(RecordsSpec::Postgres)
        }
    }
}

fn database_spec(name: &str, raw: &RawDatabase) -> Result<DatabaseSpec, Wrong> {
    let DatabaseEngine::Postgres = raw.engine;
    let connections = raw.connections.as_ref().map(connections).transpose()?;
    let time_zone = raw.time_zone.as_ref().map(time_zone).transpose()?;
    Ok(DatabaseSpec {
        name: name.to_owned(),
        settles_s: raw.settles.as_ref().map_or(Ok(SETTLES_S), settles)?,
        time_zone: time_zone.filter(|name| name != "UTC"),
        connections: connections.unwrap_or_else(DatabaseSpec::default_connections),
    })
}

fn time_zone(name: &Spanned<String>) -> Result<String, Wrong> {
    match TimeZone::get(name.get_ref()) {
        Ok(_) => Ok(name.get_ref().clone()),
        Err(_) => Err(wrong(
            name,
            "`time_zone` must be a zone's IANA name, such as Europe/Lisbon",
        )),
    }
}

fn connections(count: &Spanned<i64>) -> Result<u32, Wrong> {
    let valid = u32::try_from(*count.get_ref()).ok();
    valid
        .filter(|count| (1..=10_000).contains(count))
        .ok_or_else(|| {
            wrong(
                count,
                "`connections` must be a whole number from 1 to 10000",
            )
        })
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
        && let Engine::Postgres = engine.get_ref()
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

/// The months or days that have partitions of their own.
fn periods(
    partitions: &[Spanned<String>],
    since: Option<Spanned<Date>>,
    zone: Option<Spanned<String>>,
) -> Result<Option<Periods>, Wrong> {
    let has = |length: PeriodLength, template: &Spanned<String>| {
        template.get_ref().contains(length.placeholder())
    };
    let mut lengths = [PeriodLength::Month, PeriodLength::Day].into_iter();
    let length = lengths.find(|length| partitions.iter().any(|template| has(*length, template)));
    let Some(length) = length else {
        let unused = since
            .map(|since| since.span())
            .or(zone.map(|zone| zone.span()));
        return match unused {
            Some(span) => Err(Wrong::at(
                span,
                "`since` and `time_zone` are for partitions with {month} or {day}",
            )),
            None => Ok(None),
        };
    };
    if let Some(other) = partitions.iter().find(|template| !has(length, template)) {
        return Err(wrong(
            other,
            "either all partitions of a type have {month}, or all have {day}, or none has either",
        ));
    }
    let since = since.ok_or_else(|| wrong(&partitions[0], "partitions with {month} or {day} need `since`, the day of the first record, such as \"2024-01-31\""))?;
    let zone = zone.as_ref().map_or(Ok("UTC".to_owned()), time_zone)?;
    Ok(Some(Periods {
        length,
        since: since.into_inner(),
        time_zone: TimeZone::get(&zone).unwrap_or(TimeZone::UTC),
    }))
}

/// Whether partition keys are numbers. A number has no room for more than the parent's id.
fn number_partitions(
    partition_type: Option<Spanned<PartitionType>>,
    partitions: &[Spanned<String>],
) -> Result<bool, Wrong> {
    let is_number = partition_type.is_some_and(|of| *of.get_ref() == PartitionType::Number);
    match partitions
        .iter()
        .find(|template| template.get_ref() != PARENT)
    {
        Some(template) if is_number => Err(wrong(
            template,
            "a partition key that is a number can only be {parent}",
        )),
        _ => Ok(is_number),
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

/// The columns of a key in a database.
fn key(raw: Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Wrong> {
    if raw.get_ref().is_empty() {
        return Err(wrong(&raw, "`key` must name at least one column"));
    }
    let mut names: Vec<String> = Vec::new();
    for name in raw.into_inner() {
        if names.contains(name.get_ref()) {
            return Err(wrong(
                &name,
                format!("`{}` is listed twice", name.get_ref()),
            ));
        }
        names.push(not_empty(name)?);
    }
    Ok(names)
}

/// The default time until reading begins, in seconds.
const SETTLES_S: u32 = 5;
/// The longest time until reading begins, in seconds.
const LONGEST_SETTLES_S: u32 = 600;

fn settles(seconds: &Spanned<i64>) -> Result<u32, Wrong> {
    let valid = u32::try_from(*seconds.get_ref()).ok();
    valid
        .filter(|seconds| *seconds <= LONGEST_SETTLES_S)
        .ok_or_else(|| {
            wrong(
                seconds,
                format!(
                    "`settles` must be a whole number of seconds from 0 to {LONGEST_SETTLES_S}"
                ),
            )
        })
}

/// The maximum number of partitions of a parent. A position has the keys of a record of each, of up to 6 KB, and must fit
/// into an item of DynamoDB (400 KB).
const MAX_PARTITIONS: usize = 50;

/// The templates of a parent's partitions. Each must contain the parent, and none may be repeated.
fn partitions(
    span: Range<usize>,
    one: Option<Spanned<String>>,
    several: Option<Vec<Spanned<String>>>,
) -> Result<Vec<Spanned<String>>, Wrong> {
    let partitions = match (one, several) {
        (Some(one), None) => vec![one],
        (None, Some(several)) if !several.is_empty() => several,
        _ => {
            return Err(Wrong::at(
                span,
                "give either `partition` or a list of `partitions`, not both",
            ));
        }
    };
    if let Some(template) = partitions.get(MAX_PARTITIONS) {
        return Err(wrong(
            template,
            format!("a type has at most {MAX_PARTITIONS} partitions, which are read in parallel"),
        ));
    }
    let mut distinct = HashSet::new();
    for template in &partitions {
        check_template(template)?;
        if !distinct.insert(template.get_ref()) {
            return Err(wrong(
                template,
                "this partition is listed twice; its records would be exported twice",
            ));
        }
    }
    Ok(partitions)
}

/// What every record of the type has, in a table with several types.
fn fixed(
    raw: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
) -> Result<Vec<(String, FixedCondition)>, Wrong> {
    let mut found = Wrong::default();
    let mut conditions = Vec::new();
    for (name, value) in raw {
        let condition = fixed_condition(value.get_ref()).ok_or_else(|| {
            wrong(
                &value,
                "a value in `fixed` must be a text, an integer, true or false, a list of these, { not = … } of one or a list, \
                 or { absent = true }",
            )
        });
        let name = found.keep(not_empty(name));
        conditions.extend(name.zip(found.keep(condition)));
    }
    found.or(Some(conditions))
}

fn fixed_condition(value: &toml::Value) -> Option<FixedCondition> {
    let table = match value {
        toml::Value::Array(_) => {
            return Some(FixedCondition::OneOf {
                one_of: constants(value)?,
            });
        }
        toml::Value::Table(table) if table.len() == 1 => table,
        value => return constant(value).map(FixedCondition::Is),
    };
    let not = table.get("not").and_then(constants);
    let absent = table.get("absent").and_then(toml::Value::as_bool);
    not.map(|not| FixedCondition::Not { not })
        .or(absent.map(|absent| FixedCondition::Absent { absent }))
}

/// A constant, or a list of at least one.
fn constants(value: &toml::Value) -> Option<Vec<Constant>> {
    match value {
        toml::Value::Array(values) if values.is_empty() => None,
        toml::Value::Array(values) => values.iter().map(constant).collect(),
        value => Some(vec![constant(value)?]),
    }
}

fn constant(value: &toml::Value) -> Option<Constant> {
    match value {
        toml::Value::String(text) => Some(Constant::Text(text.clone())),
        toml::Value::Integer(number) => Some(Constant::Integer(*number)),
        toml::Value::Boolean(flag) => Some(Constant::Boolean(*flag)),
        _ => None,
    }
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

/// A partition without the parent in its key would give one customer's records to another.
fn check_template(template: &Spanned<String>) -> Result<(), Wrong> {
    let text = template.get_ref();
    if !text.contains(PARENT) {
        return Err(wrong(
            template,
            "a partition must contain {parent}, so that it has the records of only one parent",
        ));
    }
    let periods = [PeriodLength::Month, PeriodLength::Day].map(PeriodLength::placeholder);
    let placeholders = [PARENT, ROOT].into_iter().chain(periods);
    let rest = placeholders.fold(text.clone(), |rest, placeholder| {
        rest.replace(placeholder, "")
    });
    if rest.contains(['{', '}']) {
        return Err(wrong(
            template,
            "a partition can have only {parent}, {root}, {month} and {day} in braces",
        ));
    }
    Ok(())
}

fn is_logical_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
