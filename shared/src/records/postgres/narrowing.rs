//! What the server leaves out by itself: never a row that the selection has.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::quoting;
use super::table::Table;
use crate::selection::Condition;
use crate::value::number::is_number;

/// A condition in SQL that every row meets that meets `condition`; `None` where there is none. The engine decides.
pub(super) fn condition(table: &Table, condition: &Condition) -> Option<String> {
    let (Condition::Exists(path) | Condition::OneOf(path, _) | Condition::Number(path, _)) =
        condition;
    let column = table.column(path.root()).ok()?;
    if path.names().len() > 1 {
        return None;
    }
    let quoted = quoting::identifier(path.root());
    match condition {
        Condition::OneOf(_, values) if column.is_text() => {
            let values: Vec<String> = values.iter().map(|value| quoting::literal(value)).collect();
            Some(format!("{quoted} IN ({})", values.join(", ")))
        }
        // A uuid has the text of no other value.
        Condition::OneOf(_, values) if column.sql_type == Type::UUID => {
            let uuids = values.iter().filter_map(|text| Uuid::parse_str(text).ok());
            let uuids: Vec<String> = uuids.map(|uuid| format!("'{uuid}'::uuid")).collect();
            Some(is_one_of(&quoted, &uuids))
        }
        Condition::OneOf(_, values) if column.sql_type == Type::BOOL => {
            let flags = values
                .iter()
                .filter(|text| matches!(text.as_str(), "true" | "false"));
            let flags: Vec<String> = flags.cloned().collect();
            Some(is_one_of(&quoted, &flags))
        }
        Condition::Number(_, values) if column.is_exact_number() => {
            let literals: Option<Vec<Option<String>>> = values
                .iter()
                .map(|value| number_literal(value, column.is_integer()))
                .collect();
            match literals {
                Some(literals) => {
                    let literals: Vec<String> = literals.into_iter().flatten().collect();
                    Some(is_one_of(&quoted, &literals))
                }
                None => Some(format!("{quoted} IS NOT NULL")),
            }
        }
        _ => Some(format!("{quoted} IS NOT NULL")),
    }
}

fn is_one_of(quoted: &str, literals: &[String]) -> String {
    match literals {
        [] => "FALSE".to_owned(),
        literals => format!("{quoted} IN ({})", literals.join(", ")),
    }
}

/// The quoted literal of a number (without quotes, the least integer would be out of range before its sign counts) for a
/// comparison with a column of integers or of exact numbers: `Some(None)` for a number that no
/// integer is, and `None` where the engine must decide.
fn number_literal(number: &str, is_integer: bool) -> Option<Option<String>> {
    /// Longer numbers are for the engine, whose comparison knows no limit.
    const LONGEST: usize = 100;
    let is_plain = number.len() <= LONGEST
        && is_number(number)
        && number
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    if !is_plain {
        return None;
    }
    if !is_integer {
        return Some(Some(format!("'{number}'::numeric")));
    }
    let whole = match number.split_once('.') {
        None => Some(number),
        Some((whole, fraction)) => fraction.bytes().all(|byte| byte == b'0').then_some(whole),
    };
    Some(
        whole
            .and_then(|whole| whole.parse::<i64>().ok())
            .map(|whole| format!("'{whole}'::int8")),
    )
}
