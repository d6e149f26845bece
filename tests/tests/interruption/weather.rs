//! What befalls a call: one seed decides.

use std::ops::Range;
use std::time::Duration;

use crate::data::{OTHERS, RECORDS};
use fastrand::Rng;
use waybill_testing::fake::{Answer, Call, conflict};

/// Longer than any invocation.
const EVER: Range<u64> = 1_000..1_001;

/// How likely each trouble is, per call, and how long things take.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// The machine dies before the call gets there, or after it took effect.
    pub(crate) kill: f64,
    /// The machine stands still, from seconds to minutes.
    pub(crate) freeze: f64,
    /// The machine's clock jumps.
    pub(crate) jump: f64,
    /// The service refuses: throttling, an error of its own, a conflict.
    pub(crate) refuse: f64,
    /// The connection breaks, before or after the effect.
    pub(crate) reset: f64,
    /// The call, or its answer, takes longer than the client waits.
    pub(crate) slow: f64,
    /// A message is lost, or comes twice.
    pub(crate) lose: f64,
    pub(crate) double: f64,
    /// Milliseconds that a call takes, there and back.
    pub(crate) takes: Range<u64>,
    /// Milliseconds that a page of records takes besides.
    pub(crate) page_takes: Range<u64>,
    /// By how many milliseconds a clock may be ahead or behind.
    pub(crate) clocks: i64,
    /// Seconds that an invocation has.
    pub(crate) invocation: Range<u64>,
    /// Seconds after which its machine dies, whatever time it was told to have.
    pub(crate) life: Range<u64>,
    /// Bytes of the first part.
    pub(crate) part: Range<usize>,
    /// Records of a page, at most.
    pub(crate) page: Range<usize>,
    /// Seconds between two checkpoints, at most.
    pub(crate) checkpoint: Range<u64>,
    /// An object is stored under the condition that it is new, and the answer that says so is lost or late.
    pub(crate) lost_put: f64,
    /// Seconds for which S3 refuses whatever the sweeper asks of it.
    pub(crate) no_cleaning: u64,
}

/// What becomes of one call.
#[derive(Debug)]
pub(crate) struct Fate {
    /// Until it is there.
    pub(crate) there: Duration,
    /// Until its answer is back.
    pub(crate) back: Duration,
    pub(crate) trouble: Trouble,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    KillBefore,
    KillAfter,
    ResetBefore,
    ResetAfter,
    /// The service's refusal of this number: see [`refusal`].
    Refused(u8),
    /// It is not allowed.
    Denied,
}

impl Weather {
    /// No trouble at all.
    pub(crate) fn fair() -> Self {
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
            life: EVER,
            part: 1_500..1_501,
            page: 20..21,
            checkpoint: 30..31,
            lost_put: 0.0,
            no_cleaning: 0,
        }
    }

    /// The weather of one seed: some of everything, some seeds worse than others.
    pub(crate) fn of(random: &mut Rng) -> Self {
        let rough = random.f64() * random.f64();
        // Dice of their own, so that what a seed's other troubles are does not hang on this one.
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
            life: EVER,
            part: 400..random.usize(800..8_000),
            page: 1..random.usize(3..60),
            checkpoint: 5..random.u64(6..31),
            lost_put,
            no_cleaning: 0,
        }
    }

    pub(crate) fn fate(&self, call: &Call, random: &mut Rng) -> Fate {
        let half = |ms: Range<u64>, random: &mut Rng| Duration::from_millis(random.u64(ms) / 2);
        let mut there = half(self.takes.clone(), random);
        let mut back = half(self.takes.clone(), random);
        if call.operation == "DynamoDB.Query" && is_of_records(call) {
            back += half(self.page_takes.clone(), random);
        }
        if random.f64() < self.slow {
            // Longer than an attempt may take, though not so long that nobody could wait for it at the end.
            let delay = Duration::from_millis(random.u64(6_000..14_000));
            match random.bool() {
                true => there += delay,
                false => back += delay,
            }
        }
        let dice = random.f64();
        let troubles = [
            (self.kill / 2.0, Trouble::KillBefore),
            (self.kill / 2.0, Trouble::KillAfter),
            (self.reset / 2.0, Trouble::ResetBefore),
            (self.reset / 2.0, Trouble::ResetAfter),
            (self.refuse, Trouble::Refused(random.u8(..))),
        ];
        let mut sum = 0.0;
        let trouble = troubles.into_iter().find(|(chance, _)| {
            sum += chance;
            dice < sum
        });
        Fate {
            there,
            back,
            trouble: trouble.map_or(Trouble::None, |(_, trouble)| trouble),
        }
    }
}

/// Whether a call stores an object under the condition that it is new.
pub(crate) fn is_conditional_put(call: &Call) -> bool {
    call.operation == "S3.PutObject" && call.if_none_match
}

/// Whether a call of DynamoDB is for the host's records.
pub(crate) fn is_of_records(call: &Call) -> bool {
    [RECORDS, OTHERS]
        .iter()
        .any(|table| call.json()["TableName"] == *table)
}

/// An answer by which a service says that it did nothing.
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
        // S3 may say 200 and only then find out that it could not.
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
