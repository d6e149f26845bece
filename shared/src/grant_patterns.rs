//! Patterns of grants: what an issuer's tokens or an API key may give.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which grants are allowed: `project:42`, `project:*`, `*` for those of all parents, `staff`, `service`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantPatterns(Vec<String>);

impl GrantPatterns {
    /// Those in a text, separated by spaces.
    pub fn parse(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// These patterns. `None` without any, or if one has a space, or a `*` other than in `*` and `kind:*`.
    pub fn new(patterns: impl Iterator<Item = String>) -> Option<Self> {
        let patterns: Vec<String> = patterns.collect();
        let is_pattern = |text: &String| {
            let fixed = match text.as_str() {
                "*" => "",
                text => text.strip_suffix(":*").unwrap_or(text),
            };
            !text.is_empty() && !text.contains(char::is_whitespace) && !fixed.contains('*')
        };
        (!patterns.is_empty() && patterns.iter().all(is_pattern)).then_some(Self(patterns))
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

    /// The patterns.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Separated by spaces.
impl fmt::Display for GrantPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
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
    fn a_star_ends_a_pattern() {
        let new = |texts: &[&str]| GrantPatterns::new(texts.iter().map(|text| (*text).to_owned()));
        for wrong in [
            &[] as &[&str],
            &[""],
            &["project:* x"],
            &["*:42"],
            &["a:*b"],
            &["project:4*"],
            &["**"],
        ] {
            assert_eq!(new(wrong), None, "{wrong:?}");
        }
        let patterns = new(&["project:*", "service"]).unwrap();
        assert_eq!(patterns.to_string(), "project:* service");
    }
}
