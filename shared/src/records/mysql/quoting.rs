//! Names and values in SQL. Values are hexadecimal digits, so that no setting of a server or a session (`sql_mode`, a
//! character set) can give a byte of them another meaning.

/// A quoted identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A quoted name of a table, with its database where the name has one: `shop.orders`.
pub(super) fn qualified(name: &str) -> String {
    let parts: Vec<String> = name.split('.').map(identifier).collect();
    parts.join(".")
}

/// A name in a statement for people: quoted only where it has to be.
pub(super) fn shown(name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    match is_plain {
        true => name.to_owned(),
        false => identifier(name),
    }
}

/// The same of a table's name, with its database.
pub(super) fn shown_qualified(name: &str) -> String {
    let parts: Vec<String> = name.split('.').map(shown).collect();
    parts.join(".")
}

/// A text as a literal. In a comparison, the column's collation counts.
pub(super) fn literal(text: &str) -> String {
    format!("_utf8mb4 {}", bytes(text.as_bytes()))
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
        assert_eq!(qualified("shop.Or`ders"), "`shop`.`Or``ders`");
        assert_eq!(shown_qualified("shop.my orders"), "shop.`my orders`");
        assert_eq!(literal("it's \\"), "_utf8mb4 X'69742773205C'");
    }
}
