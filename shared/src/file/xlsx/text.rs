//! Texts of cells.

use std::borrow::Cow;

use crate::file::WarningCode;

/// The longest text of a cell, in UTF-16 code units.
pub(super) const MAX_TEXT: usize = 32_767;

/// By byte: whether it may need an escape. Other bytes are copied.
const IS_SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        special[control] = true;
        control += 1;
    }
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special[b'>' as usize] = true;
    special[b'_' as usize] = true;
    // The first byte of U+FFFE and U+FFFF, which XML forbids.
    special[0xef] = true;
    special
};

/// The XML between the start tag of a cell of type `inlineStr` and its text.
pub(super) fn begin(text: &str) -> &'static [u8] {
    if text.starts_with(is_space) || text.ends_with(is_space) {
        b"><is><t xml:space=\"preserve\">"
    } else {
        b"><is><t>"
    }
}

/// The XML after the text of such a cell.
pub(super) const END: &[u8] = b"</t></is></c>";

/// Appends a text. Returns `false` if the text has characters that XML forbids; the appended bytes are then useless.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> bool {
    let mut rest = text.as_bytes();
    loop {
        let plain = rest.iter().position(|&byte| IS_SPECIAL[usize::from(byte)]);
        let (run, special) = rest.split_at(plain.unwrap_or(rest.len()));
        out.extend_from_slice(run);
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            // XML parsers turn CR into LF (XML 1.0, section 2.11), so spreadsheets have their own escape (ECMA-376 part
            // 1, section 22.4.2.4, ST_Xstring).
            b'\r' => out.extend_from_slice(b"_x000D_"),
            // A text that looks like such an escape must be escaped as well.
            b'_' if is_escape(after) => out.extend_from_slice(b"_x005F_"),
            b'\t' | b'\n' | b'_' => out.push(byte),
            0xef if !matches!(after, [0xbf, 0xbe | 0xbf, ..]) => out.push(byte),
            _ => return false,
        }
        rest = after;
    }
    true
}

/// Whether `_` followed by this text looks like `_x0041_`. The last `_` may come from the escape of a CR.
fn is_escape(after: &[u8]) -> bool {
    match after {
        [b'x', digits @ .., b'_' | b'\r'] if digits.len() == 4 => {
            digits.iter().all(u8::is_ascii_hexdigit)
        }
        [b'x', _, _, _, _, _, _, ..] => is_escape(&after[..6]),
        _ => false,
    }
}

/// White space of XML (section 2.3), which readers may drop at the ends of a text. CR is not included, since it is
/// escaped.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n')
}

/// The text without characters that XML 1.0 forbids (section 2.2), cut between characters to [`MAX_TEXT`].
pub(super) fn fitting(text: &str, mut warn: impl FnMut(WarningCode)) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains(is_forbidden) {
        warn(WarningCode::CharactersDropped);
        text = text.replace(is_forbidden, "").into();
    }
    // No text has more UTF-16 code units than bytes.
    if text.len() > MAX_TEXT {
        let mut units = 0;
        let end = text.char_indices().find(|(_, c)| {
            units += c.len_utf16();
            units > MAX_TEXT
        });
        if let Some((end, _)) = end {
            warn(WarningCode::CellCut);
            text = text[..end].to_owned().into();
        }
    }
    text
}

pub(super) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = begin(text).to_vec();
        assert!(write(text, &mut out), "{text:?}");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_escaped_for_xml_and_for_spreadsheets() {
        for (text, escaped) in [
            ("Ana", "Ana"),
            ("<&>\"'", "&lt;&amp;&gt;\"'"),
            ("a\r\nb\tc", "a_x000D_\nb\tc"),
            ("_x0041_", "_x005F_x0041_"),
            ("_x004a_x004B_", "_x005F_x004a_x005F_x004B_"),
            ("_x000D\r", "_x005F_x000D_x000D_"),
            ("a_b_x004_x0041", "a_b_x004_x0041"),
            ("_x00g1_", "_x00g1_"),
            ("ﬁ\u{feff}\u{fffd}", "ﬁ\u{feff}\u{fffd}"),
        ] {
            assert_eq!(written(text), format!("><is><t>{escaped}"));
        }
        assert_eq!(written(" a"), "><is><t xml:space=\"preserve\"> a");
        assert_eq!(written("a\n"), "><is><t xml:space=\"preserve\">a\n");
    }

    #[test]
    fn characters_that_xml_forbids_are_recognized() {
        for c in ('\0'..=char::MAX).filter(|c| !('\u{20}'..='\u{ff00}').contains(c)) {
            let fits = write(&format!("a{c}b"), &mut Vec::new());
            assert_eq!(fits, !is_forbidden(c), "{c:?}");
        }
    }
}
