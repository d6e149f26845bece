//! Mail addresses: parsed once, and never logged whole.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One address without a name: `ana@example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Characters that would end the address, or make it two, in the header that it is written to (RFC 5322, 3.2.3).
const SPECIAL: &[char] = &['<', '>', '(', ')', '[', ']', ',', ';', ':', '\\', '"'];
/// The longest address that SMTP carries (RFC 5321, 4.5.3.1.3).
const LONGEST: usize = 254;

impl Address {
    /// The address that this text is; `None` for anything else, be it two addresses or one with a name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let sound = |part: &str| {
            !part.is_empty()
                && !part.contains('@')
                && !part
                    .contains(|c: char| c.is_whitespace() || c.is_control() || SPECIAL.contains(&c))
        };
        (sound(local) && sound(domain) && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// The address as the mail service takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a log may say of it: `a***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        format!("{}***@{domain}", local.chars().next().unwrap_or_default())
    }

    /// This address under a name that may hold anything, as the header `From` has it.
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

/// Encoded words (RFC 2047): 45 bytes become 60 characters, and with `=?UTF-8?B?` and `?=` stay under the 75 of a word.
fn encoded(name: &str) -> String {
    const BYTES_OF_A_WORD: usize = 45;
    let mut words = vec![String::new()];
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= BYTES_OF_A_WORD => word.push(c),
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
    fn only_one_bare_address_is_an_address() {
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
    fn a_log_does_not_learn_the_address() {
        let masked = |text| Address::parse(text).unwrap().masked();
        assert_eq!(masked("ana@example.com"), "a***@example.com");
        assert_eq!(masked("é@example.com"), "é***@example.com");
    }

    #[test]
    fn a_name_stays_a_name_whatever_it_holds() {
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
