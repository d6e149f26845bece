//! Messages of the queue.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use tokio::time::{Duration, Instant};
use waybill::queue::Message;

use crate::worker::Worker;

/// SQS names every message; one without a name cannot be told to come back.
#[derive(Debug, thiserror::Error)]
#[error("SQS sent a message without an id")]
pub struct NoMessageId;

/// Works on each message's export. A message comes back only when the tables could not be reached; one that is no
/// message of ours never does.
///
/// # Errors
/// When a message that must come back has no id: then all of them come back.
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
            tracing::error!(
                message.id = message.message_id,
                "not a message of an export; it is dropped"
            );
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
                    "message comes back"
                );
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.ok_or(NoMessageId)?;
                response.batch_item_failures.push(failure);
            }
        }
    }
    Ok(response)
}
