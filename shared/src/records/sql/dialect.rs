//! How an engine writes SQL.

/// How an engine writes SQL.
pub(in crate::records) trait Dialect {
    /// What names are in.
    const QUOTE: char;
    /// Whether a name keeps its capitals without quotes.
    const KEEPS_CAPITALS: bool;
    /// What compares a column with true or false.
    const IS_BOOLEAN: &'static str;
    /// Begins the statement for an index.
    const CREATE_INDEX: &'static str;
    /// Begins the statement for a unique index.
    const CREATE_UNIQUE_INDEX: &'static str;
    /// The tables that no index proves keys of.
    const UNPROVABLE: &'static str;

    /// A text as a literal.
    fn literal(text: &str) -> String;

    /// A column's values as texts.
    fn as_text(column: &str) -> String;

    /// A column's texts for a comparison that finds no other text equal, as some are without regard to case or blanks for a
    /// collation or a type.
    fn as_exact_text(column: &str) -> String;

    /// The condition that a column of times has none.
    fn is_no_time(column: &str) -> String;

    /// A quoted name.
    fn identifier(name: &str) -> String {
        let quote = Self::QUOTE;
        let doubled = format!("{quote}{quote}");
        format!("{quote}{}{quote}", name.replace(quote, &doubled))
    }

    /// A quoted name of a table, with its schema where the name has one: `public.orders`.
    fn qualified(name: &str) -> String {
        let parts: Vec<String> = name.split('.').map(Self::identifier).collect();
        parts.join(".")
    }

    /// A name in a statement for people: quoted only where the engine would otherwise read another one.
    fn shown(name: &str) -> String {
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase() || Self::KEEPS_CAPITALS && byte.is_ascii_uppercase()
        };
        let may_begin = |byte: u8| is_letter(byte) || byte == b'_';
        let may_follow = |byte: u8| may_begin(byte) || byte.is_ascii_digit();
        match name.bytes().next().is_some_and(may_begin) && name.bytes().all(may_follow) {
            true => name.to_owned(),
            false => Self::identifier(name),
        }
    }

    /// The same of a table's name, with its schema.
    fn shown_qualified(name: &str) -> String {
        let parts: Vec<String> = name.split('.').map(Self::shown).collect();
        parts.join(".")
    }
}
