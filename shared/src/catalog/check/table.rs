//! Reads where a type's records are.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, filled, wrong};
use crate::catalog::records::PARENT;
use crate::catalog::{Constant, Engine, RecordsSpec, SortFormat};

/// What one partition of DynamoDB gives strongly consistently: 3,000 units of 4 KB a second.
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

/// Reads and checks where a type's records are.
pub(super) fn records(raw: Spanned<RawRecords>) -> Result<RecordsSpec, Wrong> {
    let span = raw.span();
    let raw = raw.into_inner();
    let partitions = partitions(span, raw.partition, raw.partitions)?;
    if !is_variable(raw.table.get_ref()) {
        return Err(wrong(
            &raw.table,
            "`table` is the name of an environment variable (A-Z, 0-9, _) that holds the table's name",
        ));
    }
    let sort_format = SortFormat::parse(raw.sort_format.get_ref()).ok_or_else(|| {
        wrong(
            &raw.sort_format,
            format!("no such sort_format; there are {}", SortFormat::names()),
        )
    })?;
    if raw.partition_key.get_ref() == raw.sort_key.get_ref() {
        return Err(wrong(
            &raw.sort_key,
            "the sort key is another attribute than the partition key",
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
            "an attribute of the key cannot be fixed; `partition` says what the key is",
        ));
    }
    let fixed = fixed(raw.fixed)?;
    Ok(RecordsSpec {
        engine: raw.engine,
        table: raw.table.into_inner(),
        index: raw.index.map(filled).transpose()?,
        partition_key: filled(raw.partition_key)?,
        sort_key: filled(raw.sort_key)?,
        sort_format,
        fixed,
        region: raw.region.map(filled).transpose()?,
        role: raw.role.map(role).transpose()?,
        read_mb_per_s: raw.read_mb_per_s.map_or(Ok(READ_MB_PER_S), read_mb_per_s)?,
        partitions: partitions.into_iter().map(Spanned::into_inner).collect(),
    })
}

/// The maximum number of partitions of a parent. A position has the keys of a record of each, of up to 6 KB, and must fit
/// into an item of DynamoDB (400 KB).
const MAX_PARTITIONS: usize = 50;

/// The partitions of a parent: each is bound to the parent, and there once.
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
                "give either `partition` or a list of `partitions`".to_owned(),
            ));
        }
    };
    if let Some(template) = partitions.get(MAX_PARTITIONS) {
        return Err(wrong(
            template,
            format!("a type has at most {MAX_PARTITIONS} partitions, which are read side by side"),
        ));
    }
    let mut distinct = HashSet::new();
    for template in &partitions {
        bound_to_parent(template)?;
        if !distinct.insert(template.get_ref()) {
            return Err(wrong(
                template,
                "this partition is there twice: its records would be too",
            ));
        }
    }
    Ok(partitions)
}

/// What every record has, in one table with others.
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
                    "what is fixed is a text, a whole number, true or false",
                ));
            }
        };
        Ok((filled(name)?, constant))
    };
    raw.into_iter().map(constant).collect()
}

/// A role by its ARN, or by the variable that holds it.
fn role(role: Spanned<String>) -> Result<String, Wrong> {
    let text = role.get_ref();
    if is_variable(text) || (text.starts_with("arn:") && text.contains(":role/")) {
        return Ok(role.into_inner());
    }
    Err(wrong(
        &role,
        "`role` is the name of an environment variable (A-Z, 0-9, _) that holds the role's ARN, or the ARN itself",
    ))
}

/// A megabyte a second at least: less would leave no export done within its time.
fn read_mb_per_s(budget: Spanned<i64>) -> Result<u32, Wrong> {
    let megabytes = u32::try_from(*budget.get_ref())
        .ok()
        .filter(|megabytes| *megabytes > 0);
    megabytes.ok_or_else(|| {
        wrong(
            &budget,
            "`read_mb_per_s` is a whole number of megabytes a second, from 1",
        )
    })
}

/// Without the parent in its key, a partition would give one customer's records to another.
fn bound_to_parent(template: &Spanned<String>) -> Result<(), Wrong> {
    let text = template.get_ref();
    if !text.contains(PARENT) {
        return Err(wrong(
            template,
            "a partition must have {parent} in it, so that it holds one parent's records only",
        ));
    }
    if text.replace(PARENT, "").contains(['{', '}']) {
        return Err(wrong(template, "a partition knows only {parent} in braces"));
    }
    Ok(())
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
