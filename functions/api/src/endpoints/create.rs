//! `POST /v1/{parents}/{id}/exports`: requests an export.

mod request;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{ACCEPT_LANGUAGE, LOCATION};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use waybill::access_rules::{Action, Credential};
use waybill::catalog::Definitions;
use waybill::event::Actor;
use waybill::export::{Export, NewExport, User};
use waybill::file::name::FileName;
use waybill::parent::ParentKind;
use waybill::parent_profile::ParentProfile;
use waybill::store::{Creation, Idempotency};

pub(crate) use self::request::MAX_LOCALE;
use self::request::{ExportRequest, is_locale};
use super::named_user;
use super::read::shown;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::path::PathParent;
use crate::http::{answer, body};
use crate::requester::{Requester, RequesterOrKey};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_LENGTH: usize = 255;

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    RequesterOrKey(requester): RequesterOrKey,
    of: PathParent,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let profile = app.parents.get(&of.parent, &app.kinds()).await?;
    let caller = &requester.caller;
    let otherwise = "You may see exports here, but not start them.";
    let permissions = &app.permissions;
    let known = permissions
        .require(&requester, Action::Create, &profile, otherwise)
        .await?;
    let key = idempotency_key(&headers)?;
    let fields = body::object(&headers, body).await?;
    let names_user = fields.get("user").is_some_and(|user| !user.is_null());
    if names_user && !caller.may_name_user() {
        return Err(ApiError::Forbidden(
            "Only a token with the grant `service` may name the user that an export is for.".into(),
        ));
    }
    if !names_user && caller.credential == Credential::ApiKey {
        let message = "is required with an API key, which is no person's";
        return Err(ApiError::field("user", message));
    }
    if let Some(name) = fields.get("type").and_then(Value::as_str) {
        app.require_in_service(name)?;
    }
    let catalog = app.catalog();
    let request = ExportRequest::parse(fields, &catalog, &profile).map_err(ApiError::Invalid)?;
    let user = match request.user.clone() {
        Some(user) => with_issuer(&app, &requester, user)?,
        None => named_user::complete(requester.user(), known),
    };
    let idempotency = match key {
        None => None,
        Some(key) => Some(Idempotency {
            key,
            person: caller.person().to_string(),
            path: format!("{}/exports", of.path()),
            fingerprint: request.fingerprint()?,
        }),
    };

    let now = app.now();
    // The entry is stored before any export that uses it.
    let entry = catalog.get(&request.export_type.name);
    let entry = entry.ok_or_else(|| ApiError::Internal("the catalog lacks the type".into()))?;
    let entry = app.type_entries.keep(entry).await?;
    app.keep_kind(&of.kind).await?;
    let parent = (&profile, &of.kind);
    let locale = locale(&request, &requester, &headers);
    let export = new_export(&request, (entry, locale), (&requester, user), parent, now)?;
    let who = Actor {
        on_behalf_of: request.user.as_ref().map(|user| user.id.clone()),
        ..requester.actor()
    };
    match app.creator.create(export, who, idempotency, now).await? {
        Creation::New(export) => {
            app.send(export.id).await;
            created(&app, &requester, &export, now).await
        }
        Creation::Replayed(export) => {
            let mut response = created(&app, &requester, &export, now).await?;
            answer::set(&mut response, IDEMPOTENCY_REPLAYED, "true")?;
            Ok(response)
        }
        Creation::KeyReused => Err(ApiError::KeyReused),
        Creation::TooMany { retry_after } => Err(ApiError::TooMany { retry_after }),
        Creation::Busy => Err(ApiError::Busy),
    }
}

async fn created(
    app: &App,
    requester: &Requester,
    export: &Export,
    now: Timestamp,
) -> Result<Response, ApiError> {
    let mut response = shown(app, requester, StatusCode::CREATED, export, now).await?;
    let location = format!("{}/v1/exports/{}", app.public_url, export.id);
    answer::set(&mut response, LOCATION, &location)?;
    Ok(response)
}

/// The user with their issuer: the named one, which must be known here, or that of the backend's own users.
fn with_issuer(app: &App, requester: &Requester, user: User) -> Result<User, ApiError> {
    let own = requester.issuer_of_users();
    let issuer = user.issuer.unwrap_or_else(|| own.clone());
    if issuer != own && !app.is_issuer(&issuer) {
        let message =
            "must be an issuer of this deployment: its own, or one of the deployment file";
        return Err(ApiError::field("user.issuer", message));
    }
    Ok(User {
        issuer: Some(issuer),
        ..user
    })
}

fn new_export(
    request: &ExportRequest,
    (entry, locale): (String, Option<String>),
    (requester, user): (&Requester, User),
    (profile, kind): (&ParentProfile, &ParentKind),
    now: Timestamp,
) -> Result<NewExport, ApiError> {
    let caller = &requester.caller;
    let selection = request
        .criteria
        .pin(now, &request.time_zone)
        .map_err(ApiError::Invalid)?;
    Ok(NewExport {
        type_name: request.export_type.name.clone(),
        format: request.format,
        parent: profile.parent.clone(),
        root_id: profile.root_id.clone(),
        kinds: profile.kinds.clone(),
        user,
        requested_by: caller.sub.clone(),
        requester_issuer: Some(caller.issuer.clone()),
        filters: selection.filters(),
        search: selection.search().map(str::to_owned),
        columns: request.columns.clone(),
        entry,
        definitions: match request.export_type.custom {
            true => profile.definitions.clone(),
            false => Definitions::default(),
        },
        profile: request.profile,
        headers: request.headers,
        order: request.order,
        time_zone: request.time_zone_name.clone(),
        locale,
        file_name: file_name(request, kind, &profile.name, now),
        created_at: now,
    })
}

/// The recipient's locale: the one in the request, or else that of the token (OpenID Connect Core 1.0, section 5.1) or of the
/// browser. The two latter say nothing about the person that a backend names.
fn locale(request: &ExportRequest, requester: &Requester, headers: &HeaderMap) -> Option<String> {
    let of_requester = || {
        let claim = requester.claims.get("locale");
        let claim = claim.map(|claim| claim.replace('_', "-"));
        let accepted = headers.get(ACCEPT_LANGUAGE);
        let accepted = accepted.and_then(|accepted| accepted.to_str().ok());
        // The first is what the person reads best (RFC 9110, section 12.5.4).
        let accepted = accepted.and_then(|list| list.split([',', ';']).next());
        let accepted = accepted.map(|first| first.trim().to_owned());
        claim.into_iter().chain(accepted).find(|tag| is_locale(tag))
    };
    match (&request.locale, &request.user) {
        (Some(locale), _) => Some(locale.clone()),
        (None, Some(_)) => None,
        (None, None) => of_requester(),
    }
}

fn file_name(
    request: &ExportRequest,
    kind: &ParentKind,
    parent_name: &str,
    now: Timestamp,
) -> String {
    let type_name = &request.export_type.name;
    FileName::new(type_name, kind, parent_name, now, request.format).to_string()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let refuse = |message: &str| Err(ApiError::field("Idempotency-Key", message));
    if keys.next().is_some() {
        return refuse("must not be repeated");
    }
    let key = key.as_bytes();
    let is_visible = key.iter().all(u8::is_ascii_graphic);
    if !is_visible || !(1..=MAX_KEY_LENGTH).contains(&key.len()) {
        return refuse("must have 1 to 255 visible ASCII characters");
    }
    Ok(Some(key.iter().copied().map(char::from).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// API Gateway would join the two by a comma.
    #[test]
    fn a_key_may_be_given_once() {
        let mut headers = HeaderMap::new();
        for key in ["a", "a"] {
            headers.append(IDEMPOTENCY_KEY, key.parse().unwrap());
        }
        let Err(ApiError::Invalid(errors)) = idempotency_key(&headers) else {
            panic!("two keys were accepted");
        };
        assert_eq!(errors[0].field, "Idempotency-Key");
        assert_eq!(errors[0].message, "must not be repeated");
    }
}
