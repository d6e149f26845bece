//! Mail addresses, parsed once. They are personal data and never logged: an export's id leads to its address.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One mail address without a display name: `ana@example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Characters that would end an address, or start another one, in a mail header (RFC 5322, 3.2.3).
const SPECIAL: &[char] = &['<', '>', '(', ')', '[', ']', ',', ';', ':', '\\', '"'];
/// The maximum length of an address in SMTP, in bytes (RFC 5321, 4.5.3.1.3).
const MAX_BYTES: usize = 254;

/// Why a text is no address that mails can be sent to. The message is shown in the history of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// The text is not exactly one address: it is two addresses, for example, or has a display name.
    #[error("the address is not valid")]
    Form,
    /// SES takes no other characters before the `@` than ASCII.
    #[error("the address has characters before the @ that the mail service does not take")]
    Local,
}

impl Address {
    /// Parses exactly one address. The domain may be in any script, and becomes ASCII (RFC 5890): `ana@bücher.example`
    /// is sent to `ana@xn--bcher-kva.example`.
    ///
    /// # Errors
    /// When the text is anything else than an address that SES takes.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let (local, domain) = text.trim().split_once('@').ok_or(InvalidAddress::Form)?;
        let is_valid = |part: &str| {
            !part.is_empty()
                && !part.contains('@')
                && !part
                    .contains(|c: char| c.is_whitespace() || c.is_control() || SPECIAL.contains(&c))
        };
        if !is_valid(local) || !is_valid(domain) {
            return Err(InvalidAddress::Form);
        }
        let domain = match domain.is_ascii() {
            true => domain.to_owned(),
            false => idna::domain_to_ascii_strict(domain).map_err(|_| InvalidAddress::Form)?,
        };
        let address = format!("{local}@{domain}");
        match (local.is_ascii(), address.len() <= MAX_BYTES) {
            (_, false) => Err(InvalidAddress::Form),
            (false, _) => Err(InvalidAddress::Local),
            (true, true) => Ok(Self(address)),
        }
    }

    /// The address as text, for SES.
    pub fn as_str(&self) -> &str {
        &self.0
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
        assert!(Address::parse("o'neil+x@sub.example.com").is_ok());
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
            assert_eq!(Address::parse(bad), Err(InvalidAddress::Form), "{bad:?}");
        }
    }

    #[test]
    fn a_domain_may_be_in_any_script_and_the_part_before_it_may_not() {
        for (text, address) in [
            ("ana@bücher.example", "ana@xn--bcher-kva.example"),
            ("ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
            ("ana@例え.テスト", "ana@xn--r8jz45g.xn--zckzah"),
            ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), address);
        }
        for text in ["é@example.com", "анна@bücher.example"] {
            assert_eq!(Address::parse(text), Err(InvalidAddress::Local), "{text}");
        }
        for text in ["ana@bü cher.example", "ana@-ü.example", "ana@ü..example"] {
            assert_eq!(Address::parse(text), Err(InvalidAddress::Form), "{text}");
        }
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
