//! Decides whether an export's file is attached to its mail, and reads the file.

use jiff::Timestamp;
use waybill::bucket::{Bucket, BucketError};
use waybill::catalog::Delivery;
use waybill::export::{Export, Status};

/// Files of this size or larger, in bytes, are not attached. Base64 adds a third. The mail then stays below the 10 MB that
/// most mail servers accept, and well below the 40 MB of SES.
pub(crate) const ATTACHMENT_LIMIT: u64 = 7_000_000;

/// Whether the file is attached to the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attached {
    /// The file is attached.
    Yes,
    /// The type is delivered by a link, or there is no file.
    Not,
    /// The file is too large.
    TooLarge,
    /// The file should be attached, but could not be.
    Unavailable,
    /// The file may only be downloaded, which checks the permission: the address is not verified, or the person has no
    /// permission at the moment.
    Withheld,
}

/// Decides whether the file of `export` is to be attached at `now`, as far as the export itself says.
pub(crate) fn plan(export: &Export, delivery: Delivery, now: Timestamp) -> Attached {
    if export.status_at(now) != Status::Succeeded || delivery == Delivery::Link {
        return Attached::Not;
    }
    if !export.user.email_verified {
        return Attached::Withheld;
    }
    match &export.file {
        Some(file) if file.size < ATTACHMENT_LIMIT => Attached::Yes,
        Some(_) => Attached::TooLarge,
        None => Attached::Unavailable,
    }
}

/// Reads the export's file. `None` if the file is missing or has another size than the export states.
///
/// # Errors
/// If S3 does not return the object. A retry may succeed.
pub(crate) async fn file(bucket: &Bucket, export: &Export) -> Result<Option<Vec<u8>>, BucketError> {
    let Some(file) = &export.file else {
        return Ok(None);
    };
    let bytes = bucket.get(&file.object).await?;
    Ok(bytes.filter(|bytes| {
        let is_complete = bytes.len() as u64 == file.size;
        if !is_complete {
            tracing::error!(size_bytes = bytes.len(), "file has another size");
        }
        is_complete
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_testing::{at, processing, succeeded};

    /// Whoever reads the mails of the address can read an attached file.
    #[test]
    fn a_file_is_not_attached_if_the_address_is_not_verified() {
        let mut export = succeeded(10).export;
        export.user.email_verified = false;
        let file = |delivery| plan(&export, delivery, at(20));
        assert_eq!(file(Delivery::Attachment), Attached::Withheld);
        assert_eq!(file(Delivery::Link), Attached::Not);
    }

    #[test]
    fn a_file_is_attached_if_it_exists_and_is_below_the_limit() {
        let mut export = succeeded(10).export;
        let file = |export: &Export| plan(export, Delivery::Attachment, at(20));
        assert_eq!(file(&export), Attached::Yes);
        assert_eq!(plan(&export, Delivery::Link, at(20)), Attached::Not);
        assert_eq!(
            plan(&export, Delivery::Attachment, at(10 + 7 * 86_400)),
            Attached::Not
        );
        export.file.as_mut().unwrap().size = ATTACHMENT_LIMIT - 1;
        assert_eq!(file(&export), Attached::Yes);
        export.file.as_mut().unwrap().size = ATTACHMENT_LIMIT;
        assert_eq!(file(&export), Attached::TooLarge);
        assert_eq!(file(&processing(0).export), Attached::Not);
    }
}
