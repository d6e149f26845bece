use std::sync::Arc;

use tokio::time::advance;
use waybill::event::Actor;
use waybill_testing::fake::{Call, Carried, Silent, Wire};
use waybill_testing::{FakeTables, at, timing, waiting};

use super::*;

/// A lease that was taken now, and the tables with its export.
async fn taken() -> (FakeTables, LeaseGuard) {
    let tables = FakeTables::holding(&[waiting()]);
    let lease = take(tables.exports()).await;
    (tables, lease)
}

async fn take(exports: Exports) -> LeaseGuard {
    let began = Instant::now();
    let clock = Clock::from_fn(move || at(began.elapsed().as_secs().try_into().unwrap()));
    let waybill::lifecycle::Claim::Take(change) = waiting().claim("me", at(0), timing()) else {
        panic!("a waiting export can be claimed");
    };
    let taken = LeaseGuard::take(exports, clock, timing(), began, *change).await;
    taken.unwrap()
}

async fn is_lost(lease: &LeaseGuard) -> bool {
    matches!(lease.check().await, Err(LeaseError::Lost))
}

/// Another worker takes the lease, or the export is canceled.
#[tokio::test(start_paused = true)]
async fn a_check_notices_that_the_lease_is_another_workers_or_nobodys() {
    let (tables, lease) = taken().await;
    advance(BETWEEN_CHECKS).await;
    lease.check().await.unwrap();

    let mut others = tables.state(7);
    others.work.lease.as_mut().unwrap().owner = "another".into();
    tables.put_state(&others);
    advance(BETWEEN_CHECKS).await;
    assert!(is_lost(&lease).await);

    let (tables, lease) = taken().await;
    let canceled = tables.state(7).cancel(Actor::default(), at(1), timing());
    tables.put_state(&canceled.after);
    advance(BETWEEN_CHECKS).await;
    assert!(is_lost(&lease).await);
}

#[tokio::test(start_paused = true)]
async fn a_check_soon_after_another_reads_nothing() {
    let (tables, lease) = taken().await;
    let mut others = tables.state(7);
    others.work.lease = None;
    tables.put_state(&others);
    advance(BETWEEN_CHECKS - Duration::from_millis(1)).await;
    assert!(!is_lost(&lease).await);
    advance(Duration::from_millis(1)).await;
    assert!(is_lost(&lease).await);
    // The next check is counted from this one.
    assert!(!is_lost(&lease).await);
}

/// Tables that answer until a time, and then no more.
struct Until(FakeTables, Instant);

impl Wire for Until {
    fn carry(&self, call: Call) -> Carried {
        match Instant::now() < self.1 {
            true => self.0.carry(call),
            false => Silent.carry(call),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_renews_the_lease_with_the_rows_so_far_until_the_table_is_silent() {
    let tables = FakeTables::holding(&[waiting()]);
    let began = Instant::now();
    let silent_from = began + timing().heartbeat() * 3;
    let wire = Until(tables.clone(), silent_from);
    let lease = Arc::new(take(tables.exports_over(Arc::new(wire))).await);
    lease.report(Reached {
        rows: 17,
        permille: Some(250),
        at: None,
    });

    let beating = lease.clone();
    let ended = tokio::spawn(async move { (beating.heartbeat().await, Instant::now()) });
    tokio::time::sleep(timing().heartbeat() - Duration::from_millis(1)).await;
    assert_eq!(tables.state(7).work.progress, 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let renewed = tables.state(7).work;
    let lasts = timing().heartbeat().as_secs().try_into().unwrap();
    assert_eq!((renewed.progress, renewed.permille), (17, Some(250)));
    assert_eq!(renewed.lease.unwrap().until, at(lasts) + timing().lease());

    let (end, at) = ended.await.unwrap();
    assert_eq!(end, LeaseEnd::RanOut);
    // Two of the heartbeats were answered. The lease ends for its worker earlier than in the table.
    let last = began + timing().heartbeat() * 2;
    let lease = timing().lease().unsigned_abs() - timing().early_end();
    let late = at.duration_since(last + lease);
    assert!(late < Duration::from_millis(100), "{late:?}");
    assert!(at >= last + lease);
}
