//! Removing what lies under an export's prefix in the bucket: objects, and uploads that were never completed.

use waybill::bucket::{Bucket, BucketError};
use waybill::export::ExportId;
use waybill::objects::ObjectKey;

/// How often the prefix is listed at most. A listing after the first finds something only where a removal of the
/// same moment is not yet seen; the next sweep goes on.
const MOST_LISTINGS: usize = 3;

/// The export's prefix is not clean. The next sweep tries again.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// S3 did not do what it was asked to.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Something still lies there after all that was found has been removed.
    #[error("something still lies under the export's prefix")]
    NotEmpty,
}

/// Removes everything of an export but the object `kept`, and returns how many objects and uploads that were, once a
/// listing shows that nothing else is left. A live worker's must never be asked for.
pub(crate) async fn clean(
    bucket: &Bucket,
    id: ExportId,
    kept: Option<&str>,
) -> Result<usize, CleanError> {
    let prefix = ObjectKey::prefix(id);
    let mut removed = 0;
    for _ in 0..MOST_LISTINGS {
        // Uploads first: one that completes in between becomes an object that the second listing finds.
        let uploads = bucket.uploads(&prefix).await?;
        for upload in &uploads {
            bucket.abort(upload).await?;
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
    async fn every_page_is_removed_and_the_kept_object_is_not() {
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
    async fn uploads_of_every_page_are_aborted_even_where_one_is_gone() {
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
    async fn a_failed_removal_is_no_clean_prefix() {
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
    async fn what_comes_back_at_every_listing_is_left_to_the_next_sweep() {
        let uploads = no_uploads();
        let list = mock!(Client::list_objects_v2).then_output(|| objects(&["exports/7/a"], None));
        let delete =
            mock!(Client::delete_object).then_output(|| DeleteObjectOutput::builder().build());
        let bucket = s3(&[&uploads, &list, &delete]);
        assert!(matches!(
            clean(&bucket, id(7), None).await,
            Err(CleanError::NotEmpty)
        ));
        assert_eq!(delete.num_calls(), MOST_LISTINGS);
    }
}
