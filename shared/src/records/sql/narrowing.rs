//! What a server leaves out by itself: never a row that the selection has.

use super::dialect::Dialect;
use super::table::{SqlType, Table};
use crate::selection::Condition;
use crate::value::number::is_number;

/// A condition in SQL that every row meets that meets `condition`; `None` where there is none. The projection decides.
pub(super) fn condition<T: SqlType>(table: &Table<T>, condition: &Condition) -> Option<String> {
    let (Condition::Exists(path) | Condition::OneOf(path, _) | Condition::Number(path, _)) =
        condition;
    let column = table.column(path.root()).ok()?;
    if path.names().len() > 1 {
        return None;
    }
    let quoted = T::Dialect::identifier(path.root());
    let literals = match condition {
        Condition::Exists(_) => None,
        Condition::OneOf(_, texts) => column.sql_type.texts(texts),
        Condition::Number(_, numbers) => column.sql_type.numbers(numbers),
    };
    Some(match literals.as_deref() {
        None => format!("{quoted} IS NOT NULL"),
        Some([]) => "FALSE".to_owned(),
        Some(literals) => format!("{quoted} IN ({})", literals.join(", ")),
    })
}

/// Whether a number is written in digits alone, and no more than `most` characters. Others are for the projection, whose
/// comparison knows no limit.
pub(in crate::records) fn is_in_digits(number: &str, most: usize) -> bool {
    let mut bytes = number.bytes();
    number.len() <= most
        && is_number(number)
        && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'))
}
