//! Parses the body of a request for an export.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use waybill::catalog::{Catalog, ExportType};
use waybill::export::User;
use waybill::field_error::FieldError;
use waybill::file::{Format, Headers, Profile, RowOrder};
use waybill::hash::hex;
use waybill::parent::KindName;
use waybill::parent_profile::ParentProfile;
use waybill::selection::Criteria;

use crate::endpoints::named_user;
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::zone;

const FIELDS: [&str; 11] = [
    "type",
    "format",
    "filters",
    "search",
    "columns",
    "profile",
    "headers",
    "order",
    "time_zone",
    "locale",
    "user",
];

/// A parsed request for an export; dates may still be relative.
#[derive(Debug)]
pub(crate) struct ExportRequest {
    /// The type with the columns defined for the parent.
    pub(crate) export_type: ExportType,
    pub(crate) format: Format,
    pub(crate) criteria: Criteria,
    /// The keys of the file's columns: the requested ones, or the type's own.
    pub(crate) columns: Vec<String>,
    /// Whether the request selects columns.
    names_columns: bool,
    pub(crate) profile: Profile,
    /// The requested ones, or those of the format.
    pub(crate) headers: Headers,
    pub(crate) order: RowOrder,
    pub(crate) time_zone: TimeZone,
    /// The time zone's IANA name in canonical case.
    pub(crate) time_zone_name: String,
    /// The recipient's locale, for the mail.
    pub(crate) locale: Option<String>,
    /// The user that a service requests the export for.
    pub(crate) user: Option<User>,
}

/// The canonical form, which is equal for equal requests.
#[derive(Serialize)]
struct Canonical<'a> {
    #[serde(rename = "type")]
    type_name: &'a str,
    format: Format,
    criteria: &'a Criteria,
    columns: Option<&'a [String]>,
    profile: Profile,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers>,
    #[serde(skip_serializing_if = "RowOrder::is_default")]
    order: RowOrder,
    time_zone: &'a str,
    user: &'a Option<User>,
}

impl ExportRequest {
    /// Parses a body of a request for this parent.
    ///
    /// # Errors
    /// One for each invalid field.
    pub(crate) fn parse(
        body: Map<String, Value>,
        catalog: &Catalog,
        profile: &ParentProfile,
    ) -> Result<Self, Vec<FieldError>> {
        let parent = &profile.parent;
        let mut fields = Fields::new(body, "", &FIELDS);
        let export_type = export_type(&mut fields, catalog, parent.kind());
        let export_type =
            export_type.map(|of| of.with_definitions(&profile.definitions, parent.id()));
        let format = format(&mut fields);
        let file_profile = file_profile(&mut fields);
        let headers = headers(&mut fields);
        let order = order(&mut fields, export_type.as_ref());
        let zone = time_zone(&mut fields);
        let locale = locale(&mut fields);
        let user = named_user::take(&mut fields, &["id", "name", "email", "issuer"]);
        let filters = fields.take("filters");
        let search = fields.take("search");
        let columns = fields.take("columns");
        let names_columns = columns.is_some();

        // The valid filters and columns depend on the type.
        let of_type = export_type.map(|export_type| {
            let criteria = Criteria::from_json(&export_type, filters.as_ref(), search.as_ref());
            let criteria = criteria.map_err(|errors| fields.refuse_all(errors)).ok();
            let columns = select(&mut fields, &export_type, columns);
            (export_type, criteria, columns)
        });
        let errors = fields.into_errors();
        match (of_type, format, file_profile, zone) {
            (
                Some((export_type, Some(criteria), Some(columns))),
                Some(format),
                Some(profile),
                Some((time_zone, time_zone_name)),
            ) if errors.is_empty() => Ok(Self {
                export_type,
                format,
                criteria,
                columns,
                names_columns,
                profile,
                headers: headers.unwrap_or(Headers::of_format(format)),
                order,
                time_zone,
                time_zone_name,
                locale,
                user,
            }),
            _ => Err(errors),
        }
    }

    /// SHA-256 of the canonical form.
    pub(crate) fn fingerprint(&self) -> Result<String, ApiError> {
        let canonical = Canonical {
            type_name: &self.export_type.name,
            format: self.format,
            criteria: &self.criteria,
            // The default columns may change between two equal requests.
            columns: self.names_columns.then_some(self.columns.as_slice()),
            profile: self.profile,
            // Those of the format are what a request without any asks for.
            headers: Some(self.headers)
                .filter(|headers| *headers != Headers::of_format(self.format)),
            order: self.order,
            time_zone: &self.time_zone_name,
            user: &self.user,
        };
        let json = serde_json::to_vec(&canonical).map_err(|e| ApiError::Internal(e.into()))?;
        Ok(hex(&Sha256::digest(json)))
    }
}

fn export_type<'a>(
    fields: &mut Fields,
    catalog: &'a Catalog,
    kind: &KindName,
) -> Option<&'a ExportType> {
    let name = fields.required_text("type")?;
    let of_kind = catalog.types().iter().filter(|t| t.parent == *kind);
    let names: Vec<&str> = of_kind.map(|t| t.name.as_str()).collect();
    match catalog.get(&name) {
        Some(export_type) if export_type.parent == *kind => Some(export_type),
        Some(export_type) => {
            let parent = export_type.parent.words();
            fields.refuse("type", format!("belongs to a {parent}; export it there"));
            None
        }
        None if names.is_empty() => {
            let all = catalog.kinds().get(kind.as_str());
            let all = all.map_or(kind.as_str(), |kind| kind.plural.as_str());
            fields.refuse(
                "type",
                format!("is unknown; there is nothing to export of {all}"),
            );
            None
        }
        None => {
            fields.refuse("type", format!("must be one of {}", names.join(", ")));
            None
        }
    }
}

fn format(fields: &mut Fields) -> Option<Format> {
    let name = fields.required_text("format")?;
    let format = Format::ALL.into_iter().find(|f| f.extension() == name);
    if format.is_none() {
        let names = Format::ALL.map(Format::extension).join(" or ");
        fields.refuse("format", format!("must be {names}"));
    }
    format
}

/// The longest locale that is accepted. RFC 5646, section 4.4.1, recommends 35 characters as the least limit.
pub(crate) const MAX_LOCALE: usize = 35;

fn locale(fields: &mut Fields) -> Option<String> {
    let value = fields.take("locale")?;
    let locale = value.as_str().filter(|text| is_locale(text));
    if locale.is_none() {
        fields.refuse(
            "locale",
            "must be a language tag (BCP 47), such as de or pt-BR",
        );
    }
    locale.map(str::to_owned)
}

/// Whether a text has the form of a language tag (RFC 5646): subtags of 1 to 8 letters or digits, the first of which has 2 or
/// more letters.
pub(super) fn is_locale(text: &str) -> bool {
    let mut subtags = text.split('-');
    let is_language = |tag: &str| tag.len() >= 2 && tag.bytes().all(|b| b.is_ascii_alphabetic());
    let is_subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= MAX_LOCALE
        && text.split('-').all(is_subtag)
        && subtags.next().is_some_and(is_language)
}

fn file_profile(fields: &mut Fields) -> Option<Profile> {
    match fields.take("profile") {
        None => Some(Profile::default()),
        Some(value) => {
            let profile = serde_json::from_value(value).ok();
            if profile.is_none() {
                fields.refuse("profile", "must be spreadsheet or data");
            }
            profile
        }
    }
}

fn headers(fields: &mut Fields) -> Option<Headers> {
    let headers = serde_json::from_value(fields.take("headers")?).ok();
    if headers.is_none() {
        fields.refuse("headers", "must be keys or labels");
    }
    headers
}

fn order(fields: &mut Fields, export_type: Option<&ExportType>) -> RowOrder {
    let order = match fields.take("order") {
        None => return RowOrder::default(),
        Some(value) => serde_json::from_value(value).ok(),
    };
    match (order, export_type) {
        (None, _) => fields.refuse("order", "must be oldest or newest"),
        (Some(RowOrder::Newest), Some(of)) if !of.is_in_order_of_time() => fields.refuse(
            "order",
            format!(
                "cannot be newest: the records of {} do not come in the order of their time",
                of.name
            ),
        ),
        _ => {}
    }
    order.unwrap_or_default()
}

fn time_zone(fields: &mut Fields) -> Option<(TimeZone, String)> {
    let Some(value) = fields.take("time_zone") else {
        return Some(zone::default());
    };
    let named = value.as_str().and_then(zone::named);
    if named.is_none() {
        fields.refuse("time_zone", zone::FORM);
    }
    named
}

fn select(
    fields: &mut Fields,
    export_type: &ExportType,
    columns: Option<Value>,
) -> Option<Vec<String>> {
    let keys = match columns {
        None => {
            return Some(
                export_type
                    .default_columns()
                    .iter()
                    .map(|c| c.key.clone())
                    .collect(),
            );
        }
        Some(value) => serde_json::from_value::<Vec<String>>(value).ok(),
    };
    let Some(keys) = keys else {
        fields.refuse("columns", "must be a list of the columns' keys");
        return None;
    };
    match export_type.select_columns(&keys) {
        Ok(_) => Some(keys),
        Err(errors) => {
            fields.refuse_all(errors);
            None
        }
    }
}

#[cfg(test)]
mod tests;
