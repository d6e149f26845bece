//! `GET /openapi.json`: the contract, made from the views, the errors and the routes.

mod examples;
pub(crate) mod operations;
mod problems;
pub(crate) mod schemas;

use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Components, ComponentsBuilder, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, ServerBuilder,
};

use crate::answer;
use crate::app::App;
use crate::catalog::CatalogView;
use crate::download::Link;
use crate::error::{ApiError, Problem};
use crate::events::EventList;
use crate::list::ExportList;
use crate::records::RecordList;
use crate::routes::{Route, routes};
use crate::summary::Summary;

/// The name of the token in the contract.
const SECURITY: &str = "token";
/// How long a client may go on with the contract that it has: a deployment changes it.
const CACHE_CONTROL: &str = "public, max-age=300";

const DESCRIPTION: &str = "Exports of a product's records as CSV and XLSX files.

Everything under `/v1` needs an access token. Errors are `application/problem+json` (RFC 9457), 405 too, for a method \
that an address does not take. What the gateway refuses by itself has the form of `GatewayMessage`: 401, and 413, 429 \
and 503 at its own limits. What a token may not see is 404.";

/// Fields that are left out where they do not apply; every other one is always there.
const OPTIONAL: [(&str, &str); 6] = [
    ("Catalog", "unreadable"),
    ("Meta", "unfinished"),
    ("Meta", "unreadable"),
    ("Meta", "count"),
    ("Problem", "errors"),
    ("Summary", "unreadable"),
];

/// The contract as it is sent.
pub(crate) struct Contract {
    json: Vec<u8>,
    gzip: Vec<u8>,
}

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let contract = app.contract()?;
    let zipped = accepts_gzip(&headers);
    let body = if zipped {
        &contract.gzip
    } else {
        &contract.json
    };
    let mut response = answer::revalidated(body.clone(), &headers, CACHE_CONTROL)?;
    answer::set(&mut response, VARY, "Accept-Encoding")?;
    if zipped && response.status().is_success() {
        answer::set(&mut response, CONTENT_ENCODING, "gzip")?;
    }
    Ok(response)
}

impl Contract {
    /// The contract of the API that is found at `public_url`.
    ///
    /// # Errors
    /// When it has no JSON form, which is a mistake of ours.
    pub(crate) fn new(public_url: &str) -> Result<Self, ApiError> {
        let json = serde_json::to_vec(&document(public_url, &routes()));
        let json = json.map_err(|error| ApiError::Broken(error.into()))?;
        let gzip = gzip(&json).map_err(|error| ApiError::Broken(error.into()))?;
        Ok(Self { json, gzip })
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&weight.trim());
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn document(public_url: &str, routes: &[Route]) -> OpenApi {
    let license = LicenseBuilder::new()
        .name("MIT OR Apache-2.0")
        .identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Waybill")
        .version("v1")
        .description(Some(DESCRIPTION))
        .license(Some(license.build()));
    let mut paths = Paths::new();
    for route in routes {
        for (method, operation) in &route.operations {
            paths.add_path_operation(&route.path, vec![method.clone()], operation.clone());
        }
    }
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url(public_url).build()]))
        .paths(paths)
        .components(Some(components()))
        .build()
}

/// Adds the schema of a view, and those of the views in it.
fn add<T: ToSchema>(views: &mut Vec<(String, RefOr<Schema>)>) {
    views.push((T::name().into_owned(), T::schema()));
    T::schemas(views);
}

fn components() -> Components {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "An access token of the issuer that this API was deployed for.",
        ));
    let mut views = Vec::new();
    add::<ExportList<'_>>(&mut views);
    add::<EventList<'_>>(&mut views);
    add::<RecordList>(&mut views);
    add::<CatalogView<'_>>(&mut views);
    add::<Summary>(&mut views);
    add::<Link>(&mut views);
    add::<Problem>(&mut views);
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(views)
        .security_scheme(SECURITY, SecurityScheme::Http(token.build()))
        .build();
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(Schema::Object(object)) = schema {
            let always = object
                .properties
                .keys()
                .filter(|field| !OPTIONAL.contains(&(name, field)));
            object.required = always.cloned().collect();
        }
    }
    let taken_over = schemas::of_the_model().into_iter();
    for (name, schema) in taken_over.chain(schemas::of_bodies()) {
        components.schemas.insert(name.to_owned(), schema);
    }
    for (name, response) in problems::responses() {
        components.responses.insert(name, RefOr::T(response));
    }
    components
}
