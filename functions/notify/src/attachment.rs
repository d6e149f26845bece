//! The file beside the mail: whether it can go with it, and its bytes.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStreamError;
use jiff::Timestamp;
use waybill::catalog::Delivery;
use waybill::export::{Export, Status};

/// The size from which on a file is not attached. In base64 it grows by a third, and with the rest of the mail it
/// stays under the 10 MB that mail servers commonly take, well under SES's own 40 MB.
pub(crate) const MOST_ATTACHED: u64 = 7_000_000;

/// Whether the file goes with the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attached {
    /// It does.
    Yes,
    /// Its type is delivered by a link, or there is no file.
    Not,
    /// It is too large.
    TooLarge,
    /// It should, and could not.
    Unavailable,
    /// It stays where a download asks who comes: the address is not known to be the person's, or they may not have the
    /// file at this moment.
    Withheld,
}

/// Whether the file of `export` is to be attached at `now`.
pub(crate) fn plan(export: &Export, delivery: Delivery, now: Timestamp) -> Attached {
    if export.status_at(now) != Status::Succeeded || delivery == Delivery::Link {
        return Attached::Not;
    }
    if !export.user.email_verified {
        return Attached::Withheld;
    }
    match (export.size, &export.object) {
        (Some(size), Some(_)) if size < MOST_ATTACHED => Attached::Yes,
        (Some(_), Some(_)) => Attached::TooLarge,
        _ => Attached::Unavailable,
    }
}

/// The bucket that holds the files.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) s3: Client,
    pub(crate) name: String,
}

/// The file could not be read. It may pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("S3 did not give the file: {}", .0.code().unwrap_or("no answer"))]
    Get(#[source] Box<SdkError<GetObjectError>>),
    #[error("S3 did not give the whole file")]
    Body(#[from] ByteStreamError),
}

impl Bucket {
    /// The bytes of the export's file; `None` where it is not there, or is not as long as the export says.
    pub(crate) async fn file(&self, export: &Export) -> Result<Option<Vec<u8>>, ReadError> {
        let (Some(key), Some(size)) = (&export.object, export.size) else {
            return Ok(None);
        };
        let got = match self
            .s3
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
        {
            Ok(got) => got,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(ReadError::Get(Box::new(error))),
        };
        let bytes = got.body.collect().await?.to_vec();
        if bytes.len() as u64 != size {
            tracing::error!(export.id = %export.id, size_bytes = bytes.len(), "file of another size");
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_testing::{at, processing, succeeded};

    /// A file that is attached is given to whoever reads the address's mails.
    #[test]
    fn a_file_goes_to_no_address_that_is_not_known_to_be_the_persons() {
        let mut export = succeeded(10).export;
        export.user.email_verified = false;
        let file = |delivery| plan(&export, delivery, at(20));
        assert_eq!(file(Delivery::Attachment), Attached::Withheld);
        assert_eq!(file(Delivery::Link), Attached::Not);
    }

    #[test]
    fn a_file_is_attached_where_it_is_there_and_small_enough() {
        let mut export = succeeded(10).export;
        let file = |export: &Export| plan(export, Delivery::Attachment, at(20));
        assert_eq!(file(&export), Attached::Yes);
        assert_eq!(plan(&export, Delivery::Link, at(20)), Attached::Not);
        assert_eq!(
            plan(&export, Delivery::Attachment, at(10 + 7 * 86_400)),
            Attached::Not
        );
        export.size = Some(MOST_ATTACHED - 1);
        assert_eq!(file(&export), Attached::Yes);
        export.size = Some(MOST_ATTACHED);
        assert_eq!(file(&export), Attached::TooLarge);
        assert_eq!(file(&processing(0).export), Attached::Not);
    }
}
