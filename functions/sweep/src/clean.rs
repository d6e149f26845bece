//! Deletes an export's objects and uncompleted uploads in the bucket.

use waybill::bucket::{Bucket, BucketError};
use waybill::export::ExportId;
use waybill::objects::ObjectKey;

/// The maximum number of listings of the prefix. A later listing finds something only if it was created or deleted
/// concurrently; the next sweep continues then.
const MAX_LISTINGS: usize = 3;

/// Why the export's prefix is not clean. The next sweep tries again.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// A call to the bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The last listing still found something.
    #[error("the export's prefix is still not empty")]
    NotEmpty,
}

/// Deletes all objects and uploads of an export, except the object `kept`, until a listing finds nothing else. Returns
/// the number of deleted objects and uploads. Must not be called while a worker may be writing.
pub(crate) async fn clean(
    bucket: &Bucket,
    id: ExportId,
    kept: Option<&str>,
) -> Result<usize, CleanError> {
    let prefix = ObjectKey::prefix(id);
    let mut removed = 0;
    for _ in 0..MAX_LISTINGS {
        // Uploads first: if one completes meanwhile, the listing of objects finds its object.
        let uploads = bucket.uploads(&prefix).await?;
        for upload in &uploads {
            bucket.abort_upload(upload).await?;
        }
        let mut keys = bucket.keys(&prefix).await?;
        keys.retain(|key| Some(key.as_str()) != kept);
        for key in &keys {
            bucket.delete(key).await?;
        }
        let found = uploads.len() + keys.len();
        if found == 0 {
            return Ok(removed);
        }
        removed += found;
    }
    Err(CleanError::NotEmpty)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::Client;
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::abort_multipart_upload::{
        AbortMultipartUploadError, AbortMultipartUploadOutput,
    };
    use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
    use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
    use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
    use aws_sdk_s3::types::{MultipartUpload, Object};
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use waybill_testing::{client, id};

    fn s3(rules: &[&Rule]) -> Bucket {
        Bucket::new(client!(aws_sdk_s3, rules.iter().copied()), "files")
    }

    fn objects(keys: &'static [&'static str], next: Option<&'static str>) -> ListObjectsV2Output {
        let contents = keys
            .iter()
            .map(|key| Object::builder().key(*key).build())
            .collect();
        ListObjectsV2Output::builder()
            .set_contents(Some(contents))
            .set_next_continuation_token(next.map(str::to_owned))
            .build()
    }

    fn upload(key: &str, upload_id: &str) -> MultipartUpload {
        MultipartUpload::builder()
            .key(key)
            .upload_id(upload_id)
            .build()
    }

    fn no_uploads() -> Rule {
        mock!(Client::list_multipart_uploads)
            .then_output(|| ListMultipartUploadsOutput::builder().build())
    }

    #[tokio::test]
    async fn the_objects_of_every_page_are_deleted_except_the_kept_one() {
        let first = mock!(Client::list_objects_v2)
            .match_requests(|r| {
                r.prefix() == Some("exports/7/") && r.continuation_token().is_none()
            })
            .sequence()
            .output(|| objects(&["exports/7/a", "exports/7/kept"], Some("more")))
            .output(|| objects(&["exports/7/kept"], None))
            .build();
        let second = mock!(Client::list_objects_v2)
            .match_requests(|r| r.continuation_token() == Some("more"))
            .then_output(|| objects(&["exports/7/z", "exports/71/of-another"], None));
        let delete = mock!(Client::delete_object)
            .match_requests(|r| matches!(r.key(), Some("exports/7/a" | "exports/7/z")))
            .then_output(|| DeleteObjectOutput::builder().build());
        let uploads = no_uploads();
        let bucket = s3(&[&first, &second, &delete, &uploads]);
        assert_eq!(
            clean(&bucket, id(7), Some("exports/7/kept")).await.unwrap(),
            2
        );
        assert_eq!(
            (first.num_calls(), second.num_calls(), delete.num_calls()),
            (2, 1, 2)
        );
    }

    #[tokio::test]
    async fn the_uploads_of_every_page_are_aborted_even_if_one_no_longer_exists() {
        let first = mock!(Client::list_multipart_uploads)
            .match_requests(|r| r.prefix() == Some("exports/7/") && r.key_marker().is_none())
            .sequence()
            .output(|| {
                ListMultipartUploadsOutput::builder()
                    .uploads(upload("exports/7/a", "one"))
                    .uploads(upload("exports/71/b", "another export's"))
                    .is_truncated(true)
                    .next_key_marker("exports/7/a")
                    .next_upload_id_marker("one")
                    .build()
            })
            .output(|| ListMultipartUploadsOutput::builder().build())
            .build();
        let second = mock!(Client::list_multipart_uploads)
            .match_requests(|r| {
                r.key_marker() == Some("exports/7/a") && r.upload_id_marker() == Some("one")
            })
            .then_output(|| {
                ListMultipartUploadsOutput::builder()
                    .uploads(upload("exports/7/c", "gone"))
                    .build()
            });
        let abort = mock!(Client::abort_multipart_upload)
            .match_requests(|r| r.upload_id() == Some("one"))
            .then_output(|| AbortMultipartUploadOutput::builder().build());
        let gone = mock!(Client::abort_multipart_upload)
            .match_requests(|r| r.upload_id() == Some("gone"))
            .then_error(|| {
                let meta = ErrorMetadata::builder().code("NoSuchUpload").build();
                AbortMultipartUploadError::generic(meta)
            });
        let list = mock!(Client::list_objects_v2).then_output(|| objects(&[], None));
        let bucket = s3(&[&first, &second, &abort, &gone, &list]);
        assert_eq!(clean(&bucket, id(7), None).await.unwrap(), 2);
        assert_eq!(
            (first.num_calls(), abort.num_calls(), gone.num_calls()),
            (2, 1, 1)
        );
    }

    #[tokio::test]
    async fn a_failed_deletion_is_an_error() {
        let uploads = no_uploads();
        let list = mock!(Client::list_objects_v2).then_output(|| objects(&["exports/7/a"], None));
        let delete = mock!(Client::delete_object)
            .sequence()
            .http_status(403, None)
            .build();
        let bucket = s3(&[&uploads, &list, &delete]);
        let error = clean(&bucket, id(7), None).await.unwrap_err();
        assert_eq!(error.to_string(), "DeleteObject failed: no answer");
    }

    #[tokio::test]
    async fn an_object_that_reappears_in_every_listing_is_left_to_the_next_sweep() {
        let uploads = no_uploads();
        let list = mock!(Client::list_objects_v2).then_output(|| objects(&["exports/7/a"], None));
        let delete =
            mock!(Client::delete_object).then_output(|| DeleteObjectOutput::builder().build());
        let bucket = s3(&[&uploads, &list, &delete]);
        assert!(matches!(
            clean(&bucket, id(7), None).await,
            Err(CleanError::NotEmpty)
        ));
        assert_eq!(delete.num_calls(), MAX_LISTINGS);
    }
}
