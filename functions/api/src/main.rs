//! `api`: configuration, clients, run.

use std::sync::Arc;

use lambda_http::tower::ServiceExt;
use lambda_http::tracing::init_default_subscriber;
use lambda_http::{Adapter, Error, lambda_runtime};
use waybill::aws;
use waybill::clock::Clock;
use waybill::live_catalog::LiveCatalog;
use waybill::records::{RecordsClients, RecordsOpener};

use api::{App, Clients, Config, contract, request, router};

#[tokio::main]
async fn main() -> Result<(), Error> {
    init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = aws::config().await;
    let live = LiveCatalog::load_and_report(&sdk).await?;
    let clients = Clients {
        db: aws_sdk_dynamodb::Client::new(&sdk),
        records: RecordsOpener::new(RecordsClients::from_env(&sdk), live.clone()),
        s3: aws::s3(&sdk),
        sqs: aws_sdk_sqs::Client::new(&sdk),
        lambda: aws_sdk_lambda::Client::new(&sdk),
    };
    let contract = contract(&config.public_url);
    let app = App::new(config, live, clients, Clock::system())?;
    let service = Adapter::from(router(Arc::new(app), contract));
    lambda_runtime::run(service.map_request(request)).await
}
