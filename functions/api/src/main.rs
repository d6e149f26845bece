//! Answers HTTP requests: exports are asked for, listed, read, canceled and downloaded, and parents described.
//!
//! API Gateway has checked the token before a request to `/v1` comes here; what its claims let it do is decided here.

mod answer;
mod app;
mod body;
mod caller;
mod cancel;
mod catalog;
mod config;
mod cors;
mod create;
mod cursor;
mod download;
mod error;
mod event;
mod events;
mod exports;
mod grants_function;
mod list;
mod openapi;
mod page;
mod parents;
mod path;
mod permissions;
mod query;
mod records;
mod routes;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unreadable;
mod view;
mod zone;

use std::sync::Arc;

use lambda_http::tower::ServiceExt;
use lambda_http::tracing::init_default_subscriber;
use lambda_http::{Adapter, Error, lambda_runtime};
use waybill::aws;
use waybill::catalog::Catalog;

use crate::app::{App, Clients};
use crate::config::Config;

#[tokio::main]
async fn main() -> Result<(), Error> {
    init_default_subscriber();
    let catalog = Catalog::load()?;
    let config = Config::from_env(&catalog)?;
    let sdk = aws::config().await;
    let clients = Clients {
        db: aws_sdk_dynamodb::Client::new(&sdk),
        records: aws::records(&sdk),
        s3: aws::s3(&sdk),
        sqs: aws_sdk_sqs::Client::new(&sdk),
        lambda: aws_sdk_lambda::Client::new(&sdk),
    };
    let app = App::new(config, catalog, clients, jiff::Timestamp::now);
    let service = Adapter::from(routes::router(Arc::new(app)));
    lambda_runtime::run(service.map_request(event::request)).await
}
