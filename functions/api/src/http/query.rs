//! Query strings of lists.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use waybill::catalog::Catalog;
use waybill::export::Status;
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
}

/// The parameters of a list.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ListParameters {
    /// The maximum number of entries.
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    /// The accepted statuses; empty for any. Sorted and unique.
    pub(crate) statuses: Vec<Status>,
    /// The accepted types; empty for any. Sorted and unique.
    pub(crate) types: Vec<String>,
}

impl ListParameters {
    /// Parses the parameters of a list of exports: `limit`, `cursor`, `status` and `type`.
    ///
    /// # Errors
    /// 422 with every unknown or invalid parameter.
    pub(crate) fn parse_exports(pairs: &Pairs, catalog: &Catalog) -> Result<Self, ApiError> {
        let list = Self::parse(
            pairs,
            "limit, cursor, status and type",
            |list, name, value| match name {
                "status" => match Status::parse(value) {
                    Some(status) => {
                        list.statuses.push(status);
                        Ok(true)
                    }
                    None => Err(format!(
                        "must be one of {}",
                        Status::ALL.map(Status::as_str).join(", ")
                    )),
                },
                "type" if catalog.get(value).is_some() || catalog.is_out_of_service(value) => {
                    list.types.push(value.to_owned());
                    Ok(true)
                }
                "type" => Err("is no type of the catalog".to_owned()),
                _ => Ok(false),
            },
        );
        list.map_err(ApiError::Invalid)
    }

    /// Parses the parameters of another list: `limit` and `cursor`.
    ///
    /// # Errors
    /// One for every unknown or invalid parameter.
    pub(crate) fn parse_plain(pairs: &Pairs) -> Result<Self, Vec<FieldError>> {
        Self::parse(pairs, "limit and cursor", |_, _, _| Ok(false))
    }

    /// `more` parses further parameters, and returns whether it knows them.
    fn parse(
        pairs: &Pairs,
        known: &str,
        more: impl Fn(&mut Self, &str, &str) -> Result<bool, String>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut list = Self::default();
        let mut limit = None;
        let mut errors = Vec::new();
        for (name, value) in &pairs.0 {
            let taken = match name.as_str() {
                "limit" if limit.is_some() => Err("must not be repeated".to_owned()),
                "limit" => match value.parse() {
                    Ok(number @ 1..=MAX_LIMIT) => {
                        limit = Some(number);
                        Ok(true)
                    }
                    _ => Err(format!("must be a whole number from 1 to {MAX_LIMIT}")),
                },
                "cursor" if list.cursor.is_some() => Err("must not be repeated".to_owned()),
                "cursor" => {
                    list.cursor = Some(value.clone());
                    Ok(true)
                }
                other => more(&mut list, other, value),
            };
            let message = match taken {
                Ok(true) => continue,
                Ok(false) => format!("is unknown; the parameters are {known}"),
                Err(message) => message,
            };
            errors.push(FieldError::new(
                name.chars().take(100).collect::<String>(),
                message,
            ));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        list.limit = limit.unwrap_or(DEFAULT_LIMIT);
        list.statuses.sort_by_key(|status| status.as_str());
        list.statuses.dedup();
        list.types.sort();
        list.types.dedup();
        Ok(list)
    }

    /// The scope of this list's cursors.
    pub(crate) fn scope(&self, path: &str) -> String {
        let mut scope = path.to_owned();
        for status in &self.statuses {
            scope += &format!("&status={}", status.as_str());
        }
        for name in &self.types {
            scope += &format!("&type={name}");
        }
        scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<ListParameters, String> {
        let pairs = pairs
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect();
        let catalog = Catalog::load().unwrap();
        ListParameters::parse_exports(&Pairs(pairs), &catalog).map_err(|error| match error {
            ApiError::Invalid(errors) => errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn parameters_are_parsed_in_any_order_and_spelling() {
        let list = parse(&[
            ("type", "orders"),
            ("status", "failed"),
            ("status", "cancelled"),
            ("limit", "100"),
            ("status", "canceled"),
        ]);
        let list = list.unwrap();
        assert_eq!(list.statuses, [Status::Canceled, Status::Failed]);
        assert_eq!(
            (list.limit, list.types.as_slice()),
            (100, &["orders".to_owned()][..])
        );
        assert_eq!(
            list.scope("/p"),
            "/p&status=canceled&status=failed&type=orders"
        );
        assert_eq!(parse(&[]).unwrap().limit, 25);
    }

    #[test]
    fn every_invalid_parameter_is_named() {
        let wrong = [
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "ten"),
            ("status", "pending"),
            ("status", ""),
            ("type", "invoices"),
            ("page", "2"),
            ("cursor", "a"),
            ("cursor", "b"),
        ];
        insta::assert_snapshot!(parse(&wrong).unwrap_err(), @"
        limit: must be a whole number from 1 to 100
        limit: must be a whole number from 1 to 100
        limit: must be a whole number from 1 to 100
        status: must be one of waiting, processing, succeeded, failed, canceled, expired
        status: must be one of waiting, processing, succeeded, failed, canceled, expired
        type: is no type of the catalog
        page: is unknown; the parameters are limit, cursor, status and type
        cursor: must not be repeated
        ");
        insta::assert_snapshot!(parse(&[("limit", "1"), ("limit", "1")]).unwrap_err(), @"limit: must not be repeated");
    }
}
