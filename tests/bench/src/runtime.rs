//! A fake of Lambda's Runtime API: gives a function its events one by one, and measures each invocation.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Answer, Request};

/// Lambda's longest timeout.
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

/// A completed invocation.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// The time from the event to the answer.
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

    /// The completed invocations, in order.
    pub(crate) fn done(&self) -> Vec<Invocation> {
        let round = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        round.done.clone()
    }

    /// Answers a call of a function. After the last event it sends an invalid answer, which makes the runtime exit;
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
