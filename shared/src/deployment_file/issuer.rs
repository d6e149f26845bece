//! The issuers of tokens, besides the deployment's own.

use serde::Deserialize;
use toml::Spanned;

use crate::grant_patterns::GrantPatterns;

/// An issuer of tokens, and what its tokens may give.
///
/// ```toml
/// [[issuer]]
/// url = "https://acme.eu.auth0.com/"
/// audiences = ["https://exports.acme.example"]
/// grants = ["organization:*", "project:*"]
/// from_claims = ["organization:{org_id}"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer, as in the tokens' `iss`.
    pub url: String,
    /// The audiences of the tokens that are accepted.
    pub audiences: Vec<String>,
    /// The address of the keys, if the issuer's OpenID configuration does not say.
    pub keys: Option<String>,
    /// The grants that its tokens may give. Others are left out.
    pub grants: GrantPatterns,
    /// The grants that are made from claims.
    pub from_claims: Vec<GrantTemplate>,
    /// The names of claims where they differ from the deployment's.
    pub claims: ClaimNames,
}

/// The names of claims. `None` for those of the deployment's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimNames {
    /// The claim with the grants.
    pub grants: Option<String>,
    /// The claim with the person's name.
    pub name: Option<String>,
    /// The claim with the person's email address.
    pub email: Option<String>,
    /// The claim that says whether the issuer has verified the address.
    pub email_verified: Option<String>,
}

/// A grant that is made from a claim, such as `organization:{org_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantTemplate {
    before: String,
    /// The name of the claim; dots lead into an object.
    pub claim: String,
    after: String,
}

impl GrantTemplate {
    /// Parses a template. `None` unless it has one placeholder with a name.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('{')?;
        let (claim, after) = rest.split_once('}')?;
        let is_plain =
            |text: &str| !text.contains(['{', '}']) && !text.contains(char::is_whitespace);
        let is_valid = !claim.trim().is_empty() && [before, claim, after].into_iter().all(is_plain);
        is_valid.then(|| Self {
            before: before.to_owned(),
            claim: claim.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The grant for a value of the claim.
    pub fn grant(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIssuer {
    url: Spanned<String>,
    audiences: Spanned<Vec<String>>,
    keys: Option<Spanned<String>>,
    grants: Spanned<Vec<String>>,
    #[serde(default)]
    from_claims: Vec<Spanned<String>>,
    #[serde(default)]
    claims: ClaimNames,
}

/// A mistake: where it is in the file, and what would be right.
pub(super) struct WrongIssuer(pub(super) usize, pub(super) String);

fn wrong<T>(at: &Spanned<T>, message: impl Into<String>) -> WrongIssuer {
    WrongIssuer(at.span().start, message.into())
}

impl RawIssuer {
    pub(super) fn checked(self) -> Result<Issuer, WrongIssuer> {
        for url in [Some(&self.url), self.keys.as_ref()].into_iter().flatten() {
            if !is_address(url.get_ref()) {
                return Err(wrong(
                    url,
                    "must be an address with https://, without a query and a fragment",
                ));
            }
        }
        if self.audiences.get_ref().iter().all(|text| text.is_empty()) {
            return Err(wrong(&self.audiences, "`audiences` must name an audience"));
        }
        let patterns = self.grants.get_ref();
        let Some(patterns) = GrantPatterns::new(patterns.iter().cloned()) else {
            return Err(wrong(
                &self.grants,
                "`grants` must list what tokens of this issuer may give, such as \"project:*\", \"*\" for any parent, \"staff\"",
            ));
        };
        let template = |text: &Spanned<String>| {
            GrantTemplate::parse(text.get_ref()).ok_or_else(|| {
                wrong(
                    text,
                    "must be a grant with the name of a claim in braces, such as \"organization:{org_id}\"",
                )
            })
        };
        Ok(Issuer {
            from_claims: self
                .from_claims
                .iter()
                .map(template)
                .collect::<Result<_, _>>()?,
            url: self.url.into_inner(),
            audiences: self.audiences.into_inner(),
            keys: self.keys.map(Spanned::into_inner),
            grants: patterns,
            claims: self.claims,
        })
    }
}

/// Whether keys may be asked for at this address: with TLS, or on this machine. An issuer has no query and no fragment
/// (OpenID Connect Discovery 1.0, section 3).
fn is_address(url: &str) -> bool {
    let local = ["http://127.0.0.1:", "http://localhost:"];
    let is_safe = url.starts_with("https://") || local.iter().any(|start| url.starts_with(start));
    is_safe && !url.contains(['?', '#']) && !url.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_one_claim() {
        let template = GrantTemplate::parse("organization:{app.org_id}").unwrap();
        assert_eq!(template.claim, "app.org_id");
        assert_eq!(template.grant("acme"), "organization:acme");
        for wrong in [
            "",
            "organization:acme",
            "{}",
            "a:{b}{c}",
            "a:{b",
            "a {b}",
            "a:}b{",
        ] {
            assert_eq!(GrantTemplate::parse(wrong), None, "{wrong}");
        }
    }
}
