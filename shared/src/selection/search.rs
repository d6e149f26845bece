//! Search for a text in several fields, ignoring case and differences in Unicode encoding.

use std::borrow::Cow;

use caseless::Caseless;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::value::Kind;

/// The maximum length of a search text, in characters.
pub const MAX_SEARCH_LENGTH: usize = 200;

/// A search text of 1 to [`MAX_SEARCH_LENGTH`] characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Search(String);

impl Search {
    /// A search for this text. `None` if it is blank or too long.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (1..=MAX_SEARCH_LENGTH)
            .contains(&text.chars().count())
            .then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A search that is prepared for comparison with many values.
#[derive(Debug, Clone)]
pub struct Term {
    folded: String,
    /// Only the digits, if the text can be a phone number.
    digits: Option<String>,
}

impl Term {
    /// Prepares a search.
    pub fn new(search: &Search) -> Self {
        let folded = fold(&search.0).into_owned();
        let is_phone = folded
            .chars()
            .all(|c| c.is_ascii_digit() || "+-(). ".contains(c));
        let digits = digits(&folded);
        Self {
            digits: (is_phone && !digits.is_empty()).then_some(digits),
            folded,
        }
    }

    /// Whether the text contains the term.
    pub fn is_in(&self, text: &str, kind: Kind) -> bool {
        if text.is_ascii() {
            if contains_ascii(text, &self.folded) {
                return true;
            }
        } else if fold(text).contains(&self.folded) {
            return true;
        }
        match &self.digits {
            Some(term) if kind == Kind::Phone => digits(&fold(text)).contains(term),
            _ => false,
        }
    }

    /// Whether the text begins with the term.
    pub(super) fn begins(&self, text: &str, kind: Kind) -> bool {
        let folded = fold(text);
        if folded.starts_with(&self.folded) {
            return true;
        }
        match &self.digits {
            Some(term) if kind == Kind::Phone => digits(&folded).starts_with(term),
            _ => false,
        }
    }
}

/// A form that is equal for texts that differ only in case (Unicode full case folding: ß is ss) or in encoding (NFKC).
/// Both steps run twice, since folding can produce a text that is not in NFKC, and NFKC one that is not folded.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.nfkc()
            .default_case_fold()
            .nfkc()
            .default_case_fold()
            .nfkc()
            .collect(),
    )
}

/// Whether the ASCII text, in lower case, contains the folded term.
fn contains_ascii(text: &str, folded: &str) -> bool {
    text.as_bytes()
        .windows(folded.len())
        .any(|window| window.eq_ignore_ascii_case(folded.as_bytes()))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(term: &str, text: &str) -> bool {
        Term::new(&Search::new(term).unwrap()).is_in(text, Kind::Text)
    }

    #[test]
    fn case_and_encoding_are_ignored_but_accents_are_not() {
        for (term, text) in [
            ("ana", "Mariana Sousa"),
            ("  SOUSA ", "Mariana Sousa"),
            ("STRASSE", "Hauptstraße 5"),
            ("straße", "HAUPTSTRASSE"),
            ("josé", "JOSE\u{301} Lima"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("abc", "ＡＢＣ"),
            ("ﬁn", "FINE"),
            ("k", "\u{212a}elvin"),
            ("\u{130}", "i\u{307}stanbul"),
        ] {
            assert!(found(term, text), "{term:?} in {text:?}");
        }
        for (term, text) in [
            ("jose", "José"),
            ("ana maria", "ana  maria"),
            ("sousa", "Souza"),
            ("longer than", "it"),
        ] {
            assert!(!found(term, text), "{term:?} not in {text:?}");
        }
    }

    #[test]
    fn a_phone_number_is_found_by_its_digits_in_any_format() {
        let is_in =
            |term: &str, text: &str, kind| Term::new(&Search::new(term).unwrap()).is_in(text, kind);
        for term in ["+1 (519) 748-2199", "5197482199", "748.21", "（519）７４８"] {
            assert!(is_in(term, "+1-519-748-2199", Kind::Phone), "{term}");
        }
        assert!(!is_in("5197482199", "+1-519-748-2199", Kind::Text));
        assert!(!is_in("x748", "+1-519-748-2199", Kind::Phone));
        assert!(!is_in("( ", "5551234", Kind::Phone));
        assert!(!is_in("999", "", Kind::Phone));
    }

    #[test]
    fn a_search_has_1_to_200_characters() {
        assert_eq!(Search::new(" \t\u{a0}\u{3000} "), None);
        assert_eq!(Search::new(&"é".repeat(201)), None);
        assert_eq!(
            Search::new(&format!(" {} ", "é".repeat(200)))
                .unwrap()
                .as_str(),
            "é".repeat(200)
        );
    }

    proptest! {
        #[test]
        fn every_text_is_found_in_what_holds_it(before in "\\PC{0,9}", term in "[a-zA-Z0-9ßéÇİŁж漢]{1,9}", after in "[ -~]{0,9}") {
            let text = format!("{before} {term}{after}");
            prop_assert!(found(&term, &text));
            prop_assert!(found(&term.to_uppercase(), &text.to_lowercase()) || !term.is_ascii());
        }

        #[test]
        fn folding_again_changes_nothing(text in "\\PC{0,20}") {
            let once = fold(&text).into_owned();
            prop_assert_eq!(fold(&once).into_owned(), once.clone());
        }
    }
}
