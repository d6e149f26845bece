//! `POST /v1/sessions`: a host's backend opens a session for a person. `POST /session`: the page redeems the code of a URL.
//! `POST /session/end`: ends a session.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill::access_rules::Grant;
use waybill::bearer_secret::{BearerSecret, SecretKind};
use waybill::export::{ExportId, User};
use waybill::field_error::FieldError;
use waybill::parent::ParentKinds;
use waybill::store::{ApiKey, CODE_VALIDITY, Session};

use super::named_user;
use crate::app::App;
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::{answer, body};
use crate::requester::KeyHolder;

/// The longest session in minutes, which is also the usual one.
const MAX_MINUTES: i64 = 60;
/// The maximum number of grants of a session.
const MAX_GRANTS: usize = 100;
/// The longest path in characters.
const MAX_PATH: usize = 2048;

/// A new session: its token, and a URL that opens the page with a session of its own.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewSession {
    /// The token for the elements, as `Authorization: Bearer …`.
    token: String,
    /// The URL of the page. It opens once, within 60 seconds.
    url: String,
    /// When the sessions of both end.
    expires_at: Timestamp,
}

/// The session that a code has given.
#[derive(Serialize)]
pub(crate) struct RedeemedSession {
    /// The token, as `Authorization: Bearer …`.
    token: String,
    /// When the session ends.
    expires_at: Timestamp,
    user: SessionUser,
}

/// Whose session it is.
#[derive(Serialize)]
struct SessionUser {
    /// The person's id in the host's product.
    id: String,
    name: Option<String>,
    email: Option<String>,
}

pub(crate) async fn open(
    State(app): State<Arc<App>>,
    KeyHolder(key): KeyHolder,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = body::object(&headers, body).await?;
    let now = app.now();
    let parsed = parse(fields, &key, &app.kinds(), now).map_err(ApiError::Invalid)?;
    let (session, path) = parsed;
    let [token, code] = [SecretKind::Session, SecretKind::Code].map(BearerSecret::random);
    let (token, code) = (token.map_err(no_random)?, code.map_err(no_random)?);
    let until = session.ends_at.min(now + CODE_VALIDITY);
    let (token_hash, code_hash) = (token.hash(), code.hash());
    tokio::try_join!(
        app.sessions.add(&token_hash, &session),
        app.sessions.add_code(&code_hash, &session, until),
    )?;
    let opened = NewSession {
        token: token.reveal().to_owned(),
        // In the fragment, which a browser sends to no server.
        url: format!("{}{path}#code={}", app.public_url, code.reveal()),
        expires_at: session.ends_at,
    };
    answer::json(StatusCode::CREATED, &opened)
}

pub(crate) async fn redeem(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    app.require_sessions()?;
    let mut fields = Fields::new(body::object(&headers, body).await?, "", &["code"]);
    let code = fields.required_text("code");
    let errors = fields.into_errors();
    let Some(code) = code.filter(|_| errors.is_empty()) else {
        return Err(ApiError::Invalid(errors));
    };
    let over = || {
        let message = "This link was used already, or is older than a minute. Open the exports from the product again.";
        ApiError::Gone(message.to_owned())
    };
    let now = app.now();
    let code = BearerSecret::parse(SecretKind::Code, &code).ok_or_else(over)?;
    let session = app.session_tokens.redeem(&code, now).await?;
    let session = session.ok_or_else(over)?;
    let token = BearerSecret::random(SecretKind::Session).map_err(no_random)?;
    app.sessions.add(&token.hash(), &session).await?;
    let User {
        id, name, email, ..
    } = session.user;
    let redeemed = RedeemedSession {
        token: token.reveal().to_owned(),
        expires_at: session.ends_at,
        user: SessionUser { id, name, email },
    };
    answer::json(StatusCode::OK, &redeemed)
}

pub(crate) async fn end(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    app.require_sessions()?;
    match app.tokens.secret(&headers)? {
        Some((SecretKind::Session, token)) => {
            app.session_tokens.end(token, app.now()).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(ApiError::Forbidden(
            "Only a session (`wbs_…`) can be ended.".into(),
        )),
    }
}

fn no_random(error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::Internal(Box::new(error))
}

fn parse(
    body: Map<String, Value>,
    key: &ApiKey,
    kinds: &ParentKinds,
    now: Timestamp,
) -> Result<(Session, String), Vec<FieldError>> {
    let mut fields = Fields::new(body, "", &["user", "grants", "minutes", "path"]);
    if !fields.has("user") {
        fields.refuse("user", "is required");
    }
    let user = named_user::take(&mut fields, &["id", "name", "email"]);
    let grants = grants(&mut fields, key, kinds);
    let minutes = minutes(&mut fields);
    let path = path(&mut fields, kinds);
    let errors = fields.into_errors();
    match (user, grants, minutes) {
        (Some(user), Some(grants), Some(minutes)) if errors.is_empty() => {
            let session = Session {
                key_id: key.id.clone(),
                user: User {
                    issuer: Some(key.issuer()),
                    ..user
                },
                grants,
                ends_at: now + SignedDuration::from_mins(minutes),
            };
            Ok((session, path))
        }
        _ => Err(errors),
    }
}

/// The path of the page that the URL opens, such as that of an export.
fn path(fields: &mut Fields, kinds: &ParentKinds) -> String {
    let Some(path) = fields.text("path") else {
        return "/".to_owned();
    };
    // The code comes after the first `#`.
    let is_plain = |c: char| c.is_ascii_graphic() && !"#\\\"<>".contains(c);
    if path.len() > MAX_PATH || !path.chars().all(is_plain) || !is_of_page(&path, kinds) {
        let message = "must be a path of the page with at most 2048 characters, such as /exports/123 or \
                       /projects/42/orders";
        fields.refuse("path", message);
    }
    path
}

/// Whether the page has a view at this path. Other paths are files, or other servers (`//host`).
fn is_of_page(path: &str, kinds: &ParentKinds) -> bool {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let Some(path) = path.strip_prefix('/') else {
        return false;
    };
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [""] => true,
        ["exports", id] => id.parse::<ExportId>().is_ok(),
        [plural, id, list @ ..] => {
            let is_list = list.len() <= 1 && list.iter().all(|name| is_name(name));
            kinds.of_plural(plural).is_some() && !id.is_empty() && is_decodable(id) && is_list
        }
        _ => false,
    }
}

/// Whether a browser can decode the escapes of a segment: `decodeURIComponent` fails for others.
fn is_decodable(segment: &str) -> bool {
    let mut escapes = segment.split('%').skip(1);
    let are_whole = escapes.all(|after| {
        let digits = after.get(..2).unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit())
    });
    are_whole && percent_decode_str(segment).decode_utf8().is_ok()
}

/// The grants of the session: parents only, each within the key's own grants.
fn grants(fields: &mut Fields, key: &ApiKey, kinds: &ParentKinds) -> Option<Vec<String>> {
    const FORM: &str = "must be a list of 1 to 100 grants, such as [\"project:42\"]";
    let Some(value) = fields.take("grants") else {
        fields.refuse("grants", FORM);
        return None;
    };
    let grants: Option<Vec<String>> = serde_json::from_value(value).ok();
    let grants = grants.filter(|grants| (1..=MAX_GRANTS).contains(&grants.len()));
    let Some(grants) = grants else {
        fields.refuse("grants", FORM);
        return None;
    };
    for (place, grant) in grants.iter().enumerate() {
        let message = match Grant::parse(grant, kinds) {
            Some(Grant::Parent(_)) if key.grants.allow(grant) => continue,
            Some(Grant::Parent(_)) => format!("is beyond the key's own grants, {}", key.grants),
            Some(Grant::Staff | Grant::Service) => {
                "must be that of a parent: a session never has `staff` or `service`".to_owned()
            }
            None => format!("must be a grant of a parent: {}", forms(kinds)),
        };
        fields.refuse(&format!("grants[{place}]"), message);
    }
    Some(grants)
}

/// The forms of grants of parents: `organization:ID, project:ID`.
fn forms(kinds: &ParentKinds) -> String {
    let forms = kinds.iter().map(|kind| format!("{}:ID", kind.name));
    forms.collect::<Vec<_>>().join(", ")
}

fn minutes(fields: &mut Fields) -> Option<i64> {
    let Some(value) = fields.take("minutes") else {
        return Some(MAX_MINUTES);
    };
    let minutes = value.as_i64();
    let minutes = minutes.filter(|minutes| (1..=MAX_MINUTES).contains(minutes));
    if minutes.is_none() {
        fields.refuse("minutes", "must be a whole number from 1 to 60");
    }
    minutes
}
