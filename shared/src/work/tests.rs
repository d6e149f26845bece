use super::*;

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
