//! The file beside the mail: whether it can go with it, and its bytes.

use jiff::Timestamp;
use waybill::bucket::{Bucket, BucketError};
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
    match &export.file {
        Some(file) if file.size < MOST_ATTACHED => Attached::Yes,
        Some(_) => Attached::TooLarge,
        None => Attached::Unavailable,
    }
}

/// The bytes of the export's file; `None` where it is not there, or is not as long as the export says.
///
/// # Errors
/// When S3 does not give it, which may pass.
pub(crate) async fn file(bucket: &Bucket, export: &Export) -> Result<Option<Vec<u8>>, BucketError> {
    let Some(file) = &export.file else {
        return Ok(None);
    };
    let bytes = bucket.get(&file.object).await?;
    Ok(bytes.filter(|bytes| {
        let is_whole = bytes.len() as u64 == file.size;
        if !is_whole {
            tracing::error!(export.id = %export.id, size_bytes = bytes.len(), "file of another size");
        }
        is_whole
    }))
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
        export.file.as_mut().unwrap().size = MOST_ATTACHED - 1;
        assert_eq!(file(&export), Attached::Yes);
        export.file.as_mut().unwrap().size = MOST_ATTACHED;
        assert_eq!(file(&export), Attached::TooLarge);
        assert_eq!(file(&processing(0).export), Attached::Not);
    }
}
