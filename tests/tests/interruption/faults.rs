//! Faults of calls, determined by a seed.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use waybill_testing::fake::{Answer, Call, conflict};

use crate::data::{OTHERS, RECORDS};
use crate::later::LaterVersion;

/// Longer than any invocation, in seconds.
const ENDLESS: Range<u64> = 1_000..1_001;

/// The probability of each fault per call, and the ranges of durations and sizes.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    /// The machine dies before the call gets there, or after it took effect.
    pub(crate) kill: f64,
    /// The machine is frozen, for seconds to minutes.
    pub(crate) freeze: f64,
    /// The machine's clock jumps.
    pub(crate) jump: f64,
    /// The service refuses: throttling, an error of its own, a conflict.
    pub(crate) refuse: f64,
    /// The connection breaks, before or after the effect.
    pub(crate) reset: f64,
    /// The call or its answer takes longer than the client's timeout.
    pub(crate) slow: f64,
    /// A message is lost, or delivered twice.
    pub(crate) lose: f64,
    pub(crate) double: f64,
    /// The round-trip time of a call in milliseconds.
    pub(crate) takes: Range<u64>,
    /// The additional time of a page of records in milliseconds.
    pub(crate) page_takes: Range<u64>,
    /// How far a clock may be ahead or behind, in milliseconds.
    pub(crate) clocks: i64,
    /// The timeout of an invocation in seconds.
    pub(crate) invocation: Range<u64>,
    /// Seconds after which a machine dies, regardless of its timeout.
    pub(crate) life: Range<u64>,
    /// The size of the first part in bytes.
    pub(crate) part: Range<usize>,
    /// The maximum number of records of a page.
    pub(crate) page: Range<usize>,
    /// The maximum time between two checkpoints in seconds.
    pub(crate) checkpoint: Range<u64>,
    /// The answer to a conditional PUT is lost or late.
    pub(crate) lost_put: f64,
    /// Seconds for which S3 refuses all calls of the sweeper.
    pub(crate) no_cleaning: u64,
    /// Whether workers of a later version take turns with today's.
    pub(crate) later: Option<LaterVersion>,
}

/// The delays and the fault of one call.
#[derive(Debug)]
pub(crate) struct CallPlan {
    /// The delay of the call.
    pub(crate) there: Duration,
    /// The delay of the answer.
    pub(crate) back: Duration,
    pub(crate) fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    KillBefore,
    KillAfter,
    ResetBefore,
    ResetAfter,
    /// The service refuses the call with the error of this number: see [`refusal`].
    Refused(u8),
    /// The call is not allowed.
    Denied,
}

impl Faults {
    /// No faults.
    pub(crate) fn none() -> Self {
        Self {
            kill: 0.0,
            freeze: 0.0,
            jump: 0.0,
            refuse: 0.0,
            reset: 0.0,
            slow: 0.0,
            lose: 0.0,
            double: 0.0,
            takes: 2..20,
            page_takes: 20..200,
            clocks: 0,
            invocation: 900..901,
            life: ENDLESS,
            part: 1_500..1_501,
            page: 20..21,
            checkpoint: 30..31,
            lost_put: 0.0,
            no_cleaning: 0,
            later: None,
        }
    }

    /// Random faults of every kind; some seeds have more than others.
    pub(crate) fn random(random: &mut Rng) -> Self {
        let rough = random.f64() * random.f64();
        // A separate generator, so that this does not change a seed's other faults.
        let lost_put = 0.02 + Rng::with_seed(random.get_seed()).f64() * 0.3;
        let mut up_to = |most: f64| {
            if random.u8(0..4) == 0 {
                0.0
            } else {
                random.f64() * most * (0.3 + rough)
            }
        };
        Self {
            kill: up_to(0.05),
            freeze: up_to(0.02),
            jump: up_to(0.2),
            refuse: up_to(0.20),
            reset: up_to(0.12),
            slow: up_to(0.04),
            lose: up_to(0.5),
            double: up_to(0.8),
            takes: 1..random.u64(10..400),
            page_takes: 1..random.u64(100..6_000),
            clocks: 15_000,
            invocation: 20..random.u64(30..400),
            life: ENDLESS,
            part: 400..random.usize(800..8_000),
            page: 1..random.usize(3..60),
            checkpoint: 5..random.u64(6..31),
            lost_put,
            no_cleaning: 0,
            later: None,
        }
    }

    /// The plan of a call; `is_page` for one that asks for records.
    pub(crate) fn plan(&self, is_page: bool, random: &mut Rng) -> CallPlan {
        let half = |ms: Range<u64>, random: &mut Rng| Duration::from_millis(random.u64(ms) / 2);
        let mut there = half(self.takes.clone(), random);
        let mut back = half(self.takes.clone(), random);
        if is_page {
            back += half(self.page_takes.clone(), random);
        }
        if random.f64() < self.slow {
            // Longer than the timeout of an attempt.
            let delay = Duration::from_millis(random.u64(6_000..14_000));
            match random.bool() {
                true => there += delay,
                false => back += delay,
            }
        }
        let dice = random.f64();
        let faults = [
            (self.kill / 2.0, Fault::KillBefore),
            (self.kill / 2.0, Fault::KillAfter),
            (self.reset / 2.0, Fault::ResetBefore),
            (self.reset / 2.0, Fault::ResetAfter),
            (self.refuse, Fault::Refused(random.u8(..))),
        ];
        let mut sum = 0.0;
        let fault = faults.into_iter().find(|(chance, _)| {
            sum += chance;
            dice < sum
        });
        CallPlan {
            there,
            back,
            fault: fault.map_or(Fault::None, |(_, fault)| fault),
        }
    }
}

/// Whether a call is a PUT with `If-None-Match: *`.
pub(crate) fn is_conditional_put(call: &Call) -> bool {
    call.operation == "S3.PutObject" && call.if_none_match
}

/// Whether a DynamoDB call is for the host's records.
pub(crate) fn is_for_records(call: &Call) -> bool {
    [RECORDS, OTHERS]
        .iter()
        .any(|table| call.json()["TableName"] == *table)
}

/// An error of a service that had no effect.
pub(crate) fn refusal(call: &Call, number: u8) -> Answer {
    let (service, operation) = call.operation.split_once('.').unwrap();
    let choices: &[(u16, &str)] = match (service, operation) {
        ("DynamoDB", "TransactWriteItems" | "PutItem" | "DeleteItem")
            if number.is_multiple_of(3) =>
        {
            return conflict(call);
        }
        ("DynamoDB", _) => &[
            (400, "ThrottlingException"),
            (400, "ProvisionedThroughputExceededException"),
            (500, "InternalServerError"),
            (503, "ServiceUnavailable"),
        ],
        // S3 may answer 200 with an error in the body.
        ("S3", "CompleteMultipartUpload") => &[
            (200, "InternalError"),
            (409, "ConditionalRequestConflict"),
            (503, "SlowDown"),
            (500, "InternalError"),
        ],
        ("S3", "PutObject") => &[
            (409, "ConditionalRequestConflict"),
            (503, "SlowDown"),
            (500, "InternalError"),
        ],
        ("S3", _) => &[
            (503, "SlowDown"),
            (500, "InternalError"),
            (400, "RequestTimeout"),
        ],
        ("SQS", _) => &[(400, "ThrottlingException"), (500, "InternalFailure")],
        _ => &[(429, "TooManyRequestsException"), (500, "ServiceException")],
    };
    let (status, code) = choices[usize::from(number) % choices.len()];
    Answer::error(call, status, code)
}
