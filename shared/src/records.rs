//! Sources of records: what yields the rows of an export from a position, in ascending key order, and those of a list
//! in descending order.

mod budget;
mod clients;
mod dynamodb;
mod filter;
mod key;
mod merge;
mod opener;
mod page;
mod partition;
mod position;
mod question;
mod range;
mod wire;

pub use clients::RecordsClients;
pub use dynamodb::{DynamoRecords, Reading};
pub use opener::{Location, Mapping, RecordsOpener};
pub use page::Page;
pub use wire::Row;

use jiff::{SignedDuration, Timestamp};

use crate::aws::CallError;
use crate::catalog::RecordsSpec;
use crate::export::Failure;
use crate::selection::Selection;

/// A table is read strongly consistently where its records are younger than this at the request.
pub const RECENT: SignedDuration = SignedDuration::from_secs(60);
/// An index is read only once the request is this old, since it follows its table a little later. Until then a table is
/// read strongly consistently, whatever its keys say of time: a record may have been written just before the request under
/// the key of an old one.
pub const SETTLES: SignedDuration = SignedDuration::from_secs(5);

/// What is to be read.
#[derive(Debug, Clone)]
pub struct Range {
    /// Records from this instant on; `None` from the first.
    pub from: Option<Timestamp>,
    /// Records before this instant: the request's, or the filter's end where that is earlier.
    pub until: Timestamp,
    /// The instant of the request.
    pub as_of: Timestamp,
}

impl Range {
    /// What a selection takes of the records at the instant of the request.
    pub fn of(selection: &Selection, as_of: Timestamp) -> Self {
        let created_at = selection.created_at();
        Self {
            from: created_at.from,
            until: created_at.to.map_or(as_of, |to| to.min(as_of)),
            as_of,
        }
    }

    /// All that was there at this instant.
    pub fn whole(as_of: Timestamp) -> Self {
        Self {
            from: None,
            until: as_of,
            as_of,
        }
    }

    /// Whether no filter ends it: all that was there at the request is in it.
    pub fn ends_with_the_request(&self) -> bool {
        self.until >= self.as_of
    }

    /// Whether a filter bounds it.
    pub fn is_filtered(&self) -> bool {
        self.from.is_some() || !self.ends_with_the_request()
    }
}

/// In which order of their keys records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first key first: the oldest record, where the order of keys is that of time.
    Ascending,
    /// The last key first.
    Descending,
}

/// How records are read, in words for a receipt.
pub fn consistency(spec: &RecordsSpec) -> &'static str {
    match (&spec.index, spec.sort_format.is_ordered_by_time()) {
        (Some(_), _) => "eventual, from 5 s after the request",
        (None, true) => {
            "strong until 5 s after the request and for the last minute before it, eventual else"
        }
        (None, false) => "strong",
    }
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It may pass: throttling, a time-out, a connection that broke.
    #[error(transparent)]
    Unavailable(#[from] CallError),
    /// The table or index of the catalog is not there.
    #[error("the table {table} does not exist, or has no such index")]
    Missing {
        /// The table's name.
        table: String,
    },
    /// The table's key is not as the catalog says, or the question is one that it refuses.
    #[error("the table {table} refuses the query: {message}")]
    Refused {
        /// The table's name.
        table: String,
        /// What the engine says; it names attributes, never values.
        message: String,
    },
    /// The function's role may not read the table.
    #[error("the role may not read the table {table}")]
    Denied {
        /// The table's name.
        table: String,
    },
    /// The deployment does not say where the records are, or by which role they are read.
    #[error("the deployment does not say what {word} stands for")]
    Unmapped {
        /// The entry's word.
        word: String,
    },
    /// The position of a checkpoint is not one of this source.
    #[error("the position of the checkpoint cannot be read")]
    Position,
}

impl RecordsError {
    /// What the export fails with at once; `None` for what may pass.
    pub fn failure(&self) -> Option<Failure> {
        let (code, message) = match self {
            Self::Unavailable(_) => return None,
            Self::Unmapped { .. } => (
                "records_unmapped",
                "The deployment does not say where the records of this type are.",
            ),
            Self::Missing { .. } => (
                "records_missing",
                "The table with the records does not exist.",
            ),
            Self::Refused { .. } => (
                "records_refused",
                "The table with the records is not as the catalog says.",
            ),
            Self::Denied { .. } => (
                "records_denied",
                "Waybill may not read the table with the records.",
            ),
            Self::Position => (
                "position_lost",
                "The export could not go on where it had stopped.",
            ),
        };
        Some(Failure {
            code: code.into(),
            message: format!("{message} Please contact support."),
            retryable: matches!(self, Self::Position),
        })
    }
}
