use super::*;

#[test]
fn ids_are_ordered_by_time_and_fit_a_javascript_number() {
    let now: Timestamp = "2026-11-21T12:01:02Z".parse().unwrap();
    let later = now + jiff::SignedDuration::from_millis(1);
    assert!(ExportId::new(now, u64::MAX) < ExportId::new(later, 0));
    let last: Timestamp = "2093-12-31T23:59:59Z".parse().unwrap();
    assert!(ExportId::new(last, u64::MAX).get() < 1 << 53);
}

#[test]
fn ids_are_parsed_only_from_their_shortest_form() {
    for text in [
        "",
        "0",
        "01",
        "+1",
        " 1",
        "-1",
        "1.0",
        "9007199254740992",
        "18446744073709551616",
        "x",
    ] {
        assert_eq!(text.parse::<ExportId>(), Err(InvalidExportId), "{text:?}");
    }
    assert_eq!(
        "9007199254740991".parse::<ExportId>().unwrap().get(),
        (1 << 53) - 1
    );
}

#[test]
fn only_the_designed_changes_of_status_are_allowed() {
    let possible: Vec<(Status, Status)> = Status::ALL
        .into_iter()
        .flat_map(|from| Status::ALL.map(|to| (from, to)))
        .filter(|(from, to)| from.may_become(*to))
        .collect();
    use Status::*;
    assert_eq!(
        possible,
        [
            (Waiting, Processing),
            (Waiting, Failed),
            (Waiting, Canceled),
            (Processing, Succeeded),
            (Processing, Failed),
            (Processing, Canceled),
            (Succeeded, Expired)
        ]
    );
}

#[test]
fn both_spellings_of_canceled_are_parsed() {
    assert_eq!(Status::parse("cancelled"), Some(Status::Canceled));
    assert_eq!(Status::parse("canceled"), Some(Status::Canceled));
    assert_eq!(Status::parse("pending"), None);
}

#[test]
fn filters_are_in_one_order_however_they_are_stored() {
    let read = |filters: &str| {
        let mut json = serde_json::Deserializer::from_str(filters);
        in_one_order(&mut json).unwrap().to_string()
    };
    let [one, other] = [
        r#"{"status": ["won", "sold"], "created_at": {"to": "2026-11-20", "from": "2026-11-19"}}"#,
        r#"{"created_at": {"from": "2026-11-19", "to": "2026-11-20"}, "status": ["won", "sold"]}"#,
    ]
    .map(read);
    assert_eq!(one, other);
}
