//! The boundary of DynamoDB's answers, from bytes to the rows of a file.

use tokio::runtime::Builder;
use waybill::file::{Format, Profile, Rows};
use waybill::records::{Order, RecordsPage};
use waybill::selection::UndecidedCounts;
use waybill::value::Value;

use crate::source::Source;

/// `data` is a byte that selects the type and the order of reading, and the body of the answer to every query.
pub fn check(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    let types = ["orders", "leads", "audience_members"];
    let source = Source::new(types[usize::from(kind >> 1) % types.len()]);
    let order = match kind & 1 {
        0 => Order::Ascending,
        _ => Order::Descending,
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut records = source.records(order, body, None).unwrap();
        // Repeating the same answer may never reach the end of the records.
        for _ in 0..3 {
            match records.next().await {
                Ok(Some(page)) => is_written(&source, &page),
                Ok(None) | Err(_) => return,
            }
        }
    });
}

/// Checks that a page's records become rows that another reader finds, and that reading can resume from each position.
fn is_written(source: &Source, page: &RecordsPage) {
    let mut undecided = UndecidedCounts::default();
    let mut out = Vec::new();
    let options = source.options(Profile::Data);
    let mut rows = Rows::begin(Format::Csv, options, &mut out).unwrap();
    let mut values: Vec<Value<'_>> = Vec::new();
    for n in 0..page.len() {
        page.values(n, &source.projection, &mut values);
        let decision = source
            .projection
            .decide(&values, page.key_time(n), source.as_of);
        let sort_key = || page.sort_key(n).map(str::to_owned);
        undecided.add(
            decision,
            &source.export_type,
            &source.projection,
            &values,
            sort_key,
        );
        rows.row(source.projection.columns(&values), &mut out);
        source.is_accepted_or_refused(&page.position(n));
        assert!(page.read_through(n) <= page.read());
    }
    source.is_accepted_or_refused(&page.end());
    undecided.warnings();
    undecided.mismatch(&source.export_type);

    let mut reader = csv::Reader::from_reader(out.as_slice());
    let read = reader.byte_records().map(Result::unwrap).count();
    assert_eq!(read, page.len());
    assert_eq!(rows.written(), page.len() as u64);
}
