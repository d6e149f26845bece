//! Lambda's Runtime API: hands a function its events one by one, and notes how long each took.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Answer, Request};

/// The longest that Lambda lets a function run.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The events of one round.
#[derive(Debug, Default)]
pub(crate) struct Runtime(Mutex<Round>);

#[derive(Debug, Default)]
struct Round {
    events: VecDeque<String>,
    begun: Option<Instant>,
    done: Vec<Invocation>,
}

/// An invocation that the function has answered.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// From the event to the answer.
    pub(crate) took: Duration,
    pub(crate) answer: String,
}

impl Runtime {
    /// Begins a round with these events.
    pub(crate) fn begin(&self, events: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Round {
            events: events.into(),
            ..Round::default()
        };
    }

    /// What has been answered, in order.
    pub(crate) fn done(&self) -> Vec<Invocation> {
        let round = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        round.done.clone()
    }

    /// Answers a call of a function's. After the last event there is an answer that no runtime knows, which ends it:
    /// Lambda would let it wait.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let mut round = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if request.path.ends_with("/invocation/next") {
            let Some(event) = round.events.pop_front() else {
                return Answer::status(410);
            };
            let deadline = SystemTime::now() + TIMEOUT;
            let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
            round.begun = Some(Instant::now());
            return Answer::ok("application/json", event)
                .with(
                    "lambda-runtime-aws-request-id",
                    "00000000-0000-0000-0000-000000000000",
                )
                .with(
                    "lambda-runtime-deadline-ms",
                    deadline.as_millis().to_string(),
                )
                .with(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-west-1:000000000000:function:measured",
                );
        }
        if let Some(begun) = round.begun.take() {
            round.done.push(Invocation {
                took: begun.elapsed(),
                answer: String::from_utf8_lossy(&request.body).into_owned(),
            });
        }
        Answer::status(202)
    }
}
