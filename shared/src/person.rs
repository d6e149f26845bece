//! Who somebody is.

use std::fmt;

/// A person: the issuer of their tokens and their subject there. Only both together name one person, since two issuers may
/// have the same subject (OpenID Connect Core 1.0, section 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person<'a> {
    /// The issuer, the token's `iss`. `None` in what was stored before issuers were: such a person is of the deployment's own
    /// issuer.
    pub issuer: Option<&'a str>,
    /// The token's `sub`.
    pub id: &'a str,
}

/// The text for keys. No issuer has a `#`: it is a URL without a fragment (OpenID Connect Discovery 1.0, section 3).
impl fmt::Display for Person<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(issuer) = self.issuer {
            write!(f, "{issuer}#")?;
        }
        f.write_str(self.id)
    }
}
