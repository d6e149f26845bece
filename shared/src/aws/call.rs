//! The error of a call to an AWS service.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::best_effort;

/// The code of a call that timed out.
const LATE: &str = "no answer in time";

/// A call that failed, or that was not answered; the latter may still have taken effect.
#[derive(Debug, thiserror::Error)]
#[error("{operation}{} failed: {code}", .table.as_ref().map_or(String::new(), |table| format!(" of table {table}")))]
pub struct CallError {
    /// The operation, such as `PutObject`.
    pub operation: &'static str,
    /// The table, for a call to one of Waybill's own tables.
    pub table: Option<String>,
    /// The service's error code, or a short text for a failure without one.
    pub code: String,
    source: Box<dyn Error + Send + Sync>,
}

impl CallError {
    /// Wraps the SDK's error of a call of `operation`.
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

    /// An error with a code of its own, for a failure that the SDK does not report.
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

    /// Adds the table that the call was for.
    pub fn with_table(self, table: &str) -> Self {
        Self {
            table: Some(table.to_owned()),
            ..self
        }
    }

    /// Whether a retry cannot succeed until the deployment changes.
    pub fn is_lasting(&self) -> bool {
        is_lasting(&self.code)
    }
}

/// Makes a best-effort call: waits at most [`BEST_EFFORT`](super::BEST_EFFORT) for it.
///
/// # Errors
/// When the call failed or timed out.
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

/// Whether an error code means that a retry cannot succeed until the deployment changes. Other codes are treated as
/// transient. The codes come from the services' error lists, including the errors common to all services.
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
    fn errors_that_need_a_change_of_the_deployment_are_lasting() {
        let refused = |code: &str| CallError::with_code("PutObject", code, "test");
        for code in ["AccessDenied", "NoSuchBucket", "KMS.DisabledException"] {
            assert!(refused(code).is_lasting(), "{code}");
        }
        for code in ["SlowDown", "InternalError", "RequestTimeout", "no answer"] {
            assert!(!refused(code).is_lasting(), "{code}");
        }
    }
}
