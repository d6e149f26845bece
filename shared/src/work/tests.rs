use super::*;

fn timing() -> WorkTiming {
    WorkTiming::new(Duration::from_secs(60), Duration::from_secs(60))
}

#[test]
fn the_default_lengths_are_those_of_the_design() {
    let timing = timing();
    assert_eq!(timing.heartbeat(), Duration::from_secs(10));
    assert_eq!(timing.early_end(), Duration::from_secs(15));
    assert_eq!(timing.skew(), SignedDuration::from_secs(30));
    let minutes = |waits: Vec<SignedDuration>| {
        waits
            .iter()
            .map(SignedDuration::as_mins)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        minutes((1..=5).map(|n| timing.retry_after(n)).collect()),
        [1, 2, 4, 8, 8]
    );
    assert_eq!(
        minutes((0..=7).map(|n| timing.resend_after(n)).collect()),
        [1, 2, 4, 8, 16, 32, 60, 60]
    );
    assert_eq!(timing.resend_after(u32::MAX).as_mins(), 60);
    assert_eq!(
        (timing.in_line().as_mins(), timing.reserved().as_mins()),
        (2, 5)
    );
}

#[test]
fn a_failed_step_waits_until_its_retry_or_a_new_due_time() {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let mut work = Work::new(ExportId::try_from(35).unwrap(), at(0));
    assert!(!work.is_put_off(at(0)));
    (work.failures, work.retry_at) = (1, Some(at(60).as_second()));
    assert!(work.is_put_off(at(59)));
    assert!(!work.is_put_off(at(60)));
    work.set_due(at(30));
    assert_eq!((work.failures, work.retry_at), (0, None));
    (work.failures, work.retry_at) = (1, Some(at(60).as_second()));
    work.clear_due();
    assert_eq!(
        (work.failures, work.retry_at, work.due, work.shard),
        (0, None, None, None)
    );
}

#[test]
fn a_due_time_is_rounded_up_to_a_second() {
    let id = ExportId::try_from(35).unwrap();
    let at: Timestamp = "2026-11-21T12:00:00.001Z".parse().unwrap();
    let work = Work::new(id, at);
    assert_eq!(work.due_at().unwrap().to_string(), "2026-11-21T12:00:01Z");
    assert_eq!(work.shard, Some(3));
}
