//! How a command ends.

use std::error::Error;

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Its arguments are wrong, for this reason.
    Usage(String),
    /// It failed.
    Failed(Box<dyn Error>),
}

/// Whether all is well; or why the command was not carried out.
pub(crate) type Outcome = Result<bool, Failure>;

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Usage(reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Usage(reason.to_owned())
    }
}

impl From<Box<dyn Error>> for Failure {
    fn from(error: Box<dyn Error>) -> Self {
        Self::Failed(error)
    }
}
