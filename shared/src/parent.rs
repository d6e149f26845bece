//! What exported records belong to: an organization, a project or a source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalog::{Definitions, ParentKind};

/// One organization, project or source, by kind and id; in the tables `project#42`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Parent {
    kind: ParentKind,
    id: String,
}

/// A text that names no parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no parent: projects have integers from 1, others 1 to 128 of A-Z a-z 0-9 _ . -"
)]
pub struct InvalidParent(String);

impl Parent {
    /// The parent of this kind and id. Project ids are integers from 1 (below 2^63, in their shortest form),
    /// others `[A-Za-z0-9_.-]{1,128}`.
    pub fn new(kind: ParentKind, id: &str) -> Result<Self, InvalidParent> {
        let valid = match kind {
            ParentKind::Project => id
                .parse::<i64>()
                .is_ok_and(|n| n > 0 && n.to_string() == id),
            ParentKind::Organization | ParentKind::Source => {
                (1..=128).contains(&id.len())
                    && id
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
            }
        };
        if valid {
            Ok(Self {
                kind,
                id: id.to_owned(),
            })
        } else {
            Err(InvalidParent(id.chars().take(200).collect()))
        }
    }

    /// Organization, project or source.
    pub fn kind(&self) -> ParentKind {
        self.kind
    }

    /// The id within its kind.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id, where this is a parent of `kind`.
    pub fn id_as(&self, kind: ParentKind) -> Option<&str> {
        (self.kind == kind).then_some(self.id.as_str())
    }

    /// The id in JSON, as the API and a host's function have it: a project's is a number.
    pub fn id_in_json(&self) -> serde_json::Value {
        let number = self
            .id_as(ParentKind::Project)
            .and_then(|id| id.parse::<u64>().ok());
        match number {
            Some(number) => number.into(),
            None => self.id.as_str().into(),
        }
    }

    /// Where the API has it: `/v1/projects/42`.
    pub fn path(&self) -> String {
        format!("/v1/{}/{}", self.kind.plural(), self.id)
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind.as_str(), self.id)
    }
}

impl FromStr for Parent {
    type Err = InvalidParent;

    fn from_str(text: &str) -> Result<Self, InvalidParent> {
        let invalid = || InvalidParent(text.chars().take(200).collect());
        let (kind, id) = text.split_once('#').ok_or_else(invalid)?;
        let kind = ParentKind::ALL
            .into_iter()
            .find(|k| k.as_str() == kind)
            .ok_or_else(invalid)?;
        Self::new(kind, id)
    }
}

impl TryFrom<String> for Parent {
    type Error = InvalidParent;

    fn try_from(text: String) -> Result<Self, InvalidParent> {
        text.parse()
    }
}

impl From<Parent> for String {
    fn from(parent: Parent) -> String {
        parent.to_string()
    }
}

/// What staff have said of a parent: an item of the table `parents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentProfile {
    /// Which parent.
    pub parent: Parent,
    /// What people call it.
    pub name: String,
    /// The organization that a project or a source belongs to. It is the key of an index, which takes no null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The columns that a source has of its own.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
}

/// A parent and what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedParent {
    /// Which parent.
    pub parent: Parent,
    /// What people call it.
    pub name: String,
    /// The organization that it belongs to.
    #[serde(default)]
    pub organization_id: Option<String>,
}

impl From<ParentProfile> for NamedParent {
    fn from(profile: ParentProfile) -> Self {
        Self {
            parent: profile.parent,
            name: profile.name,
            organization_id: profile.organization_id,
        }
    }
}

impl ParentProfile {
    /// What holds for a parent that nobody has described: its name is its id, and it has no organization but itself.
    pub fn unknown(parent: Parent) -> Self {
        let organization_id = parent.id_as(ParentKind::Organization).map(str::to_owned);
        Self {
            name: parent.id().to_owned(),
            organization_id,
            definitions: Definitions::default(),
            parent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_outside_the_rule_are_refused() {
        for id in [
            "",
            "0",
            "-1",
            "01",
            "4 2",
            "9223372036854775808",
            "abc",
            "4.2",
        ] {
            assert!(Parent::new(ParentKind::Project, id).is_err(), "{id:?}");
        }
        for id in ["", "a b", "a#b", "a/b", "é", &"a".repeat(129)] {
            assert!(Parent::new(ParentKind::Source, id).is_err(), "{id:?}");
        }
        assert!(Parent::new(ParentKind::Source, &"a".repeat(128)).is_ok());
    }

    #[test]
    fn a_parent_reads_back_as_it_was_written() {
        for text in ["project#42", "organization#acme.co-1_x", "source#web-leads"] {
            assert_eq!(text.parse::<Parent>().unwrap().to_string(), text);
        }
        assert!("team#1".parse::<Parent>().is_err());
        assert!("project".parse::<Parent>().is_err());
    }
}
