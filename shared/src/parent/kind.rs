//! The kinds of parents: what exported records belong to, in the product's own words. A catalog defines them; the built-in
//! ones are organizations, projects and sources.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{IdForm, InvalidParent, Parent};

/// The name of a kind in grants, tables and answers: `project` in `project:42`, `project#42` and `project_id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KindName(Arc<str>);

/// A text that is no name of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a kind's name has 1 to 32 of a-z, 0-9 and _, and begins with a letter")]
pub struct InvalidKindName;

impl KindName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as words for people: `customer account`.
    pub fn words(&self) -> String {
        self.0.replace('_', " ")
    }

    /// The field with an id of this kind, in answers and in the table of records: `project_id`.
    pub fn id_field(&self) -> String {
        format!("{self}_id")
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for KindName {
    type Error = InvalidKindName;

    fn try_from(text: String) -> Result<Self, InvalidKindName> {
        let is_name = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        is_name.then(|| Self(text.into())).ok_or(InvalidKindName)
    }
}

impl From<KindName> for String {
    fn from(name: KindName) -> String {
        name.as_str().to_owned()
    }
}

impl PartialEq<str> for KindName {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

/// A kind of parents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentKind {
    /// The name.
    pub name: KindName,
    /// The name in paths of the API and the page: `projects`.
    pub plural: String,
    /// The name shown to people: `Project`.
    pub label: String,
    /// Which texts are ids.
    pub id: IdForm,
    /// Whether all other parents belong to one of this kind.
    pub is_root: bool,
    /// Whether each parent of this kind can have fields of its own, which staff define.
    pub custom: bool,
    /// Whether a file is named after its parent alone, without the type.
    pub names_files: bool,
}

impl ParentKind {
    /// The parent with this id.
    ///
    /// # Errors
    /// When the text is no id of this kind.
    pub fn parent(&self, id: &str) -> Result<Parent, InvalidParent> {
        let valid = self.id.id(id);
        let valid = valid.ok_or_else(|| InvalidParent::new(id, self.id.rule()))?;
        Ok(Parent::of_kind(self.name.clone(), valid))
    }
}

/// The kinds of a deployment, of which exactly one is the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentKinds {
    kinds: Vec<ParentKind>,
    root: ParentKind,
}

impl ParentKinds {
    /// These kinds; `None` unless exactly one is the root.
    pub fn new(kinds: Vec<ParentKind>) -> Option<Self> {
        let mut roots = kinds.iter().filter(|kind| kind.is_root);
        let root = roots.next()?.clone();
        roots.next().is_none().then_some(Self { kinds, root })
    }

    /// All kinds, in the catalog's order.
    pub fn iter(&self) -> impl Iterator<Item = &ParentKind> {
        self.kinds.iter()
    }

    /// The kind that all other parents belong to.
    pub fn root(&self) -> &ParentKind {
        &self.root
    }

    /// Whether the kind with this name is the root.
    pub fn is_root(&self, name: &KindName) -> bool {
        self.root.name == *name
    }

    /// The kind with this name.
    pub fn get(&self, name: &str) -> Option<&ParentKind> {
        self.kinds.iter().find(|kind| kind.name == *name)
    }

    /// The kind with this name in paths.
    pub fn of_plural(&self, plural: &str) -> Option<&ParentKind> {
        self.kinds.iter().find(|kind| kind.plural == plural)
    }

    /// The plurals for people: `organizations, projects and sources`.
    pub fn listed(&self) -> String {
        let plurals = self.kinds.iter().map(|kind| kind.plural.as_str());
        match plurals.collect::<Vec<_>>().split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// These kinds with others, of which something is stored: a kind that the catalog lacks is added. With another root than
    /// the stored one, nothing of the catalog counts, since ids of one kind would be taken for those of the other.
    pub fn with_stored(&self, stored: &[ParentKind]) -> Self {
        let root = stored.iter().find(|kind| kind.is_root);
        if root.is_some_and(|root| root.name != self.root.name) {
            return Self::new(stored.to_vec()).unwrap_or_else(|| self.clone());
        }
        let missing = stored
            .iter()
            .filter(|kind| self.get(kind.name.as_str()).is_none());
        let kinds = self.kinds.iter().chain(missing).cloned().collect();
        Self {
            kinds,
            root: self.root.clone(),
        }
    }

    /// The names of these kinds that others lack.
    pub fn missing_in(&self, others: &Self) -> Vec<&KindName> {
        let names = self.kinds.iter().map(|kind| &kind.name);
        names
            .filter(|name| others.get(name.as_str()).is_none())
            .collect()
    }

    /// What is stored with a parent of this kind.
    pub fn stored_with(&self, kind: &KindName) -> StoredKinds {
        let own = self.get(kind.as_str());
        let built_in = Self::default();
        if self.root == built_in.root && own == built_in.get(kind.as_str()) {
            return StoredKinds::default();
        }
        StoredKinds {
            root: self.root.name.clone(),
            root_id: self.root.id,
            id: own.map(|kind| kind.id),
        }
    }
}

/// The built-in kinds.
impl Default for ParentKinds {
    fn default() -> Self {
        let kind = |name: &str, label: &str, id, is_root, custom| ParentKind {
            name: KindName(name.into()),
            plural: format!("{name}s"),
            label: label.to_owned(),
            id,
            is_root,
            custom,
            names_files: custom,
        };
        let root = kind("organization", "Organization", IdForm::Name, true, false);
        Self {
            kinds: vec![
                root.clone(),
                kind("project", "Project", IdForm::Integer, false, false),
                kind("source", "Source", IdForm::Name, false, true),
            ],
            root,
        }
    }
}

/// What is stored with an export of its parent's kind and the root's, so that whatever reads the export needs no catalog.
/// By default that of the built-in kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKinds {
    /// The kind that the parent's root is of.
    pub root: KindName,
    /// Which texts are ids of roots.
    pub root_id: IdForm,
    /// Which texts are ids of the parent's kind; `None` for a built-in kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdForm>,
}

impl StoredKinds {
    /// Whether the kinds are the built-in ones.
    pub fn are_built_in(&self) -> bool {
        *self == Self::default()
    }

    /// The parent's id in JSON.
    pub fn id_in_json(&self, parent: &Parent) -> Value {
        let built_in = || match parent.kind().as_str() {
            "project" => IdForm::Integer,
            _ => IdForm::Name,
        };
        self.id.unwrap_or_else(built_in).in_json(parent.id())
    }

    /// The id of the root in JSON; null for a parent without one.
    pub fn root_id_in_json(&self, id: Option<&str>) -> Value {
        id.map_or(Value::Null, |id| self.root_id.in_json(id))
    }
}

impl Default for StoredKinds {
    fn default() -> Self {
        Self {
            root: KindName("organization".into()),
            root_id: IdForm::Name,
            id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_kind_is_the_root() {
        let kinds = ParentKinds::default();
        let [organization, project, source] = &kinds.kinds[..] else {
            panic!("three kinds")
        };
        assert_eq!(kinds.root(), organization);
        assert_eq!(ParentKinds::new(vec![project.clone()]), None);
        let two = vec![organization.clone(), organization.clone(), source.clone()];
        assert_eq!(ParentKinds::new(two), None);
        assert_eq!(ParentKinds::new(kinds.kinds.clone()), Some(kinds));
    }

    #[test]
    fn a_kind_that_is_in_use_stays_and_so_does_the_root() {
        let kinds = ParentKinds::default();
        let [organization, project, source] = &kinds.kinds[..] else {
            panic!("three kinds")
        };
        let names = |kinds: &ParentKinds| {
            let names = kinds.iter().map(|kind| kind.name.as_str().to_owned());
            names.collect::<Vec<_>>()
        };
        let fewer = ParentKinds::new(vec![organization.clone(), project.clone()]).unwrap();
        let both = fewer.with_stored(&[organization.clone(), source.clone()]);
        assert_eq!(names(&both), ["organization", "project", "source"]);
        assert_eq!(both.missing_in(&fewer), [&source.name]);
        assert_eq!(kinds.with_stored(&[]), kinds);

        let account = ParentKind {
            name: KindName("account".into()),
            plural: "accounts".to_owned(),
            ..organization.clone()
        };
        let other = ParentKinds::new(vec![account]).unwrap();
        let stored = other.with_stored(&[organization.clone(), project.clone()]);
        assert_eq!(names(&stored), ["organization", "project"]);
        assert_eq!(stored.root(), organization);
    }
}
