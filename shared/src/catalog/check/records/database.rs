//! Parses and checks the databases of a catalog.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, not_empty, wrong};
use crate::catalog::DatabaseSpec;

/// The engine of a database.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DatabaseEngine {
    Postgres,
    Mysql,
}

/// A `[database.name]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::catalog::check) struct RawDatabase {
    pub(super) engine: DatabaseEngine,
    settles: Option<Spanned<i64>>,
    time_zone: Option<Spanned<String>>,
    connections: Option<Spanned<i64>>,
}

/// The databases of the catalog, by their names.
pub(in crate::catalog::check) type Databases = BTreeMap<Spanned<String>, Spanned<RawDatabase>>;

pub(super) fn database_spec(name: &str, raw: &RawDatabase) -> Result<DatabaseSpec, Wrong> {
    let connections = raw.connections.as_ref().map(connections).transpose()?;
    let time_zone = raw.time_zone.as_ref().map(time_zone).transpose()?;
    Ok(DatabaseSpec {
        name: name.to_owned(),
        settles_s: raw.settles.as_ref().map_or(Ok(SETTLES_S), settles)?,
        time_zone: time_zone.filter(|name| name != "UTC"),
        connections: connections.unwrap_or_else(DatabaseSpec::default_connections),
    })
}

pub(super) fn time_zone(name: &Spanned<String>) -> Result<String, Wrong> {
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

/// The columns of a key in a database.
pub(super) fn key(raw: Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Wrong> {
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
