//! How PostgreSQL writes SQL.

use super::Postgres;
use crate::records::sql::Dialect;

impl Dialect for Postgres {
    const QUOTE: char = '"';
    const KEEPS_CAPITALS: bool = false;
    const IS_BOOLEAN: &'static str = "IS";
    const CREATE_INDEX: &'static str = "CREATE INDEX CONCURRENTLY";
    const CREATE_UNIQUE_INDEX: &'static str = "CREATE UNIQUE INDEX CONCURRENTLY";
    const UNPROVABLE: &'static str = "a view, a foreign table, or a table that others inherit from";

    /// The form `E'…'` means the same whatever `standard_conforming_strings` is set to.
    fn literal(text: &str) -> String {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    }

    fn as_text(column: &str) -> String {
        format!("{column}::text")
    }

    fn as_exact_text(column: &str) -> String {
        format!("{column}::text COLLATE \"C\"")
    }

    fn is_no_time(column: &str) -> String {
        format!("{column} IS NULL")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        assert_eq!(
            Postgres::qualified("public.Or\"ders"),
            "\"public\".\"Or\"\"ders\""
        );
        assert_eq!(
            Postgres::shown_qualified("billing.Invoices"),
            "billing.\"Invoices\""
        );
        assert_eq!(Postgres::literal("it's \\'; --"), "E'it''s \\\\''; --'");
    }
}
