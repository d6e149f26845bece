//! Handles batches of messages from the queue.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use tokio::time::{Duration, Instant};
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
    let started = Instant::now();
    let deadline = started + time_left;
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let body = message.body.unwrap_or_default();
        let Some(Message { export_id, .. }) = Message::parse(&body) else {
            tracing::error!(message.id = message.message_id, "invalid message dropped");
            continue;
        };
        match worker.work_on(export_id, deadline).await {
            Ok(outcome) => {
                let duration_ms = started.elapsed().as_millis() as u64;
                tracing::info!(export.id = %export_id, ?outcome, duration_ms, "message done");
            }
            Err(error) => {
                tracing::error!(
                    export.id = %export_id,
                    error = &error as &dyn std::error::Error,
                    "message returns to the queue"
                );
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.ok_or(NoMessageId)?;
                response.batch_item_failures.push(failure);
            }
        }
    }
    Ok(response)
}
