//! The queue of exports to be made.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::send_message::SendMessageError;
use serde::{Deserialize, Serialize};

use crate::export::ExportId;

/// A message: somebody must look at this export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which one.
    pub export_id: ExportId,
}

/// The queue.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: String,
}

/// The queue did not take a message. Nothing is lost by that: the sweeper sends it again.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take the message: {}", .0.code().unwrap_or("no answer"))]
pub struct QueueError(#[source] Box<SdkError<SendMessageError>>);

impl Queue {
    /// The queue at this URL.
    pub fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Sends a message for the export.
    pub async fn send(&self, export_id: ExportId) -> Result<(), QueueError> {
        let body = format!("{{\"export_id\":{export_id}}}");
        let sent = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await;
        sent.map_err(|error| QueueError(Box::new(error)))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_valid_id_is_refused() {
        let parse = |text: &str| serde_json::from_str::<Message>(text).ok();
        assert_eq!(
            parse(r#"{"export_id":7}"#).map(|m| m.export_id.get()),
            Some(7)
        );
        for bad in [
            "",
            "{}",
            r#"{"export_id":0}"#,
            r#"{"export_id":"7"}"#,
            r#"{"export_id":9007199254740992}"#,
            "[]",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
