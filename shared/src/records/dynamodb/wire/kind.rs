//! DynamoDB's types of values.

use super::parser::Form;
use super::scan::{Malformed, Scanner};

/// The type of a value, as far as parsing needs it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Kind {
    /// A value between quotes.
    Text(Form),
    Bool,
    Null,
    Map,
    List,
    #[default]
    Other,
}

impl Kind {
    /// The form of the value, if it is between quotes.
    #[inline]
    pub(super) fn text(self) -> Option<Form> {
        match self {
            Self::Text(form) => Some(form),
            _ => None,
        }
    }
}

/// Parses the name of a value's type, and the colon.
pub(super) fn kind(scanner: &mut Scanner<'_>) -> Result<Kind, Malformed> {
    let kind = scanner.string()?;
    let kind = match &scanner.bytes[kind.start..kind.end] {
        b"S" => Kind::Text(Form::Text),
        b"N" => Kind::Text(Form::Number),
        b"B" => Kind::Text(Form::Bytes),
        b"BOOL" => Kind::Bool,
        b"NULL" => Kind::Null,
        b"M" => Kind::Map,
        b"L" => Kind::List,
        _ => Kind::Other,
    };
    scanner.expect(b':')?;
    Ok(kind)
}
