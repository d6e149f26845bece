//! The boundary of catalogs.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use waybill::catalog::{Catalog, ExportType};
use waybill::selection::{Criteria, Projection};
use waybill::type_entry::TypeEntry;

/// `data` is the text of a catalog. An accepted catalog must be usable by every function; a refused one must have an
/// error message.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Catalog::parse(text) {
        Ok(catalog) => catalog.types().iter().for_each(works),
        Err(error) => assert!(!error.to_string().trim().is_empty()),
    }
}

fn works(export_type: &ExportType) {
    let entry = TypeEntry::new(export_type).unwrap();
    assert_eq!(&TypeEntry::parse(&entry.json).unwrap(), export_type);

    let columns = export_type.default_columns();
    assert!(!columns.is_empty(), "{} has no column", export_type.name);
    for column in &columns {
        assert_eq!(export_type.column(&column.key), Some(*column));
    }
    let criteria = Criteria::from_query(export_type, []).unwrap();
    let selection = criteria.pin(Timestamp::UNIX_EPOCH, &TimeZone::UTC).unwrap();
    let projection = Projection::new(export_type, &columns, &selection);
    assert!(projection.origins().len() >= columns.len());
    assert!(
        !export_type
            .records
            .dynamodb()
            .unwrap()
            .groups("42", Some("acme"), None, Timestamp::MAX)
            .unwrap()
            .is_empty()
    );
}
