use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_mocks::mock;

use super::*;
use crate::testing::bucket;

fn upload() -> PartUpload {
    let id = waybill::export::ExportId::try_from(7).unwrap();
    PartUpload::new(bucket(&[]), PartSizes::for_memory(0), ObjectKey::new(id))
}

/// Cuts a part without sending it. Tests pass S3's answer to `record_part`.
fn cut(upload: &mut PartUpload, bytes: &[u8], rows: u64) {
    upload.hash.update(bytes);
    upload.stored += bytes.len() as u64;
    upload.cut += 1;
    let checkpoint = upload.checkpoint(
        FileProgress {
            rows,
            ..FileProgress::default()
        },
        None,
        0,
    );
    upload.checkpoints.insert(upload.cut, checkpoint);
}

#[test]
fn a_checkpoint_counts_parts_only_up_to_the_first_gap() {
    let mut upload = upload();
    for (n, bytes) in [b"one", b"two", b"three" as &[u8]].into_iter().enumerate() {
        cut(&mut upload, bytes, n as u64 + 1);
    }
    let stored = |number: u32| {
        Ok(Ok(Stored {
            number,
            etag: format!("etag-{number}"),
            bytes: Bytes::new(),
        }))
    };
    upload.record_part(stored(2)).unwrap();
    assert_eq!(upload.take_newest_checkpoint(), None);
    upload.record_part(stored(1)).unwrap();
    let checkpoint = upload.take_newest_checkpoint().unwrap();
    assert_eq!(
        (checkpoint.parts, checkpoint.progress.rows, checkpoint.bytes),
        (2, 2, 6)
    );
    assert_eq!(upload.etags(), ["etag-1", "etag-2"]);
    assert_eq!(upload.take_newest_checkpoint(), None);
    upload.record_part(stored(3)).unwrap();
    assert_eq!(
        upload
            .take_newest_checkpoint()
            .map(|checkpoint| checkpoint.parts),
        Some(3)
    );
}

#[test]
fn a_part_that_failed_ends_the_attempt() {
    let mut upload = upload();
    cut(&mut upload, b"one", 1);
    assert!(matches!(
        upload.record_part(Ok(Err(BucketError::UploadGone))),
        Err(UploadError::Bucket(BucketError::UploadGone))
    ));
    assert_eq!(upload.take_newest_checkpoint(), None);
}

#[tokio::test]
async fn a_tail_of_another_length_is_refused() {
    let tail = mock!(Client::get_object).then_output(|| {
        GetObjectOutput::builder()
            .body(ByteStream::from_static(b"half"))
            .build()
    });
    let checkpoint = |bytes| Checkpoint {
        bytes,
        hash: FileHash::default().state(),
        tail: Some("exports/7/tail".into()),
        ..Checkpoint::default()
    };
    let resume = async |bytes| {
        let id = waybill::export::ExportId::try_from(7).unwrap();
        let new = PartUpload::new(
            bucket(&[&tail]),
            PartSizes::for_memory(0),
            ObjectKey::new(id),
        );
        PartUpload::resume(new, &checkpoint(bytes), None, Vec::new()).await
    };
    assert!(matches!(resume(5).await, Err(UploadError::Tail)));
    assert_eq!(resume(4).await.unwrap().buffer, b"half");
}
