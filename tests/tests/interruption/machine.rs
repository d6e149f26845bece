//! A machine that runs a function: its clock, freezes, and death.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};
use waybill::clock::Clock;

use crate::data::requested_at;

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: String,
    /// The start of the world.
    began: Instant,
    /// How far the machine's clock is ahead, in milliseconds.
    ahead: AtomicI64,
    frozen_until: Mutex<Instant>,
    is_dead: AtomicBool,
    death: Notify,
}

impl Machine {
    pub(crate) fn new(name: String, began: Instant, ahead: i64) -> Arc<Self> {
        Arc::new(Self {
            name,
            began,
            ahead: ahead.into(),
            frozen_until: Mutex::new(began),
            is_dead: AtomicBool::new(false),
            death: Notify::new(),
        })
    }

    /// The time on the machine's clock.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead.load(Ordering::Relaxed));
        let elapsed = SignedDuration::try_from(self.began.elapsed()).unwrap();
        requested_at() + elapsed + ahead
    }

    pub(crate) fn clock(self: &Arc<Self>) -> Clock {
        let machine = self.clone();
        Clock::from_fn(move || machine.now())
    }

    /// Sets the machine's clock to `ahead` milliseconds ahead.
    pub(crate) fn jump(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Freezes the machine for this time.
    pub(crate) fn freeze(&self, length: Duration) {
        *self.frozen_until.lock().unwrap() = Instant::now() + length;
    }

    fn frozen_until(&self) -> Instant {
        *self.frozen_until.lock().unwrap()
    }

    /// Kills the machine.
    pub(crate) fn kill(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
        self.death.notify_one();
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    /// Waits for the machine's death.
    pub(crate) async fn death(&self) {
        self.death.notified().await;
    }

    /// Waits until the machine is not frozen; forever on a dead one.
    pub(crate) async fn awake(&self) {
        while Instant::now() < self.frozen_until() {
            tokio::time::sleep_until(self.frozen_until()).await;
        }
        if self.is_dead() {
            std::future::pending().await
        }
    }
}

/// A future on a machine: not polled while the machine is frozen.
pub(crate) struct OnMachine<F> {
    machine: Arc<Machine>,
    thaw: Pin<Box<Sleep>>,
    inner: Pin<Box<F>>,
}

impl<F: Future> OnMachine<F> {
    pub(crate) fn new(machine: Arc<Machine>, inner: F) -> Self {
        Self {
            machine,
            thaw: Box::pin(tokio::time::sleep(Duration::ZERO)),
            inner: Box::pin(inner),
        }
    }
}

impl<F: Future> Future for OnMachine<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        while Instant::now() < self.machine.frozen_until() {
            let until = self.machine.frozen_until();
            self.thaw.as_mut().reset(until);
            if self.thaw.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        self.inner.as_mut().poll(context)
    }
}
