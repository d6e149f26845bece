//! Query strings of lists.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use waybill::field_error::FieldError;

use super::error::ApiError;

pub(crate) const DEFAULT_LIMIT: usize = 25;
pub(crate) const MAX_LIMIT: usize = 100;

/// The decoded pairs of a query string, in order.
pub(crate) struct Pairs(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|_| ApiError::field("query", "cannot be read"))?;
        Ok(Self(pairs))
    }
}

impl Pairs {
    /// Divides the pairs into those with these names, and the others.
    pub(crate) fn divide(self, names: &[&str]) -> (Self, Self) {
        let (own, others) = self
            .0
            .into_iter()
            .partition(|(name, _)| names.contains(&name.as_str()));
        (Self(own), Self(others))
    }

    /// The names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }
}

/// The parameters of a page of a list.
#[derive(Debug, PartialEq)]
pub(crate) struct ListParameters {
    /// The maximum number of entries.
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
}

impl ListParameters {
    /// Parses `limit` and `cursor`.
    ///
    /// # Errors
    /// One for every unknown or invalid parameter.
    pub(crate) fn parse(pairs: &Pairs) -> Result<Self, Vec<FieldError>> {
        let (mut limit, mut cursor) = (None, None);
        let mut errors = Vec::new();
        for (name, value) in pairs.iter() {
            let message = match name {
                "limit" if limit.is_some() => "must not be repeated".to_owned(),
                "limit" => match value.parse() {
                    Ok(number @ 1..=MAX_LIMIT) => {
                        limit = Some(number);
                        continue;
                    }
                    _ => format!("must be a whole number from 1 to {MAX_LIMIT}"),
                },
                "cursor" if cursor.is_some() => "must not be repeated".to_owned(),
                "cursor" => {
                    cursor = Some(value.to_owned());
                    continue;
                }
                _ => "is unknown; the parameters are limit and cursor".to_owned(),
            };
            let name: String = name.chars().take(100).collect();
            errors.push(FieldError::new(name, message));
        }
        match errors.is_empty() {
            true => Ok(Self {
                limit: limit.unwrap_or(DEFAULT_LIMIT),
                cursor,
            }),
            false => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<ListParameters, String> {
        ListParameters::parse(&Pairs::of(pairs)).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("\n")
        })
    }

    #[test]
    fn a_page_has_25_entries_unless_it_says_how_many() {
        assert_eq!(parse(&[]).unwrap().limit, 25);
        let page = parse(&[("cursor", "abc"), ("limit", "100")]).unwrap();
        assert_eq!((page.limit, page.cursor.as_deref()), (100, Some("abc")));
    }

    #[test]
    fn every_invalid_parameter_is_named() {
        let wrong = [
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "ten"),
            ("page", "2"),
            ("cursor", "a"),
            ("cursor", "b"),
        ];
        insta::assert_snapshot!(parse(&wrong).unwrap_err(), @"
        limit: must be a whole number from 1 to 100
        limit: must be a whole number from 1 to 100
        limit: must be a whole number from 1 to 100
        page: is unknown; the parameters are limit and cursor
        cursor: must not be repeated
        ");
        insta::assert_snapshot!(parse(&[("limit", "1"), ("limit", "1")]).unwrap_err(), @"limit: must not be repeated");
    }
}
