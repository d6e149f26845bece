//! The query string of a list of records, parsed.

use jiff::tz::TimeZone;
use serde_json::json;
use waybill::catalog::{Column, ExportType};
use waybill::field_error::FieldError;
use waybill::selection::Criteria;

use crate::http::error::ApiError;
use crate::http::query::{ListParameters, Pairs};
use crate::http::zone;

const OF_PAGES: [&str; 2] = ["limit", "cursor"];
const COLUMNS: &str = "columns";
const TIME_ZONE: &str = "time_zone";

/// What is asked for; dates may still be relative.
pub(super) struct RecordsQuery<'a> {
    pub(super) list: ListParameters,
    pub(super) criteria: Criteria,
    /// Those that were named, or the type's own.
    pub(super) columns: Vec<&'a Column>,
    /// The zone in which days begin and timestamps are shown.
    pub(super) time_zone: TimeZone,
    time_zone_name: String,
}

impl<'a> RecordsQuery<'a> {
    /// Reads `limit`, `cursor`, `columns` (repeatable), `time_zone`, and the filters and the search of an export.
    ///
    /// # Errors
    /// One for each parameter that is wrong.
    pub(super) fn parse(
        pairs: Pairs,
        export_type: &'a ExportType,
    ) -> Result<Self, Vec<FieldError>> {
        let (list, others) = pairs.divide(&OF_PAGES);
        let (named, others) = others.divide(&[COLUMNS]);
        let (zone, criteria) = others.divide(&[TIME_ZONE]);
        let mut errors = Vec::new();
        let list = kept(ListParameters::parse(&list), &mut errors);
        let columns = kept(columns(&named, export_type), &mut errors);
        let zone = zone::of_query(&zone, TIME_ZONE).map_err(|error| vec![error]);
        let zone = kept(zone, &mut errors);
        let criteria = Criteria::from_query(export_type, criteria.iter());
        let criteria = kept(criteria, &mut errors);
        match (list, criteria, columns, zone) {
            (Some(list), Some(criteria), Some(columns), Some((time_zone, time_zone_name))) => {
                Ok(Self {
                    list,
                    criteria,
                    columns,
                    time_zone,
                    time_zone_name,
                })
            }
            _ => Err(errors),
        }
    }

    /// As [`RecordsQuery::parse`], for a count, which has no pages.
    ///
    /// # Errors
    /// As [`RecordsQuery::parse`].
    pub(super) fn of_count(
        pairs: Pairs,
        export_type: &'a ExportType,
    ) -> Result<Self, Vec<FieldError>> {
        let of_pages: Vec<FieldError> = pairs
            .iter()
            .filter(|(name, _)| OF_PAGES.contains(name))
            .map(|(name, _)| FieldError::new(name, "is for a list; a count has no pages"))
            .collect();
        match of_pages.is_empty() {
            true => Self::parse(pairs, export_type),
            false => Err(of_pages),
        }
    }

    /// What a cursor of this list is bound to: all but the page's size.
    pub(super) fn scope(&self, path: &str) -> Result<String, ApiError> {
        let columns: Vec<&str> = self.columns.iter().map(|c| c.key.as_str()).collect();
        let criteria = serde_json::to_value(&self.criteria);
        let criteria = criteria.map_err(|error| ApiError::Internal(error.into()))?;
        let list = json!([criteria, columns, self.time_zone_name]);
        Ok(format!("{path}?{list}"))
    }
}

fn kept<T>(parsed: Result<T, Vec<FieldError>>, errors: &mut Vec<FieldError>) -> Option<T> {
    parsed.map_err(|wrong| errors.extend(wrong)).ok()
}

fn columns<'a>(
    pairs: &Pairs,
    export_type: &'a ExportType,
) -> Result<Vec<&'a Column>, Vec<FieldError>> {
    let keys: Vec<&str> = pairs.iter().map(|(_, key)| key).collect();
    if keys.is_empty() {
        return Ok(export_type.default_columns());
    }
    // A query string has names alone, no places in a list.
    let errors = |errors: Vec<FieldError>| {
        let messages = errors.into_iter().map(|error| error.message);
        messages
            .map(|message| FieldError::new(COLUMNS, message))
            .collect()
    };
    export_type.select_columns(&keys).map_err(errors)
}
