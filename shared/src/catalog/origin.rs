//! What a column's cells are read from.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a record has a value: attribute names from the outside in. `address.city` in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Path(Vec<String>);

impl Path {
    /// The path of these names. It has at least one.
    pub fn new(first: impl Into<String>, rest: impl IntoIterator<Item = String>) -> Self {
        Self(std::iter::once(first.into()).chain(rest).collect())
    }

    /// The names, from the outside in: at least one.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The outermost name: the attribute of the record that has the value in it.
    pub fn root(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What a column's cells are read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The value at the first of these paths where the record has one; there is at least one path.
    Paths {
        /// The paths, the first choice first.
        paths: Vec<Path>,
        /// What stands for a record's value where it has none.
        otherwise: Option<String>,
    },
    /// Everything that a record holds besides, as one JSON object.
    Others(Others),
}

impl Origin {
    /// The one path, where nothing stands for a value that is not there.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Paths {
                paths,
                otherwise: None,
            } if paths.len() == 1 => paths.first(),
            _ => None,
        }
    }

    /// The attributes of a record that it is read from; `None` for all of them.
    pub fn roots(&self) -> Option<impl Iterator<Item = &str>> {
        match self {
            Self::Paths { paths, .. } => Some(paths.iter().map(Path::root)),
            Self::Others(_) => None,
        }
    }
}

impl From<Path> for Origin {
    fn from(path: Path) -> Self {
        Self::Paths {
            paths: vec![path],
            otherwise: None,
        }
    }
}

/// The values of a record that no column has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Others {
    /// Where the columns' values are, and what is no value: the record's keys.
    pub known: BTreeSet<Path>,
    /// Maps of values under keys of their own, which are named without the map's name.
    pub maps: BTreeSet<String>,
}

impl Others {
    /// Whether a column has the value at this path.
    pub fn is_known(&self, path: &[String]) -> bool {
        self.known.iter().any(|known| known.names() == path)
    }

    /// Whether columns have values inside of the map at this path.
    pub fn is_looked_into(&self, path: &[String]) -> bool {
        let is_map = matches!(path, [name] if self.maps.contains(name));
        is_map
            || self
                .known
                .iter()
                .any(|known| known.names().len() > path.len() && known.names().starts_with(path))
    }
}
