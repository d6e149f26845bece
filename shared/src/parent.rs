//! Parents: what exported records belong to. A parent is an organization, a project or a source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalog::{Definitions, ParentKind};

/// An organization, project or source, by kind and id. Its text, also in the tables, is `project#42`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Parent {
    kind: ParentKind,
    id: String,
}

/// A text or id that is no valid parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no parent: projects have integers from 1, others 1 to 128 of A-Z a-z 0-9 _ . -"
)]
pub struct InvalidParent(String);

impl Parent {
    /// The parent with this kind and id. Project ids are integers from 1 to 2^63 - 1 without leading zeros, others
    /// match `[A-Za-z0-9_.-]{1,128}`.
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

    /// The kind: organization, project or source.
    pub fn kind(&self) -> ParentKind {
        self.kind
    }

    /// The id, which is unique within the kind.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id, if the parent is of this kind.
    pub fn id_as(&self, kind: ParentKind) -> Option<&str> {
        (self.kind == kind).then_some(self.id.as_str())
    }

    /// The id in JSON, for the API and the grants function: a number for a project, else a text.
    pub fn id_in_json(&self) -> serde_json::Value {
        let number = self
            .id_as(ParentKind::Project)
            .and_then(|id| id.parse::<u64>().ok());
        match number {
            Some(number) => number.into(),
            None => self.id.as_str().into(),
        }
    }

    /// The path in the API: `/v1/projects/42`.
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

/// The description of a parent by staff: an item of the table `parents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentProfile {
    /// The parent.
    pub parent: Parent,
    /// The name shown to people.
    pub name: String,
    /// The organization of a project or a source. Left out if `None`, since it is the key of an index, which allows no
    /// null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The columns that are defined for a source.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
}

/// A parent with its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedParent {
    /// The parent.
    pub parent: Parent,
    /// The name shown to people.
    pub name: String,
    /// The organization of the parent.
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
    /// The profile of a parent that staff have not described: the name is the id, and there is no organization, except
    /// that an organization is its own.
    pub fn undescribed(parent: Parent) -> Self {
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
    fn a_parent_is_parsed_back_from_its_text() {
        for text in ["project#42", "organization#acme.co-1_x", "source#web-leads"] {
            assert_eq!(text.parse::<Parent>().unwrap().to_string(), text);
        }
        assert!("team#1".parse::<Parent>().is_err());
        assert!("project".parse::<Parent>().is_err());
    }
}
