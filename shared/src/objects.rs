//! The keys of objects in the bucket. No other module forms keys.

use std::fmt;

use uuid::Uuid;

use crate::export::ExportId;

/// The key of an object of an export: `exports/{id}/{random}`. Each PUT or upload has a new key, so that no writer can
/// overwrite another's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// A new, unused key.
    pub fn new(id: ExportId) -> Self {
        Self(format!("{}{}", Self::prefix(id), Uuid::new_v4().simple()))
    }

    /// The prefix of all keys of an export.
    pub fn prefix(id: ExportId) -> String {
        format!("exports/{id}/")
    }

    /// The key in S3.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_new_and_has_its_exports_prefix() {
        let id = ExportId::try_from(7).unwrap();
        let (one, two) = (ObjectKey::new(id), ObjectKey::new(id));
        assert_ne!(one, two);
        assert!(one.as_str().starts_with("exports/7/"));
        assert!(
            !one.as_str()
                .starts_with(&ObjectKey::prefix(ExportId::try_from(71).unwrap()))
        );
    }
}
