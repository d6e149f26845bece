//! The guard: `'` before a text that a spreadsheet would run as a formula, also inside a cell.
//!
//! A file is written with one separator, but may be opened with another, chosen by the user or by the country's
//! settings: a reader that splits `x;=1+1;y` at `;` computes `=1+1`. So a cell may begin at a text's start and after
//! each separator of the [`Dialect`]. A formula may follow characters that importers drop: white space, control
//! characters and quotes (`x;"=1"` is the cell `=1` for a reader that treats the quotes as its own).
//!
//! **To undo the guard**, remove `'` at each of these places if what follows would be guarded. A text's own `'` counts
//! as a dropped character, too: `'=1` is written `''=1`, so that no two texts are written alike.
//!
//! Not guarded is text after a comma, since such a field is quoted, and text after a space or a letter. A reader can be
//! told to split there too, but every text contains these.

use std::borrow::Cow;

/// The character that is inserted before a formula.
const GUARD: char = '\'';

/// The first bytes in UTF-8 of the characters beyond ASCII that importers drop ([`is_dropped`]).
const DROPPED_FIRST: [u8; 5] = [0xc2, 0xe1, 0xe2, 0xe3, 0xef];

/// How a group of programs may read a file, other than as written.
#[derive(Debug)]
pub(super) struct Dialect {
    /// By byte: whether a program may split a text after this ASCII character.
    separators: [bool; 256],
    /// The characters that begin a formula.
    formulas: &'static [char],
    /// The characters that are guarded at a text's start, whatever follows.
    firsts: &'static [char],
    /// By first byte: whether a text may need a guard at its start.
    suspects: [bool; 256],
}

/// Excel, LibreOffice and similar programs. Separators: those that imports offer and that countries use (`;` in most of
/// Europe and South America), and line ends. Formulas and first characters: those of OWASP's "CSV Injection", including
/// full-width forms, which East Asian spreadsheets treat as equal, and NUL, which importers drop.
pub(super) static SPREADSHEETS: Dialect = Dialect::new(
    b";\t|\r\n",
    &['=', '+', '-', '@', '＝', '＋', '－', '＠'],
    &['\t', '\r', '\n', '\0'],
);

impl Dialect {
    const fn new(
        separators: &'static [u8],
        formulas: &'static [char],
        firsts: &'static [char],
    ) -> Self {
        let mut suspects = [false; 256];
        // Control characters and the space: dropped, or among the first characters.
        let mut byte = 0;
        while byte <= b' ' {
            suspects[byte as usize] = true;
            byte += 1;
        }
        suspects[0x7f] = true;
        suspects[b'"' as usize] = true;
        suspects[GUARD as usize] = true;
        let mut n = 0;
        while n < DROPPED_FIRST.len() {
            suspects[DROPPED_FIRST[n] as usize] = true;
            n += 1;
        }
        n = 0;
        while n < formulas.len() {
            suspects[formulas[n].encode_utf8(&mut [0; 4]).as_bytes()[0] as usize] = true;
            n += 1;
        }
        let mut is_separator = [false; 256];
        n = 0;
        while n < separators.len() {
            is_separator[separators[n] as usize] = true;
            n += 1;
        }
        Self {
            separators: is_separator,
            formulas,
            firsts,
            suspects,
        }
    }

    /// Whether a text that begins with this byte may need a guard at its start. Excludes most texts cheaply.
    #[inline]
    pub(super) fn suspects(&self, first: u8) -> bool {
        self.suspects[usize::from(first)]
    }

    /// The text with guards inserted; borrowed where it needs none.
    pub(super) fn guarded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut guarded = String::new();
        let mut copied = 0;
        for begin in self.cells(text) {
            if self.runs(&text[begin..]) || (begin == 0 && self.has_forbidden_start(text)) {
                guarded.push_str(&text[copied..begin]);
                guarded.push(GUARD);
                copied = begin;
            }
        }
        if guarded.is_empty() {
            return Cow::Borrowed(text);
        }
        guarded.push_str(&text[copied..]);
        Cow::Owned(guarded)
    }

    /// The offsets at which a program may begin a cell.
    fn cells(&self, text: &str) -> impl Iterator<Item = usize> {
        let bytes = text.bytes().enumerate();
        let after = bytes.filter(|&(_, byte)| self.separators[usize::from(byte)]);
        std::iter::once(0).chain(after.map(|(place, _)| place + 1))
    }

    /// Whether a cell with this text would run as a formula.
    fn runs(&self, cell: &str) -> bool {
        let is_separator = |c: char| c.is_ascii() && self.separators[c as usize];
        let first = cell.chars().find(|&c| !is_dropped(c) || is_separator(c));
        first.is_some_and(|c| self.formulas.contains(&c))
    }

    /// Whether a text begins with one of `firsts`, also after `'` characters of its own.
    fn has_forbidden_start(&self, text: &str) -> bool {
        text.trim_start_matches(GUARD).starts_with(self.firsts)
    }
}

/// Whether importers drop the character at a cell's start: white space, characters that cannot be shown, and quotes.
/// [`GUARD`] is one of these.
fn is_dropped(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | GUARD | '\u{200b}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Undoes the guard as described in the module's documentation.
    fn undone(guarded: &str) -> String {
        let mut text = String::new();
        let mut copied = 0;
        for begin in SPREADSHEETS.cells(guarded) {
            let Some(behind) = guarded[begin..].strip_prefix(GUARD) else {
                continue;
            };
            let behind_is_first = begin == 0
                && behind
                    .trim_start_matches(GUARD)
                    .starts_with(SPREADSHEETS.firsts);
            if behind_is_first || SPREADSHEETS.runs(behind) {
                text.push_str(&guarded[copied..begin]);
                copied = begin + GUARD.len_utf8();
            }
        }
        text + &guarded[copied..]
    }

    #[test]
    fn a_formula_after_any_separator_is_guarded() {
        for (text, guarded) in [
            ("=1+1", "'=1+1"),
            ("x;=1+1;y", "x;'=1+1;y"),
            ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
            ("x|-1|+2", "x|'-1|'+2"),
            ("x\r=1\n=2\r\n=3", "x\r'=1\n'=2\r\n'=3"),
            ("x; =1", "x;' =1"),
            ("x;\"=1+1\"", "x;'\"=1+1\""),
            ("x;\"\"\"=1", "x;'\"\"\"=1"),
            ("x;\0=1", "x;'\0=1"),
            ("x;\u{a0}\u{feff}=1", "x;'\u{a0}\u{feff}=1"),
            ("x;＝1|＋1\t－1\n＠A", "x;'＝1|'＋1\t'－1\n'＠A"),
            ("＝1", "'＝1"),
            ("  =1", "'  =1"),
            ("\"=1\"", "'\"=1\""),
            ("\t=1", "'\t'=1"),
            (";=1", ";'=1"),
        ] {
            assert_eq!(SPREADSHEETS.guarded(text), guarded, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_begins_with_a_tab_an_end_of_line_or_nul_is_guarded() {
        for first in ['\t', '\r', '\n', '\0'] {
            let text = format!("{first}a");
            assert_eq!(SPREADSHEETS.guarded(&text), format!("'{text}"));
            let within = format!("a;b{text}");
            assert_eq!(SPREADSHEETS.guarded(&within), within);
        }
    }

    #[test]
    fn a_text_that_cannot_run_is_unchanged() {
        for text in [
            "",
            "a=1",
            "1+1;2-2",
            "a; b | c\td\r\n\r\ne",
            "x, =1 and y = 2",
            ";;|\"\"",
            "'a'",
            "ана＝",
            "“quoted”",
        ] {
            assert!(
                matches!(SPREADSHEETS.guarded(text), Cow::Borrowed(_)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_text_that_looks_guarded_is_distinguished_from_a_guarded_one() {
        assert_eq!(SPREADSHEETS.guarded("'=1"), "''=1");
        assert_eq!(SPREADSHEETS.guarded("x;'=1"), "x;''=1");
        assert_eq!(SPREADSHEETS.guarded("'\ta"), "''\ta");
        assert_eq!(undone("''=1"), "'=1");
        assert_eq!(undone("'a"), "'a");
    }

    #[test]
    fn suspects_include_every_first_byte_that_may_need_a_guard() {
        for c in '\0'..=char::MAX {
            let text = format!("{c}=1");
            let first = text.as_bytes()[0];
            if matches!(SPREADSHEETS.guarded(&text), Cow::Owned(_)) {
                assert!(
                    SPREADSHEETS.suspects(first) || c == ';' || c == '|',
                    "{c:?}"
                );
            }
        }
        for plain in ['a', 'Z', '0', '(', 'é', 'я', '日', '😀'] {
            let mut bytes = [0; 4];
            plain.encode_utf8(&mut bytes);
            assert!(!SPREADSHEETS.suspects(bytes[0]), "{plain}");
        }
    }

    proptest! {
        #[test]
        fn a_guard_can_be_undone(text in prop_oneof![any::<String>(), "[=+;|\t\r\n\0 '\"＝\u{feff}a]{0,16}"]) {
            prop_assert_eq!(undone(&SPREADSHEETS.guarded(&text)), text);
        }

        /// Also after repeated splitting and trimming.
        #[test]
        fn no_cell_begins_like_a_formula(text in "[=@;|\t\r\n\0 '\"＝a]{0,16}") {
            let guarded = SPREADSHEETS.guarded(&text);
            for cell in guarded.split([';', '|', '\t', '\r', '\n']) {
                let seen = cell.trim_start_matches([' ', '\0', '"']);
                prop_assert!(!seen.starts_with(SPREADSHEETS.formulas), "{:?}", guarded);
            }
        }
    }
}
