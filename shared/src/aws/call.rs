//! A call to a service of AWS's that was not carried out.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::best_effort;

/// What there is instead of a code where no answer came in time.
const LATE: &str = "no answer in time";

/// A call that was not carried out, or whose answer did not come: whether it was carried out is not known then.
#[derive(Debug, thiserror::Error)]
#[error("{operation}{} failed: {code}", .table.as_ref().map_or(String::new(), |table| format!(" of table {table}")))]
pub struct CallError {
    /// The service's operation, such as `PutObject`.
    pub operation: &'static str,
    /// The table that was read or written, where it was one of Waybill's own.
    pub table: Option<String>,
    /// The service's code, or what kind of failure it was.
    pub code: String,
    source: Box<dyn Error + Send + Sync>,
}

impl CallError {
    /// What the SDK says of a call of `operation`.
    pub fn new<E, R>(operation: &'static str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        let code = match (error.code(), &error) {
            (Some(code), _) => code,
            (None, SdkError::TimeoutError(_)) => LATE,
            (None, SdkError::DispatchFailure(_)) => "no connection",
            (None, _) => "no answer",
        };
        Self::with_code(operation, code.to_owned(), error)
    }

    /// A call that failed in another way than the SDK's.
    pub fn with_code(
        operation: &'static str,
        code: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation,
            table: None,
            code: code.into(),
            source: source.into(),
        }
    }

    /// The same, of a table.
    pub fn of_table(self, table: &str) -> Self {
        Self {
            table: Some(table.to_owned()),
            ..self
        }
    }

    /// Whether trying again is no use until somebody changes the deployment.
    pub fn is_lasting(&self) -> bool {
        is_lasting(&self.code)
    }
}

/// Waits no longer than [`BEST_EFFORT`](super::BEST_EFFORT) for a call that nothing depends on.
///
/// # Errors
/// When the service did not carry it out, or did not say so by then.
pub async fn best_effort_call<T, E, R>(
    operation: &'static str,
    call: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    match best_effort(call).await {
        Ok(done) => done.map_err(|error| CallError::new(operation, error)),
        Err(late) => Err(CallError::with_code(operation, LATE, late)),
    }
}

/// Whether a service's error code tells of something that stays until somebody changes the deployment: trying again is
/// no use. Codes that are not known here may pass.
///
/// From the services' own lists of errors, those that all have in common included.
fn is_lasting(code: &str) -> bool {
    matches!(
        code,
        // Every service.
        "AccessDenied"
            | "AccessDeniedException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized"
            | "OptInRequired"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "ValidationError"
            | "ValidationException"
            // DynamoDB.
            | "ItemCollectionSizeLimitExceeded"
            | "ItemCollectionSizeLimitExceededException"
            | "ResourceNotFoundException"
            | "SerializationException"
            // S3.
            | "AccountProblem"
            | "AllAccessDisabled"
            | "InvalidAccessKeyId"
            | "InvalidBucketName"
            | "KMS.DisabledException"
            | "KMS.NotFoundException"
            | "NoSuchBucket"
            // SQS.
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "QueueDoesNotExist"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_change_of_the_deployment_puts_right_is_lasting() {
        let refused = |code: &str| CallError::with_code("PutObject", code, "said so");
        for code in ["AccessDenied", "NoSuchBucket", "KMS.DisabledException"] {
            assert!(refused(code).is_lasting(), "{code}");
        }
        for code in ["SlowDown", "InternalError", "RequestTimeout", "no answer"] {
            assert!(!refused(code).is_lasting(), "{code}");
        }
    }
}
