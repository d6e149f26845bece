//! Joins the rows of an answer, so that many cost as much as one.
//!
//! `tokio_postgres` allocates for each row, and passes on what each of its short reads has. Between it and the server,
//! [`JoinedRows`] reads much at a time, and replaces messages `DataRow` that follow each other by a single one with as
//! many values: the last value consists of these messages, and the others are null. Everything else passes unchanged, so
//! that the order of messages, errors, and waiting for a slow reader stay those of `tokio_postgres`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// The most bytes that are read at once.
const READ: usize = 128 << 10;
/// The most bytes of a joined row, except for a single longer one: `tokio_postgres` has a buffer of this size.
const JOINED: usize = 8 << 10;
/// The first byte of a `DataRow`.
pub(super) const DATA_ROW: u8 = b'D';
/// The bytes before a row's values: the message's type and length, and the number of values.
pub(super) const BEFORE_VALUES: usize = 7;
/// The length that stands for null.
pub(super) const NULL: i32 = -1;

/// Whether rows are joined, of the messages that the server sends from now on.
#[derive(Debug, Clone, Default)]
pub(super) struct Joins(Arc<AtomicBool>);

impl Joins {
    pub(super) fn set(&self, joins: bool) {
        self.0.store(joins, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A stream from and to a server, with joined rows.
pub(super) struct JoinedRows<S> {
    stream: S,
    binding: fn(&S) -> ChannelBinding,
    joins: Joins,
    /// What was read, and where in it is what has not been passed on.
    read: Box<[u8]>,
    start: usize,
    end: usize,
    /// The bytes before the next ones that were read: those of a joined row before its messages.
    head: Vec<u8>,
    passed_of_head: usize,
    /// How many of the next bytes pass unchanged, also of those that are still to be read.
    passing: usize,
    is_at_end: bool,
}

impl<S> JoinedRows<S> {
    /// Joins the rows that come from `stream`, whose channel binding is what `binding` says.
    pub(super) fn new(stream: S, binding: fn(&S) -> ChannelBinding, joins: Joins) -> Self {
        Self {
            stream,
            binding,
            joins,
            read: vec![0; READ].into_boxed_slice(),
            start: 0,
            end: 0,
            head: Vec::new(),
            passed_of_head: 0,
            passing: 0,
            is_at_end: false,
        }
    }

    /// Passes on what can be. Returns whether there was anything.
    fn pass(&mut self, out: &mut ReadBuf<'_>) -> bool {
        let before = out.remaining();
        let head = &self.head[self.passed_of_head..];
        let of_head = head.len().min(before);
        out.put_slice(&head[..of_head]);
        self.passed_of_head += of_head;
        let read = &self.read[self.start..self.end];
        let unchanged = read.len().min(self.passing).min(out.remaining());
        out.put_slice(&read[..unchanged]);
        self.start += unchanged;
        self.passing -= unchanged;
        out.remaining() < before
    }

    /// Decides about the next messages. Returns whether there are enough bytes of them.
    fn plan(&mut self) -> bool {
        let read = &self.read[self.start..self.end];
        let rows = match self.joins.get() {
            true => Rows::first_of(read),
            false => None,
        };
        match (rows, message(read)) {
            (Some(rows), _) if rows.size <= read.len() || rows.size > READ => {
                rows.write_head(&mut self.head);
                self.passed_of_head = 0;
                self.passing = rows.size;
            }
            (None, Some((tag, size))) if tag != DATA_ROW || !self.joins.get() => {
                self.passing = size;
            }
            _ if self.is_at_end => self.passing = read.len(),
            _ => return false,
        }
        self.passing > 0
    }
}

/// Rows that follow each other.
struct Rows {
    /// The size of their messages in bytes.
    size: usize,
    /// The number of values of each.
    values: u16,
}

impl Rows {
    /// The rows at the beginning of `read`, of which a single one may be incomplete.
    fn first_of(read: &[u8]) -> Option<Self> {
        let (DATA_ROW, mut size) = message(read)? else {
            return None;
        };
        let values = read.get(BEFORE_VALUES - 2..BEFORE_VALUES)?;
        let values = u16::from_be_bytes([values[0], values[1]]);
        while let Some((DATA_ROW, more)) = read.get(size..).and_then(message)
            && size + more <= read.len().min(JOINED)
        {
            size += more;
        }
        Some(Self { size, values })
    }

    /// Writes what comes before the rows' messages in a joined row.
    fn write_head(&self, head: &mut Vec<u8>) {
        let nulls = usize::from(self.values).saturating_sub(1);
        let length = BEFORE_VALUES - 1 + (nulls + 1) * 4 + self.size;
        head.clear();
        head.push(DATA_ROW);
        head.extend((length as u32).to_be_bytes());
        head.extend(self.values.to_be_bytes());
        for _ in 0..nulls {
            head.extend(NULL.to_be_bytes());
        }
        head.extend((self.size as u32).to_be_bytes());
    }
}

/// The type of the message at the beginning of `read`, and its size with these bytes.
fn message(read: &[u8]) -> Option<(u8, usize)> {
    let [tag, length @ ..] = read.first_chunk::<5>()?;
    Some((*tag, 1 + u32::from_be_bytes(*length) as usize))
}

impl<S: AsyncRead + Unpin> AsyncRead for JoinedRows<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.pass(out) {
                return Poll::Ready(Ok(()));
            }
            if this.passing == 0 && this.plan() {
                continue;
            }
            if this.is_at_end {
                return Poll::Ready(Ok(()));
            }
            // What is left is less than a message.
            this.read.copy_within(this.start..this.end, 0);
            (this.start, this.end) = (0, this.end - this.start);
            let mut free = ReadBuf::new(&mut this.read[this.end..]);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut free))?;
            let more = free.filled().len();
            this.end += more;
            this.is_at_end = more == 0;
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for JoinedRows<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for JoinedRows<S> {
    fn channel_binding(&self) -> ChannelBinding {
        (self.binding)(&self.stream)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::records::postgres::row::rows;
    use crate::records::sql::Row as _;

    /// Gives at most `piece` bytes at a time.
    struct Pieces<'a> {
        sent: &'a [u8],
        piece: usize,
    }

    impl AsyncRead for Pieces<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let next = self.sent.len().min(self.piece).min(out.remaining());
            let (next, rest) = self.sent.split_at(next);
            out.put_slice(next);
            self.sent = rest;
            Poll::Ready(Ok(()))
        }
    }

    fn of_message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32 + 4).to_be_bytes();
        [&[tag], &length[..], body].concat()
    }

    /// A row of these values.
    fn of_row(values: &[&[u8]]) -> Vec<u8> {
        let mut body = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            body.extend((value.len() as u32).to_be_bytes());
            body.extend(*value);
        }
        of_message(DATA_ROW, &body)
    }

    /// What passes of `sent`, received in pieces of at most `piece` bytes, and read in pieces of `room` bytes.
    fn passed(sent: &[u8], joins: bool, (piece, room): (usize, usize)) -> Vec<u8> {
        let switch = Joins::default();
        switch.set(joins);
        let pieces = Pieces { sent, piece };
        let mut stream = JoinedRows::new(pieces, |_| ChannelBinding::none(), switch);
        let (mut all, mut part) = (Vec::new(), vec![0; room]);
        loop {
            match stream.read(&mut part).now_or_never().unwrap().unwrap() {
                0 => return all,
                read => all.extend(&part[..read]),
            }
        }
    }

    /// The messages in `passed`, with the messages of joined rows in place of these, and the number of joined rows.
    fn separated(mut passed: &[u8]) -> (Vec<u8>, usize) {
        let (mut all, mut joined) = (Vec::new(), 0);
        while let Some((tag, size)) = message(passed) {
            let (whole, rest) = passed.split_at(size);
            passed = rest;
            if tag != DATA_ROW {
                all.extend(whole);
                continue;
            }
            let mut row = rows(whole).next().unwrap().unwrap();
            let mut last = None;
            while !row.is_empty() {
                assert_eq!(last, None, "a value before the last one");
                last = row.value().unwrap();
            }
            all.extend(last.unwrap());
            joined += 1;
        }
        assert!(passed.is_empty());
        (all, joined)
    }

    #[test]
    fn rows_that_follow_each_other_become_one_row_with_as_many_values() {
        let row = of_row(&[b"a", b"", b"bc"]);
        let end = of_message(b'C', b"SELECT 3\0");
        let sent = [&row[..], &row, &row, &end].concat();
        let passed = passed(&sent, true, (usize::MAX, 1_024));
        let joined = [
            &(4 + 2 + 12 + 3 * row.len() as u32).to_be_bytes()[..],
            &[0, 3],
        ]
        .concat();
        assert_eq!(&passed[..7], [&[DATA_ROW], &joined[..]].concat());
        assert_eq!(separated(&passed), (sent, 1));
    }

    #[test]
    fn rows_are_joined_up_to_the_size_of_a_buffer() {
        let row = of_row(&[&[7; 1_000]]);
        let (same, joined) = separated(&passed(&row.repeat(100), true, (usize::MAX, 8_192)));
        assert_eq!(
            (same, joined),
            (row.repeat(100), 100_usize.div_ceil(JOINED / row.len()))
        );
    }

    #[test]
    fn a_row_larger_than_what_is_read_at_once_passes_as_it_comes() {
        let row = of_row(&[&vec![7; 3 * READ], b"x"]);
        let sent = [of_row(&[b"a", b"b"]), row, of_row(&[b"c", b"d"])].concat();
        assert_eq!(separated(&passed(&sent, true, (5_000, 4_096))), (sent, 3));
    }

    #[test]
    fn the_bytes_of_an_answer_that_breaks_off_all_pass() {
        let row = of_row(&[b"abc"]);
        let broken = &row[..row.len() - 1];
        assert_eq!(passed(broken, true, (3, 2)), broken);
        assert_eq!(passed(&broken[..4], true, (3, 2)), &broken[..4]);
    }

    proptest! {
        #[test]
        fn nothing_else_is_changed(
            messages in prop::collection::vec((prop::sample::select(&b"DDDDTCZNE"[..]), 0_usize..3_000), 0..40),
            joins: bool,
            pieces in (1_usize..9_000, 1_usize..9_000),
        ) {
            let messages = messages.into_iter().map(|(tag, size)| match tag {
                DATA_ROW => of_row(&[b"a", &vec![1; size]]),
                tag => of_message(tag, &vec![2; size]),
            });
            let sent = messages.collect::<Vec<_>>().concat();
            let passed = passed(&sent, joins, pieces);
            let unjoined = if joins { separated(&passed).0 } else { passed };
            prop_assert!(unjoined == sent);
        }

        #[test]
        fn any_bytes_pass(sent in prop::collection::vec(prop_oneof![Just(b'D'), 0_u8..9, any::<u8>()], 0..64), joins: bool) {
            passed(&sent, joins, (7, 5));
        }
    }
}
