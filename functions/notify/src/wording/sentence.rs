//! A sentence with values from outside, for a mail's text, its subject and its HTML.

use std::fmt::Write;

use unicode_bidi::BidiClass;

/// Marks the start of a part whose direction is that of its first letter, and the end of the part (Unicode Standard Annex 9).
const ISOLATE: char = '\u{2068}';
const END: char = '\u{2069}';

/// A sentence in parts: its own words, and values from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    parts: Vec<Part>,
    is_right_to_left: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Value(String),
}

impl Sentence {
    /// The text with these values in its placeholders, such as `{count}`.
    pub(super) fn new(text: &str, values: &[(&str, &str)], is_right_to_left: bool) -> Self {
        let mut parts = Vec::new();
        for (n, part) in text.split(['{', '}']).enumerate() {
            parts.push(match n % 2 {
                0 => Part::Words(part.to_owned()),
                _ => {
                    let value = values.iter().find(|(name, _)| *name == part);
                    Part::Value(value.map_or_else(String::new, |(_, value)| (*value).to_owned()))
                }
            });
        }
        Self {
            parts,
            is_right_to_left,
        }
    }

    /// As plain text. A value that is written in the other direction does not change the places of what is around it.
    pub(crate) fn plain(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Words(words) => text.push_str(words),
                Part::Value(value) if self.is_in_other_direction(value) => {
                    text.extend([ISOLATE]);
                    text.push_str(value);
                    text.extend([END]);
                }
                Part::Value(value) => text.push_str(value),
            }
        }
        text
    }

    /// As HTML, where values are escaped and isolated.
    pub(crate) fn html(&self) -> String {
        self.parts.iter().fold(String::new(), |mut html, part| {
            let _ = match part {
                Part::Words(words) => write!(html, "{}", escaped(words)),
                Part::Value(value) => write!(html, "<bdi>{}</bdi>", escaped(value)),
            };
            html
        })
    }

    /// The same sentence with a link in place of its values, in HTML.
    pub(crate) fn html_with_link(&self, address: &str, style: &str) -> String {
        let (address, style) = (escaped(address), escaped(style));
        self.parts.iter().fold(String::new(), |mut html, part| {
            let _ = match part {
                Part::Words(words) => write!(html, "{}", escaped(words)),
                Part::Value(value) => write!(
                    html,
                    "<a class=\"link\" href=\"{address}\" style=\"{style}\"><bdi>{}</bdi></a>",
                    escaped(value)
                ),
            };
            html
        })
    }

    fn is_in_other_direction(&self, value: &str) -> bool {
        value
            .chars()
            .any(|letter| match unicode_bidi::bidi_class(letter) {
                BidiClass::R | BidiClass::AL => !self.is_right_to_left,
                BidiClass::L => self.is_right_to_left,
                _ => false,
            })
    }
}

/// Text for HTML, between tags and in quoted attributes.
fn escaped(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html)
        .map_or_else(|never| match never {}, |safe| safe.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_other_direction_is_isolated() {
        let said = |text, value, is_right_to_left| {
            Sentence::new(text, &[("file", value)], is_right_to_left).plain()
        };
        assert_eq!(said("{file} is ready", "a.csv", false), "a.csv is ready");
        assert_eq!(
            said("{file} is ready", "تقرير.csv", false),
            "\u{2068}تقرير.csv\u{2069} is ready"
        );
        assert_eq!(
            said("{file} جاهز", "a.csv", true),
            "\u{2068}a.csv\u{2069} جاهز"
        );
        assert_eq!(said("{file} جاهز", "تقرير", true), "تقرير جاهز");
        assert_eq!(said("{file} صف", "12", true), "12 صف");
    }

    #[test]
    fn values_are_escaped_in_html() {
        let sentence = Sentence::new("<b> {a}", &[("a", "<i>\"")], false);
        assert_eq!(sentence.html(), "&#60;b&#62; <bdi>&#60;i&#62;&#34;</bdi>");
        assert_eq!(
            sentence.html_with_link("mailto:a@b?x=\"", "color:red"),
            "&#60;b&#62; <a class=\"link\" href=\"mailto:a@b?x=&#34;\" style=\"color:red\"><bdi>&#60;i&#62;&#34;</bdi></a>"
        );
    }
}
