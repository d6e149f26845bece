//! The queue of exports for `generate`.

use aws_sdk_sqs::Client;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::aws::{CallError, best_effort_call};
use crate::export::ExportId;

/// The version of messages that this release sends and reads.
const MESSAGE_VERSION: u32 = 1;

/// A message that tells `generate` to work on an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The version of the message's form; messages of the first release have none.
    #[serde(default = "first_version")]
    v: u32,
    /// The export.
    pub export_id: ExportId,
}

fn first_version() -> u32 {
    MESSAGE_VERSION
}

impl Message {
    /// A message for this export.
    pub fn new(export_id: ExportId) -> Self {
        Self {
            v: MESSAGE_VERSION,
            export_id,
        }
    }

    /// Parses a body; `None` for an invalid message or one of an unknown version. Such a message can be dropped, since
    /// the sweeper sends a new one for every export that is due.
    pub fn parse(body: &str) -> Option<Self> {
        let message: Self = serde_json::from_str(body).ok()?;
        (message.v == MESSAGE_VERSION).then_some(message)
    }

    /// The body of the message.
    pub fn body(self) -> String {
        format!("{{\"v\":{},\"export_id\":{}}}", self.v, self.export_id)
    }
}

/// The SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: String,
}

impl Queue {
    /// The longest delay of a message in SQS.
    pub const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

    /// The queue at this URL.
    pub fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Sends a message for the export.
    ///
    /// # Errors
    /// When SQS did not accept the message within [`crate::aws::BEST_EFFORT`]. The sweeper sends it again later.
    pub async fn send(&self, export_id: ExportId) -> Result<(), CallError> {
        self.send_after(export_id, SignedDuration::ZERO).await
    }

    /// Sends a message that SQS delivers after `wait`, at most [`Queue::LONGEST_DELAY`]. A worker that receives a
    /// message too early sends it again.
    ///
    /// # Errors
    /// When SQS did not accept the message within [`crate::aws::BEST_EFFORT`]. The sweeper sends it again later.
    pub async fn send_after(
        &self,
        export_id: ExportId,
        wait: SignedDuration,
    ) -> Result<(), CallError> {
        let body = Message::new(export_id).body();
        let sent = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_delay_seconds(delay_seconds(wait))
            .send();
        best_effort_call("SendMessage", sent).await?;
        Ok(())
    }
}

/// The delay in whole seconds, as SQS requires, rounded up, so that no message is early. `None`, the queue's own delay,
/// without a wait.
fn delay_seconds(wait: SignedDuration) -> Option<i32> {
    let wait = wait.min(Queue::LONGEST_DELAY);
    let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
    i32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server accepts the connection and never answers.
    #[tokio::test]
    async fn a_call_to_a_hanging_queue_times_out() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_sqs::config::Credentials::new(
                "a", "b", None, None, "test",
            ))
            .endpoint_url(format!("http://{}", silent.local_addr().unwrap()));
        let queue = Queue::new(Client::from_conf(config.build()), "http://queue".to_owned());
        let sent = queue.send(ExportId::try_from(7).unwrap());
        let sent = tokio::time::timeout(std::time::Duration::from_secs(10), sent).await;
        let error = sent.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "SendMessage failed: no answer in time");
    }

    #[test]
    fn a_message_is_delayed_by_whole_seconds_up_to_15_minutes() {
        for (wait, seconds) in [
            (SignedDuration::from_millis(-1), None),
            (SignedDuration::ZERO, None),
            (SignedDuration::from_millis(1), Some(1)),
            (SignedDuration::from_secs(1), Some(1)),
            (SignedDuration::from_millis(1_001), Some(2)),
            (SignedDuration::from_millis(899_001), Some(900)),
            (SignedDuration::from_secs(901), Some(900)),
            (SignedDuration::MAX, Some(900)),
        ] {
            assert_eq!(delay_seconds(wait), seconds, "{wait:?}");
        }
    }

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
