//! Checks the texts of every language against the English ones.

use std::collections::{BTreeMap, BTreeSet};

use super::LANGUAGES as ALL;

/// The languages, and the categories of their plurals that a text with a number needs (Unicode CLDR). The last one is for all
/// numbers that have no form of their own.
const LANGUAGES: [(&str, &[&str]); 4] = [
    ("en", &["one", "other"]),
    ("de", &["one", "other"]),
    ("pt", &["one", "other"]),
    ("ar", &["zero", "one", "two", "few", "many", "other"]),
];

/// Texts that are the same in another language as in English, by language.
const SAME: [(&str, &[&str]); 3] = [
    (
        "de",
        &[
            "detail.subject",
            "detail.title",
            "export.format-csv",
            "export.format-xlsx",
            "file.digest",
            "file.downloads",
            "file.format",
            "list.status",
            "mail.gigabytes",
            "mail.kilobytes",
            "mail.megabytes",
            "mail.terabytes",
        ],
    ),
    (
        "pt",
        &[
            "export.format-csv",
            "export.format-xlsx",
            "file.bytes.one",
            "file.bytes.other",
            "file.digest",
            "mail.gigabytes",
            "mail.kilobytes",
            "mail.megabytes",
            "mail.terabytes",
        ],
    ),
    (
        "ar",
        &["export.format-csv", "export.format-xlsx", "file.digest"],
    ),
];

/// The texts of a language, by key.
fn texts(language: &str) -> BTreeMap<String, String> {
    let found = ALL.iter().find(|known| known.code == language).unwrap();
    serde_json::from_str(found.json).unwrap_or_else(|error| panic!("{language}: {error}"))
}

/// The key without the category of a plural.
fn base(key: &str) -> &str {
    let of_plural = |(_, end): &(&str, &str)| LANGUAGES.iter().any(|(_, all)| all.contains(end));
    key.rsplit_once('.')
        .filter(of_plural)
        .map_or(key, |(base, _)| base)
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    let parts = text.split('{').skip(1);
    parts
        .filter_map(|part| Some(part.split_once('}')?.0))
        .collect()
}

#[test]
fn every_language_has_every_text_and_no_other() {
    let english = texts("en");
    let keys: BTreeSet<&str> = english.keys().map(|key| base(key)).collect();
    for (language, _) in LANGUAGES {
        let own = texts(language);
        let own: BTreeSet<&str> = own.keys().map(|key| base(key)).collect();
        let missing: Vec<_> = keys.difference(&own).collect();
        let unknown: Vec<_> = own.difference(&keys).collect();
        assert!(
            missing.is_empty() && unknown.is_empty(),
            "{language}: missing {missing:?}, unknown {unknown:?}"
        );
    }
}

#[test]
fn every_text_has_the_placeholders_and_plurals_that_it_needs() {
    let english = texts("en");
    for (language, categories) in LANGUAGES {
        let own = texts(language);
        for (key, text) in &own {
            let base = base(key);
            let other = format!("{base}.other");
            let original = english.get(&other).or(english.get(base)).unwrap();
            let mut expected = placeholders(original);
            // A form for few numbers may say them in words.
            let is_in_words = ["zero", "one", "two"].iter().any(|end| key.ends_with(end));
            if is_in_words && !text.contains("{count}") {
                expected.remove("count");
            }
            assert_eq!(placeholders(text), expected, "{language}: {key}");
            if base != key {
                let forms = categories
                    .iter()
                    .map(|category| format!("{base}.{category}"));
                let missing: Vec<_> = forms.filter(|form| !own.contains_key(form)).collect();
                assert!(missing.is_empty(), "{language}: {missing:?}");
            }
        }
    }
}

#[test]
fn every_text_is_translated() {
    let english = texts("en");
    for (language, same) in SAME {
        let own = texts(language);
        let has_letters = |text: &str| {
            text.split(['{', '}'])
                .step_by(2)
                .any(|part| part.chars().any(char::is_alphabetic))
        };
        let untranslated = own
            .iter()
            .filter(|(key, text)| english.get(*key) == Some(text) && has_letters(text));
        let untranslated: Vec<&str> = untranslated.map(|(key, _)| key.as_str()).collect();
        assert_eq!(untranslated, same, "{language}");
    }
}
