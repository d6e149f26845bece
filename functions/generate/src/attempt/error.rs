//! Errors of an attempt, by what the worker must do.

use waybill::bucket::BucketError;
use waybill::export::Failure;
use waybill::file::xlsx::XlsxError;
use waybill::records::RecordsError;
use waybill::store::StoreError;

use crate::lease::LeaseError;
use crate::upload::UploadError;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    /// The lease is lost: the worker must stop and write nothing.
    #[error("the lease is lost")]
    Lost,
    /// The export fails permanently.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The checkpoint or the upload is unusable: the file must be started again.
    #[error("the file cannot be continued")]
    StartOver(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The checkpoint is for records in another location than the deployment's current one: the file must be started
    /// again.
    #[error("the records are in another location than at the checkpoint")]
    RecordsMoved,
    /// A transient error: the attempt can be retried.
    #[error(transparent)]
    Transient(Box<dyn std::error::Error + Send + Sync>),
}

impl From<LeaseError> for AttemptError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Lost,
            LeaseError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Transient(Box::new(error))
    }
}

impl From<RecordsError> for AttemptError {
    fn from(error: RecordsError) -> Self {
        match error.failure() {
            Some(failure) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the records cannot be read"
                );
                Self::Failed(failure)
            }
            None => Self::Transient(Box::new(error)),
        }
    }
}

impl From<UploadError> for AttemptError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Bucket(error) => error.into(),
            UploadError::Tail | UploadError::Hash(_) => Self::StartOver(error.into()),
            UploadError::TooLarge => Self::Failed(Failure::file_too_large()),
        }
    }
}

impl From<BucketError> for AttemptError {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::UploadGone | BucketError::PartChanged | BucketError::Exists => {
                Self::StartOver(error.into())
            }
            BucketError::Call(_) => Self::Transient(Box::new(error)),
        }
    }
}

impl From<XlsxError> for AttemptError {
    fn from(error: XlsxError) -> Self {
        if let XlsxError::State = error {
            return Self::StartOver(error.into());
        }
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the spreadsheet cannot be made"
        );
        Self::Failed(Failure::xlsx_impossible())
    }
}
