//! Reads one partition of a type's records page by page.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::key::{self, Key};
use super::position::{PageOrigin, ResumePosition};
use super::query::{Body, Cost, KeyRangeCheck, OPERATION, QuerySettings};
use super::segments::Segment;
use super::wire::{Answer, RecordsParser};
use super::{RecordsError, Row};
use crate::aws::CallError;
use crate::selection::KeyTime;

/// The reader of one partition, with the current page.
#[derive(Debug)]
pub(super) struct PartitionReader {
    partition: String,
    segments: Vec<Segment>,
    parser: Option<RecordsParser>,
    answer: Option<Arc<Answer>>,
    /// The records of the answer that are in the range, as row numbers.
    rows: Vec<u32>,
    /// Those of them whose key does not decide their time, in ascending order.
    exceptions: Vec<(u32, KeyTime)>,
    taken: usize,
    origin: PageOrigin,
    /// Where to resume: after the records taken so far, and after the whole page (`next`).
    position: ResumePosition,
    next: ResumePosition,
    ahead: Option<Ahead>,
}

/// A page that is requested ahead.
#[derive(Debug)]
struct Ahead {
    /// The single task, which is canceled on drop.
    task: JoinSet<Result<Body, RecordsError>>,
    _permit: OwnedSemaphorePermit,
}

impl PartitionReader {
    /// A reader from a position on. `segments` are in the order of reading.
    pub(super) fn new(partition: String, segments: Vec<Segment>, position: ResumePosition) -> Self {
        Self {
            partition,
            segments,
            parser: None,
            answer: None,
            rows: Vec::new(),
            exceptions: Vec::new(),
            taken: 0,
            origin: PageOrigin {
                begin: position.clone(),
                is_dense: true,
                scanned: 0,
            },
            next: position.clone(),
            position,
            ahead: None,
        }
    }

    pub(super) fn partition(&self) -> &str {
        &self.partition
    }

    /// The next record.
    pub(super) fn head(&self) -> Option<Row<'_>> {
        let row = *self.rows.get(self.taken)?;
        Some(Row::new(self.answer.as_deref()?, row as usize))
    }

    /// The current answer; `None` before the first.
    pub(super) fn answer(&self) -> Option<&Arc<Answer>> {
        self.answer.as_ref()
    }

    /// The position and counts of the current page.
    pub(super) fn origin(&self) -> &PageOrigin {
        &self.origin
    }

    /// The page's records whose key does not decide their time, in ascending order.
    pub(super) fn exceptions(&self) -> &[(u32, KeyTime)] {
        &self.exceptions
    }

    /// Whether the next record needs another page.
    pub(super) fn needs_page(&self) -> bool {
        self.taken == self.rows.len() && self.next.segment < self.segments.len()
    }

    /// Whether all records have been taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.taken == self.rows.len() && !self.needs_page()
    }

    /// Takes the next record and returns its row number in the answer. The caller must call [`PartitionReader::pass`]
    /// afterwards.
    pub(super) fn take(&mut self) -> Option<u32> {
        let row = *self.rows.get(self.taken)?;
        self.taken += 1;
        Some(row)
    }

    /// Takes all remaining records of the page.
    pub(super) fn take_all(&mut self) -> &[u32] {
        let left = &self.rows[self.taken..];
        self.taken = self.rows.len();
        left
    }

    /// Moves the position after `row`, the last record that was taken.
    pub(super) fn pass(&mut self, row: u32) {
        self.position = match &self.answer {
            Some(answer) if self.taken < self.rows.len() => {
                self.origin.position_after(Row::new(answer, row as usize))
            }
            _ => self.next.clone(),
        };
    }

    /// Where to resume after the records taken so far.
    pub(super) fn position(&self) -> &ResumePosition {
        &self.position
    }

    /// Reads the next page, which may be empty before the end of the partition.
    pub(super) async fn fetch(
        &mut self,
        settings: &Arc<QuerySettings>,
    ) -> Result<Cost, RecordsError> {
        let mut cost = Cost::default();
        let begin = self.next.clone();
        // Records examined in pages before the one that contains the record to resume after.
        let mut passed = 0;
        loop {
            let Some(segment) = self.segments.get(self.next.segment).cloned() else {
                return Ok(cost);
            };
            let start = self.next.start.clone();
            let body = match self.ahead.take() {
                Some(ahead) => ahead.answer().await?,
                None => {
                    settings
                        .send_query(&self.partition, &segment, start)
                        .await?
                }
            };
            let parser = self.parser.get_or_insert_with(|| {
                RecordsParser::new(settings.layout.clone(), settings.buffers.clone())
            });
            let answer = Answer::read(body.bytes, parser).map_err(QuerySettings::malformed)?;
            let costs = Cost::new(answer.read_units, body.is_consistent);
            settings.budget.take(costs.bytes);
            cost += costs;
            self.classify(&answer, &segment, settings)?;
            let scanned = match settings.filter.is_empty() {
                // Outside the range, only records with keys of another format count.
                _ if segment.is_outside => self.rows.len() as u64,
                // Without a filter, every examined record is returned.
                true => answer.rows() as u64,
                false => answer.scanned,
            };
            let after = self.next.after.take();
            if let Some(after) = &after
                && !self.drop_through(after, &answer)
            {
                passed += self.skip_page(after, &answer, scanned, settings);
                continue;
            }
            self.origin.is_dense =
                after.is_none() && passed == 0 && scanned == self.rows.len() as u64;
            self.origin.scanned = passed + scanned;
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
            self.request_ahead(settings);
            return Ok(cost);
        }
    }

    /// Classifies the records of an answer: those in the range, and those of them whose key does not decide their time.
    fn classify(
        &mut self,
        answer: &Answer,
        segment: &Segment,
        settings: &QuerySettings,
    ) -> Result<(), RecordsError> {
        self.rows.clear();
        self.exceptions.clear();
        self.taken = 0;
        for row in 0..answer.rows() {
            let checked = settings.check_key_range(Row::new(answer, row), segment)?;
            let row = row as u32;
            match checked {
                KeyRangeCheck::Within => {}
                KeyRangeCheck::AtEnd => self.exceptions.push((row, KeyTime::None)),
                KeyRangeCheck::OtherFormat => self.exceptions.push((row, KeyTime::Unreadable)),
                KeyRangeCheck::Beyond => continue,
            }
            self.rows.push(row);
        }
        Ok(())
    }

    /// Drops the records up to `last`, which was taken before. Returns false if `last` is not in the answer.
    fn drop_through(&mut self, last: &Key, answer: &Answer) -> bool {
        let is_last = |row: &u32| key::from_row(Row::new(answer, *row as usize)) == *last;
        let place = self.rows.iter().position(is_last);
        if let Some(place) = place {
            self.rows.drain(..=place);
        }
        place.is_some()
    }

    /// Skips an answer that does not contain `last`, the record to resume after. Returns how many of its records are
    /// before `last`.
    fn skip_page(
        &mut self,
        last: &Key,
        answer: &Answer,
        scanned: u64,
        settings: &QuerySettings,
    ) -> u64 {
        self.rows.clear();
        let end = answer.last_key.clone();
        match end.filter(|end| settings.is_reached(end, last)) {
            // The pages are divided differently this time: the record is in a later one.
            Some(end) => {
                self.next.after = Some(last.clone()).filter(|last| *last != end);
                self.next.start = Some(end);
                scanned
            }
            // The record has been deleted meanwhile. DynamoDB can still continue after its key.
            None => {
                self.next.start = Some(last.clone());
                0
            }
        }
    }

    /// Requests the next page ahead, if the limit of such requests allows.
    fn request_ahead(&mut self, settings: &Arc<QuerySettings>) {
        let Some(segment) = self.segments.get(self.next.segment) else {
            return;
        };
        let Some(permit) = settings
            .ahead
            .as_ref()
            .and_then(|room| room.clone().try_acquire_owned().ok())
        else {
            return;
        };
        let (settings, partition) = (settings.clone(), self.partition.clone());
        let (segment, start) = (segment.clone(), self.next.start.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { settings.send_query(&partition, &segment, start).await });
        self.ahead = Some(Ahead {
            task,
            _permit: permit,
        });
    }
}

/// The position of the page after `answer`, which was read from `read`.
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
        match self.task.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => {
                Err(CallError::with_code(OPERATION, "the task ended", error).into())
            }
            None => unreachable!("one task was spawned"),
        }
    }
}
