//! `api`: configuration, clients, run.

use std::sync::Arc;

use lambda_http::tower::ServiceExt;
use lambda_http::tracing::{self, init_default_subscriber};
use lambda_http::{Adapter, Error, lambda_runtime};
use waybill::aws;
use waybill::catalog::Catalog;
use waybill::clock::Clock;
use waybill::deployment;
use waybill::records::{RecordsClients, RecordsOpener};

use api::{App, Clients, Config, contract, request, router};

#[tokio::main]
async fn main() -> Result<(), Error> {
    init_default_subscriber();
    let mut catalog = Catalog::load_valid()?;
    deployment::disable_unmapped_types(&mut catalog);
    for out in catalog.out_of_service() {
        // An alarm counts this line.
        tracing::error!(
            type_name = out.name,
            reason = out.reason,
            "type out of service"
        );
    }
    let config = Config::from_env()?;
    let sdk = aws::config().await;
    let clients = Clients {
        db: aws_sdk_dynamodb::Client::new(&sdk),
        records: RecordsOpener::new(RecordsClients::from_env(&sdk), deployment::mapping()),
        s3: aws::s3(&sdk),
        sqs: aws_sdk_sqs::Client::new(&sdk),
        lambda: aws_sdk_lambda::Client::new(&sdk),
    };
    let contract = contract(&config.public_url);
    let app = App::new(config, catalog, clients, Clock::system());
    let service = Adapter::from(router(Arc::new(app), contract));
    lambda_runtime::run(service.map_request(request)).await
}
