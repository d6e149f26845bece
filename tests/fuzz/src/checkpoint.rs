//! The boundary of checkpoints in the table `work`.

use waybill::file::{Format, Profile, Rows};
use waybill::hash::FileHash;
use waybill::value::Value;
use waybill::work::Checkpoint;

use crate::source::Source;

/// `data` is a checkpoint in JSON, a line feed, and a spreadsheet's pending rows. The checkpoint must be continued or
/// refused.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (json, pending) = data.split_at(end.unwrap_or(data.len()));
    let pending = pending.get(1..).unwrap_or_default();
    let Ok(checkpoint) = serde_json::from_slice::<Checkpoint>(json) else {
        return;
    };
    let again = serde_json::to_string(&checkpoint).unwrap();
    assert_eq!(
        serde_json::from_str::<Checkpoint>(&again).unwrap(),
        checkpoint
    );

    if let Ok(hash) = FileHash::resume(&checkpoint.hash) {
        assert_eq!(hash.state(), checkpoint.hash.to_ascii_lowercase());
    }
    let source = Source::orders();
    if let Some(position) = &checkpoint.progress.position {
        source.is_accepted_or_refused(position);
    }
    continues(&source, Format::Csv, &checkpoint, Vec::new());
    continues(&source, Format::Xlsx, &checkpoint, pending.to_vec());
}

fn continues(source: &Source, format: Format, checkpoint: &Checkpoint, pending: Vec<u8>) {
    let resumed = Rows::resume(
        format,
        source.options(Profile::Spreadsheet),
        checkpoint.progress.sheets.clone(),
        checkpoint.progress.cell_warnings.clone(),
        pending,
        checkpoint.progress.rows,
    );
    let Ok(mut rows) = resumed else { return };
    let row: Vec<Value<'_>> = source.columns.iter().map(|_| Value::Missing).collect();
    let before = rows.written();
    let mut out = Vec::new();
    rows.row(&row, &mut out);
    assert_eq!(rows.written(), before + 1);
    // A file that cannot be ended returns an error.
    let _ = rows.end(&mut out);
}
