//! Checks a world at its end.

use std::fmt;
use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use waybill::export::{Mail, Status};
use waybill::file::{Format, Warning, WarningCode};
use waybill::work::WorkTiming;
use waybill_testing::timing;
use waybill_tests::sha256;

use crate::clients::RETENTION;
use crate::data::Case;
use crate::watch::{Watch, work_left};
use crate::world::World;

/// The result of an undisturbed world.
pub(crate) struct Reference {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: u64,
    pub(crate) read: u64,
    pub(crate) warnings: Vec<Warning>,
}

/// Counts of the results of all seeds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    succeeded: usize,
    canceled: usize,
    failed: usize,
    calls: usize,
    faults: usize,
    deaths: usize,
    invocations: u64,
    most_invocations: u32,
    parts: usize,
}

impl Tally {
    /// How many exports failed after five attempts.
    pub(crate) fn failures(&self) -> usize {
        self.failed
    }

    /// Whether hardly any export failed after five attempts.
    pub(crate) fn is_mostly_success(&self) -> bool {
        self.failed * 10 <= self.succeeded
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} succeeded, {} canceled, {} failed after 5 attempts; {} calls, {} of them with faults, {} deaths, \
             {} invocations (at most {} for one file), {} parts stored",
            self.succeeded,
            self.canceled,
            self.failed,
            self.calls,
            self.faults,
            self.deaths,
            self.invocations,
            self.most_invocations,
            self.parts,
        )
    }
}

impl Reference {
    /// The result of an undisturbed world, after a check against the records.
    pub(crate) fn new(case: &Case, format: Format, world: &World) -> Self {
        let watch = world.watch.lock().unwrap();
        let settled = watch.settled.as_ref().expect("an undisturbed export ends");
        let [(_, bytes)] = &settled.objects[..] else {
            panic!("one object, not {}", settled.objects.len());
        };
        let ids = match format {
            Format::Csv => csv_ids(bytes),
            Format::Xlsx => xlsx_ids(bytes),
        };
        assert_eq!(ids, case.ids(), "{}", case.name);
        let paid =
            Warning::for_column(WarningCode::OtherKind, "paid", case.cells_of_another_kind());
        let warnings = watch.export().warnings.clone();
        let expected = [paid].into_iter().filter(|warning| warning.count > 0);
        assert_eq!(warnings, expected.collect::<Vec<_>>(), "{}", case.name);
        Self {
            warnings,
            bytes: bytes.clone(),
            rows: ids.len() as u64,
            read: case.read(),
        }
    }

    /// Returns the errors of a world at its end.
    pub(crate) fn wrongs(&self, world: &World, watch: &Watch) -> Vec<String> {
        self.judge(world, watch, &mut Tally::default())
    }

    /// Returns the errors of a world at its end, and counts the world in `tally`.
    pub(crate) fn judge(&self, world: &World, watch: &Watch, tally: &mut Tally) -> Vec<String> {
        let mut wrongs = watch.wrongs.clone();
        wrongs.dedup();
        let mut check = |holds: bool, what: String| {
            if !holds {
                wrongs.push(what);
            }
        };
        let cloud = world.cloud.lock().unwrap();
        tally.calls += watch.trace.len();
        tally.faults += watch
            .trace
            .iter()
            .filter(|line| !line.ends_with("fault: None }"))
            .count();
        tally.deaths += watch
            .trace
            .iter()
            .filter(|line| line.contains("fault: Kill"))
            .count();
        tally.parts += cloud.s3.parts_stored;

        // At the very end, nothing is left anywhere.
        check(
            cloud.s3.objects.is_empty(),
            format!("{} objects are left", cloud.s3.objects.len()),
        );
        check(
            cloud.s3.uploads.is_empty(),
            format!("{} uploads are left", cloud.s3.uploads.len()),
        );
        let work = work_left(&cloud);
        check(work == 0, format!("{work} items of work are left"));
        check(watch.ends == 1, format!("{} final states", watch.ends));
        check(watch.mails == 1, format!("{} mails", watch.mails));
        let Some(settled) = &watch.settled else {
            check(false, "the export was never settled".into());
            return wrongs;
        };
        check(
            settled.uploads == 0,
            format!("{} uploads beside the file", settled.uploads),
        );
        let export = watch.export();
        check(
            export.mail == Some(Mail::Sent),
            format!("the mail is {:?}", export.mail),
        );
        let mut events: Vec<String> = cloud.dynamodb.tables["events"]
            .items
            .values()
            .filter_map(|item| Some(item.get("what")?["S"].as_str()?.to_owned()))
            .collect();
        events.retain(|what| !matches!(what.as_str(), "mailed" | "resumed"));
        let begins = export.started_at.is_some();
        let expected = |end: &[&'static str]| {
            let begin: &[&'static str] = match begins {
                true => &["requested", "started"],
                false => &["requested"],
            };
            let mut all = [begin, end].concat();
            all.sort_unstable();
            all
        };
        events.sort_unstable();
        let has_events = |end: &[&'static str]| events == expected(end);
        if let Some(receipt) = export.file.as_ref().map(|file| &file.receipt) {
            tally.invocations += u64::from(receipt.invocations);
            tally.most_invocations = tally.most_invocations.max(receipt.invocations);
        }
        let took = export
            .ended_at
            .map(|end| end.duration_since(export.created_at));
        let longest = WorkTiming::FINISH_WITHIN + timing().wait_unit() * 60;
        check(
            took.is_some_and(|took| took < longest),
            format!("the export took {took:?}"),
        );
        match export.status {
            Status::Succeeded | Status::Expired => {
                tally.succeeded += 1;
                check(
                    has_events(&["succeeded", "expired", "deleted"]),
                    format!("events: {events:?}"),
                );
                let [(key, bytes)] = &settled.objects[..] else {
                    check(false, format!("{} objects", settled.objects.len()));
                    return wrongs;
                };
                let Some(file) = &export.file else {
                    check(false, "the export has no file".into());
                    return wrongs;
                };
                check(
                    file.object == *key,
                    "another object than the export refers to".into(),
                );
                check(
                    key.starts_with("exports/7/"),
                    format!("the object is {key}"),
                );
                check(*bytes == self.bytes, difference(bytes, &self.bytes));
                check(
                    file.size == bytes.len() as u64,
                    format!("size {}", file.size),
                );
                check(file.rows == self.rows, format!("rows {}", file.rows));
                check(
                    export.warnings == self.warnings,
                    format!("warnings: {:?}, not {:?}", export.warnings, self.warnings),
                );
                let expires = export.completed_at.map(|at| at + RETENTION);
                check(
                    export.expires_at == expires,
                    format!("expires at {:?}", export.expires_at),
                );
                let receipt = &file.receipt;
                let counts = (receipt.read, receipt.matched, receipt.written);
                check(
                    counts == (self.read, self.rows, self.rows),
                    format!(
                        "read, matched, written: {counts:?}, not {:?}",
                        (self.read, self.rows)
                    ),
                );
                check(receipt.sha256 == sha256(bytes), "another checksum".into());
                check(
                    receipt.attempts >= 1 && receipt.attempts <= receipt.invocations,
                    format!("{} attempts of {}", receipt.attempts, receipt.invocations),
                );
            }
            Status::Canceled => {
                tally.canceled += 1;
                check(has_events(&["canceled"]), format!("events: {events:?}"));
                check(
                    settled.objects.is_empty(),
                    "a canceled export has an object".into(),
                );
            }
            Status::Failed => {
                tally.failed += 1;
                check(has_events(&["failed"]), format!("events: {events:?}"));
                check(
                    settled.objects.is_empty(),
                    "a failed export has an object".into(),
                );
                let code = export.failure.map(|failure| failure.code);
                check(
                    code.as_deref() == Some("gave_up") && watch.attempts_at_failure >= Some(5),
                    format!(
                        "the export failed: {code:?} after {:?} attempts",
                        watch.attempts_at_failure
                    ),
                );
            }
            other @ (Status::Waiting | Status::Processing) => {
                check(false, format!("the export ended as {other:?}"));
            }
        }
        wrongs
    }
}

fn difference(found: &[u8], expected: &[u8]) -> String {
    let same = found
        .iter()
        .zip(expected)
        .take_while(|(a, b)| a == b)
        .count();
    let (found, expected) = (found.len(), expected.len());
    format!("{found} bytes, not {expected}, the same up to {same}")
}

fn csv_ids(bytes: &[u8]) -> Vec<String> {
    let text = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .expect("a byte-order mark");
    let mut rows = csv::Reader::from_reader(text);
    rows.records()
        .map(|row| row.unwrap()[0].to_owned())
        .collect()
}

fn xlsx_ids(bytes: &[u8]) -> Vec<String> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let (_, sheet) = book.worksheets().remove(0);
    let cells = sheet.rows().skip(1).map(|row| match &row[0] {
        Data::String(id) => id.clone(),
        other => panic!("{other:?} as an id"),
    });
    cells.collect()
}
