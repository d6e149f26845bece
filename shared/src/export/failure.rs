//! Why an export failed: every code, with the sentences for the user.

use serde::{Deserialize, Serialize};

/// Why an export failed, for the user and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Failure {
    /// A stable word for programs, such as `not_started`.
    pub code: String,
    /// Sentences for the user: what happened and what to do.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// One function for each code.
impl Failure {
    fn new(code: &str, retryable: bool, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable,
        }
    }

    /// No worker has begun the export in time.
    pub fn not_started() -> Self {
        let message = "The export could not be started within 24 hours. Please start it again.";
        Self::new("not_started", true, message)
    }

    /// The file is not complete in time.
    pub fn took_too_long() -> Self {
        let message = "The file could not be completed within 48 hours. Please narrow the export and start it again.";
        Self::new("took_too_long", true, message)
    }

    /// So many attempts in a row ended without a checkpoint.
    pub fn gave_up(attempts: u32) -> Self {
        let message = format!(
            "The file could not be made in {attempts} attempts. Please start the export again later; if it fails \
             again, contact support."
        );
        Self::new("gave_up", true, message)
    }

    /// The file has another number of rows than records were selected.
    pub fn rows_miscounted(matched: u64, written: u64) -> Self {
        let message = format!(
            "The file would have had {written} rows for {matched} records, and was not kept. Please start the export \
             again; if it fails again, contact support."
        );
        Self::new("rows_miscounted", true, message)
    }

    /// The file needs more than the 10,000 parts that S3 allows.
    pub fn file_too_large() -> Self {
        let message = "The file is larger than 460 GB. Please narrow the export.";
        Self::new("file_too_large", false, message)
    }

    /// The records do not fit into a workbook.
    pub fn xlsx_impossible() -> Self {
        let message =
            "The spreadsheet is too large to be made. Please narrow the export, or choose CSV.";
        Self::new("xlsx_impossible", false, message)
    }

    /// `what` of the request, such as "a column", is not in the entry of the type.
    pub fn catalog_changed(what: &str) -> Self {
        let message = format!(
            "The catalog no longer has {what} that this export was requested with. Please start it again."
        );
        Self::new("catalog_changed", true, message)
    }

    /// `records`, such as "a record", have `found` in an attribute that should have `expected`.
    pub fn catalog_mismatch(attribute: &str, expected: &str, records: &str, found: &str) -> Self {
        let message = format!(
            "The records are not as the catalog says: the attribute {attribute} should have {expected}, and {records} \
             had {found}. No file was made, since it would lack records. Please contact support."
        );
        Self::new("catalog_mismatch", false, message)
    }

    /// The deployment does not map a name of the entry.
    pub fn records_unmapped() -> Self {
        let message = "The deployment does not say where the records of this type are.";
        Self::for_support("records_unmapped", message)
    }

    /// The table or index of the entry does not exist.
    pub fn records_missing() -> Self {
        let message = "The table with the records does not exist.";
        Self::for_support("records_missing", message)
    }

    /// The database refuses the query, such as because the table's key is not as in the entry.
    pub fn records_refused() -> Self {
        let message = "The table with the records is not as the catalog says.";
        Self::for_support("records_refused", message)
    }

    /// The parent belongs to no root, by which its records are found.
    pub fn root_missing() -> Self {
        let message = "Nothing says what this belongs to, by which its records are found.";
        Self::for_support("root_missing", message)
    }

    /// The function's role may not read the table.
    pub fn records_denied() -> Self {
        let message = "Waybill may not read the table with the records.";
        Self::for_support("records_denied", message)
    }

    /// The position of the checkpoint does not belong to the records.
    pub fn position_lost() -> Self {
        let message = "The export could not be continued from its checkpoint.";
        Self {
            retryable: true,
            ..Self::for_support("position_lost", message)
        }
    }

    fn for_support(code: &str, message: &str) -> Self {
        Self::new(code, false, format!("{message} Please contact support."))
    }

    /// Whether an operator can mend the cause. Otherwise the user can, by narrowing the export.
    pub fn is_for_operator(&self) -> bool {
        !matches!(self.code.as_str(), "file_too_large" | "xlsx_impossible")
    }
}
