//! The languages of the page, the elements and the mails, and their texts: one file for each language, in `shared/texts`.

use std::collections::BTreeMap;

/// A language with texts.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// The language subtag (BCP 47), such as `de`.
    pub code: &'static str,
    /// Whether it is written from right to left.
    pub is_right_to_left: bool,
    /// The texts by their keys, in JSON.
    json: &'static str,
}

/// All languages. English comes first: the others are translated from it, and it is read where none is asked for.
pub const LANGUAGES: [Language; 4] = [
    Language {
        code: "en",
        is_right_to_left: false,
        json: include_str!("../texts/en.json"),
    },
    Language {
        code: "de",
        is_right_to_left: false,
        json: include_str!("../texts/de.json"),
    },
    Language {
        code: "pt",
        is_right_to_left: false,
        json: include_str!("../texts/pt.json"),
    },
    Language {
        code: "ar",
        is_right_to_left: true,
        json: include_str!("../texts/ar.json"),
    },
];

impl Language {
    /// What the keys of texts begin with that are in mails alone.
    pub const MAIL: &'static str = "mail.";

    /// The language of a locale, such as `de` of `de-AT`; `None` where there are no texts of it.
    pub fn of(locale: &str) -> Option<&'static Self> {
        let code = locale.split(['-', '_']).next().unwrap_or_default();
        LANGUAGES
            .iter()
            .find(|language| language.code.eq_ignore_ascii_case(code))
    }

    /// The texts by their keys. One with `{count}` has a form for each category of plurals of the language (Unicode CLDR),
    /// whose name ends the key: `list.row-count.one`.
    pub fn texts(&self) -> BTreeMap<String, String> {
        // A test parses every file.
        serde_json::from_str(self.json).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
