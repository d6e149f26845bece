//! The boundary of cursors from clients, and of the positions in them.

use api::Cursors;
use waybill::export::ExportId;

use crate::source::Source;

/// `data` is the scope of a list, a line feed, and a cursor.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (scope, cursor) = text.split_once('\n').unwrap_or(("", text));
    let cursors = Cursors::new(&[7; 32]).unwrap();
    // An accepted cursor would mean a forged signature.
    assert!(cursors.open(scope, cursor).is_err());

    let sealed = cursors.seal(scope, cursor).unwrap();
    assert_eq!(cursors.open(scope, &sealed).unwrap(), cursor);
    assert!(cursors.open(&format!("{scope}x"), &sealed).is_err());
    assert!(cursors.open(scope, &sealed[1..]).is_err());

    // The positions in sealed cursors: of the list of exports, and of the list of records.
    if let Ok(id) = cursor.parse::<ExportId>() {
        assert_eq!(id.to_string().parse::<ExportId>().unwrap(), id);
    }
    Source::orders().is_accepted_or_refused(cursor);
}
