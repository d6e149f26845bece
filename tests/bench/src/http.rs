//! The part of HTTP/1.1 that the AWS SDKs and Lambda's runtimes use, over persistent connections.

use std::io::{self, BufRead, Read, Write};

/// A request with its complete body.
#[derive(Debug)]
pub(crate) struct Request {
    /// `GET`, `PUT` and so on.
    pub(crate) method: String,
    /// The path without its query.
    pub(crate) path: String,
    /// The query after `?`.
    pub(crate) query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    /// The value of the first header with this name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter of the query. The clients here escape none.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&');
        pairs.find_map(|pair| match pair.split_once('=') {
            Some((n, value)) => (n == name).then_some(value),
            None => (pair == name).then_some(""),
        })
    }
}

impl Answer {
    /// An answer with this status and no body.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer 200 with this body.
    pub(crate) fn ok(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200)
            .with("content-type", media_type)
            .with_body(body)
    }

    /// Sets the body.
    pub(crate) fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Reads the next request of a connection; `None` at its end. `output` is for `100 Continue`.
///
/// # Errors
/// When the connection breaks, or the request is malformed.
pub(crate) fn read_request(
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(bad("no request line"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        request.headers.push(header);
    }
    // botocore sends the body of a PUT only after `100 Continue`.
    if request.header("expect") == Some("100-continue") {
        output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        output.flush()?;
    }
    request.body = match request.header("content-length") {
        Some(length) => {
            let length = length.parse().map_err(|_| bad("an invalid length"))?;
            let mut body = vec![0; length];
            input.read_exact(&mut body)?;
            body
        }
        None if request.header("transfer-encoding").is_some() => chunked(input)?,
        None => Vec::new(),
    };
    if request
        .header("content-encoding")
        .is_some_and(|encoding| encoding.contains("aws-chunked"))
    {
        request.body = chunked(&mut request.body.as_slice())?;
    }
    Ok(Some(request))
}

/// Reads a body in the chunks of HTTP or, inside of it, of S3; extensions and trailers are dropped.
fn chunked(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad("a chunk without a size"))?;
        if size == 0 {
            break;
        }
        input.by_ref().take(size as u64).read_to_end(&mut body)?;
        line.clear();
        input.read_line(&mut line)?;
    }
    let mut line = String::new();
    while input.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(body)
}

/// Sends an answer.
///
/// # Errors
/// When the connection breaks.
pub(crate) fn write_answer(output: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} .\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.status != 204
        && !answer
            .headers
            .iter()
            .any(|(name, _)| *name == "content-length")
    {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    head.push_str("\r\n");
    output.write_all(head.as_bytes())?;
    output.write_all(&answer.body)?;
    output.flush()
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Request {
        let mut output = Vec::new();
        let read = read_request(&mut text.as_bytes(), &mut output);
        read.unwrap().unwrap()
    }

    #[test]
    fn a_body_has_a_length_or_is_chunked() {
        let sized = read("PUT /b/k?partNumber=2&x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef");
        assert_eq!(
            (sized.path.as_str(), sized.body.as_slice()),
            ("/b/k", &b"abc"[..])
        );
        assert_eq!(sized.parameter("partNumber"), Some("2"));
        assert_eq!(sized.parameter("x"), Some(""));
        let chunks =
            "3;chunk-signature=0\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n";
        let plain = read(&format!(
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        ));
        assert_eq!(plain.body, b"abcde");
        let length = chunks.len();
        let inside = read(&format!(
            "PUT / HTTP/1.1\r\nContent-Encoding: aws-chunked\r\nContent-Length: {length}\r\n\r\n{chunks}"
        ));
        assert_eq!(inside.body, b"abcde");
    }
}
