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
    let cursors = Cursors::new(vec![7; 32]);
    // An accepted cursor would mean a forged signature.
    assert!(cursors.verify(scope, cursor).is_err());

    let signed = cursors.sign(scope, cursor).unwrap();
    assert_eq!(cursors.verify(scope, &signed).unwrap(), cursor);
    assert!(cursors.verify(&format!("{scope}x"), &signed).is_err());
    assert!(cursors.verify(scope, &signed[1..]).is_err());

    // The positions in signed cursors: of the list of exports, and of the list of records.
    if let Ok(id) = cursor.parse::<ExportId>() {
        assert_eq!(id.to_string().parse::<ExportId>().unwrap(), id);
    }
    Source::orders().is_accepted_or_refused(cursor);
}
