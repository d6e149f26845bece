//! Quoting of names and texts in SQL.

/// A quoted identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
        assert_eq!(literal("it's \\'; --"), "E'it''s \\\\''; --'");
    }
}
