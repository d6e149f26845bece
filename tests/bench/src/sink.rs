//! A fake of S3 for uploads: counts the bytes, and keeps them only for a comparison.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::http::{Answer, Request};

const XML: &str = "application/xml";

/// One bucket of any name.
#[derive(Debug, Default)]
pub(crate) struct Sink(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Whether the bytes are kept, not only counted.
    whole: bool,
    objects: BTreeMap<String, Object>,
    /// The parts of unfinished uploads, by upload and number.
    uploads: BTreeMap<String, BTreeMap<u32, Object>>,
    begun: u32,
}

#[derive(Debug, Default, Clone)]
struct Object {
    size: u64,
    bytes: Vec<u8>,
}

/// The only object.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) size: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Sink {
    /// Empties the bucket.
    pub(crate) fn begin(&self, whole: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Kept {
            whole,
            ..Kept::default()
        };
    }

    /// The object, if there is exactly one and no unfinished upload.
    pub(crate) fn only(&self) -> Option<Stored> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let object = kept.objects.values().next()?;
        (kept.objects.len() == 1 && kept.uploads.is_empty()).then(|| Stored {
            size: object.size,
            bytes: object.bytes.clone(),
        })
    }

    /// Answers a call to S3.
    pub(crate) fn answer(&self, request: Request) -> Answer {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = request.path.clone();
        let upload = request.parameter("uploadId").map(str::to_owned);
        let number = request.parameter("partNumber").and_then(|n| n.parse().ok());
        match (request.method.as_str(), upload, number) {
            ("POST", None, _) if request.parameter("uploads").is_some() => {
                kept.begun += 1;
                let id = format!("upload-{}", kept.begun);
                kept.uploads.insert(id.clone(), BTreeMap::new());
                let text = format!(
                    "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                );
                Answer::ok(XML, text)
            }
            ("PUT", Some(upload), Some(number)) => {
                let mut part = Object::new(request.body);
                if !kept.whole {
                    part.bytes = Vec::new();
                }
                match kept.uploads.get_mut(&upload) {
                    Some(parts) => {
                        parts.insert(number, part);
                        Answer::status(200).with("etag", format!("\"part-{number}\""))
                    }
                    None => missing("NoSuchUpload"),
                }
            }
            ("POST", Some(upload), _) => match kept.uploads.remove(&upload) {
                Some(parts) => {
                    let mut whole = Object::default();
                    for part in parts.into_values() {
                        whole.size += part.size;
                        whole.bytes.extend(part.bytes);
                    }
                    kept.objects.insert(key, whole);
                    Answer::ok(
                        XML,
                        "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>",
                    )
                }
                None => missing("NoSuchUpload"),
            },
            ("DELETE", Some(upload), _) => {
                kept.uploads.remove(&upload);
                Answer::status(204)
            }
            ("PUT", None, _)
                if kept.objects.contains_key(&key) && request.header("if-none-match").is_some() =>
            {
                error(412, "PreconditionFailed")
            }
            ("PUT", None, _) => {
                // Always kept, since the tail of a checkpoint is read again.
                kept.objects.insert(key, Object::new(request.body));
                Answer::status(200).with("etag", "\"whole\"")
            }
            ("DELETE", None, _) => {
                kept.objects.remove(&key);
                Answer::status(204)
            }
            ("HEAD", ..) => match kept.objects.get(&key) {
                Some(object) => Answer::status(200).with("content-length", object.size.to_string()),
                None => Answer::status(404).with("content-length", "0"),
            },
            ("GET", ..) => match kept.objects.get(&key) {
                Some(object) => Answer::ok("application/octet-stream", object.bytes.clone()),
                None => missing("NoSuchKey"),
            },
            _ => error(501, "NotImplemented"),
        }
    }
}

impl Object {
    fn new(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        Self { size, bytes }
    }
}

impl Stored {
    /// SHA-256 in lower-case hexadecimal digits.
    pub(crate) fn sha256(&self) -> String {
        let digest = Sha256::digest(&self.bytes);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn missing(code: &str) -> Answer {
    error(404, code)
}

fn error(status: u16, code: &str) -> Answer {
    let text = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    Answer::status(status)
        .with("content-type", XML)
        .with_body(text)
}
