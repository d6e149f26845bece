//! `GET /openapi.json`: the OpenAPI document (the contract), generated from the views, the errors and the routes.

mod call;
mod examples;
mod kinds;
pub(crate) mod operations;
mod parameters;
mod problems;
mod schemas;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::response::Response;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, VARY};
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::{AdditionalProperties, Components, ComponentsBuilder, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, ServerBuilder,
};
use waybill::parent::ParentKinds;

use crate::endpoints::catalog::CatalogView;
use crate::endpoints::download::Link;
use crate::endpoints::events::EventList;
use crate::endpoints::list::ExportList;
use crate::endpoints::put_parent::DescribedParent;
use crate::endpoints::records::RecordList;
use crate::endpoints::sessions::NewSession;
use crate::endpoints::summary::Summary;
use crate::http::answer;
use crate::http::compression::{Compressed, VARIES_BY};
use crate::http::error::{ApiError, Problem};

/// The name of the security scheme in the contract.
const SECURITY: &str = "token";
/// Clients may cache the contract for five minutes, since a deployment changes it.
const CACHE_CONTROL: &str = "public, max-age=300";

const DESCRIPTION: &str = "Exports of a product's records as CSV and XLSX files.

Everything under `/v1` needs an access token. Errors are `application/problem+json` (RFC 9457), also 405 for a method \
that an address does not allow. Errors of the gateway itself have the form of `GatewayMessage`: 401 where it \
verifies tokens, and 413, 429 and 503 at its own limits. Resources that a token may not see are 404.";

/// Fields that are left out where they do not apply. All other fields are always present.
const OPTIONAL: [(&str, &str); 24] = [
    ("Catalog", "mistakes"),
    ("Catalog", "out_of_service"),
    ("Catalog", "staff"),
    ("Catalog", "unreadable"),
    ("Column", "labels"),
    ("DescribedParent", "custom_fields"),
    ("DescribedParent", "attributes"),
    ("Export", "headers"),
    ("Export", "order"),
    ("Filters", "attributes"),
    ("Filters", "created_at"),
    ("Meta", "unfinished"),
    ("Meta", "unreadable"),
    ("Meta", "count"),
    ("Problem", "code"),
    ("Problem", "errors"),
    ("Progress", "fraction"),
    ("Progress", "seconds_left"),
    ("Summary", "next"),
    ("Summary", "others"),
    ("Summary", "unreadable"),
    ("Warning", "column"),
    ("Warning", "attribute"),
    ("Warning", "example"),
];

pub(crate) use self::kinds::OfKind;

/// A path with its operations by method.
pub(crate) type Documented = (String, Vec<(HttpMethod, Operation)>);

/// Objects without further properties than those in the contract.
const CLOSED: [&str; 5] = ["Failure", "FieldError", "Receipt", "User", "Warning"];

/// The contract of a deployment, generated on first use, and again for other kinds of parents.
pub struct Contract {
    public_url: String,
    paths: fn(&ParentKinds) -> Vec<Documented>,
    body: Mutex<Option<(Arc<ParentKinds>, Arc<Compressed>)>>,
}

pub(crate) async fn read(
    Extension(contract): Extension<Arc<Contract>>,
    Extension(kinds): Extension<Arc<ParentKinds>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let body = contract.body(&kinds)?;
    let (body, encoding) = body.form(&headers);
    let mut response = answer::revalidated(body, &headers, CACHE_CONTROL)?;
    answer::set(&mut response, VARY, VARIES_BY)?;
    if let Some(encoding) = encoding.filter(|_| response.status().is_success()) {
        answer::set(&mut response, CONTENT_ENCODING, encoding)?;
    }
    Ok(response)
}

impl Contract {
    /// The contract of the API at `public_url` with these paths.
    pub(crate) fn new(
        public_url: impl Into<String>,
        paths: fn(&ParentKinds) -> Vec<Documented>,
    ) -> Self {
        Self {
            public_url: public_url.into(),
            paths,
            body: Mutex::default(),
        }
    }

    /// # Errors
    /// When the contract cannot be serialized, which is a bug.
    fn body(&self, kinds: &Arc<ParentKinds>) -> Result<Arc<Compressed>, ApiError> {
        let mut kept = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, body)) = kept.as_ref().filter(|(of, _)| of == kinds) {
            return Ok(body.clone());
        }
        let json = serde_json::to_vec(&document(&self.public_url, kinds, (self.paths)(kinds)));
        let json = json.map_err(|error| ApiError::Internal(error.into()))?;
        let body = Arc::new(Compressed::new(json));
        *kept = Some((kinds.clone(), body.clone()));
        Ok(body)
    }
}

fn document(public_url: &str, kinds: &ParentKinds, documented: Vec<Documented>) -> OpenApi {
    let license = LicenseBuilder::new()
        .name("MIT OR Apache-2.0")
        .identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Waybill")
        .version("v1")
        .description(Some(DESCRIPTION))
        .license(Some(license.build()));
    let mut paths = Paths::new();
    for (path, operations) in documented {
        for (method, mut operation) in operations {
            operation.tags = Some(vec![tag_of(&path).to_owned()]);
            paths.add_path_operation(&path, vec![method], operation);
        }
    }
    let parents = kinds::sentence(kinds);
    let tags = TAGS.into_iter().chain([(PARENTS, parents.as_str())]);
    let tags = tags.map(|(name, description)| {
        let tag = TagBuilder::new().name(name);
        tag.description(Some(description)).build()
    });
    OpenApiBuilder::new()
        .info(info.build())
        .tags(Some(tags))
        .servers(Some([ServerBuilder::new().url(public_url).build()]))
        .paths(paths)
        .components(Some(components(kinds)))
        .build()
}

/// The groups of operations, by the words of their paths: the first word that a path contains. A generated client has
/// one module for each.
const TAGS: [(&str, &str); 6] = [
    ("exports", "Exports, their history and their totals."),
    ("records", "The records that an export would contain."),
    ("catalog", "What can be exported."),
    ("downloads", "The files of exports."),
    (
        "session",
        "Sessions for people of a product without tokens.",
    ),
    ("openapi", "This contract."),
];
/// The group of all other operations.
const PARENTS: &str = "parents";

fn tag_of(path: &str) -> &'static str {
    let words = TAGS.map(|(name, _)| name);
    let named = words.into_iter().find(|word| path.contains(word));
    named.unwrap_or(PARENTS)
}

/// Adds the schema of a view, and those of the views in it.
fn add<T: ToSchema>(views: &mut Vec<(String, RefOr<Schema>)>) {
    views.push((T::name().into_owned(), T::schema()));
    T::schemas(views);
}

fn components(kinds: &ParentKinds) -> Components {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "An access token of the issuer that this API was deployed for, the token of a session, or an API key.",
        ));
    let mut views = Vec::new();
    add::<ExportList<'_>>(&mut views);
    add::<EventList<'_>>(&mut views);
    add::<RecordList>(&mut views);
    add::<CatalogView<'_>>(&mut views);
    add::<Summary>(&mut views);
    add::<DescribedParent<'_>>(&mut views);
    add::<Link>(&mut views);
    add::<NewSession>(&mut views);
    add::<Problem>(&mut views);
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(views)
        .security_scheme(SECURITY, SecurityScheme::Http(token.build()))
        .build();
    kinds::add_to(&mut components.schemas, kinds);
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(Schema::Object(object)) = schema {
            let always = object
                .properties
                .keys()
                .filter(|field| !OPTIONAL.contains(&(name, field)));
            object.required = always.cloned().collect();
            if CLOSED.contains(&name.as_str()) {
                let none = AdditionalProperties::FreeForm(false);
                object.additional_properties = Some(Box::new(none));
            }
        }
    }
    for (name, schema) in schemas::bodies(kinds) {
        components.schemas.insert(name.to_owned(), schema);
    }
    for (name, response) in problems::responses() {
        components.responses.insert(name, RefOr::T(response));
    }
    components
}

#[cfg(test)]
mod tests {
    use crate::routes::documented;

    use super::*;

    /// Each method of an address is held to the contract by the tests of the contract.
    #[test]
    fn the_contract_has_every_address_of_the_router_and_no_other() {
        let kinds = ParentKinds::default();
        let document = document("https://exports.example", &kinds, documented(&kinds));
        let routed = documented(&kinds).into_iter().map(|(path, _)| path);
        assert!(document.paths.paths.into_keys().eq(routed));
    }
}
