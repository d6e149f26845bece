//! Keys that a catalog does not know: each is a mistake, and the rest of the catalog is read without them.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::Wrong;
use crate::toml_error::explained;

/// Reads a text without the keys that `T` does not know. Returns also the mistakes: these keys.
///
/// # Errors
/// These and the first mistake of another kind, such as a value of another type.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<(T, Wrong), Wrong> {
    let wrong = |error: &toml::de::Error| {
        Wrong::at(error.span().unwrap_or_default(), explained(error, text))
    };
    let mut document = DeTable::parse(text).map_err(|error| wrong(&error))?;
    let mut found = Wrong::default();
    loop {
        let error = match T::deserialize(Deserializer::from(document.clone())) {
            Ok(read) => return Ok((read, found)),
            Err(error) => error,
        };
        found.add(wrong(&error));
        let is_unknown = error.message().starts_with("unknown field");
        let span = error.span().filter(|_| is_unknown);
        if !span.is_some_and(|span| remove(document.get_mut(), &span)) {
            return Err(found);
        }
    }
}

/// Removes the key at these bytes, in this table or inside. Returns whether it was there.
fn remove(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let found = table.iter().find(|(key, _)| key.span() == *span);
    if let Some(name) = found.map(|(key, _)| key.get_ref().to_string()) {
        return table.remove(name.as_str()).is_some();
    }
    let mut values = table.iter_mut();
    values.any(|(_, value)| remove_inside(value.get_mut(), span))
}

fn remove_inside(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => remove(table, span),
        DeValue::Array(values) => values
            .iter_mut()
            .any(|value| remove_inside(value.get_mut(), span)),
        _ => false,
    }
}
