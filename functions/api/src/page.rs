//! The page at `/exports/{id}`, to which mails lead: it signs the person in and fetches the file.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::answer;
use crate::app::App;
use crate::error::ApiError;

const HTML: &str = include_str!("../page/index.html");
const SCRIPT: &str = include_str!("../page/page.js");
const STYLE: &str = include_str!("../page/page.css");

/// How the page signs people in: OpenID Connect, authorization code with PKCE.
pub(crate) struct SignIn {
    /// Where the discovery document is.
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// More places that sign-in talks to, such as a token endpoint, separated by spaces.
    pub(crate) origins: String,
}

impl SignIn {
    /// What the page may load and whom it may talk to (Content Security Policy Level 3).
    fn policy(&self) -> String {
        let origins = std::iter::once(self.issuer.as_str()).chain(self.origins.split_whitespace());
        let origins: Vec<String> = origins.filter_map(origin).collect();
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' {}; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            origins.join(" ")
        )
    }
}

/// Scheme, host and port of a URL, where they are such that a policy can name them.
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
pub(crate) fn router(sign_in: &SignIn) -> Router<Arc<App>> {
    let policy = HeaderValue::try_from(sign_in.policy());
    // An origin holds nothing that a header cannot.
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let page = move || {
        let policy = policy.clone();
        async move {
            file(
                "text/html; charset=utf-8",
                HTML,
                [(CONTENT_SECURITY_POLICY, policy)],
            )
        }
    };
    Router::new()
        .route("/", get(page.clone()))
        .route("/exports/{id}", get(page.clone()))
        .route("/signed-in", get(page))
        .route(
            "/page.js",
            get(|| async { file("text/javascript; charset=utf-8", SCRIPT, []) }),
        )
        .route(
            "/page.css",
            get(|| async { file("text/css; charset=utf-8", STYLE, []) }),
        )
        .route("/config.json", get(config))
}

async fn config(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let sign_in = &app.sign_in;
    let config = json!({"issuer": sign_in.issuer, "client_id": sign_in.client_id});
    let mut response = answer::json(StatusCode::OK, &config)?;
    answer::set(&mut response, CACHE_CONTROL, "no-cache")?;
    Ok(response)
}

fn file<const N: usize>(
    media_type: &'static str,
    text: &'static str,
    more: [(HeaderName, HeaderValue); N],
) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // An address may hold a sign-in's code, which is nobody else's business.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.extend(more);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_talks_to_its_own_origin_and_the_issuers_alone() {
        let sign_in = SignIn {
            issuer: "https://issuer.example/pool;script-src".into(),
            client_id: String::new(),
            origins: "https://tokens.example:8443/x javascript:alert(1) https://a'b;c".into(),
        };
        let policy = sign_in.policy();
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
    fn the_page_has_nothing_inline_and_nothing_of_others() {
        for inline in [
            "<style", "style=", "onclick=", "<script>", "http://", "https://",
        ] {
            assert!(!HTML.contains(inline), "{inline}");
        }
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }
}
