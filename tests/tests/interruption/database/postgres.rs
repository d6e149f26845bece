//! Where requests and answers of PostgreSQL's protocol end.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use futures::FutureExt;
use tokio::io::{AsyncReadExt, DuplexStream};

use super::{Answer, Request};

/// The message `ReadyForQuery`, outside of a transaction.
const READY: [u8; 6] = *b"Z\0\0\0\x05I";

/// The start of a connection, or statements at once.
pub(super) async fn request(client: &mut DuplexStream, is_first: bool) -> Option<Request> {
    let mut request = Request {
        bytes: Vec::new(),
        is_first,
        answers: 0,
    };
    loop {
        // Only the first message of a connection has no type.
        let kind = match (is_first, request.answers) {
            (true, _) => 0,
            (false, 0) => client.read_u8().await.ok()?,
            // More of the same request is already there.
            (false, _) => match client.read_u8().now_or_never() {
                Some(kind) => kind.ok()?,
                None => return Some(request),
            },
        };
        let length = client.read_u32().await.ok()?;
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await.ok()?;
        if kind > 0 {
            request.bytes.push(kind);
        }
        request.bytes.extend(length.to_be_bytes());
        request.bytes.extend(body);
        match kind {
            0 => {
                request.answers += 1;
                return Some(request);
            }
            b'Q' | b'S' => request.answers += 1,
            // The client closes the connection.
            b'X' => return None,
            _ => {}
        }
    }
}

pub(super) fn operation(request: &Request) -> &'static str {
    let has = |text: &str| {
        let mut parts = request.bytes.windows(text.len());
        parts.any(|part| part == text.as_bytes())
    };
    match request.is_first {
        true => "SQL.Connect",
        false if has(" LIMIT 1\0") => "SQL.LastKey",
        false if has(" LIMIT ") => "SQL.Window",
        false => "SQL.Describe",
    }
}

/// The server's messages until it has been ready for another request so many times, or ends the connection.
pub(super) fn answer(server: &mut TcpStream, request: &Request) -> Answer {
    server.write_all(&request.bytes).unwrap();
    let (mut bytes, mut given) = (Vec::new(), 0);
    while given < request.answers {
        let mut header = [0; 5];
        match server.read_exact(&mut header) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Answer { bytes, ends: true };
            }
            read => read.unwrap(),
        }
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        server.read_exact(&mut body).unwrap();
        bytes.extend(header);
        bytes.extend(body);
        given += usize::from(kind == b'Z');
    }
    Answer { bytes, ends: false }
}

/// An error, for each of several answers.
pub(super) fn refusal(request: &Request, number: u8) -> Answer {
    let codes: &[&str] = match request.is_first {
        true => &["53300", "57P03"],
        // The server ends the connection; the statement; takes too long; has no memory.
        false => &["57P01", "40001", "57014", "53200"],
    };
    let code = codes[usize::from(number) % codes.len()];
    let ends = request.is_first || code == "57P01";
    let severity = if ends { "FATAL" } else { "ERROR" };
    let fields = format!("S{severity}\0C{code}\0Msimulated\0\0");
    let length = fields.len() as u32 + 4;
    let mut bytes = vec![b'E'];
    bytes.extend(length.to_be_bytes());
    bytes.extend(fields.as_bytes());
    if !ends {
        bytes.extend(READY);
        bytes = bytes.repeat(request.answers);
    }
    Answer { bytes, ends }
}
