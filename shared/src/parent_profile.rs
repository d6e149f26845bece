//! What staff say of a parent: its name, the root that it belongs to, its own columns.

use serde::{Deserialize, Serialize};

use crate::catalog::Definitions;
use crate::parent::{Parent, ParentKinds, StoredKinds};

/// The description of a parent by staff: an item of the table `parents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentProfile {
    /// The parent.
    pub parent: Parent,
    /// The name shown to people.
    pub name: String,
    /// The id of the root that the parent belongs to. Left out if `None`, since it is the key of an index, which allows no
    /// null.
    #[serde(
        default,
        rename = "organization_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub root_id: Option<String>,
    /// The columns that are defined for the parent.
    #[serde(default, skip_serializing_if = "Definitions::is_empty")]
    pub definitions: Definitions,
    /// The kinds of the parent and its root, of today's catalog.
    #[serde(skip)]
    pub kinds: StoredKinds,
}

/// A parent with its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedParent {
    /// The parent.
    pub parent: Parent,
    /// The name shown to people.
    pub name: String,
    /// The id of the root that the parent belongs to.
    #[serde(default, rename = "organization_id")]
    pub root_id: Option<String>,
    /// The kinds of the parent and its root, of today's catalog.
    #[serde(skip)]
    pub kinds: StoredKinds,
}

impl From<ParentProfile> for NamedParent {
    fn from(profile: ParentProfile) -> Self {
        Self {
            parent: profile.parent,
            name: profile.name,
            root_id: profile.root_id,
            kinds: profile.kinds,
        }
    }
}

impl ParentProfile {
    /// The profile of a parent that staff have not described: the name is the id, and there is no root, except that a root
    /// is its own.
    pub fn undescribed(parent: Parent, kinds: &ParentKinds) -> Self {
        let root_id = kinds.is_root(parent.kind()).then(|| parent.id().to_owned());
        Self {
            name: parent.id().to_owned(),
            root_id,
            definitions: Definitions::default(),
            kinds: kinds.stored_with(parent.kind()),
            parent,
        }
    }
}
