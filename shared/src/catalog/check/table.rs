//! Parses and checks where a type's records are.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, not_empty, wrong};
use crate::catalog::records_spec::PARENT;
use crate::catalog::{Constant, Engine, RecordsSpec, SortFormat};

/// The default read rate in MB per second: strongly consistent reads of one partition, 3,000 units of 4 KB per second.
const READ_MB_PER_S: u32 = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecords {
    engine: Engine,
    table: Spanned<String>,
    index: Option<Spanned<String>>,
    partition: Option<Spanned<String>>,
    partitions: Option<Vec<Spanned<String>>>,
    partition_key: Spanned<String>,
    sort_key: Spanned<String>,
    sort_format: Spanned<String>,
    #[serde(default)]
    fixed: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    region: Option<Spanned<String>>,
    role: Option<Spanned<String>>,
    read_mb_per_s: Option<Spanned<i64>>,
}

pub(super) fn records(raw: Spanned<RawRecords>) -> Result<RecordsSpec, Wrong> {
    let span = raw.span();
    let raw = raw.into_inner();
    let partitions = partitions(span, raw.partition, raw.partitions)?;
    if !is_variable(raw.table.get_ref()) {
        return Err(wrong(
            &raw.table,
            "`table` must be the name of an environment variable (A-Z, 0-9, _) that contains the table's name",
        ));
    }
    let sort_format = SortFormat::parse(raw.sort_format.get_ref()).ok_or_else(|| {
        wrong(
            &raw.sort_format,
            format!("unknown `sort_format`; it must be {}", SortFormat::names()),
        )
    })?;
    if raw.partition_key.get_ref() == raw.sort_key.get_ref() {
        return Err(wrong(
            &raw.sort_key,
            "the sort key and the partition key must be different attributes",
        ));
    }
    let keys = [raw.partition_key.get_ref(), raw.sort_key.get_ref()];
    if let Some((name, _)) = raw
        .fixed
        .iter()
        .find(|(name, _)| keys.contains(&name.get_ref()))
    {
        return Err(wrong(
            name,
            "an attribute of the key cannot be in `fixed`; `partition` determines the key",
        ));
    }
    let fixed = fixed(raw.fixed)?;
    Ok(RecordsSpec {
        engine: raw.engine,
        table: raw.table.into_inner(),
        index: raw.index.map(not_empty).transpose()?,
        partition_key: not_empty(raw.partition_key)?,
        sort_key: not_empty(raw.sort_key)?,
        sort_format,
        fixed,
        region: raw.region.map(not_empty).transpose()?,
        role: raw.role.map(role).transpose()?,
        read_mb_per_s: raw.read_mb_per_s.map_or(Ok(READ_MB_PER_S), read_mb_per_s)?,
        partitions: partitions.into_iter().map(Spanned::into_inner).collect(),
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
            return Err(Wrong(
                span,
                "give either `partition` or a list of `partitions`, not both".to_owned(),
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

/// The values that every record of the type has, in a table with several types.
fn fixed(
    raw: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
) -> Result<Vec<(String, Constant)>, Wrong> {
    let constant = |(name, value): (Spanned<String>, Spanned<toml::Value>)| {
        let constant = match value.get_ref() {
            toml::Value::String(text) => Constant::Text(text.clone()),
            toml::Value::Integer(number) => Constant::Integer(*number),
            toml::Value::Boolean(flag) => Constant::Boolean(*flag),
            _ => {
                return Err(wrong(
                    &value,
                    "a value in `fixed` must be a text, an integer, true or false",
                ));
            }
        };
        Ok((not_empty(name)?, constant))
    };
    raw.into_iter().map(constant).collect()
}

/// A role's ARN, or the name of the variable that contains the ARN.
fn role(role: Spanned<String>) -> Result<String, Wrong> {
    let text = role.get_ref();
    if is_variable(text) || (text.starts_with("arn:") && text.contains(":role/")) {
        return Ok(role.into_inner());
    }
    Err(wrong(
        &role,
        "`role` must be the role's ARN, or the name of an environment variable (A-Z, 0-9, _) that contains the ARN",
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
    if text.replace(PARENT, "").contains(['{', '}']) {
        return Err(wrong(
            template,
            "a partition can have only {parent} in braces",
        ));
    }
    Ok(())
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
