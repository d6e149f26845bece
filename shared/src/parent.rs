//! Parents: what exported records belong to, such as an organization, a project or a source.

mod id_form;
mod kind;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::id_form::IdForm;
pub use self::kind::{InvalidKindName, KindName, ParentKind, ParentKinds, StoredKinds};

/// What records belong to, by kind and id. Its text, also in the tables, is `project#42`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Parent {
    kind: KindName,
    id: String,
}

/// A text or id that is no valid parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no parent: the id {rule}")]
pub struct InvalidParent {
    text: String,
    rule: &'static str,
}

impl InvalidParent {
    /// The error about a text that does not follow a rule.
    pub(crate) fn new(text: &str, rule: &'static str) -> Self {
        Self {
            text: text.chars().take(200).collect(),
            rule,
        }
    }
}

impl Parent {
    /// The parent of a kind with an id that the kind has found valid.
    pub(crate) fn of_kind(kind: KindName, id: String) -> Self {
        Self { kind, id }
    }

    /// The name of the kind.
    pub fn kind(&self) -> &KindName {
        &self.kind
    }

    /// The id, which is unique within the kind.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind, self.id)
    }
}

/// Reads a stored parent. Whether the kind has such ids was checked when it was stored.
impl FromStr for Parent {
    type Err = InvalidParent;

    fn from_str(text: &str) -> Result<Self, InvalidParent> {
        let invalid = || InvalidParent::new(text, "must follow a kind and #, such as project#42");
        let (kind, id) = text.split_once('#').ok_or_else(invalid)?;
        let kind = KindName::try_from(kind.to_owned()).map_err(|_| invalid())?;
        if id.is_empty() {
            return Err(invalid());
        }
        Ok(Self::of_kind(kind, id.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_parsed_back_from_its_text() {
        for text in [
            "project#42",
            "organization#acme.co-1_x",
            "source#web-leads",
            "workspace#auth0|5f7c",
        ] {
            assert_eq!(text.parse::<Parent>().unwrap().to_string(), text);
        }
        for text in ["project", "project#", "#1", "Project#1"] {
            assert!(text.parse::<Parent>().is_err(), "{text}");
        }
    }
}
