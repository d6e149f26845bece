//! Reads the host's records: those of an export in ascending key order from a position, those of a list in descending
//! order.

mod clients;
mod dynamodb;
mod mysql;
mod opener;
mod postgres;
mod source;
mod sql;

pub use clients::RecordsClients;
pub use opener::{Location, RecordsOpener, TableLocation};
pub use source::{RecordsPage, RecordsSource};
pub use sql::{ColumnOverview, Finding, Network, SqlValues, TableOverview};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::aws::CallError;
use crate::catalog::RecordsSpec;
use crate::export::Failure;
use crate::selection::{Projection, Selection};

/// Records of a table that are younger than this at the request are read strongly consistently.
pub const RECENT: SignedDuration = SignedDuration::from_secs(60);
/// An index is read only once the request is this old, since a global index lags behind its table. A table is read
/// strongly consistently until then, whatever the times in its keys: a record may have been written just before the
/// request under an old key.
pub const INDEX_DELAY: SignedDuration = SignedDuration::from_secs(5);

/// The time range of the records to read.
#[derive(Debug, Clone)]
pub struct Range {
    /// The first instant, inclusive; `None` without a lower bound.
    pub from: Option<Timestamp>,
    /// The end, exclusive: the instant of the request, or the filter's end where that is earlier.
    pub until: Timestamp,
    /// The instant of the request.
    pub as_of: Timestamp,
}

impl Range {
    /// The range of a selection that was requested at `as_of`.
    pub fn new(selection: &Selection, as_of: Timestamp) -> Self {
        let created_at = selection.created_at();
        Self {
            from: created_at.from,
            until: created_at.to.map_or(as_of, |to| to.min(as_of)),
            as_of,
        }
    }

    /// The range of all records that existed at `as_of`.
    pub fn whole(as_of: Timestamp) -> Self {
        Self {
            from: None,
            until: as_of,
            as_of,
        }
    }

    /// Whether the range ends at the request, not earlier at a filter's end.
    pub fn ends_with_the_request(&self) -> bool {
        self.until >= self.as_of
    }

    /// Whether a filter bounds the range.
    pub fn is_filtered(&self) -> bool {
        self.from.is_some() || !self.ends_with_the_request()
    }
}

/// The key order in which records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The lowest key first: the oldest record, where keys are in the order of time.
    Ascending,
    /// The highest key first.
    Descending,
}

/// Which records to read, and which of their values.
#[derive(Debug)]
pub struct ReadRequest<'a> {
    /// Where the records are in their table.
    pub spec: &'a RecordsSpec,
    /// The id of the records' parent.
    pub parent_id: &'a str,
    /// The id of the root that the parent belongs to, if any.
    pub root_id: Option<&'a str>,
    /// The values to read, and the conditions that every selected record meets.
    pub projection: &'a Projection,
    /// The range of the records' creation times.
    pub range: Range,
    /// The order of the records.
    pub order: Order,
    /// Whether to also read records whose keys are outside the range because they do not have the type's format.
    pub reads_outside: bool,
    /// Until this instant, a table is read strongly consistently, whatever the times in its keys: see
    /// [`INDEX_DELAY`].
    pub strong_until: Option<Instant>,
    /// Whether a file is made, which must have everything from before the request. A list shows what there is.
    pub is_file: bool,
}

const COMMITTED: &str = "what was committed when each page was read";
const EVENTUAL: &str = "eventual, from 5 s after the request";
const RECENTLY_STRONG: &str =
    "strong until 5 s after the request and for the last minute before it, eventual else";
const STRONG: &str = "strong";

/// Each read consistency in words. The page says them in the language of who reads it.
pub const CONSISTENCIES: [&str; 4] = [COMMITTED, EVENTUAL, RECENTLY_STRONG, STRONG];

/// The read consistency in words, for a receipt: one of [`CONSISTENCIES`].
pub fn consistency(spec: &RecordsSpec) -> &'static str {
    let spec = match spec {
        RecordsSpec::Dynamodb(spec) => spec,
        RecordsSpec::Postgres(_) | RecordsSpec::Mysql(_) => {
            return COMMITTED;
        }
    };
    let is_ordered_by_time = spec.sort_format.is_ordered_by_time() && spec.scan.is_none();
    match (&spec.index, is_ordered_by_time) {
        (Some(_), _) => EVENTUAL,
        (None, true) => RECENTLY_STRONG,
        (None, false) => STRONG,
    }
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// A transient failure: throttling, a timeout, a broken connection.
    #[error(transparent)]
    Unavailable(#[from] CallError),
    /// The catalog's table or index does not exist.
    #[error("the table {table} does not exist, or has no such index")]
    Missing {
        /// The table's name.
        table: String,
    },
    /// DynamoDB refused the query, such as because the table's key is not as the catalog says.
    #[error("the table {table} refuses the query: {message}")]
    Refused {
        /// The table's name.
        table: String,
        /// The database's message; it contains names of attributes, never values.
        message: String,
    },
    /// The function's role may not read the table.
    #[error("the role may not read the table {table}")]
    Denied {
        /// The table's name.
        table: String,
    },
    /// The deployment does not map one of the entry's names, such as that of the table.
    #[error("the deployment has no {what} {name}")]
    Unmapped {
        /// What the name is of: `table`, `role` or `database`.
        what: &'static str,
        /// The name in the entry.
        name: String,
    },
    /// A database cannot be read yet, through no fault of anybody: it is worth waiting.
    #[error("the database {database} {reason}")]
    NotYet {
        /// The name of the database in the catalog.
        database: String,
        /// What it waits for.
        reason: String,
    },
    /// A database cannot be used as the deployment describes it.
    #[error("the database {database} {problem}")]
    Unusable {
        /// The name of the database in the catalog.
        database: String,
        /// What is wrong, and what to check; no name of a host or a user.
        problem: String,
    },
    /// Two of a parent's records have the same key, so that a file could lack one of them.
    #[error("the table {table} has two rows of a parent with the same {key}, or one without it")]
    EqualKeys {
        /// The table's name.
        table: String,
        /// The columns of the key.
        key: String,
    },
    /// The parent belongs to no root, by which its records are found.
    #[error(
        "nothing says what this parent belongs to, by which its records are found; describe it with PUT"
    )]
    NoRoot,
    /// The checkpoint's position does not belong to these records.
    #[error("the position of the checkpoint cannot be read")]
    Position,
}

impl RecordsError {
    /// Whether the records cannot be read until somebody mends the catalog, the deployment or the database.
    pub fn is_for_operator(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Refused { .. }
            | Self::Denied { .. }
            | Self::Unmapped { .. }
            | Self::Unusable { .. }
            | Self::EqualKeys { .. } => true,
            Self::Unavailable(_) | Self::NotYet { .. } | Self::NoRoot | Self::Position => false,
        }
    }

    /// The failure of the export; `None` for a transient error, which is retried.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Unavailable(_) | Self::NotYet { .. } => None,
            Self::Unmapped { .. } => Some(Failure::records_unmapped()),
            Self::Missing { .. } => Some(Failure::records_missing()),
            Self::Refused { .. } => Some(Failure::records_refused()),
            Self::Denied { .. } | Self::Unusable { .. } => Some(Failure::records_denied()),
            Self::EqualKeys { key, .. } => Some(Failure::catalog_mismatch(
                key,
                "a value of its own in each record",
                "two records",
                "the same, or one had none",
            )),
            Self::NoRoot => Some(Failure::root_missing()),
            Self::Position => Some(Failure::position_lost()),
        }
    }
}
