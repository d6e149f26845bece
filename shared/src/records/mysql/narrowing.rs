//! What the server leaves out by itself: never a row that the selection has.

use super::column_type::ColumnType;
use super::quoting;
use super::table::Table;
use crate::selection::Condition;
use crate::value::number::is_number;

/// Longer numbers are for the engine, whose comparison knows no limit. MySQL's exact numbers have 65 digits.
const LONGEST: usize = 60;

/// A condition in SQL that every row meets that meets `condition`; `None` where there is none. The engine decides.
pub(super) fn condition(table: &Table, condition: &Condition) -> Option<String> {
    let (Condition::Exists(path) | Condition::OneOf(path, _) | Condition::Number(path, _)) =
        condition;
    let column = table.column(path.root()).ok()?;
    if path.names().len() > 1 {
        return None;
    }
    let quoted = quoting::identifier(path.root());
    let literals: Option<Vec<String>> = match (condition, column.column_type) {
        // A collation finds at least the equal texts.
        (Condition::OneOf(_, values), ColumnType::Text) => {
            Some(values.iter().map(|value| quoting::literal(value)).collect())
        }
        (Condition::Number(_, values), of_number) if of_number.is_exact_number() => {
            values.iter().map(|value| exact(value)).collect()
        }
        _ => None,
    };
    Some(match literals.as_deref() {
        None => format!("{quoted} IS NOT NULL"),
        Some([]) => "FALSE".to_owned(),
        Some(literals) => format!("{quoted} IN ({})", literals.join(", ")),
    })
}

/// The literal of a number with exact digits; `None` for any other.
fn exact(number: &str) -> Option<String> {
    let is_plain = number.len() <= LONGEST
        && is_number(number)
        && number
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    is_plain.then(|| number.to_owned())
}
