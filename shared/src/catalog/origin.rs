//! Where a column's values come from.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The path of a value in a record: attribute names from the outside in. `address.city` in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Path(Vec<String>);

impl Path {
    /// The path with these names; it has at least one.
    pub fn new(first: impl Into<String>, rest: impl IntoIterator<Item = String>) -> Self {
        Self(std::iter::once(first.into()).chain(rest).collect())
    }

    /// The names, from the outside in; at least one.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The first name: the record's attribute that contains the value.
    pub fn root(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The value at the first of these paths that has one; there is at least one path.
    Paths {
        /// The paths, in order of preference.
        paths: Vec<Path>,
        /// The value for records without one.
        otherwise: Option<String>,
    },
    /// All values of a record that no other column has, as one JSON object.
    Others(Others),
}

impl Origin {
    /// The path, where there is exactly one and no default value.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Paths {
                paths,
                otherwise: None,
            } if paths.len() == 1 => paths.first(),
            _ => None,
        }
    }

    /// The paths, in order of preference; none for all further values.
    pub fn paths(&self) -> &[Path] {
        match self {
            Self::Paths { paths, .. } => paths,
            Self::Others(_) => &[],
        }
    }

    /// The attributes of a record that the values are read from; `None` for all of them.
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

/// The values of a record that no other column has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Others {
    /// The paths of other columns' values and of the record's key.
    pub known: BTreeSet<Path>,
    /// Maps whose values are shown under their own keys, without the map's name.
    pub maps: BTreeSet<String>,
}

impl Others {
    /// Whether another column has the value at this path.
    pub fn has_value_at(&self, path: &[String]) -> bool {
        self.known.iter().any(|known| known.names() == path)
    }

    /// Whether another column has a value inside the map at this path.
    pub fn has_values_inside(&self, path: &[String]) -> bool {
        let is_map = matches!(path, [name] if self.maps.contains(name));
        is_map
            || self
                .known
                .iter()
                .any(|known| known.names().len() > path.len() && known.names().starts_with(path))
    }
}
