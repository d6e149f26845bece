//! Packets of MySQL's protocol on a stream: a length of three bytes, a sequence number, and a payload.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream to a server, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The bytes before a payload.
const HEADER: usize = 4;
/// The size of a payload that goes on in the next packet.
const WHOLE: usize = 0xFF_FFFF;
/// How many bytes are read at once.
const READ: usize = 128 << 10;

/// What is received and sent on a stream.
pub(super) struct Packets {
    stream: Box<dyn Stream>,
    /// What was received, and where in it is what has not been taken.
    received: Vec<u8>,
    start: usize,
    /// A payload of several packets.
    joined: Vec<u8>,
    sequence: u8,
}

impl Packets {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            received: Vec::with_capacity(READ),
            start: 0,
            joined: Vec::new(),
            sequence: 0,
        }
    }

    /// The stream, to be encrypted. Nothing may have been received that was not taken.
    ///
    /// # Errors
    /// If there was.
    pub(super) fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        match self.start == self.received.len() {
            true => Ok(self.stream),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Continues the sequence of packets on an encrypted stream.
    pub(super) fn encrypted(stream: Box<dyn Stream>, sequence: u8) -> Self {
        Self {
            sequence,
            ..Self::new(stream)
        }
    }

    /// The number of the next packet.
    pub(super) fn sequence(&self) -> u8 {
        self.sequence
    }

    /// Begins a new command.
    pub(super) fn restart(&mut self) {
        self.sequence = 0;
    }

    /// The payload of the next packet.
    ///
    /// # Errors
    /// For a connection that ends, and for a packet out of sequence.
    pub(super) async fn next(&mut self) -> io::Result<&[u8]> {
        let payload = self.packet().await?;
        if payload.len() < WHOLE {
            return Ok(&self.received[payload]);
        }
        self.joined.clear();
        self.joined.extend_from_slice(&self.received[payload]);
        loop {
            let payload = self.packet().await?;
            let is_last = payload.len() < WHOLE;
            self.joined.extend_from_slice(&self.received[payload]);
            if is_last {
                return Ok(&self.joined);
            }
        }
    }

    /// Where the next packet's payload is in what was received.
    #[inline]
    async fn packet(&mut self) -> io::Result<std::ops::Range<usize>> {
        self.fill(HEADER).await?;
        let header = &self.received[self.start..self.start + HEADER];
        let size =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if header[3] != self.sequence {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.fill(HEADER + size).await?;
        let payload = self.start + HEADER..self.start + HEADER + size;
        self.start = payload.end;
        Ok(payload)
    }

    /// Receives until there are at least `size` bytes.
    #[inline]
    async fn fill(&mut self, size: usize) -> io::Result<()> {
        if self.received.len() - self.start >= size {
            return Ok(());
        }
        self.receive(size).await
    }

    async fn receive(&mut self, size: usize) -> io::Result<()> {
        self.received.drain(..self.start);
        self.start = 0;
        self.received.reserve(READ.max(size) - self.received.len());
        while self.received.len() < size {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Sends a payload.
    ///
    /// # Errors
    /// For a connection that ends.
    pub(super) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut packets = Vec::with_capacity(payload.len() + HEADER);
        let mut rest = payload;
        loop {
            let (part, after) = rest.split_at(rest.len().min(WHOLE));
            packets.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
            packets.push(self.sequence);
            packets.extend_from_slice(part);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            if part.len() < WHOLE {
                break;
            }
        }
        self.stream.write_all(&packets).await?;
        self.stream.flush().await
    }

    /// Ends the stream.
    pub(super) async fn shut_down(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payloads that are received of what is sent.
    async fn passed(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let (here, there) = tokio::io::duplex(1_000);
        let sent = payloads.to_vec();
        let sending = async move {
            let mut packets = Packets::new(Box::new(here));
            for payload in &sent {
                packets.send(payload).await.unwrap();
            }
        };
        let receiving = async {
            let mut packets = Packets::new(Box::new(there));
            let mut received = Vec::new();
            for _ in payloads {
                received.push(packets.next().await.unwrap().to_vec());
            }
            received
        };
        futures::join!(sending, receiving).1
    }

    #[tokio::test]
    async fn payloads_of_any_size_pass() {
        let payloads = [0, 1, 300, READ, WHOLE - 1, WHOLE, WHOLE + 1].map(|size| vec![7; size]);
        assert!(passed(&payloads).await == payloads);
    }

    #[tokio::test]
    async fn a_packet_out_of_sequence_and_an_end_within_one_are_errors() {
        for (sent, kind) in [
            (&[1, 0, 0, 1, 9][..], io::ErrorKind::InvalidData),
            (&[2, 0, 0, 0, 9], io::ErrorKind::UnexpectedEof),
            (&[], io::ErrorKind::UnexpectedEof),
        ] {
            let (mut here, there) = tokio::io::duplex(1_000);
            here.write_all(sent).await.unwrap();
            drop(here);
            let mut packets = Packets::new(Box::new(there));
            assert_eq!(packets.next().await.unwrap_err().kind(), kind);
        }
    }
}
