//! Bodies that are compressed once and served many times.

use std::io::Write;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::accept::accepts;

/// The value of `Content-Encoding` of a compressed body.
pub(crate) const GZIP: &str = "gzip";
/// The value of `Vary` of an answer that may be compressed.
pub(crate) const VARIES_BY: &str = "Accept-Encoding";

/// A body, plain and compressed.
pub(crate) struct Compressed {
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
}

impl Compressed {
    /// Compresses a body.
    pub(crate) fn new(plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory cannot fail.
        let _ = encoder.write_all(&plain);
        let gzip = encoder.finish().unwrap_or_default().into();
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
