//! Which handler answers which address.

use std::sync::Arc;

use axum::routing::{get, post, put};
use axum::{Extension, Router, middleware};
use waybill::parent::ParentKind;

use crate::app::App;
use crate::error::ApiError;
use crate::{
    answer, cancel, catalog, create, download, events, exports, list, page, parents, records,
};

/// Every address of the API and of its page.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/v1/catalog", get(catalog::read))
        .route("/v1/exports/{id}", get(exports::read))
        .route("/v1/exports/{id}/cancel", post(cancel::cancel))
        .route("/v1/exports/{id}/events", get(events::list))
        .route("/v1/downloads/{uuid}", get(download::download))
        .merge(page::router(&app.sign_in));
    for kind in ParentKind::ALL {
        let path = format!("/v1/{}/{{id}}", kind.plural());
        let of_parent = Router::new()
            .route(&path, put(parents::describe))
            .route(
                &format!("{path}/exports"),
                post(create::create).get(list::list),
            )
            .route(&format!("{path}/records/{{type}}"), get(records::list))
            .layer(Extension(kind));
        router = router.merge(of_parent);
    }
    router
        .fallback(|| async { ApiError::NotFound })
        .layer(middleware::from_fn(answer::complete))
        .with_state(app)
}
