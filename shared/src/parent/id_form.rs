//! The forms of ids.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which texts are ids of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    /// An integer from 1 to 2^63 - 1, without leading zeros; a number in JSON.
    Integer,
    /// 1 to 256 visible ASCII characters without `/ ? # % \ [ ]`, which a path cannot have. (The gateway hands paths over
    /// decoded.)
    Text,
    /// A UUID with hyphens, in any case; an id is in lower case (RFC 9562, section 4).
    Uuid,
    /// 1 to 128 of `A-Z a-z 0-9 _ . -`: the ids of the built-in organizations and sources.
    Name,
}

impl IdForm {
    /// The id that this text is; `None` for a text that is none.
    pub fn id(self, text: &str) -> Option<String> {
        let is_id = match self {
            Self::Integer => text
                .parse::<i64>()
                .is_ok_and(|n| n > 0 && n.to_string() == text),
            Self::Text => {
                (1..=256).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_graphic() && !br"/?#%\[]".contains(&b))
            }
            Self::Uuid => {
                let is_hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
                return uuid::Uuid::try_parse(text)
                    .ok()
                    .filter(|_| is_hyphenated)
                    .map(|uuid| uuid.to_string());
            }
            Self::Name => {
                (1..=128).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
            }
        };
        is_id.then(|| text.to_owned())
    }

    /// What a text must be to be an id, for an error.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Integer => "must be an integer from 1, without leading zeros",
            Self::Text => "must have 1 to 256 visible ASCII characters without / ? # % \\ [ ]",
            Self::Uuid => "must be a UUID, such as 0b6f3a52-1111-4222-8333-444455556666",
            Self::Name => "must have 1 to 128 of the characters A-Z a-z 0-9 _ . -",
        }
    }

    /// The regular expression of texts (ECMA-262) that are ids; `None` for integers, which are no texts in JSON.
    pub fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Integer => None,
            Self::Text => Some(r"^[!-~]{1,256}$"),
            Self::Uuid => Some("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
            Self::Name => Some("^[A-Za-z0-9_.-]{1,128}$"),
        }
    }

    /// An id in JSON: a number for an integer, else a text.
    pub fn in_json(self, id: &str) -> Value {
        match (self, id.parse::<i64>()) {
            (Self::Integer, Ok(number)) => number.into(),
            _ => id.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_outside_their_form_are_refused() {
        let (long, longest) = ("a".repeat(129), "a".repeat(257));
        for (form, refused) in [
            (
                IdForm::Integer,
                vec![
                    "",
                    "0",
                    "-1",
                    "01",
                    "4 2",
                    "9223372036854775808",
                    "abc",
                    "4.2",
                ],
            ),
            (IdForm::Name, vec!["", "a b", "a#b", "a/b", "é", &long]),
            (
                IdForm::Text,
                vec![
                    "", "a b", "a/b", "a?b", "a#b", "a%b", r"a\b", "[a", "a]", "é", &longest,
                ],
            ),
            (
                IdForm::Uuid,
                vec![
                    "",
                    "0b6f3a52111142228333444455556666",
                    "{0b6f3a52-1111-4222-8333-444455556666}",
                ],
            ),
        ] {
            for id in refused {
                assert_eq!(form.id(id), None, "{form:?} {id:?}");
            }
        }
    }

    #[test]
    fn ids_of_any_product_are_accepted() {
        for (form, text, json) in [
            (IdForm::Integer, "42", r#"42"#),
            (IdForm::Name, "web-leads", r#""web-leads""#),
            (IdForm::Text, "auth0|5f7c", r#""auth0|5f7c""#),
            (IdForm::Text, "eu-west-1:4f0e", r#""eu-west-1:4f0e""#),
            (IdForm::Text, "042", r#""042""#),
            (
                IdForm::Uuid,
                "0B6F3A52-1111-4222-8333-444455556666",
                r#""0b6f3a52-1111-4222-8333-444455556666""#,
            ),
        ] {
            let id = form.id(text).unwrap();
            assert_eq!(form.in_json(&id).to_string(), json);
        }
    }
}
