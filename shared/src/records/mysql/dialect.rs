//! How MySQL and MariaDB write SQL. Values are hexadecimal digits, so that no setting of a server or a session (`sql_mode`,
//! a character set) can give a byte of them another meaning.

use super::Mysql;
use crate::records::sql::Dialect;

impl Dialect for Mysql {
    const QUOTE: char = '`';
    const KEEPS_CAPITALS: bool = true;
    const IS_BOOLEAN: &'static str = "=";
    const CREATE_INDEX: &'static str = "CREATE INDEX waybill_order";
    const CREATE_UNIQUE_INDEX: &'static str = "CREATE UNIQUE INDEX waybill_key";
    const UNPROVABLE: &'static str = "a view";

    /// In a comparison, the column's collation counts.
    fn literal(text: &str) -> String {
        format!("_utf8mb4 {}", bytes(text.as_bytes()))
    }

    fn as_text(column: &str) -> String {
        format!("CONVERT({column} USING utf8mb4)")
    }

    fn as_exact_text(column: &str) -> String {
        format!("CAST({} AS BINARY)", Self::as_text(column))
    }

    /// A date of zeros is none, and before every time.
    fn is_no_time(column: &str) -> String {
        format!("{column} IS NULL OR {column} < '0001-01-01'")
    }
}

/// Bytes as a literal.
pub(super) fn bytes(raw: &[u8]) -> String {
    let mut literal = String::with_capacity(raw.len() * 2 + 3);
    literal.push_str("X'");
    for byte in raw {
        literal.push_str(&format!("{byte:02X}"));
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_cannot_end_their_quotes() {
        assert_eq!(Mysql::qualified("shop.Or`ders"), "`shop`.`Or``ders`");
        assert_eq!(Mysql::shown_qualified("shop.my orders"), "shop.`my orders`");
        assert_eq!(Mysql::literal("it's \\"), "_utf8mb4 X'69742773205C'");
    }
}
