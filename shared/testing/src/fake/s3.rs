//! A fake of S3: one bucket with objects and uploads.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::wire::{Answer, Call};

/// One bucket. Listings are in the order of creation rather than of keys, since the random keys do not depend on the
/// seed.
#[derive(Debug, Default)]
pub struct S3 {
    /// The objects.
    pub objects: Vec<Object>,
    /// The uploads in progress by id.
    pub uploads: BTreeMap<u32, Upload>,
    /// The minimum size of a part in bytes, except for the last one.
    pub smallest_part: usize,
    /// The total number of parts stored so far.
    pub parts_stored: usize,
    pub(super) uploads_begun: u32,
    objects_put: u32,
}

/// An object.
#[derive(Debug)]
pub struct Object {
    /// The key.
    pub key: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The position in listings.
    number: u32,
}

/// An upload in progress.
#[derive(Debug)]
pub struct Upload {
    /// The key of the future object.
    pub key: String,
    pub(super) parts: BTreeMap<u32, Vec<u8>>,
}

/// The maximum number of keys or uploads in a page of a listing: few, so that there is more than one page.
const LISTED: usize = 3;

/// The operation of a request.
pub(super) fn operation(method: &str, query: &[(String, String)], path: &str) -> &'static str {
    let has = |name: &str| query.iter().any(|(found, _)| found == name);
    match method {
        "PUT" if has("uploadId") => "UploadPart",
        "PUT" => "PutObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        "HEAD" => "HeadObject",
        "GET" if has("uploads") => "ListMultipartUploads",
        "GET" if has("list-type") => "ListObjectsV2",
        "GET" => "GetObject",
        _ => panic!("unsupported request to S3: {method} {path}"),
    }
}

impl S3 {
    /// The bytes of the object with this key.
    pub fn object(&self, key: &str) -> Option<&[u8]> {
        let object = self.objects.iter().find(|object| object.key == key);
        object.map(|object| object.bytes.as_slice())
    }

    pub(super) fn answer(&mut self, operation: &str, call: &Call) -> Answer {
        let key = call.path.split_once('/').map_or("", |(_, key)| key);
        let error = |status, code| Answer::error(call, status, code);
        let no_upload = || error(404, "NoSuchUpload");
        let id = call.query("uploadId").and_then(|id| id.parse().ok());
        match operation {
            "PutObject" => {
                if call.if_none_match && self.object(key).is_some() {
                    return error(412, "PreconditionFailed");
                }
                self.put(key, call.body.clone());
                tagged(&call.body)
            }
            "CreateMultipartUpload" => {
                self.uploads_begun += 1;
                let upload = Upload {
                    key: key.to_owned(),
                    parts: BTreeMap::new(),
                };
                self.uploads.insert(self.uploads_begun, upload);
                xml(
                    "InitiateMultipartUploadResult",
                    &format!("<UploadId>{}</UploadId>", self.uploads_begun),
                )
            }
            "UploadPart" => {
                let number = call.query("partNumber").unwrap().parse().unwrap();
                let Some(upload) = id.and_then(|id| self.uploads.get_mut(&id)) else {
                    return no_upload();
                };
                self.parts_stored += 1;
                upload.parts.insert(number, call.body.clone());
                tagged(&call.body)
            }
            "CompleteMultipartUpload" => {
                let Some(upload) = id.and_then(|id| self.uploads.get(&id)) else {
                    return no_upload();
                };
                if call.if_none_match && self.object(key).is_some() {
                    return error(412, "PreconditionFailed");
                }
                let named = named_parts(&call.body);
                let mut whole = Vec::new();
                for (n, (number, tag)) in named.iter().enumerate() {
                    let Some(part) = upload.parts.get(number).filter(|part| etag(part) == *tag)
                    else {
                        return error(400, "InvalidPart");
                    };
                    if n > 0 && named[n - 1].0 >= *number {
                        return error(400, "InvalidPartOrder");
                    }
                    if n + 1 < named.len() && part.len() < self.smallest_part {
                        return error(400, "EntityTooSmall");
                    }
                    whole.extend_from_slice(part);
                }
                let key = upload.key.clone();
                self.uploads.remove(&id.unwrap());
                self.put(&key, whole);
                xml("CompleteMultipartUploadResult", "<ETag>\"whole\"</ETag>")
            }
            "AbortMultipartUpload" => match id.and_then(|id| self.uploads.remove(&id)) {
                Some(_) => Answer::empty(204),
                None => no_upload(),
            },
            "DeleteObject" => {
                self.objects.retain(|object| object.key != key);
                Answer::empty(204)
            }
            "HeadObject" | "GetObject" => match self.object(key) {
                None => error(404, "NoSuchKey"),
                Some(bytes) => Answer {
                    headers: vec![("content-length", bytes.len().to_string())],
                    body: match operation {
                        "GetObject" => bytes.to_vec(),
                        _ => Vec::new(),
                    },
                    ..Answer::empty(200)
                },
            },
            "ListMultipartUploads" => self.list_uploads(call),
            "ListObjectsV2" => self.list_objects(call),
            _ => panic!("unsupported operation of S3: {operation}"),
        }
    }

    pub(super) fn put(&mut self, key: &str, bytes: Vec<u8>) {
        self.objects.retain(|object| object.key != key);
        self.objects_put += 1;
        self.objects.push(Object {
            key: key.to_owned(),
            bytes,
            number: self.objects_put,
        });
    }

    fn list_uploads(&self, call: &Call) -> Answer {
        let prefix = call.query("prefix").unwrap_or_default();
        let after = call
            .query("upload-id-marker")
            .map_or(0, |id| id.parse().unwrap());
        let mut found = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.key.starts_with(prefix));
        let mut listed: Vec<_> = found.by_ref().filter(|(id, _)| **id > after).collect();
        let truncated = listed.len() > LISTED;
        listed.truncate(LISTED);
        let mut body = format!("<IsTruncated>{truncated}</IsTruncated>");
        for (id, upload) in &listed {
            let key = &upload.key;
            write!(
                body,
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>"
            )
            .unwrap();
        }
        if let Some((id, upload)) = listed.last().filter(|_| truncated) {
            let key = &upload.key;
            write!(
                body,
                "<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>"
            )
            .unwrap();
        }
        xml("ListMultipartUploadsResult", &body)
    }

    fn list_objects(&self, call: &Call) -> Answer {
        let prefix = call.query("prefix").unwrap_or_default();
        let after = call
            .query("continuation-token")
            .map_or(0, |after| after.parse().unwrap());
        let found = self
            .objects
            .iter()
            .filter(|object| object.key.starts_with(prefix));
        let mut listed: Vec<_> = found.filter(|object| object.number > after).collect();
        let truncated = listed.len() > LISTED;
        listed.truncate(LISTED);
        let mut body = format!("<IsTruncated>{truncated}</IsTruncated>");
        for Object { key, bytes, .. } in &listed {
            let size = bytes.len();
            write!(
                body,
                "<Contents><Key>{key}</Key><Size>{size}</Size></Contents>"
            )
            .unwrap();
        }
        if let Some(last) = listed.last().filter(|_| truncated) {
            let token = last.number;
            write!(
                body,
                "<NextContinuationToken>{token}</NextContinuationToken>"
            )
            .unwrap();
        }
        xml("ListBucketResult", &body)
    }
}

/// The parts in a `CompleteMultipartUpload` request, with their ETags.
fn named_parts(body: &[u8]) -> Vec<(u32, String)> {
    let text = std::str::from_utf8(body).unwrap().replace("&quot;", "\"");
    let between = |text: &str, name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>")).unwrap();
        after.split_once("</").unwrap().0.to_owned()
    };
    text.split("<Part>")
        .skip(1)
        .map(|part| {
            (
                between(part, "PartNumber").parse().unwrap(),
                between(part, "ETag"),
            )
        })
        .collect()
}

/// Equal bytes have equal ETags, as with MD5, and with every version of Rust: some are in what releases have left (FNV-1a).
fn etag(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}

fn tagged(bytes: &[u8]) -> Answer {
    Answer {
        headers: vec![("etag", etag(bytes))],
        ..Answer::empty(200)
    }
}

fn xml(root: &str, body: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{body}</{root}>"
    );
    Answer {
        headers: vec![("content-type", "application/xml".into())],
        body: body.into_bytes(),
        ..Answer::empty(200)
    }
}
