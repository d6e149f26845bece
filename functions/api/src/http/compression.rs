//! Compressed bodies: files that are compressed once and served many times, and answers. API Gateway compresses nothing.

use std::io::Write;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY};
use http::{HeaderMap, HeaderValue};

use super::accept::accepts;

/// The value of `Content-Encoding` of a compressed body.
pub(crate) const GZIP: &str = "gzip";
/// The value of `Vary` of an answer that may be compressed.
pub(crate) const VARIES_BY: &str = "Accept-Encoding";

/// Below this length in bytes, a compressed answer saves nothing: it is one packet anyway.
const WORTH_IT: usize = 1_400;

/// Compresses an answer, if the client takes it. Every answer is whole in memory before.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let accepted = accepts(request.headers(), ACCEPT_ENCODING, GZIP);
    let response = next.run(request).await;
    if response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A body in memory can always be read.
    let plain = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if plain.len() < WORTH_IT {
        return Response::from_parts(parts, Body::from(plain));
    }
    parts
        .headers
        .insert(VARY, HeaderValue::from_static(VARIES_BY));
    if !accepted {
        return Response::from_parts(parts, Body::from(plain));
    }
    let zipped = gzip(&plain, Compression::default());
    parts.headers.remove(CONTENT_LENGTH);
    // A strong tag would name the uncompressed bytes (RFC 9110, section 8.8.1).
    if let Some(tag) = parts.headers.get(ETAG).and_then(|tag| tag.to_str().ok())
        && !tag.starts_with("W/")
        && let Ok(weak) = HeaderValue::try_from(format!("W/{tag}"))
    {
        parts.headers.insert(ETAG, weak);
    }
    parts
        .headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static(GZIP));
    Response::from_parts(parts, Body::from(zipped))
}

fn gzip(plain: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // Writing to memory cannot fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default().into()
}

/// A body, plain and compressed.
pub(crate) struct Compressed {
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
}

impl Compressed {
    /// Compresses a body.
    pub(crate) fn new(plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let gzip = gzip(&plain, Compression::best());
        Self { plain, gzip }
    }

    /// The body for a client with these headers, and its `Content-Encoding`.
    pub(crate) fn form(&self, headers: &HeaderMap) -> (Bytes, Option<&'static str>) {
        match accepts(headers, ACCEPT_ENCODING, GZIP) {
            true => (self.gzip.clone(), Some(GZIP)),
            false => (self.plain.clone(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_body_is_sent_in_an_encoding_that_the_client_accepts() {
        let body = Compressed::new("text ".repeat(100));
        let mut unzipped = Vec::new();
        GzDecoder::new(&body.gzip[..])
            .read_to_end(&mut unzipped)
            .unwrap();
        assert_eq!(unzipped, body.plain);

        for (codings, is_compressed) in [
            ("gzip, br", true),
            ("br;q=1, gzip;q=0.5", true),
            ("GZIP", true),
            ("gzip;q=0, br", false),
            ("gzip; q=0.000", false),
            ("gzip;q=much", false),
            ("identity", false),
            ("xgzip", false),
        ] {
            let headers =
                HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(codings))]);
            let expected = match is_compressed {
                true => (body.gzip.clone(), Some(GZIP)),
                false => (body.plain.clone(), None),
            };
            assert_eq!(body.form(&headers), expected, "{codings}");
        }
        assert_eq!(body.form(&HeaderMap::new()), (body.plain.clone(), None));
    }
}
