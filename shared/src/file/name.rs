//! Names of downloaded files.

use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::file::Format;
use crate::parent::ParentKind;

/// The maximum length of a file name in bytes, which file systems and mail programs accept.
const MAX_LENGTH: usize = 150;

/// Names that Windows reserves for devices, with any extension.
const RESERVED: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// The bytes to percent-encode in an extended value (RFC 8187, section 3.2.1).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A file name that every system accepts: `orders-film-42-20261121T120102Z.xlsx`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// The file name of an export of this type, requested at `at`: the type's and the parent's name, or only the parent's
    /// where its kind says so, then the time in UTC. In the parent's name, characters that a file system could refuse are
    /// replaced, and the name is cut to fit.
    pub fn new(
        type_name: &str,
        kind: &ParentKind,
        parent_name: &str,
        at: Timestamp,
        format: Format,
    ) -> Self {
        let prefix = match kind.names_files {
            true => "",
            false => type_name,
        };
        let end = format!("{}.{}", at.strftime("%Y%m%dT%H%M%SZ"), format.extension());
        let dashes = 2;
        let reserve = 1;
        let name = cut(
            &clean(parent_name),
            MAX_LENGTH - prefix.len() - end.len() - dashes - reserve,
        )
        .to_owned();
        let parts = match (prefix, name.as_str()) {
            ("", "") => vec![type_name, &end],
            ("", name) => vec![name, &end],
            (prefix, "") => vec![prefix, &end],
            (prefix, name) => vec![prefix, name, &end],
        };
        let name = parts.join("-");
        Self(if is_reserved(&name) {
            format!("_{name}")
        } else {
            name
        })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of `Content-Disposition` (RFC 6266) for a download under this name: once in ASCII for old programs, and
/// once unchanged.
pub fn content_disposition(file_name: &str) -> String {
    let plain: String = file_name
        .nfd()
        .filter(|&c| !is_combining_mark(c))
        .map(|c| match c {
            // Some programs decode %41 in the ASCII form.
            '"' | '\\' | '%' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let extended = utf8_percent_encode(file_name, EXTENDED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

/// The name in NFC, without characters that are special in paths or shells or that mislead readers, and without dots or
/// spaces at the ends.
fn clean(name: &str) -> String {
    let name: String = name
        .nfc()
        .map(|c| if is_forbidden(c) { '-' } else { c })
        .collect();
    name.trim_matches(|c: char| c == '.' || c.is_whitespace())
        .to_owned()
}

fn is_forbidden(c: char) -> bool {
    c.is_control()
        || r#"/\:*?"<>|"#.contains(c)
        // These change the direction of writing, so that `gpj.exe` looks like a picture, or break the line.
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text cut to at most `length` bytes, between two characters.
fn cut(text: &str, length: usize) -> &str {
    text[..text.floor_char_boundary(length)]
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

fn is_reserved(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_uppercase();
    let port = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    RESERVED.contains(&stem.as_str())
        || port.is_some_and(|n| {
            n.chars().count() == 1 && n.contains(|c: char| c.is_ascii_digit() || "¹²³".contains(c))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;
    use crate::parent::ParentKinds;

    fn named(parent: &str, name: &str) -> String {
        let at = "2026-11-21T12:01:02.9Z".parse().unwrap();
        let kinds = ParentKinds::default();
        FileName::new("orders", kinds.get(parent).unwrap(), name, at, Format::Xlsx)
            .as_str()
            .to_owned()
    }

    #[test]
    fn a_name_has_the_type_the_parent_and_the_time() {
        assert_eq!(
            named("project", "film-42"),
            "orders-film-42-20261121T120102Z.xlsx"
        );
        assert_eq!(
            named("organization", "Açaí & Co."),
            "orders-Açaí & Co-20261121T120102Z.xlsx"
        );
        assert_eq!(
            named("source", "Web leads"),
            "Web leads-20261121T120102Z.xlsx"
        );
    }

    #[test]
    fn characters_that_a_system_could_refuse_are_replaced() {
        for (name, file) in [
            ("../../etc/passwd", "-..-etc-passwd-20261121T120102Z.xlsx"),
            (
                r#"a/b\c:d*e?f"g<h>i|j"#,
                "a-b-c-d-e-f-g-h-i-j-20261121T120102Z.xlsx",
            ),
            ("a\r\nb\0c\u{202e}gpj", "a--b-c-gpj-20261121T120102Z.xlsx"),
            (" .hidden. ", "hidden-20261121T120102Z.xlsx"),
            ("...", "orders-20261121T120102Z.xlsx"),
            ("con.x", "_con.x-20261121T120102Z.xlsx"),
            ("COM¹ .x", "_COM¹ .x-20261121T120102Z.xlsx"),
            ("con", "con-20261121T120102Z.xlsx"),
            ("cafe\u{301}", "café-20261121T120102Z.xlsx"),
        ] {
            assert_eq!(named("source", name), file, "{name:?}");
        }
        assert_eq!(named("project", "."), "orders-20261121T120102Z.xlsx");
    }

    #[test]
    fn the_header_has_the_name_in_two_forms() {
        assert_eq!(
            content_disposition("orders-Açaí 50%.csv"),
            "attachment; filename=\"orders-Acai 50_.csv\"; filename*=UTF-8''orders-A%C3%A7a%C3%AD%2050%25.csv"
        );
        assert_eq!(
            content_disposition("漢字'()\".csv"),
            "attachment; filename=\"__'()_.csv\"; filename*=UTF-8''%E6%BC%A2%E5%AD%97%27%28%29%22.csv"
        );
    }

    proptest! {
        #[test]
        fn every_name_is_accepted_everywhere(
            parent in prop::sample::select(vec!["organization", "project", "source"]),
            name in prop_oneof![any::<String>(), "\\PC{0,300}", "[ ./\\\\a]{0,9}", "(CON|nul|Com1|lpt³)[. ]{0,2}x?"],
        ) {
            let file = named(parent, &name);
            prop_assert!(file.len() <= MAX_LENGTH, "{}", file.len());
            prop_assert!(file.ends_with("20261121T120102Z.xlsx"));
            prop_assert!(!file.starts_with(['.', ' ']));
            prop_assert!(!file.chars().any(is_forbidden));
            prop_assert!(!is_reserved(&file));
            prop_assert!(is_nfc(&file));
        }

        #[test]
        fn a_header_is_visible_ascii_and_gives_the_name_back(name in any::<String>()) {
            let header = content_disposition(&name);
            prop_assert!(header.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let (plain, extended) = header.split_once("; filename*=UTF-8''").unwrap();
            let plain = plain.strip_prefix("attachment; filename=\"").unwrap().strip_suffix('"').unwrap();
            prop_assert!(!plain.contains(['"', '\\', '%']));
            let decoded = percent_encoding::percent_decode_str(extended).decode_utf8().unwrap();
            prop_assert_eq!(&*decoded, name.as_str());
        }
    }
}
