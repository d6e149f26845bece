//! Collects the mistakes of a catalog.

use std::ops::Range;

use toml::Spanned;

use crate::catalog::{CatalogError, CatalogMistake};

/// What is wrong: each mistake with its bytes in the text.
#[derive(Default)]
pub(super) struct Wrong(Vec<(Range<usize>, String)>);

impl Wrong {
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self(vec![(span, message.into())])
    }

    /// Keeps the mistakes of a result, so that others are found too.
    pub(super) fn keep<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.add(wrong);
                None
            }
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The error of a catalog with this text.
    pub(super) fn in_text(self, text: &str) -> CatalogError {
        let line = |span: Range<usize>| {
            let before = text.as_bytes().iter().take(span.start);
            1 + before.filter(|&&b| b == b'\n').count()
        };
        let mistakes = self.0.into_iter().map(|(span, message)| CatalogMistake {
            line: line(span),
            message,
        });
        let mut mistakes: Vec<_> = mistakes.collect();
        mistakes.sort_by_key(|mistake| mistake.line);
        CatalogError::Invalid(mistakes)
    }

    /// The value, if nothing is wrong.
    pub(super) fn or<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => Err(self),
        }
    }
}

pub(super) fn wrong<T>(at: &Spanned<T>, message: impl Into<String>) -> Wrong {
    Wrong::at(at.span(), message)
}
