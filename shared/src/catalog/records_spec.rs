//! Where a type's records are.

use serde::{Deserialize, Serialize};

use super::{FixedCondition, Periods, SortFormat};

/// Where a type's records are. Every read is limited to the parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum RecordsSpec {
    /// A DynamoDB table or index, read by its partition key.
    Dynamodb(DynamodbSpec),
    /// A table or view of a PostgreSQL database.
    Postgres(SqlSpec),
    /// A table or view of a database of MySQL or MariaDB.
    Mysql(SqlSpec),
}

/// Records in DynamoDB. Each partition key contains the parent's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamodbSpec {
    /// The environment variable with the table's name.
    pub table: String,
    /// The index to read; `None` for the table itself.
    pub index: Option<String>,
    /// The attribute of the partition key.
    pub partition_key: String,
    /// Whether the partition key is a number: the parent's id.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_number_partitions: bool,
    /// The attribute of the sort key; `None` where the table or index has none.
    #[serde(default)]
    pub sort_key: Option<String>,
    /// The format of the sort key; that of any key where there is none.
    pub sort_format: SortFormat,
    /// Attributes and what every record of the type has there. They tell the type's records from others in the same
    /// table.
    pub fixed: Vec<(String, FixedCondition)>,
    /// The table's region; `None` for the function's own.
    pub region: Option<String>,
    /// The role to assume for a table in another account: its ARN, or the environment variable with the ARN.
    pub role: Option<String>,
    /// The limit on reading, in megabytes per second, which leaves table capacity to the host's own requests.
    pub read_mb_per_s: u32,
    /// The attribute with the parent's id, where the whole table is read for each export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<String>,
    /// The templates of the partition keys.
    pub(super) partitions: Vec<String>,
    /// Where each month or day has partitions of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) periods: Option<Periods>,
}

/// Records in an SQL database, in the order of a unique key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlSpec {
    /// The database.
    pub database: DatabaseSpec,
    /// The name of the table or view, with its schema: `public.orders`.
    pub table: String,
    /// The column with the parent's id.
    pub parent: String,
    /// The columns of the key, which tell a parent's rows apart and never change. At least one.
    pub key: Vec<String>,
    /// Columns and what every row of the type has there.
    pub fixed: Vec<(String, FixedCondition)>,
    /// Whether the export has the rows that row-level security shows to the role. Otherwise the role must see all rows.
    pub row_security: bool,
}

impl SqlSpec {
    /// The columns of an index that has a parent's rows in the order of their keys.
    pub fn parent_and_key(&self) -> impl Iterator<Item = &str> {
        let of_key = self.key.iter().filter(|name| **name != self.parent);
        [&self.parent].into_iter().chain(of_key).map(String::as_str)
    }
}

/// An SQL database, as in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSpec {
    /// The name in the catalog, which the deployment maps to an address.
    pub name: String,
    /// Seconds from the request until reading begins. They must cover the longest transaction that writes records, and
    /// the lag of a replica.
    pub settles_s: u32,
    /// The IANA name of the zone of times that have none; `None` for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The connections that all functions together should have at most. The database enforces it.
    #[serde(default = "DatabaseSpec::default_connections")]
    pub connections: u32,
}

impl DatabaseSpec {
    /// A database of which the catalog says no more than the name.
    pub(crate) fn of_name(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            settles_s: 5,
            time_zone: None,
            connections: Self::default_connections(),
        }
    }

    /// The connections at most, where the catalog does not say.
    pub(super) fn default_connections() -> u32 {
        20
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl RecordsSpec {
    /// Attributes or columns, and what every record of the type has there.
    pub fn fixed(&self) -> &[(String, FixedCondition)] {
        match self {
            Self::Dynamodb(spec) => &spec.fixed,
            Self::Postgres(spec) | Self::Mysql(spec) => &spec.fixed,
        }
    }

    /// The attributes or columns of the key and of the parent, which a record of another type has too.
    pub fn key_names(&self) -> Vec<&str> {
        match self {
            Self::Dynamodb(spec) => spec.key_names().collect(),
            Self::Postgres(spec) | Self::Mysql(spec) => spec
                .key
                .iter()
                .chain([&spec.parent])
                .map(String::as_str)
                .collect(),
        }
    }

    /// Whether a parent's records can be listed, newest first. Those of a table that is read as a whole cannot.
    pub fn is_listed(&self) -> bool {
        self.dynamodb().is_none_or(|spec| spec.scan.is_none())
    }

    /// The records in DynamoDB; `None` for those of another engine.
    pub fn dynamodb(&self) -> Option<&DynamodbSpec> {
        match self {
            Self::Dynamodb(spec) => Some(spec),
            Self::Postgres(_) | Self::Mysql(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn dynamodb_mut(&mut self) -> Option<&mut DynamodbSpec> {
        match self {
            Self::Dynamodb(spec) => Some(spec),
            Self::Postgres(_) | Self::Mysql(_) => None,
        }
    }
}

impl DynamodbSpec {
    /// The attributes of the key of the table or index.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        let sort_key = self.sort_key.as_deref();
        [self.partition_key.as_str()].into_iter().chain(sort_key)
    }
}
