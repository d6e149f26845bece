//! The guard: `'` before what a spreadsheet would compute, wherever in a text it begins a cell.
//!
//! A file is written with one separator, and read with another where a person says so, or where their country has
//! another: of `x;=1+1;y` a reader that splits at `;` computes `=1+1`. So a cell may begin at a text's start and after
//! each separator of its [`Dialect`]. A formula is looked for behind what importers drop: white space, control
//! characters and quotes (`x;"=1"` is the cell `=1` for a reader that takes the quotes for its own).
//!
//! **To undo it**, take away `'` at each of these places where what is behind it would be guarded itself. For that a
//! text's own `'` counts as dropped, too: `'=1` is written `''=1`, so that no two texts are written alike.
//!
//! What is not guarded: after a comma, since the field is in quotes and its reader knows them; and after a space or a
//! letter, at which a reader can also be told to split, but which every text has.

use std::borrow::Cow;

/// What is written before a cell that would be computed.
const GUARD: char = '\'';

/// The first bytes of characters beyond ASCII that importers drop ([`is_dropped`]).
const DROPPED_FIRST: [u8; 5] = [0xc2, 0xe1, 0xe2, 0xe3, 0xef];

/// How the programs that a file is for may read it, besides as it was written.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Whether such a program may begin a cell inside of a text after this byte, an ASCII character.
    separators: [bool; 256],
    /// The characters that begin a formula.
    formulas: &'static [char],
    /// The characters that no text may begin with, whatever follows.
    firsts: &'static [char],
    /// The bytes that a text begins with which may have to be guarded at its start.
    suspects: [bool; 256],
}

/// Excel, LibreOffice and their like. Separators: those that an import offers and that countries have (`;` in most of
/// Europe and South America), and the ends of lines. Formulas and first characters: those of OWASP's "CSV Injection",
/// the full-width forms among them, which spreadsheets in East Asia take for the others; and NUL, which importers drop.
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
        // Controls and the space: dropped, or among the first characters.
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

    /// Whether a text that begins with this byte may have to be guarded at its start; most need not be looked at.
    #[inline]
    pub(super) fn suspects(&self, first: u8) -> bool {
        self.suspects[usize::from(first)]
    }

    /// The text with its guards; borrowed where it needs none.
    pub(super) fn guarded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut guarded = String::new();
        let mut copied = 0;
        for begin in self.cells(text) {
            if self.runs(&text[begin..]) || (begin == 0 && self.is_no_beginning(text)) {
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

    /// Where some program may begin a cell.
    fn cells(&self, text: &str) -> impl Iterator<Item = usize> {
        let bytes = text.bytes().enumerate();
        let after = bytes.filter(|&(_, byte)| self.separators[usize::from(byte)]);
        std::iter::once(0).chain(after.map(|(place, _)| place + 1))
    }

    /// Whether a cell that begins like this would be computed.
    fn runs(&self, cell: &str) -> bool {
        let is_separator = |c: char| c.is_ascii() && self.separators[c as usize];
        let first = cell.chars().find(|&c| !is_dropped(c) || is_separator(c));
        first.is_some_and(|c| self.formulas.contains(&c))
    }

    /// Whether a text begins as none may, perhaps behind guards of its own.
    fn is_no_beginning(&self, text: &str) -> bool {
        text.trim_start_matches(GUARD).starts_with(self.firsts)
    }
}

/// What importers drop before a cell's first character: white space that they trim, characters that they cannot show,
/// and quotes. [`GUARD`] is one of these.
fn is_dropped(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | GUARD | '\u{200b}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the documentation of this module says.
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
    fn what_would_run_behind_any_separator_is_guarded() {
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
    fn a_tab_an_end_of_line_and_nul_begin_no_text() {
        for first in ['\t', '\r', '\n', '\0'] {
            let text = format!("{first}a");
            assert_eq!(SPREADSHEETS.guarded(&text), format!("'{text}"));
            let within = format!("a;b{text}");
            assert_eq!(SPREADSHEETS.guarded(&within), within);
        }
    }

    #[test]
    fn what_cannot_run_stays_as_it_is() {
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
    fn a_text_that_looks_guarded_is_told_from_a_guarded_one() {
        assert_eq!(SPREADSHEETS.guarded("'=1"), "''=1");
        assert_eq!(SPREADSHEETS.guarded("x;'=1"), "x;''=1");
        assert_eq!(SPREADSHEETS.guarded("'\ta"), "''\ta");
        assert_eq!(undone("''=1"), "'=1");
        assert_eq!(undone("'a"), "'a");
    }

    #[test]
    fn no_first_character_that_matters_is_overlooked() {
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

        /// However often it is split and trimmed.
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
