//! The routes of the API: paths, handlers, and operations of the contract.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post, put};
use axum::{Extension, Router, middleware};
use utoipa::openapi::path::{HttpMethod, Operation};
use waybill::catalog::ParentKind;

use crate::app::App;
use crate::contract::{self, Contract, Documented, operations};
use crate::endpoints::{
    cancel, catalog, create, download, events, list, put_parent, read, records, summary,
};
use crate::http::error::ApiError;
use crate::http::{answer, cors};
use crate::page;

/// A route of the API.
struct Route {
    path: String,
    handlers: MethodRouter<Arc<App>>,
    operations: Vec<(HttpMethod, Operation)>,
}

impl Route {
    fn new(path: impl Into<String>, handlers: MethodRouter<Arc<App>>) -> Self {
        Self {
            path: path.into(),
            handlers,
            operations: Vec::new(),
        }
    }

    fn documented(mut self, method: HttpMethod, operation: Operation) -> Self {
        self.operations.push((method, operation));
        self
    }
}

/// All routes of the API.
fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new("/openapi.json", get(contract::read))
            .documented(HttpMethod::Get, operations::contract()),
        Route::new("/v1/catalog", get(catalog::read))
            .documented(HttpMethod::Get, operations::catalog()),
        Route::new("/v1/exports/{id}", get(read::read))
            .documented(HttpMethod::Get, operations::read()),
        Route::new("/v1/exports/{id}/cancel", post(cancel::cancel))
            .documented(HttpMethod::Post, operations::cancel()),
        Route::new("/v1/exports/{id}/events", get(events::list))
            .documented(HttpMethod::Get, operations::events()),
        Route::new("/v1/downloads/{uuid}", get(download::download))
            .documented(HttpMethod::Get, operations::download()),
    ];
    routes.extend(ParentKind::ALL.into_iter().flat_map(parent_routes));
    routes
}

fn parent_routes(kind: ParentKind) -> [Route; 6] {
    let path = format!("/v1/{}/{{id}}", kind.plural());
    let of_kind = |handlers: MethodRouter<Arc<App>>| handlers.layer(Extension(kind));
    [
        Route::new(&path, of_kind(put(put_parent::put)))
            .documented(HttpMethod::Put, operations::describe(kind)),
        Route::new(
            format!("{path}/catalog"),
            of_kind(get(catalog::read_parent)),
        )
        .documented(HttpMethod::Get, operations::parent_catalog(kind)),
        Route::new(
            format!("{path}/exports"),
            of_kind(post(create::create).get(list::list)),
        )
        .documented(HttpMethod::Post, operations::create(kind))
        .documented(HttpMethod::Get, operations::list(kind)),
        Route::new(
            format!("{path}/exports/summary"),
            of_kind(get(summary::read)),
        )
        .documented(HttpMethod::Get, operations::summarize(kind)),
        Route::new(
            format!("{path}/records/{{type}}"),
            of_kind(get(records::list)),
        )
        .documented(HttpMethod::Get, operations::records(kind)),
        Route::new(
            format!("{path}/records/{{type}}/count"),
            of_kind(get(records::count)),
        )
        .documented(HttpMethod::Get, operations::count(kind)),
    ]
}

/// The paths and operations for the contract.
pub(crate) fn documented() -> Vec<Documented> {
    let routes = routes().into_iter();
    routes.map(|route| (route.path, route.operations)).collect()
}

/// The contract of the API at `public_url`.
pub fn contract(public_url: &str) -> Contract {
    Contract::new(public_url, documented)
}

/// Looks whether the catalog has changed, before a request reads it.
async fn refresh_catalog(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    app.live.refresh().await;
    next.run(request).await
}

/// The router of the API and the page.
pub fn router(app: Arc<App>, contract: Contract) -> Router {
    let page = page::router(&app.page);
    let add = |router: Router<Arc<App>>, route: Route| router.route(&route.path, route.handlers);
    routes()
        .into_iter()
        .fold(page, add)
        .fallback(|| async { ApiError::NotFound })
        .layer(Extension(Arc::new(contract)))
        .layer(middleware::from_fn_with_state(app.clone(), refresh_catalog))
        .layer(middleware::from_fn(cors::preflight))
        .layer(middleware::from_fn(answer::complete))
        .with_state(app)
}
