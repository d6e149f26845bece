//! The routes of the API: paths, handlers, and operations of the contract.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Extension, Router, middleware};
use utoipa::openapi::path::{HttpMethod, Operation};
use waybill::aws::CallError;
use waybill::parent::ParentKinds;
use waybill::store::StoreError;

use crate::app::App;
use crate::contract::{self, Contract, Documented, OfKind, operations};
use crate::endpoints::{
    cancel, catalog, create, delete_file, download, events, list, put_parent, read, records,
    sessions, summary,
};
use crate::http::compression::compress;
use crate::http::error::ApiError;
use crate::http::path::{PLURAL, kind_of_path};
use crate::http::{answer, cors};
use crate::page;

/// A route of the API.
struct Route {
    path: String,
    handlers: MethodRouter<Arc<App>>,
    operations: Vec<(HttpMethod, Described)>,
}

/// What describes an operation in the contract.
enum Described {
    Once(fn(&ParentKinds) -> Operation),
    ForEachKind(fn(OfKind<'_>) -> Operation),
}

impl Route {
    fn new(path: impl Into<String>, handlers: MethodRouter<Arc<App>>) -> Self {
        Self {
            path: path.into(),
            handlers,
            operations: Vec::new(),
        }
    }

    /// A route below the path of a parent of any kind.
    fn of_parent(path: &str, handlers: MethodRouter<Arc<App>>) -> Self {
        let handlers = handlers.layer(middleware::from_fn(kind_of_path));
        Self::new(format!("/v1/{PLURAL}/{{id}}{path}"), handlers)
    }

    fn documented(mut self, method: HttpMethod, operation: fn(&ParentKinds) -> Operation) -> Self {
        self.operations.push((method, Described::Once(operation)));
        self
    }

    fn for_each_kind(mut self, method: HttpMethod, operation: fn(OfKind<'_>) -> Operation) -> Self {
        self.operations
            .push((method, Described::ForEachKind(operation)));
        self
    }

    /// The path and the operations that are not of a kind of parents.
    fn documents(&self, kinds: &ParentKinds) -> Documented {
        let operations = self.operations.iter().filter_map(|(method, described)| {
            let Described::Once(operation) = described else {
                return None;
            };
            Some((method.clone(), operation(kinds)))
        });
        (self.path.clone(), operations.collect())
    }

    /// The path and the operations of a kind of parents.
    fn documents_of(&self, of: OfKind<'_>) -> Documented {
        let operations = self.operations.iter().filter_map(|(method, described)| {
            let Described::ForEachKind(operation) = described else {
                return None;
            };
            Some((method.clone(), operation(of)))
        });
        let path = self.path.replace(PLURAL, &of.kind.plural);
        (path, operations.collect())
    }
}

/// The routes that are of no kind of parents.
fn plain_routes() -> Vec<Route> {
    vec![
        Route::new("/openapi.json", get(contract::read))
            .documented(HttpMethod::Get, |_| operations::contract()),
        Route::new("/v1/catalog", get(catalog::read))
            .documented(HttpMethod::Get, operations::catalog),
        Route::new("/v1/exports/{id}", get(read::read))
            .documented(HttpMethod::Get, operations::read),
        Route::new("/v1/exports/{id}/cancel", post(cancel::cancel))
            .documented(HttpMethod::Post, operations::cancel),
        Route::new("/v1/exports/{id}/file", delete(delete_file::delete))
            .documented(HttpMethod::Delete, operations::delete_file),
        Route::new("/v1/exports/{id}/events", get(events::list))
            .documented(HttpMethod::Get, |_| operations::events()),
        Route::new("/v1/downloads/{uuid}", get(download::download))
            .documented(HttpMethod::Get, |_| operations::download()),
        Route::new("/v1/sessions", post(sessions::open))
            .documented(HttpMethod::Post, operations::open_session),
    ]
}

/// The routes of a parent, which are the same for each kind.
fn parent_routes() -> Vec<Route> {
    vec![
        Route::of_parent("", put(put_parent::put))
            .for_each_kind(HttpMethod::Put, operations::describe),
        Route::of_parent("/catalog", get(catalog::read_parent))
            .for_each_kind(HttpMethod::Get, operations::parent_catalog),
        Route::of_parent("/exports", post(create::create).get(list::list))
            .for_each_kind(HttpMethod::Post, operations::create)
            .for_each_kind(HttpMethod::Get, operations::list),
        Route::of_parent("/exports/summary", get(summary::read))
            .for_each_kind(HttpMethod::Get, operations::summarize),
        Route::of_parent("/records/{type}", get(records::list))
            .for_each_kind(HttpMethod::Get, operations::records),
        Route::of_parent("/records/{type}/count", get(records::count))
            .for_each_kind(HttpMethod::Get, operations::count),
    ]
}

/// The paths and operations for the contract: those of parents for each of these kinds.
pub(crate) fn documented(kinds: &ParentKinds) -> Vec<Documented> {
    let plain = plain_routes();
    let plain = plain.iter().map(|route| route.documents(kinds));
    let of_parents = parent_routes();
    let of_parents = kinds.iter().flat_map(|kind| {
        let of = OfKind { kinds, kind };
        of_parents.iter().map(move |route| route.documents_of(of))
    });
    plain.chain(of_parents).collect()
}

/// The contract of the API at `public_url`.
pub fn contract(public_url: &str) -> Contract {
    Contract::new(public_url, documented)
}

/// Looks whether the catalog has changed, before a request reads it. Gives the request the kinds of parents; before these
/// are known, no request is answered.
async fn refresh_catalog(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    if !app.refresh().await {
        let unread = CallError::with_code("Query", "unread", "the kinds of parents are not known");
        return ApiError::Store(StoreError::Unavailable(unread)).into_response();
    }
    request.extensions_mut().insert(app.kinds());
    next.run(request).await
}

/// The router of the API and the page.
pub fn router(app: Arc<App>, contract: Contract) -> Router {
    let page = page::router(&app.page);
    let add = |router: Router<Arc<App>>, route: Route| router.route(&route.path, route.handlers);
    plain_routes()
        .into_iter()
        .chain(parent_routes())
        .fold(page, add)
        // Of the page, as its files are, and so in no contract.
        .route("/session", post(sessions::redeem))
        .route("/session/end", post(sessions::end))
        .fallback(|| async { ApiError::NotFound })
        .layer(Extension(Arc::new(contract)))
        .layer(middleware::from_fn_with_state(app.clone(), refresh_catalog))
        .layer(middleware::from_fn(cors::preflight))
        .layer(middleware::from_fn(answer::complete))
        .layer(middleware::from_fn(compress))
        .with_state(app)
}
