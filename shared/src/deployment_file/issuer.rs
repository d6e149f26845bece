//! The issuers of tokens, besides the deployment's own.

use serde::Deserialize;
use toml::Spanned;

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

/// Which grants are allowed: `project:42`, `project:*`, `*` for those of all parents, `staff`, `service`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantPatterns(Vec<String>);

impl GrantPatterns {
    /// Those in a text, separated by spaces.
    pub fn parse(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Whether the grant is allowed. `staff` and `service` must be named.
    pub fn allow(&self, grant: &str) -> bool {
        self.0
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                None => pattern == grant,
                Some("") => grant.contains(':'),
                Some(kind) => kind.ends_with(':') && grant.starts_with(kind),
            })
    }
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
        let is_pattern = |text: &String| {
            let has_star = text.trim_end_matches('*').contains('*');
            !text.is_empty() && !text.contains(char::is_whitespace) && !has_star
        };
        if patterns.is_empty() || !patterns.iter().all(is_pattern) {
            return Err(wrong(
                &self.grants,
                "`grants` must list what tokens of this issuer may give, such as \"project:*\", \"*\" for any parent, \"staff\"",
            ));
        }
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
            grants: GrantPatterns(self.grants.into_inner()),
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
    fn staff_and_service_must_be_named() {
        let patterns = GrantPatterns::parse("* staff");
        assert!(
            patterns.allow("project:42") && patterns.allow("team:a*") && patterns.allow("staff")
        );
        assert!(!patterns.allow("service"));
        let some = GrantPatterns::parse("project:* organization:acme");
        assert!(some.allow("project:42") && some.allow("organization:acme"));
        for refused in [
            "organization:acme2",
            "projects:1",
            "staff",
            "service",
            "project",
        ] {
            assert!(!some.allow(refused), "{refused}");
        }
    }

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
