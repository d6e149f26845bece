//! Parses and checks the templates of partition keys.

use std::collections::HashSet;
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::database::time_zone;
use super::{PartitionType, Wrong, wrong};
use crate::catalog::partitions::{PARENT, ROOT};
use crate::catalog::{PeriodLength, Periods};
use crate::value::time::parse_date;

/// The maximum number of partitions of a parent. A position has the keys of a record of each, of up to 6 KB, and must fit
/// into an item of DynamoDB (400 KB).
const MAX_PARTITIONS: usize = 50;

/// The templates of a parent's partitions. Each must contain the parent, and none may be repeated.
pub(super) fn partitions(
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

/// The months or days that have partitions of their own.
pub(super) fn periods(
    partitions: &[Spanned<String>],
    since: Option<Spanned<toml::Value>>,
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
    let is_other = |template: &&Spanned<String>| {
        !has(length, template)
            || (length == PeriodLength::Month && has(PeriodLength::Day, template))
    };
    if let Some(other) = partitions.iter().find(is_other) {
        return Err(wrong(
            other,
            "either all partitions of a type have {month}, or all have {day}, or none has either",
        ));
    }
    let since = since.ok_or_else(|| wrong(&partitions[0], "partitions with {month} or {day} need `since`, the day of the first record, such as \"2024-01-31\""))?;
    let zone = zone.as_ref().map_or(Ok("UTC".to_owned()), time_zone)?;
    Ok(Some(Periods {
        length,
        since: day(&since)?,
        time_zone: TimeZone::get(&zone).unwrap_or(TimeZone::UTC),
    }))
}

/// A day: a text, or a date of TOML.
fn day(since: &Spanned<toml::Value>) -> Result<Date, Wrong> {
    let text = match since.get_ref() {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(date) => date.to_string(),
        _ => String::new(),
    };
    parse_date(&text).ok_or_else(|| {
        wrong(
            since,
            "`since` must be a day, such as \"2024-01-31\": that of the first record",
        )
    })
}

/// Whether partition keys are numbers. A number has no room for more than the parent's id.
pub(super) fn number_partitions(
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
