//! One partition of a type's records, read page by page.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::key::{self, Key};
use super::position::{PageOrigin, ResumePosition};
use super::question::{Body, Cost, OPERATION, Placement, Question};
use super::range::Segment;
use super::wire::{Answer, Reader};
use super::{RecordsError, Row};
use crate::aws::CallError;

/// One partition, and its records that are read and not yet taken.
#[derive(Debug)]
pub(super) struct PartitionReader {
    partition: String,
    segments: Vec<Segment>,
    reader: Option<Reader>,
    answer: Option<Arc<Answer>>,
    /// The answer's records that count.
    rows: Vec<u32>,
    /// Those of them whose key is not of the type's format, in ascending order.
    of_no_format: Vec<u32>,
    taken: usize,
    origin: PageOrigin,
    /// Where to go on after what has been taken, and after the page.
    position: ResumePosition,
    next: ResumePosition,
    ahead: Option<Ahead>,
}

/// An answer that is asked for before it is needed.
#[derive(Debug)]
struct Ahead {
    /// The one task; it ends where this is dropped.
    asked: JoinSet<Result<Body, RecordsError>>,
    _permit: OwnedSemaphorePermit,
}

impl PartitionReader {
    /// The partition from a position on. `segments` are in the order of reading.
    pub(super) fn new(partition: String, segments: Vec<Segment>, position: ResumePosition) -> Self {
        Self {
            partition,
            segments,
            reader: None,
            answer: None,
            rows: Vec::new(),
            of_no_format: Vec::new(),
            taken: 0,
            origin: PageOrigin {
                begin: position.clone(),
                is_dense: true,
                looked_at: 0,
            },
            next: position.clone(),
            position,
            ahead: None,
        }
    }

    pub(super) fn partition(&self) -> &str {
        &self.partition
    }

    /// The record to be taken next.
    pub(super) fn head(&self) -> Option<Row<'_>> {
        let row = *self.rows.get(self.taken)?;
        Some(Row::new(self.answer.as_deref()?, row as usize))
    }

    /// The answer that its records are in, once there is one.
    pub(super) fn answer(&self) -> Option<&Arc<Answer>> {
        self.answer.as_ref()
    }

    /// What is known of the page.
    pub(super) fn origin(&self) -> &PageOrigin {
        &self.origin
    }

    /// The page's records whose key is not of the type's format, in ascending order.
    pub(super) fn of_no_format(&self) -> &[u32] {
        &self.of_no_format
    }

    /// Whether no page has brought the partition's next record yet.
    pub(super) fn is_hungry(&self) -> bool {
        self.taken == self.rows.len() && self.next.segment < self.segments.len()
    }

    /// Whether all has been taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.taken == self.rows.len() && !self.is_hungry()
    }

    /// Takes the next record, by its place in the answer. Whoever takes some says so by [`PartitionReader::pass`].
    pub(super) fn take(&mut self) -> Option<u32> {
        let row = *self.rows.get(self.taken)?;
        self.taken += 1;
        Some(row)
    }

    /// Takes all that is left of the page.
    pub(super) fn take_all(&mut self) -> &[u32] {
        let left = &self.rows[self.taken..];
        self.taken = self.rows.len();
        left
    }

    /// Goes past a record of the page that has been taken last.
    pub(super) fn pass(&mut self, row: u32) {
        self.position = match &self.answer {
            Some(answer) if self.taken < self.rows.len() => {
                self.origin.position_after(Row::new(answer, row as usize))
            }
            _ => self.next.clone(),
        };
    }

    /// Where to go on after what has been taken.
    pub(super) fn position(&self) -> &ResumePosition {
        &self.position
    }

    /// Reads the next page, which may be empty while there is more.
    pub(super) async fn fetch(&mut self, question: &Arc<Question>) -> Result<Cost, RecordsError> {
        let mut cost = Cost::default();
        let begin = self.next.clone();
        // What was looked at in pages that end before the one with the record to go on after.
        let mut passed = 0;
        loop {
            let Some(segment) = self.segments.get(self.next.segment).cloned() else {
                return Ok(cost);
            };
            let start = self.next.start.clone();
            let body = match self.ahead.take() {
                Some(ahead) => ahead.answer().await?,
                None => question.ask(&self.partition, &segment, start).await?,
            };
            let reader = self.reader.get_or_insert_with(|| {
                Reader::new(question.layout.clone(), question.spares.clone())
            });
            let answer = Answer::read(body.bytes, reader).map_err(Question::malformed)?;
            let costs = Cost::of(answer.read_units, body.is_consistent);
            question.budget.take(costs.bytes);
            cost += costs;
            self.place(&answer, &segment, question)?;
            let looked_at = match question.filter.is_empty() {
                // What lies outside of the range is read for keys of no format alone.
                _ if segment.is_outside => self.rows.len() as u64,
                // Without a filter all that is looked at is given.
                true => answer.rows() as u64,
                false => answer.looked_at,
            };
            let after = self.next.after.take();
            if let Some(after) = &after
                && !self.leave_out_through(after, &answer)
            {
                passed += self.go_past(after, &answer, looked_at, question);
                continue;
            }
            self.origin.is_dense =
                after.is_none() && passed == 0 && looked_at == self.rows.len() as u64;
            self.origin.looked_at = passed + looked_at;
            let next = following(&self.next, &answer);
            let read = std::mem::replace(&mut self.next, next);
            self.origin.begin = match passed {
                0 => ResumePosition { after, ..read },
                _ => begin,
            };
            self.answer = Some(Arc::new(answer));
            self.position = match self.rows.is_empty() {
                true => self.next.clone(),
                false => self.origin.begin.clone(),
            };
            self.ask_ahead(question);
            return Ok(cost);
        }
    }

    /// Tells apart the records of an answer: those that count, and those of them whose key is of no format.
    fn place(
        &mut self,
        answer: &Answer,
        segment: &Segment,
        question: &Question,
    ) -> Result<(), RecordsError> {
        self.rows.clear();
        self.of_no_format.clear();
        self.taken = 0;
        for row in 0..answer.rows() {
            let placement = question.placement(Row::new(answer, row), segment)?;
            if placement != Placement::Beyond {
                self.rows.push(row as u32);
            }
            if placement == Placement::OfNoFormat {
                self.of_no_format.push(row as u32);
            }
        }
        Ok(())
    }

    /// Leaves out the records of an answer up to the one that was taken last. False where that one is not among them.
    fn leave_out_through(&mut self, last: &Key, answer: &Answer) -> bool {
        let is_last = |row: &u32| key::of(Row::new(answer, *row as usize)) == *last;
        let place = self.rows.iter().position(is_last);
        if let Some(place) = place {
            self.rows.drain(..=place);
        }
        place.is_some()
    }

    /// Goes on past an answer without the record that was taken last, and returns how many records of the answer lie before
    /// that one.
    fn go_past(&mut self, last: &Key, answer: &Answer, looked_at: u64, question: &Question) -> u64 {
        self.rows.clear();
        let end = answer.last_key.clone();
        match end.filter(|end| question.is_reached(end, last)) {
            // Pages fall otherwise than they did: the record is in a later one.
            Some(end) => {
                self.next.after = Some(last.clone()).filter(|last| *last != end);
                self.next.start = Some(end);
                looked_at
            }
            // The record has been deleted since. Its key is still a place to go on from.
            None => {
                self.next.start = Some(last.clone());
                0
            }
        }
    }

    /// Asks for the page after this one, if there is room for it.
    fn ask_ahead(&mut self, question: &Arc<Question>) {
        let Some(segment) = self.segments.get(self.next.segment) else {
            return;
        };
        let Some(permit) = question
            .ahead
            .as_ref()
            .and_then(|room| room.clone().try_acquire_owned().ok())
        else {
            return;
        };
        let (question, partition) = (question.clone(), self.partition.clone());
        let (segment, start) = (segment.clone(), self.next.start.clone());
        let mut asked = JoinSet::new();
        asked.spawn(async move { question.ask(&partition, &segment, start).await });
        self.ahead = Some(Ahead {
            asked,
            _permit: permit,
        });
    }
}

/// Where the page after an answer begins, which was read from `read`.
fn following(read: &ResumePosition, answer: &Answer) -> ResumePosition {
    match &answer.last_key {
        Some(key) => ResumePosition {
            segment: read.segment,
            start: Some(key.clone()),
            after: None,
        },
        None => ResumePosition {
            segment: read.segment + 1,
            ..ResumePosition::default()
        },
    }
}

impl Ahead {
    async fn answer(mut self) -> Result<Body, RecordsError> {
        match self.asked.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => {
                Err(CallError::with_code(OPERATION, "the task ended", error).into())
            }
            None => unreachable!("one task was spawned"),
        }
    }
}
