//! A forward scanner for JSON (RFC 8259), as far as DynamoDB's answers need it.

/// The offset of the byte at which parsing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is malformed at byte {0}")]
pub(in crate::records::dynamodb) struct Malformed(pub(super) usize);

/// The range between the quotes of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the string contains a backslash and must be unescaped.
    pub(super) is_escaped: bool,
}

/// A position in the bytes.
pub(super) struct Scanner<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// The next byte that is not white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8, Malformed> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Malformed(self.at)),
            }
        }
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek()? != byte {
            return Err(Malformed(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// After an element of an object or an array that ends with `close`: whether there is another.
    #[inline]
    pub(super) fn has_more(&mut self, close: u8) -> Result<bool, Malformed> {
        let byte = self.peek()?;
        if byte != b',' && byte != close {
            return Err(Malformed(self.at));
        }
        self.at += 1;
        Ok(byte == b',')
    }

    /// Opens an object or an array. Returns whether it has an element.
    pub(super) fn opens(&mut self, open: u8, close: u8) -> Result<bool, Malformed> {
        self.expect(open)?;
        if self.peek()? == close {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) fn string(&mut self) -> Result<Inside, Malformed> {
        self.expect(b'"')?;
        self.rest_of_string()
    }

    /// A string whose opening quote has been read.
    #[inline]
    pub(super) fn rest_of_string(&mut self) -> Result<Inside, Malformed> {
        let start = self.at;
        let mut is_escaped = false;
        let mut from = start;
        loop {
            let end = quote_or_backslash(self.bytes, from).ok_or(Malformed(start))?;
            if self.bytes[end] == b'"' {
                self.at = end + 1;
                return Ok(Inside {
                    start,
                    end,
                    is_escaped,
                });
            }
            is_escaped = true;
            from = end + 2;
        }
    }

    /// Skips a value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(Malformed(self.at))?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                _ => {
                    self.token()?;
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    pub(super) fn token(&mut self) -> Result<&'t [u8], Malformed> {
        self.peek()?;
        let rest = &self.bytes[self.at..];
        let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| is_of_it(byte)).count();
        if length == 0 {
            return Err(Malformed(self.at));
        }
        self.at += length;
        Ok(&rest[..length])
    }
}

/// The offset of the first quote or backslash at or after `from`, found by eight bytes at a time.
#[inline]
fn quote_or_backslash(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // Sets the highest bit of every byte that is 0, and perhaps of bytes above the first of these.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let rest = bytes.get(from..)?;
    let (words, few) = rest.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(from + 8 * n + (found.trailing_zeros() / 8) as usize);
        }
    }
    let place = few.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(bytes.len() - few.len() + place)
}

/// Appends the unescaped text of a string. `None` for an invalid escape.
pub(super) fn unescape(inside: &str, out: &mut String) -> Option<()> {
    let mut rest = inside;
    while let Some(place) = rest.find('\\') {
        out.push_str(&rest[..place]);
        let escape = *rest.as_bytes().get(place + 1)?;
        rest = rest.get(place + 2..)?;
        out.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => unicode(&mut rest)?,
            _ => return None,
        });
    }
    out.push_str(rest);
    Some(())
}

/// The character of `\uXXXX`, or of a surrogate pair (RFC 8259, section 7). Half a pair becomes U+FFFD, the replacement
/// character.
fn unicode(rest: &mut &str) -> Option<char> {
    let unit = take_hex(rest)?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Some(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let mut after = rest.strip_prefix("\\u").unwrap_or_default();
    match take_hex(&mut after) {
        Some(low) if (0xdc00..0xe000).contains(&low) => {
            *rest = after;
            char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
        }
        _ => Some(char::REPLACEMENT_CHARACTER),
    }
}

fn take_hex(rest: &mut &str) -> Option<u32> {
    let digits = rest.get(..4)?;
    let unit = u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| !digits.starts_with('+'))?;
    *rest = &rest[4..];
    Some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Option<String> {
        let mut scanner = Scanner::new(json);
        let inside = scanner.string().ok()?;
        let text = &json[inside.start..inside.end];
        if !inside.is_escaped {
            return Some(text.to_owned());
        }
        let mut out = String::new();
        unescape(text, &mut out)?;
        Some(out)
    }

    #[test]
    fn escapes_are_those_of_the_specification() {
        assert_eq!(
            read(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 \ud83d \ude00x""#).as_deref(),
            Some("\"\\/\u{8}\u{c}\n\r\té😀 \u{fffd} \u{fffd}x")
        );
        for broken in [
            r#""\x""#,
            r#""\u00g0""#,
            r#""\u+123""#,
            r#""\u12""#,
            "\"a",
            "\"a\\",
            "\"a\\\"",
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_value_of_any_kind_is_skipped() {
        for value in [
            r#"{"a":[1,{"b":"}\"]"}],"c":null}"#,
            "[]",
            "-1.5e+3",
            "true",
            r#""x""#,
            "{ }",
        ] {
            let json = format!(" {value} ,rest");
            let mut scanner = Scanner::new(&json);
            scanner.skip().unwrap();
            assert_eq!(scanner.peek(), Ok(b','), "{value}");
        }
        for broken in ["", "]", "{", "[1", ",", "\"a", "[\"a]"] {
            assert!(Scanner::new(broken).skip().is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>(), all in any::<bool>()) {
            let mut json = serde_json::Value::from(text.as_str()).to_string();
            if all {
                json = format!("\"{}\"", text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>());
            }
            prop_assert_eq!(read(&json), Some(text));
        }
    }
}
