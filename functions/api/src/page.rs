//! Serves the page, the elements for the host's own pages, and the configuration for both.

mod assets;
mod bundle;

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router, middleware};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use waybill::parent::ParentKinds;

use self::assets::{Assets, Kept};
use crate::http::answer;
use crate::http::error::ApiError;
use crate::http::path::{self, PLURAL};

/// The configuration of the page.
pub struct PageConfig {
    /// The URL of the OpenID Connect issuer (authorization code with PKCE). Without one, people come with sessions.
    pub issuer: Option<String>,
    /// The URL where the product signs people in and sends them back with a session, in place of the issuer.
    pub sign_in_url: Option<String>,
    /// The client id for sign-in.
    pub client_id: String,
    /// The scope that the sign-in asks for, if it is not the usual one.
    pub scope: Option<String>,
    /// The audience that the sign-in asks for (Auth0).
    pub audience: Option<String>,
    /// Further URLs for sign-in, such as a token endpoint, separated by spaces.
    pub sign_in_origins: String,
    /// Origins whose pages may frame this page, separated by spaces.
    pub frame_ancestors: String,
    /// The name of the product.
    pub product_name: String,
    /// The email address of support.
    pub support_address: Option<String>,
}

impl PageConfig {
    /// The Content Security Policy (Level 3): what the page may load, where it may connect, and who may frame it.
    fn policy(&self) -> String {
        let talks_to = self
            .issuer
            .as_deref()
            .into_iter()
            .chain(self.sign_in_origins.split_whitespace())
            .filter_map(origin);
        let talks_to: Vec<String> = talks_to.collect();
        let framed_by: Vec<String> = self
            .frame_ancestors
            .split_whitespace()
            .filter_map(origin)
            .collect();
        let framed_by = match framed_by.is_empty() {
            true => "'none'".to_owned(),
            false => framed_by.join(" "),
        };
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' {}; \
             base-uri 'none'; form-action 'none'; frame-ancestors {framed_by}; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            talks_to.join(" ")
        )
    }
}

/// The origin of a URL; `None` if it cannot be in a policy.
fn origin(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let scheme = uri
        .scheme_str()
        .filter(|scheme| ["http", "https"].contains(scheme))?;
    authority
        .chars()
        .all(is_plain)
        .then(|| format!("{scheme}://{authority}"))
}

/// The page and its files.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(config: &PageConfig) -> Router<S> {
    let policy = HeaderValue::try_from(config.policy());
    // An origin has only characters that a header allows.
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let page = move |Extension(kinds): Extension<Arc<ParentKinds>>, headers: HeaderMap| {
        let policy = policy.clone();
        async move {
            let mut response = found(&assets::of(&kinds), "index.html", &headers, Kept::Never)?;
            let headers = response.headers_mut();
            headers.insert(CONTENT_SECURITY_POLICY, policy);
            Ok::<_, ApiError>(response)
        }
    };
    let mut public = json!({
        "issuer": config.issuer,
        "client_id": config.client_id,
        "product_name": config.product_name,
        "support_address": config.support_address,
    });
    let given = [
        ("sign_in_url", &config.sign_in_url),
        ("scope", &config.scope),
        ("audience", &config.audience),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            public[name] = value.as_str().into();
        }
    }
    let config_json = async move || public_config(&public);
    let of_parent = get(page.clone()).layer(middleware::from_fn(path::kind_of_path));
    Router::new()
        .route("/", get(page.clone()))
        .route("/exports/{id}", get(page.clone()))
        .route("/signed-in", get(page.clone()))
        .route("/assets/{version}/{name}", get(asset))
        .route("/element/v1.js", get(element))
        .route("/config.json", get(config_json))
        .route(&format!("/{PLURAL}/{{id}}"), of_parent.clone())
        .route(&format!("/{PLURAL}/{{id}}/{{list}}"), of_parent)
}

fn found(
    assets: &Assets,
    name: &str,
    headers: &HeaderMap,
    kept: Kept,
) -> Result<Response, ApiError> {
    let found = assets.file(name, headers, kept);
    found.ok_or(ApiError::NotFound)
}

async fn asset(
    Path((version, name)): Path<(String, String)>,
    Extension(kinds): Extension<Arc<ParentKinds>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let assets = assets::of(&kinds);
    let kept = match assets.are_of(&version) {
        true => Kept::Forever,
        false => Kept::Never,
    };
    found(&assets, &name, &headers, kept)
}

async fn element(
    Extension(kinds): Extension<Arc<ParentKinds>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    found(&assets::of(&kinds), "element.js", &headers, Kept::Minutes)
}

/// The configuration for the page's scripts.
fn public_config(config: &Value) -> Result<Response, ApiError> {
    let mut response = answer::json(StatusCode::OK, config)?;
    answer::set(&mut response, CACHE_CONTROL, "no-cache")?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(frame_ancestors: &str) -> PageConfig {
        PageConfig {
            issuer: Some("https://issuer.example/pool;script-src".into()),
            sign_in_url: None,
            client_id: String::new(),
            scope: None,
            audience: None,
            sign_in_origins: "https://tokens.example:8443/x javascript:alert(1) https://a'b;c"
                .into(),
            frame_ancestors: frame_ancestors.into(),
            product_name: String::new(),
            support_address: None,
        }
    }

    #[test]
    fn the_page_connects_only_to_its_own_origin_and_the_issuers() {
        let policy = config("").policy();
        assert!(
            policy
                .contains("connect-src 'self' https://issuer.example https://tokens.example:8443;"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
    }

    #[test]
    fn only_configured_origins_may_frame_the_page() {
        for (named, framed_by) in [
            ("", "'none'"),
            ("*", "'none'"),
            ("https://*.example", "'none'"),
            ("https:", "'none'"),
            (
                "https://app.example/path  http://localhost:3000",
                "https://app.example http://localhost:3000",
            ),
        ] {
            let policy = config(named).policy();
            assert!(
                policy.contains(&format!("frame-ancestors {framed_by};")),
                "{policy}"
            );
        }
    }
}
