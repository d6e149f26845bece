use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::selection::tests::{leads, orders};

fn json(filters: Value) -> Result<Criteria, Vec<FieldError>> {
    from_json(&leads(), Some(&filters), None)
}

fn refusal(filters: Value) -> String {
    let errors = json(filters).unwrap_err();
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn canonical(criteria: &Criteria) -> String {
    serde_json::to_string(criteria).unwrap()
}

#[test]
fn an_equal_body_and_query_have_equal_criteria() {
    let body = from_json(
        &leads(),
        Some(&json!({
            "status": ["new", "sold", "new"],
            "created_at": {"from": "-30d", "to": "2017-11-01T01:00:00+01:00"},
            "attributes": {"vip": true, "campaign": ["b", "a"]},
            "score": 7,
        })),
        Some(&json!("  Ana ")),
    )
    .unwrap();
    let query = from_query(
        &leads(),
        [
            ("created_at.to", "2017-11-01T00:00:00Z"),
            ("status", "sold"),
            ("status", "new"),
            ("attributes.campaign", "a"),
            ("attributes.vip", "true"),
            ("attributes.campaign", "b"),
            ("score", "7"),
            ("search", "Ana"),
            ("created_at.from", "-30d"),
        ],
    )
    .unwrap();
    assert_eq!(canonical(&body), canonical(&query));
    assert_snapshot!(canonical(&body), @r#"{"filters":{"created_at":{"from":"-30d","to":"2017-11-01T00:00:00Z"},"attributes":{"campaign":["a","b"],"vip":true},"score":["7"],"status":["new","sold"]},"search":"Ana"}"#);
}

#[test]
fn absent_and_empty_values_mean_no_filter() {
    let nothing = from_json(&leads(), None, None).unwrap();
    for filters in [
        json!(null),
        json!({}),
        json!({"status": null}),
        json!({"created_at": {}}),
        json!({"created_at": {"from": null, "to": null}}),
        json!({"attributes": {}}),
        json!({"attributes": {"vip": null}}),
    ] {
        for search in [json!(null), json!(""), json!(" \t")] {
            assert_eq!(
                from_json(&leads(), Some(&filters), Some(&search)).unwrap(),
                nothing,
                "{filters}"
            );
        }
    }
    assert_eq!(
        canonical(&from_query(&leads(), [("search", " ")]).unwrap()),
        canonical(&nothing)
    );
}

#[test]
fn every_invalid_field_is_named() {
    assert_snapshot!(refusal(json!([])), @r#"filters: must be an object, such as {"status": ["paid"]}"#);
    assert_snapshot!(refusal(json!({"city": "Rio", "status": []})), @"
        filters.city: is no filter of leads; its filters are status, created_at, attributes, score, vip, born, seen
        filters.status: must not be an empty list; leave the filter out for all records
        ");
    assert_snapshot!(refusal(json!({"status": ["new", 5]})), @"filters.status: must be a text of 1 to 200 characters or a list of such");
    assert_snapshot!(refusal(json!({"status": ""})), @"filters.status: must be a text of 1 to 200 characters or a list of such");
    assert_snapshot!(refusal(json!({"status": "x".repeat(201)})), @"filters.status: must be a text of 1 to 200 characters or a list of such");
    assert_snapshot!(refusal(json!({"status": vec!["a"; 101]})), @"filters.status: must list at most 100 values");
    assert_snapshot!(refusal(json!({"score": "7a"})), @"filters.score: must be a number or a list of such");
    assert_snapshot!(refusal(json!({"vip": "yes"})), @"filters.vip: must be true, false or a list of such");
    assert_snapshot!(refusal(json!({"born": "2017-02-30"})), @"filters.born: must be a date (2017-10-01) or a list of such");
    assert_snapshot!(refusal(json!({"seen": "2017-02-03"})), @"filters.seen: must be an instant (2017-10-01T00:00:00Z) or a list of such");
    assert_snapshot!(refusal(json!({"created_at": "2017-10-01"})), @"filters.created_at: must be an object with `from`, `to` or both");
    assert_snapshot!(refusal(json!({"created_at": {"since": "x", "from": "soon", "to": 5}})), @"
        filters.created_at.since: is unknown; the bounds are `from` (inclusive) and `to` (exclusive)
        filters.created_at.from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
        filters.created_at.to: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
        ");
    assert_snapshot!(refusal(json!({"attributes": ["vip"]})), @r#"filters.attributes: must be an object, such as {"vip": true, "campaign": ["spring", "summer"]}"#);
    assert_snapshot!(refusal(json!({"attributes": {"vip": false}})), @"filters.attributes.vip: must be true (has it), or a text of 1 to 200 characters or a list of such (has one of these)");
    assert_snapshot!(refusal(json!({"attributes": {"": true}})), @"filters.attributes.: must have a name of 1 to 200 characters");
    let many: Map<_, _> = (0..21).map(|n| (n.to_string(), json!(true))).collect();
    assert_snapshot!(refusal(json!({"attributes": many})), @"filters.attributes: must name at most 20 attributes");
}

#[test]
fn a_column_with_a_list_of_values_accepts_only_these() {
    let errors = from_json(&orders(), Some(&json!({"status": ["paid"]})), None).unwrap_err();
    assert_snapshot!(errors[0], @"filters.status: must be one of created, approved, invoiced, processing, shipped, delivered, unavailable, canceled");
}

#[test]
fn a_search_is_a_text_of_at_most_200_characters() {
    let refusal =
        |search: Value| from_json(&leads(), None, Some(&search)).unwrap_err()[0].to_string();
    assert_snapshot!(refusal(json!(5)), @"search: must be a text");
    assert_snapshot!(refusal(json!("x".repeat(201))), @"search: must have at most 200 characters");
}

#[test]
fn errors_of_a_query_string_have_the_names_of_its_parameters() {
    let refusal = |pairs: &[(&str, &str)]| {
        let errors = from_query(&leads(), pairs.iter().copied()).unwrap_err();
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_snapshot!(refusal(&[("city", "Rio")]), @"city: is no filter of leads; its filters are status, created_at, attributes, score, vip, born, seen");
    assert_snapshot!(refusal(&[("created_at.from", "-1d"), ("created_at.from", "-2d")]), @"created_at.from: must not be repeated");
    assert_snapshot!(refusal(&[("search", "a"), ("search", "b")]), @"search: must not be repeated");
    assert_snapshot!(refusal(&[("attributes.vip", "true"), ("attributes.vip", "a")]), @"attributes.vip: must not be repeated");
    assert_snapshot!(refusal(&[("created_at", "-1d")]), @"created_at: must be an object with `from`, `to` or both");
    assert_snapshot!(refusal(&[("created_at", "-1d"), ("created_at.from", "-2d")]), @"
        created_at.from: must not be repeated
        created_at: must be an object with `from`, `to` or both
        ");
    assert_snapshot!(refusal(&[("created_at.from", "-1d"), ("created_at", "-1d")]), @"created_at: must not be repeated");
}

proptest! {
    #[test]
    fn any_query_is_parsed_without_a_panic(
        pairs in prop::collection::vec(("(status|created_at|attributes|search|\\PC{0,5})(\\.\\PC{0,5})?", "\\PC{0,9}"), 0..6),
    ) {
        let _ = from_query(&leads(), pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
}

#[test]
fn conditions_are_those_of_the_columns_kind() {
    let stored = |filters: &serde_json::Value| {
        let criteria = from_json(&leads(), Some(filters), None).unwrap();
        let now = "2026-11-21T12:01:02Z".parse().unwrap();
        let zone = jiff::tz::TimeZone::get("America/Sao_Paulo").unwrap();
        criteria.pin(now, &zone).unwrap().filters()
    };
    for (filters, expected) in [
        (
            json!({"status": {"not": ["new", "a", "new"]}}),
            json!({"status": {"not": ["a", "new"]}}),
        ),
        (
            json!({"status": {"contains": " Ana ", "empty": false}}),
            json!({"status": {"empty": false, "contains": "Ana"}}),
        ),
        (
            json!({"score": {"min": 1.5, "max": "20"}}),
            json!({"score": {"min": "1.5", "max": "20"}}),
        ),
        (
            json!({"vip": {"not": true}}),
            json!({"vip": {"not": ["true"]}}),
        ),
        (
            json!({"born": {"from": "-1d", "to": "2026-11-30"}}),
            json!({"born": {"from": "2026-11-20", "to": "2026-11-30"}}),
        ),
        (
            json!({"seen": {"from": "2026-11-20"}}),
            json!({"seen": {"from": "2026-11-20T03:00:00Z"}}),
        ),
    ] {
        assert_eq!(stored(&filters), expected);
        assert_eq!(stored(&expected), expected, "stored filters are valid ones");
    }
    let query = [
        ("score.min", "1"),
        ("status.not", "a"),
        ("status.not", "b"),
        ("status.empty", "false"),
        ("born.to", "2026-11-30"),
    ];
    let from_query = from_query(&leads(), query).unwrap();
    let body = json!({"score": {"min": "1"}, "status": {"not": ["a", "b"], "empty": false}, "born": {"to": "2026-11-30"}});
    let of_body = from_json(&leads(), Some(&body), None).unwrap();
    assert_eq!(from_query.filters, of_body.filters);
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    let mut of = leads();
    for (filters, problem) in [
        (
            json!({"status": {}}),
            "filters.status: must not be an empty object",
        ),
        (
            json!({"status": {"min": 1}}),
            "filters.status.min: is no condition for a text; there are not, empty, contains, starts_with",
        ),
        (
            json!({"status": {"contains": " "}}),
            "filters.status.contains: must be a text of 1 to 200 characters, not blank",
        ),
        (
            json!({"status": {"empty": "maybe"}}),
            "filters.status.empty: must be true or false",
        ),
        (
            json!({"status": {"not": []}}),
            "filters.status.not: must not be an empty list",
        ),
        (
            json!({"score": {"min": "many"}}),
            "filters.score.min: must be a number",
        ),
        (
            json!({"score": {"min": 2, "max": 1}}),
            "filters.score.max: must not be less than `min`",
        ),
        (
            json!({"born": {"from": "-12h"}}),
            "filters.born.from: must be a date (2017-10-01), or how long ago in days (-30d)",
        ),
        (
            json!({"born": {"from": "2026-11-20T03:00:00Z"}}),
            "filters.born.from: must be a date",
        ),
        (
            json!({"seen": {"to": "soon"}}),
            "filters.seen.to: must be an instant",
        ),
        (json!({"vip": {"contains": "a"}}), "there are not, empty"),
    ] {
        let errors = from_json(&of, Some(&filters), None).unwrap_err();
        assert!(
            errors[0].to_string().contains(problem),
            "{filters}: {}",
            errors[0]
        );
    }
    let errors = from_query(&of, [("status", "a"), ("status.not", "b")]).unwrap_err();
    assert_eq!(errors[0].to_string(), "status.not: must not be repeated");
    let reversed = json!({"born": {"from": "2026-11-20", "to": "2026-11-20"}});
    let criteria = from_json(&of, Some(&reversed), None).unwrap();
    let pinned = criteria.pin(
        "2026-11-21T12:01:02Z".parse().unwrap(),
        &jiff::tz::TimeZone::UTC,
    );
    assert_eq!(
        pinned.unwrap_err()[0].to_string(),
        "filters.born.to: must be after `from`; it is the first day not in the range"
    );
    of.columns
        .iter_mut()
        .find(|column| column.key == "status")
        .unwrap()
        .hidden = true;
    let errors = from_json(&of, Some(&json!({"status": {"not": ["a"]}})), None).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "filters.status: takes values only; the column is not shown"
    );
}
