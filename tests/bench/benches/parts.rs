//! Benchmarks of the engine's parts: `cargo bench --profile bench-release --workspace --bench parts`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use waybill::file::csv::CsvRows;
use waybill::file::xlsx::XlsxRows;
use waybill::selection::{KeyTime, Projection, Selection};
use waybill::value::time::Stamp;
use waybill_bench::{Parts, Reading};

/// Rows per iteration: those of a page.
const PAGE: usize = 1_800;
/// Enough pages that the SDK's overhead per call is the same as in an export.
const PAGES: usize = 10;

fn reading(c: &mut Criterion) {
    let parts = Parts::new().expect("the catalog has orders");
    let rows = (PAGE * PAGES) as u64;
    let reading = Reading::new(parts.export_type, rows);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    let mut group = c.benchmark_group("records");
    group.throughput(Throughput::Elements(rows));
    group.bench_function("read", |b| {
        b.iter(|| {
            let read = runtime.block_on(reading.read(|row| {
                black_box(row);
            }));
            assert_eq!(read.expect("pages"), rows);
        });
    });
    group.finish();
}

fn csv(c: &mut Criterion) {
    let parts = Parts::new().expect("the catalog has orders");
    let rows = parts.rows();
    let mut group = c.benchmark_group("rows");
    group.throughput(Throughput::Elements(PAGE as u64));
    group.bench_function("csv", |b| {
        let mut writer = CsvRows::new(parts.options());
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            for row in &rows[..PAGE] {
                writer.row(black_box(row), &mut out);
            }
            out.len()
        });
    });
    group.bench_function("xlsx", |b| {
        let mut writer = XlsxRows::new(parts.options()).expect("the columns of orders");
        let mut out = Vec::new();
        writer.begin(&mut out);
        b.iter(|| {
            out.clear();
            for row in &rows[..PAGE] {
                writer.row(black_box(row), &mut out);
            }
            out.len()
        });
    });
    for (name, term) in [("ascii", "ana"), ("folded", "são paulo")] {
        let selection = Selection::from_stored(&serde_json::Value::Null, Some(term));
        let selection = selection.expect("a search");
        let projection = Projection::new(&parts.export_type, &parts.columns(), &selection);
        group.bench_function(format!("search/{name}"), |b| {
            b.iter(|| {
                let rows = rows[..PAGE].iter();
                rows.filter(|row| {
                    let key = KeyTime::WithinBounds;
                    projection
                        .decide(black_box(row), key, Timestamp::MAX)
                        .is_in()
                })
                .count()
            });
        });
    }
    group.finish();
}

fn stamps(c: &mut Criterion) {
    c.bench_function("stamp", |b| {
        b.iter(|| Stamp::parse(black_box("2017-10-02T10:56:33.017Z")).is_some());
    });
}

criterion_group!(parts, reading, csv, stamps);
criterion_main!(parts);
