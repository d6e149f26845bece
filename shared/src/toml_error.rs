//! What is said of an error in a file that people write in TOML.

use crate::similar::nearest;

/// Words of the parser, which are Rust's, and those of TOML.
const WORDS: [(&str, &str); 5] = [
    ("unknown field", "unknown key"),
    ("missing field", "missing key"),
    ("unknown variant", "unknown value"),
    ("invalid type: map", "invalid type: table"),
    ("invalid type: sequence", "invalid type: array"),
];

/// What is wrong in a text, for whoever wrote it: with the key whose value is wrong.
pub(crate) fn explained(error: &toml::de::Error, text: &str) -> String {
    let message = plain(error.message());
    let before = error.span().and_then(|span| text.get(..span.start));
    match before.and_then(key_before) {
        Some(key) => format!("`{key}`: {message}"),
        None => message,
    }
}

/// The key that the next value of a text is of; `None` where no value comes next.
fn key_before(text: &str) -> Option<&str> {
    let text = text.trim_end().strip_suffix('=')?.trim_end();
    let is_of_a_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let key = &text[text.trim_end_matches(is_of_a_key).len()..];
    (!key.is_empty()).then_some(key)
}

/// The message of a parser in words for whoever wrote the file: without the names of this crate's own types, and with the
/// known key or value that an unknown one resembles.
fn plain(message: &str) -> String {
    let mut message = message.to_owned();
    for (of_rust, of_toml) in WORDS {
        message = message.replacen(of_rust, of_toml, 1);
    }
    if let Some((before, name)) = message.split_once("struct Raw") {
        let rest = name.trim_start_matches(char::is_alphanumeric);
        return format!("{before}a table, such as {{ name = \"value\" }}{rest}");
    }
    match meant(&message) {
        Some((unknown, known)) => format!("{unknown}; did you mean `{known}`?"),
        None => message,
    }
}

/// Of a message about an unknown key or value, the part that names it, and the known one that it resembles.
fn meant(message: &str) -> Option<(&str, &str)> {
    let (unknown, known) = message.split_once(", expected ")?;
    let (_, name) = unknown.strip_prefix("unknown ")?.split_once('`')?;
    let name = name.strip_suffix('`')?;
    // Names stand between backticks: `a`, `b`.
    let known = nearest(name, known.split('`').skip(1).step_by(2))?;
    Some((unknown, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "`name`, `label`, `parent`, `delivery`, `records`, `filters`, `columns`";

    #[test]
    fn an_unknown_key_is_said_with_the_one_that_is_meant() {
        for (key, known) in [
            ("colums", "columns"),
            ("column", "columns"),
            ("deliver", "delivery"),
            ("Label", "label"),
            ("fitlers", "filters"),
        ] {
            let message = format!("unknown field `{key}`, expected one of {KEYS}");
            let wanted = format!("unknown key `{key}`; did you mean `{known}`?");
            assert_eq!(plain(&message), wanted);
        }
        assert_eq!(
            plain("unknown field `colour`, expected `name`"),
            "unknown key `colour`, expected `name`"
        );
        assert_eq!(
            plain("unknown variant `txt`, expected one of `text`, `integer`, `decimal`"),
            "unknown value `txt`; did you mean `text`?"
        );
    }

    #[test]
    fn a_mistake_in_a_value_names_its_key() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code, reason = "only parsing matters")]
        struct Table {
            name: String,
        }
        for (text, wanted) in [
            (
                "name = 5",
                "`name`: invalid type: integer `5`, expected a string",
            ),
            (
                "name = { a = 1 }",
                "`name`: invalid type: table, expected a string",
            ),
            ("nam = \"a\"", "missing key `name`"),
        ] {
            let error = toml::from_str::<Table>(text).unwrap_err();
            assert_eq!(explained(&error, text), wanted);
        }
    }

    #[test]
    fn a_type_of_this_crate_is_called_what_it_is_in_the_file() {
        assert_eq!(
            plain("invalid type: integer `5`, expected struct RawScan"),
            "invalid type: integer `5`, expected a table, such as { name = \"value\" }"
        );
    }
}
