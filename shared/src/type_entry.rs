//! A type's entry at the time of a request. The whole export uses it, even if the catalog changes meanwhile.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::ExportType;
use crate::hash::hex;

/// The version of the stored form. Entries of other versions are refused.
const VERSION: u32 = 1;

/// The resolved form of a type's entry. Tables and roles are named as in the catalog; the deployment maps these names.
/// Two entries with the same meaning have the same digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeEntry {
    /// SHA-256 of the JSON, in lower-case hexadecimal digits.
    pub digest: String,
    /// The JSON.
    pub json: String,
}

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    v: u32,
    #[serde(rename = "type")]
    of: T,
}

/// A stored entry that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TypeEntryError {
    /// The JSON is no entry.
    #[error("the stored entry is malformed")]
    Malformed(#[from] serde_json::Error),
    /// Another version of Waybill wrote the entry.
    #[error("the stored entry has version {0}; this Waybill reads version {VERSION}")]
    Version(u32),
}

impl TypeEntry {
    /// The entry of a type.
    ///
    /// # Errors
    /// None in practice: every type of a catalog has a JSON form.
    pub fn new(export_type: &ExportType) -> Result<Self, serde_json::Error> {
        let json = serde_json::to_string(&Stored {
            v: VERSION,
            of: export_type,
        })?;
        let digest = hex(&Sha256::digest(&json));
        Ok(Self { digest, json })
    }

    /// Parses an entry's JSON.
    ///
    /// # Errors
    /// When the JSON is no entry, or one of another version.
    pub fn parse(json: &str) -> Result<ExportType, TypeEntryError> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let Version { v } = serde_json::from_str(json)?;
        if v != VERSION {
            return Err(TypeEntryError::Version(v));
        }
        let stored: Stored<ExportType> = serde_json::from_str(json)?;
        Ok(stored.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_type_is_parsed_back_from_its_entry() {
        for export_type in Catalog::built_in().unwrap().types() {
            let entry = TypeEntry::new(export_type).unwrap();
            assert_eq!(&TypeEntry::parse(&entry.json).unwrap(), export_type);
            assert_eq!(TypeEntry::new(&export_type.clone()).unwrap(), entry);
        }
    }

    #[test]
    fn entries_that_differ_have_other_digests() {
        let text = include_str!("../../infra/catalog.toml");
        let digest = |text: &str| {
            let catalog = Catalog::parse(text).unwrap();
            TypeEntry::new(catalog.get("orders").unwrap())
                .unwrap()
                .digest
        };
        for (from, to) in [
            ("orders#{parent}", "order#{parent}"),
            (
                r#"{ key = "city", kind = "text" }"#,
                r#"{ key = "city", kind = "text", path = "town" }"#,
            ),
            ("\"shipped\", ", ""),
        ] {
            let changed = text.replacen(from, to, 9);
            assert_ne!(text, changed, "{from}");
            assert_ne!(digest(text), digest(&changed), "{from}");
        }
        let elsewhere = text.replace("label    = \"Purchases\"", "label    = \"Sales\"");
        assert_eq!(digest(text), digest(&elsewhere));
    }

    #[test]
    fn an_entry_of_another_version_is_refused() {
        let error = TypeEntry::parse(r#"{"v":2,"kind":"new"}"#).unwrap_err();
        assert!(matches!(error, TypeEntryError::Version(2)));
        assert!(matches!(
            TypeEntry::parse("{}").unwrap_err(),
            TypeEntryError::Malformed(_)
        ));
    }
}
