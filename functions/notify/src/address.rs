//! Mail addresses: parsed once, and only logged masked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One mail address without a display name: `ana@example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Characters that would end an address, or start another one, in a mail header (RFC 5322, 3.2.3).
const SPECIAL: &[char] = &['<', '>', '(', ')', '[', ']', ',', ';', ':', '\\', '"'];
/// The maximum length of an address in SMTP, in bytes (RFC 5321, 4.5.3.1.3).
const MAX_BYTES: usize = 254;

impl Address {
    /// Parses exactly one address. `None` for anything else, such as two addresses or an address with a display name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let is_valid = |part: &str| {
            !part.is_empty()
                && !part.contains('@')
                && !part
                    .contains(|c: char| c.is_whitespace() || c.is_control() || SPECIAL.contains(&c))
        };
        (is_valid(local) && is_valid(domain) && text.len() <= MAX_BYTES)
            .then(|| Self(text.to_owned()))
    }

    /// The address as text, for SES.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as it may be logged: `a***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        format!("{}***@{domain}", local.chars().next().unwrap_or_default())
    }

    /// The value of the header `From` for this address and a display name. The name may contain any characters.
    pub fn named(&self, name: &str) -> String {
        let name = name.chars().filter(|c| !c.is_control()).collect::<String>();
        let name = name.trim();
        if name.is_empty() {
            return self.0.clone();
        }
        let phrase = if name.is_ascii() {
            quoted(name)
        } else {
            encoded(name)
        };
        format!("{phrase} <{}>", self.0)
    }
}

/// A quoted string (RFC 5322, 3.2.4).
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Encoded words (RFC 2047): 45 bytes become 60 characters of base64. With `=?UTF-8?B?` and `?=` these are less than a
/// word's maximum of 75.
fn encoded(name: &str) -> String {
    const BYTES_PER_WORD: usize = 45;
    let mut words = vec![String::new()];
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= BYTES_PER_WORD => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_address_without_a_name_is_accepted() {
        assert_eq!(
            Address::parse(" ana@example.com ").unwrap().as_str(),
            "ana@example.com"
        );
        assert!(Address::parse("o'neil+x@sub.example.com").is_some());
        for bad in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "a@b@c",
            "Ana <ana@example.com>",
            "a@example.com,b@example.com",
            "a@example.com;b@example.com",
            "a b@example.com",
            "a@example.com\r\nBcc: b@example.com",
            &format!("{}@example.com", "a".repeat(250)),
        ] {
            assert_eq!(Address::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_masked_address_shows_only_its_first_character_and_its_domain() {
        let masked = |text| Address::parse(text).unwrap().masked();
        assert_eq!(masked("ana@example.com"), "a***@example.com");
        assert_eq!(masked("é@example.com"), "é***@example.com");
    }

    #[test]
    fn a_display_name_cannot_add_an_address_or_a_header() {
        let from = |name| Address::parse("mail@example.com").unwrap().named(name);
        assert_eq!(from("Waybill"), r#""Waybill" <mail@example.com>"#);
        assert_eq!(
            from(r#"A "B" \ C, Inc."#),
            r#""A \"B\" \\ C, Inc." <mail@example.com>"#
        );
        assert_eq!(from("Bcc:\r\n x@y"), r#""Bcc: x@y" <mail@example.com>"#);
        assert_eq!(from(" \n"), "mail@example.com");
        assert_eq!(from("Café"), "=?UTF-8?B?Q2Fmw6k=?= <mail@example.com>");
        let long = from(&"é".repeat(60));
        assert!(long.split(' ').all(|word| word.len() <= 75), "{long}");
    }
}
