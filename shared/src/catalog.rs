//! The catalog: the types that can be exported, where their records are, and their columns, filters and searched
//! fields.

mod check;
mod conversion;
mod custom;
mod fixed;
mod origin;
mod out_of_service;
mod partitions;
mod records_spec;
mod sort_format;

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::{env, fs, io};

use serde::{Deserialize, Serialize};

pub use self::conversion::{Conversion, Mask, StoredForm};
pub use self::custom::{CUSTOM, Definition, Definitions, OTHER};
pub use self::fixed::{Constant, FixedCondition};
pub use self::origin::{Origin, Others, Path};
pub use self::out_of_service::OutOfService;
pub use self::partitions::{NoRoot, PartitionGroup, PeriodLength, Periods};
pub use self::records_spec::{DatabaseSpec, DynamodbSpec, RecordsSpec, SqlSpec};
pub use self::sort_format::{KeyForm, SortFormat};
use crate::field_error::FieldError;
use crate::parent::{KindName, ParentKinds};
use crate::value::{Kind, Stored};

/// The name of the filter on a record's creation time, the same in every type.
pub const CREATED_AT: &str = "created_at";

/// The name of the filter on a record's attributes, and of the map in the record that holds them.
pub const ATTRIBUTES: &str = "attributes";

/// The environment variable with the path of a catalog that replaces the built-in one.
const CATALOG_PATH: &str = "CATALOG_PATH";

const BUILT_IN: &str = include_str!("../../infra/catalog.toml");

/// The types that can be exported, and the kinds of parents. [`Catalog::parse`] has checked them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    types: Vec<ExportType>,
    kinds: ParentKinds,
    out_of_service: Vec<OutOfService>,
}

/// A mistake in a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogMistake {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

fn listed(mistakes: &[CatalogMistake]) -> String {
    let listed = mistakes
        .iter()
        .map(|mistake| format!("line {}: {}", mistake.line, mistake.message));
    listed.collect::<Vec<_>>().join("; in ")
}

/// A catalog that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The catalog is invalid: its mistakes, at least one, in the order of their lines.
    #[error("the catalog is invalid in {}", listed(.0))]
    Invalid(Vec<CatalogMistake>),
    /// The file at `CATALOG_PATH` cannot be read.
    #[error("cannot read the catalog {}; CATALOG_PATH must name a readable UTF-8 file", path.display())]
    Unreadable {
        /// The file's path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Catalog {
    /// Parses and checks a catalog in TOML.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] with the line, for everything that could make an export wrong: an unknown key or kind,
    /// a duplicate name, a partition without `{parent}`, a filter or a searched field that is no column.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        check::catalog(text).map(|(types, kinds)| Self {
            types,
            kinds,
            out_of_service: Vec::new(),
        })
    }

    /// Parses a catalog, and takes its invalid types out of service.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] for a text that is not divided into types.
    pub fn parse_valid(text: &str) -> Result<Self, CatalogError> {
        let ((types, kinds), out_of_service) = out_of_service::valid_types(text)?;
        Ok(Self {
            types,
            kinds,
            out_of_service,
        })
    }

    /// The catalog that was compiled in. The build has checked it.
    ///
    /// # Errors
    /// As [`Catalog::parse`].
    pub fn built_in() -> Result<Self, CatalogError> {
        Self::parse(BUILT_IN)
    }

    /// Loads the catalog from the file at `CATALOG_PATH`; the built-in catalog where that variable is not set.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`Catalog::parse`].
    pub fn load() -> Result<Self, CatalogError> {
        Self::parse(&loaded()?)
    }

    /// Reads the catalog from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`Catalog::parse`].
    pub fn read(path: &FilePath) -> Result<Self, CatalogError> {
        Self::parse(&read(path)?)
    }

    /// Takes types out of service for which `reason` returns one.
    pub fn take_out_of_service(&mut self, reason: impl Fn(&ExportType) -> Option<String>) {
        let out_of_service = &mut self.out_of_service;
        self.types.retain(|export_type| {
            let reason = reason(export_type);
            let is_served = reason.is_none();
            out_of_service.extend(reason.map(|reason| OutOfService {
                name: export_type.name.clone(),
                reason,
            }));
            is_served
        });
    }

    /// The types that the catalog has but that cannot be exported.
    pub fn out_of_service(&self) -> &[OutOfService] {
        &self.out_of_service
    }

    /// Whether the type with this name is out of service.
    pub fn is_out_of_service(&self, name: &str) -> bool {
        self.out_of_service.iter().any(|out| out.name == name)
    }

    /// The type with this name.
    pub fn get(&self, name: &str) -> Option<&ExportType> {
        self.types.iter().find(|t| t.name == name)
    }

    /// The kinds of parents.
    pub fn kinds(&self) -> &ParentKinds {
        &self.kinds
    }

    /// All types, in the catalog's order.
    pub fn types(&self) -> &[ExportType] {
        &self.types
    }
}

fn loaded() -> Result<String, CatalogError> {
    match env::var_os(CATALOG_PATH) {
        None => Ok(BUILT_IN.to_owned()),
        Some(path) => read(FilePath::new(&path)),
    }
}

fn read(path: &FilePath) -> Result<String, CatalogError> {
    fs::read_to_string(path).map_err(|source| CatalogError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// A type of records that can be exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportType {
    /// The name in the API and in file names: `orders`.
    pub name: String,
    /// The name shown to people: `Orders`.
    pub label: String,
    /// The kind of parent that the records belong to.
    pub parent: KindName,
    /// Whether the mail has the file attached or only links to it.
    pub delivery: Delivery,
    /// Where the records are.
    pub records: RecordsSpec,
    /// The attribute with a record's creation time, which the filter `created_at` applies to; `None` if records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Path>,
    /// The keys of the searched columns.
    pub search: Vec<String>,
    /// The names of the filters: keys of columns, `created_at`, `attributes`.
    pub filters: Vec<String>,
    /// The columns in the file's order, including those that are only filtered or searched.
    pub columns: Vec<Column>,
    /// Whether the parent's custom fields and attributes become columns too.
    pub custom: bool,
}

impl ExportType {
    /// The column with this key.
    pub fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.key == key)
    }

    /// The columns that a file can have, in the file's order.
    pub fn visible_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| !c.hidden)
    }

    /// The columns of a file whose request selects none.
    pub fn default_columns(&self) -> Vec<&Column> {
        self.visible_columns().filter(|c| c.default).collect()
    }

    /// The columns with these keys, in the order of the keys.
    ///
    /// # Errors
    /// One for each key that is unknown or repeated, and one for an empty list.
    pub fn select_columns<S: AsRef<str>>(
        &self,
        keys: &[S],
    ) -> Result<Vec<&Column>, Vec<FieldError>> {
        if keys.is_empty() {
            return Err(vec![FieldError::new(
                "columns",
                "must name at least one column; leave it out for the usual ones",
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
                        "is no column; {} has {}",
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

    /// Whether a parent's records come in the order of their creation time, so that the newest can come first.
    pub fn is_in_order_of_time(&self) -> bool {
        match &self.records {
            RecordsSpec::Dynamodb(spec) => {
                spec.scan.is_none() && spec.sort_format.is_ordered_by_time()
            }
            RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec) => {
                let first = spec.key.first().map(String::as_str);
                let created = self.created.as_ref();
                let created = created.filter(|path| path.names().len() == 1);
                created.is_some_and(|path| first == Some(path.root()))
            }
        }
    }

    /// Whether a column's values are masked.
    pub fn has_masks(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.conversion.mask.is_some())
    }

    /// How a record's creation time is stored.
    pub(crate) fn created_stored(&self) -> Option<Stored> {
        match (self.created_column(), &self.records) {
            (Some(column), _) => column.stored,
            // Where no column says it, the sort key may: it can be the same attribute.
            (None, RecordsSpec::Dynamodb(spec)) => {
                let created = self.created.as_ref()?;
                let is_key = |key: &&String| created.names() == [(*key).clone()];
                spec.sort_key.as_ref().filter(is_key)?;
                spec.sort_format.stored()
            }
            (None, RecordsSpec::Postgres(_) | RecordsSpec::Mysql(_)) => None,
        }
    }

    /// The form in which the time of creation is stored, where it is not that of its column's kind.
    pub(crate) fn created_form(&self) -> Option<StoredForm> {
        let column = self.created_column()?;
        column.conversion.form.clone()
    }

    fn created_column(&self) -> Option<&Column> {
        let created = self.created.as_ref()?;
        let mut columns = self.columns.iter();
        columns.find(|column| column.origin.path() == Some(created))
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
    /// The header in the file, and the name in the API.
    pub key: String,
    /// The name shown to people.
    pub label: String,
    /// What the values are.
    pub kind: Kind,
    /// Where the value is in a record.
    pub origin: Origin,
    /// How the value is stored, where it is shown in another form.
    pub stored: Option<Stored>,
    /// What is done with the value before anything else reads it.
    #[serde(default, skip_serializing_if = "Conversion::is_none")]
    pub conversion: Conversion,
    /// Whether the column is in a file whose request selects no columns.
    pub default: bool,
    /// The only values that the column has, and that a filter accepts; empty for any value.
    pub values: Vec<String>,
    /// What people see in place of a value, by value. Files for programs have the values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether the column is only for filters and searches: never in a file or in the API's catalog.
    pub hidden: bool,
}

impl Column {
    /// A column that is in a file by default, with its key as its label.
    pub fn new(key: impl Into<String>, kind: Kind, origin: impl Into<Origin>) -> Self {
        let key = key.into();
        Self {
            label: key.clone(),
            key,
            kind,
            origin: origin.into(),
            stored: None,
            conversion: Conversion::default(),
            default: true,
            values: Vec::new(),
            labels: BTreeMap::new(),
            hidden: false,
        }
    }

    /// The name in a header for people: the label, or the words of the key, as on the page: `created_at` is “Created at”.
    pub fn heading(&self) -> String {
        if self.label != self.key {
            return self.label.clone();
        }
        words(&self.key)
    }
}

/// The words of a key: `created_at` is “Created at”.
pub fn words(key: &str) -> String {
    let words = key.split(['_', '.', '-', ' ']);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let words = words.join(" ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => key.to_owned(),
    }
}

/// What the mail about a finished export contains: a link, or also the file if it is small enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// A link.
    Link,
    /// A link, and the file if it is small enough.
    Attachment,
}
