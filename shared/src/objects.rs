//! The keys of objects in the bucket: the one place that forms them.

use std::fmt;

use uuid::Uuid;

use crate::export::ExportId;

/// The key of one object of an export: `exports/{id}/{random}`, a new one for each PUT or upload, so that no writer
/// ever meets another's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// A key that no object has.
    pub fn new(id: ExportId) -> Self {
        Self(format!("{}{}", Self::prefix(id), Uuid::new_v4().simple()))
    }

    /// What all keys of an export begin with.
    pub fn prefix(id: ExportId) -> String {
        format!("exports/{id}/")
    }

    /// The key as S3 has it.
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
    fn every_key_is_new_and_lies_under_its_export() {
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
