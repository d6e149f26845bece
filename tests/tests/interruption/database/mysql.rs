//! Where requests and answers of MySQL's protocol end.

use std::io::{Read, Write};
use std::net::TcpStream;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, DuplexStream};

use super::{Answer, Request};

/// The bytes before a payload: its length, and the packet's number.
const HEADER: usize = 4;
/// The command that closes the connection.
const QUIT: u8 = 0x01;
/// The first byte of a payload that ends columns or rows.
const END: u8 = 0xFE;
const ERROR: u8 = 0xFF;

/// The server greets; the client signs in, which may take several answers to the server, and then sends one command after
/// another. Each is one packet.
pub(super) async fn request(client: &mut DuplexStream, is_first: bool) -> Option<Request> {
    let mut bytes = Vec::new();
    if !is_first {
        let mut header = [0; HEADER];
        client.read_exact(&mut header).await.ok()?;
        let mut payload = vec![0; size(header)];
        client.read_exact(&mut payload).await.ok()?;
        if number(header) == 0 && payload == [QUIT] {
            return None;
        }
        bytes.extend(header);
        bytes.extend(payload);
    }
    Some(Request {
        bytes,
        is_first,
        answers: 1,
    })
}

pub(super) fn operation(request: &Request) -> &'static str {
    let Some(statement) = statement(request) else {
        return "SQL.Connect";
    };
    match statement {
        _ if statement.starts_with("SET ") => "SQL.Connect",
        // A window has more conditions than that of the parent.
        _ if statement.ends_with(" LIMIT 1") && !statement.contains(" AND ") => "SQL.LastKey",
        _ if statement.contains(" LIMIT ") => "SQL.Window",
        _ => "SQL.Describe",
    }
}

/// The packets of the server's answer to each step of signing in, or to a statement.
pub(super) fn answer(server: &mut TcpStream, request: &Request) -> Answer {
    server.write_all(&request.bytes).unwrap();
    let mut bytes = Vec::new();
    let first = packet(server, &mut bytes);
    // Anything else than rows is one packet. The number of columns is never that of an error.
    if statement(request).is_some() && !matches!(first[..], [0 | ERROR, ..]) {
        let mut ends = 0;
        while ends < 2 {
            match packet(server, &mut bytes)[..] {
                [END, ref rest @ ..] if rest.len() < 8 => ends += 1,
                [ERROR, ..] => break,
                _ => {}
            }
        }
    }
    Answer { bytes, ends: false }
}

/// An error in place of the answer, or after some of its rows.
pub(super) fn refusal(request: &Request, answer: &[u8], number: u8, random: &mut Rng) -> Answer {
    let errors: &[(u16, &str)] = match statement(request) {
        // Too many connections; no thread for another.
        None if request.is_first => &[(1040, ""), (1135, "")],
        // Too many connections; of this user; in this hour.
        None => &[(1040, "#08004"), (1203, "#42000"), (1226, "#42000")],
        Some(_) => &[
            // The server is shut down; the connection is killed.
            (1053, "#08S01"),
            (1927, "#70100"),
            // The statement is killed; waits for a lock; is in a deadlock; takes too long.
            (1317, "#70100"),
            (1205, "#HY000"),
            (1213, "#40001"),
            (1969, "#70100"),
            // There is no memory; the server is not in its cluster; the storage engine fails.
            (1037, "#HY001"),
            (1041, "#HY000"),
            (1047, "#08S01"),
            (1030, "#HY000"),
        ],
    };
    let (code, state) = errors[usize::from(number) % errors.len()];
    let packets = packets(answer);
    let place = match &packets[..] {
        [of_columns, ..] if packets.len() > 1 && random.bool() => {
            // The columns, and the packet that ends them, come before the rows.
            let first_row = usize::from(of_columns[HEADER]) + 2;
            random.usize(first_row..packets.len())
        }
        _ => 0,
    };
    let mut payload = vec![ERROR];
    payload.extend(code.to_le_bytes());
    payload.extend(state.as_bytes());
    payload.extend(b"simulated");
    let mut bytes = packets[..place].concat();
    bytes.extend(&(payload.len() as u32).to_le_bytes()[..HEADER - 1]);
    bytes.push(packets[place][HEADER - 1]);
    bytes.extend(payload);
    let ends = statement(request).is_none() || matches!(code, 1053 | 1927);
    Answer { bytes, ends }
}

/// The statement of a request; `None` while the client signs in.
fn statement(request: &Request) -> Option<&str> {
    // The numbers begin again with each command, whose kind is the first byte of the payload.
    let is_command = request.bytes.get(HEADER - 1) == Some(&0);
    is_command.then(|| std::str::from_utf8(&request.bytes[HEADER + 1..]).unwrap())
}

/// Receives a packet, adds it to `bytes`, and returns its payload.
fn packet(server: &mut TcpStream, bytes: &mut Vec<u8>) -> Vec<u8> {
    let mut header = [0; HEADER];
    server.read_exact(&mut header).unwrap();
    let mut payload = vec![0; size(header)];
    server.read_exact(&mut payload).unwrap();
    bytes.extend(header);
    bytes.extend(&payload);
    payload
}

/// The packets of an answer.
fn packets(mut answer: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while let Some(header) = answer.first_chunk() {
        let (packet, rest) = answer.split_at(HEADER + size(*header));
        packets.push(packet);
        answer = rest;
    }
    packets
}

/// The size of the payload after a header. None here is so long that it goes on in another packet.
fn size([low, middle, high, _]: [u8; HEADER]) -> usize {
    u32::from_le_bytes([low, middle, high, 0]) as usize
}

/// The number of the packet with this header.
fn number([.., number]: [u8; HEADER]) -> u8 {
    number
}
