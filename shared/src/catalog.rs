//! The catalog: what can be exported, where its records are, and its columns, filters and searched fields.

mod check;
mod custom;
mod origin;
mod records;

use std::path::{Path as FilePath, PathBuf};
use std::{env, fs, io};

use serde::{Deserialize, Serialize};

pub use self::custom::{CUSTOM, Definition, Definitions, OTHER};
pub use self::origin::{Origin, Others, Path};
pub use self::records::{Constant, Engine, RecordsSpec, SortFormat};
use crate::field_error::FieldError;
use crate::value::{Kind, Stored};

/// The filter on the instant of a record's creation, under this name in every type.
pub const CREATED_AT: &str = "created_at";

/// The filter on a record's attributes, and the record's own name for the map that holds them.
pub const ATTRIBUTES: &str = "attributes";

/// The variable that names another catalog than the built-in one.
const CATALOG_PATH: &str = "CATALOG_PATH";

const BUILT_IN: &str = include_str!("../../infra/catalog.toml");

/// Every type that can be exported. It has passed every check: see [`Catalog::parse`].
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    types: Vec<ExportType>,
}

/// A catalog that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It says something wrong.
    #[error("the catalog is wrong in line {line}: {message}")]
    Invalid {
        /// The line, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The file that `CATALOG_PATH` names cannot be read.
    #[error("cannot read the catalog {}; CATALOG_PATH must name a readable UTF-8 file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Catalog {
    /// Reads and checks a catalog.
    ///
    /// # Errors
    /// Everything that could make an export wrong is refused, with its line: an unknown key or kind, a name that is
    /// there twice, a partition without `{parent}`, a filter or a searched field that names no column.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        check::catalog(text).map(|types| Self { types })
    }

    /// The catalog that Waybill was built with. The build has checked it.
    ///
    /// # Errors
    /// As [`Catalog::parse`].
    pub fn built_in() -> Result<Self, CatalogError> {
        Self::parse(BUILT_IN)
    }

    /// The catalog in the file that the variable `CATALOG_PATH` names; without one, the built-in catalog.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`Catalog::parse`].
    pub fn load() -> Result<Self, CatalogError> {
        match env::var_os(CATALOG_PATH) {
            None => Self::built_in(),
            Some(path) => Self::read(FilePath::new(&path)),
        }
    }

    /// The catalog in a file.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`Catalog::parse`].
    pub fn read(path: &FilePath) -> Result<Self, CatalogError> {
        let text = fs::read_to_string(path).map_err(|source| CatalogError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// The type of this name.
    pub fn get(&self, name: &str) -> Option<&ExportType> {
        self.types.iter().find(|t| t.name == name)
    }

    /// All types, as the catalog orders them.
    pub fn types(&self) -> &[ExportType] {
        &self.types
    }
}

/// Something that can be exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportType {
    /// Its name in the API and in file names: `orders`.
    pub name: String,
    /// Its name for people: `Orders`.
    pub label: String,
    /// What its records belong to.
    pub parent: ParentKind,
    /// Whether the mail brings the file or only a link.
    pub delivery: Delivery,
    /// Where its records are.
    pub records: RecordsSpec,
    /// The attribute that says when a record was created; the filter `created_at` is on this one.
    pub created: Path,
    /// The keys of the columns that a search looks into.
    pub search: Vec<String>,
    /// What can be filtered: keys of columns, `created_at`, `attributes`.
    pub filters: Vec<String>,
    /// Its columns in the file's order, with those that are only filtered or searched.
    pub columns: Vec<Column>,
    /// Whether the parent's custom fields and attributes are columns too.
    pub custom: bool,
}

impl ExportType {
    /// The column of this key.
    pub fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.key == key)
    }

    /// The columns that a file can have, in its order.
    pub fn visible_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| !c.hidden)
    }

    /// The columns of a file for which the request names none.
    pub fn default_columns(&self) -> Vec<&Column> {
        self.visible_columns().filter(|c| c.default).collect()
    }

    /// The columns of these keys, in the order of the keys.
    ///
    /// # Errors
    /// One for each key that names no column, or one that is named before; and for an empty list.
    pub fn select_columns<S: AsRef<str>>(
        &self,
        keys: &[S],
    ) -> Result<Vec<&Column>, Vec<FieldError>> {
        if keys.is_empty() {
            return Err(vec![FieldError::new(
                "columns",
                "name at least one column, or leave `columns` out",
            )]);
        }
        let mut columns = Vec::with_capacity(keys.len());
        let mut errors = Vec::new();
        for (index, key) in keys.iter().map(AsRef::as_ref).enumerate() {
            let field = || format!("columns[{index}]");
            match self.column(key).filter(|c| !c.hidden) {
                None => errors.push(FieldError::new(
                    field(),
                    format!(
                        "no such column; {} has {}",
                        self.name,
                        keys_of(self.visible_columns())
                    ),
                )),
                Some(column) if columns.contains(&column) => {
                    errors.push(FieldError::new(field(), format!("`{key}` is named twice")));
                }
                Some(column) => columns.push(column),
            }
        }
        if errors.is_empty() {
            Ok(columns)
        } else {
            Err(errors)
        }
    }

    /// How the instant of a record's creation is stored.
    pub(crate) fn created_stored(&self) -> Option<Stored> {
        self.columns
            .iter()
            .find(|c| c.origin.path() == Some(&self.created))
            .and_then(|c| c.stored)
    }
}

fn keys_of<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    columns
        .map(|c| c.key.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its header, and its name in the API.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// What its values are.
    pub kind: Kind,
    /// Where a record has its value.
    pub origin: Origin,
    /// How the value is stored, where that is not how it is shown.
    pub stored: Option<Stored>,
    /// Whether it is in a file for which the request names no columns.
    pub default: bool,
    /// The values that it can have; empty where that is open. A filter accepts only these.
    pub values: Vec<String>,
    /// Whether it is never in a file nor shown in the catalog, only filtered and searched.
    pub hidden: bool,
}

/// What records belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ParentKind {
    /// A customer of the product, with its projects and sources.
    Organization,
    /// A project, with an integer id.
    Project,
    /// A source of records, with fields of its own.
    Source,
}

impl ParentKind {
    /// Every kind.
    pub const ALL: [ParentKind; 3] = [
        ParentKind::Organization,
        ParentKind::Project,
        ParentKind::Source,
    ];

    /// As grants and tables say it: `project`.
    pub fn as_str(self) -> &'static str {
        match self {
            ParentKind::Organization => "organization",
            ParentKind::Project => "project",
            ParentKind::Source => "source",
        }
    }

    /// As the API's paths say it: `projects`.
    pub fn plural(self) -> &'static str {
        match self {
            ParentKind::Organization => "organizations",
            ParentKind::Project => "projects",
            ParentKind::Source => "sources",
        }
    }

    /// The kind that a path's word names.
    pub fn from_plural(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == word)
    }
}

/// What the mail about a finished export brings: a link, or the file too where it is small enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// A link.
    Link,
    /// A link, and the file where it is small enough.
    Attachment,
}
