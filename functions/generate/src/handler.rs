//! Handles batches of messages from the queue.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use tokio::time::{Duration, Instant};
use tracing::Instrument;
use waybill::export::ExportId;
use waybill::queue::Message;

use crate::worker::Worker;

/// A message without an id, which SQS never sends. It cannot be returned to the queue.
#[derive(Debug, thiserror::Error)]
#[error("SQS sent a message without an id")]
pub struct NoMessageId;

/// Works on the export of each message. A message returns to the queue only if the tables cannot be read or written.
/// Invalid messages are dropped.
///
/// # Errors
/// When a message that must return has no id; then the whole batch returns to the queue.
pub async fn handle(
    worker: &Worker,
    event: SqsEvent,
    time_left: Duration,
) -> Result<SqsBatchResponse, NoMessageId> {
    let deadline = Instant::now() + time_left;
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let body = message.body.unwrap_or_default();
        let Some(Message { export_id, .. }) = Message::parse(&body) else {
            tracing::error!(message.id = message.message_id, "invalid message dropped");
            continue;
        };
        // Every line about the export has its id.
        let span = tracing::info_span!("export", export.id = %export_id);
        // In a box, since the future's type is too deep for the compiler otherwise.
        let processed = Box::pin(process(worker, export_id, deadline));
        if !processed.instrument(span).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.ok_or(NoMessageId)?;
            response.batch_item_failures.push(failure);
        }
    }
    Ok(response)
}

/// Works on an export. False if its message must return to the queue.
async fn process(worker: &Worker, export_id: ExportId, deadline: Instant) -> bool {
    let started = Instant::now();
    match worker.work_on(export_id, deadline).await {
        Ok(outcome) => {
            let duration_ms = started.elapsed().as_millis() as u64;
            tracing::info!(?outcome, duration_ms, "message done");
            true
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "message returns to the queue");
            false
        }
    }
}
