//! What a worker writes down so that a later one continues or completes the file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file::CellWarnings;
use crate::file::xlsx::XlsxState;
use crate::selection::UndecidedCounts;

/// The progress of a file between two records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileProgress {
    /// The location of the records. A position is valid only for the same location.
    #[serde(default)]
    pub source: String,
    /// The position after the last record read: its full key as JSON. Null before the first record and after the last.
    #[serde(default)]
    pub position: Option<String>,
    /// The number of records read.
    pub read: u64,
    /// The number of records in the selection.
    #[serde(default)]
    pub matched: u64,
    /// The number of rows written.
    pub rows: u64,
    /// The read units used.
    pub read_units: f64,
    /// The counts of cells with a warning so far.
    #[serde(default)]
    pub cell_warnings: CellWarnings,
    /// The counts of records in doubt so far.
    #[serde(default)]
    pub undecided: UndecidedCounts,
    /// The creation time of the first record, where the records come in the order of their time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_created: Option<Timestamp>,
    /// The state of a spreadsheet; null for other formats, and after the last record.
    #[serde(default)]
    pub sheets: Option<XlsxState>,
}

/// The version of a checkpoint: the meaning of its fields, and the bytes that a worker writes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointVersion(u32);

impl CheckpointVersion {
    /// The version of this release.
    pub const CURRENT: Self = Self(2);
}

impl Default for CheckpointVersion {
    fn default() -> Self {
        Self::CURRENT
    }
}

/// A checkpoint: all that a later worker needs to continue the file with the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// A worker that does not know the version starts the file again.
    #[serde(default)]
    pub v: CheckpointVersion,
    /// The progress at the end of these bytes.
    #[serde(flatten)]
    pub progress: FileProgress,
    /// The number of stored parts from part 1 without a gap. Their ETags are in items of their own.
    pub parts: u32,
    /// The number of bytes in the parts and the tail.
    pub bytes: u64,
    /// The number of bytes in the parts.
    pub stored: u64,
    /// The state of the SHA-256 of the parts ([`crate::hash::FileHash::state`]).
    pub hash: String,
    /// The key of the tail's object; null without a tail.
    #[serde(default)]
    pub tail: Option<String>,
    /// How many bytes at the end of the tail are pending rows, which are not in the file's bytes yet.
    #[serde(default)]
    pub pending: u64,
}

/// The object that is about to be created for the complete file. Recorded before that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Completing {
    /// The progress at the end of the file.
    #[serde(flatten)]
    pub progress: FileProgress,
    /// The object's key.
    pub object: String,
    /// The number of parts; 0 for a single PUT.
    pub parts: u32,
    /// The object's length in bytes.
    pub size: u64,
    /// The object's SHA-256 in hexadecimal digits.
    pub sha256: String,
}
