//! Quoting of names and texts in SQL.

/// A quoted identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name in a statement for people: quoted only where PostgreSQL would otherwise read another one.
pub(super) fn shown(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    match is_plain {
        true => name.to_owned(),
        false => identifier(name),
    }
}

/// The same of a table's name, with its schema.
pub(super) fn shown_qualified(name: &str) -> String {
    let parts: Vec<String> = name.split('.').map(shown).collect();
    parts.join(".")
}

/// A quoted name of a table, with its schema where the name has one: `public.orders`.
pub(super) fn qualified(name: &str) -> String {
    let parts: Vec<String> = name.split('.').map(identifier).collect();
    parts.join(".")
}

/// A text as a literal. The form `E'…'` means the same whatever `standard_conforming_strings` is set to.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        assert_eq!(qualified("public.Or\"ders"), "\"public\".\"Or\"\"ders\"");
        assert_eq!(shown_qualified("billing.Invoices"), "billing.\"Invoices\"");
        assert_eq!(literal("it's \\'; --"), "E'it''s \\\\''; --'");
    }
}
