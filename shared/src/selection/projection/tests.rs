use serde_json::json;

use super::*;
use crate::selection::Criteria;
use crate::selection::KeyTime;
use crate::selection::tests::{leads, orders};

fn selection(export_type: &ExportType, filters: serde_json::Value, search: &str) -> Selection {
    let criteria = Criteria::from_json(export_type, Some(&filters), Some(&json!(search))).unwrap();
    criteria
        .pin(
            "2026-11-21T12:01:02Z".parse().unwrap(),
            &jiff::tz::TimeZone::UTC,
        )
        .unwrap()
}

/// Whether a lead that has only this value is selected.
fn selected(filters: serde_json::Value, search: &str, path: &str, value: Value<'_>) -> bool {
    let leads = leads();
    let selection = selection(&leads, filters, search);
    let projection = Projection::new(&leads, &[], &selection);
    let row: Vec<_> = paths(&projection)
        .iter()
        .map(|p| {
            if p == path {
                value.clone()
            } else {
                Value::Missing
            }
        })
        .collect();
    is_in(&projection, &row)
}

fn is_in(projection: &Projection, row: &[Value<'_>]) -> bool {
    projection
        .decide(row, KeyTime::WithinBounds, Timestamp::MAX)
        .is_in()
}

fn paths(projection: &Projection) -> Vec<String> {
    let path = |origin: &Origin| origin.path().map(ToString::to_string).unwrap_or_default();
    projection.origins().iter().map(path).collect()
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn number(text: &str) -> Value<'_> {
    Value::Number(text.into())
}

#[test]
fn the_files_columns_come_first_and_no_value_is_read_twice() {
    let orders = orders();
    let columns = orders.select_columns(&["customer", "status"]).unwrap();
    let selection = selection(
        &orders,
        json!({"status": ["shipped"], "state": "SP"}),
        "ana",
    );
    let projection = Projection::new(&orders, &columns, &selection);
    assert_eq!(
        paths(&projection),
        [
            "customer",
            "status",
            "created_at",
            "state",
            "id",
            "reference",
            "city"
        ]
    );
    let row = [
        text("Ana"),
        text("shipped"),
        text("2017-10-02T10:56:33Z"),
        text("SP"),
        text("1"),
    ];
    assert_eq!(projection.columns(&row), &row[..2]);
    assert_eq!(
        projection.created(&row),
        Some("2017-10-02T10:56:33Z".parse().unwrap())
    );
    assert!(is_in(&projection, &row));
}

#[test]
fn every_filter_and_the_search_must_match() {
    let orders = orders();
    let selection = selection(
        &orders,
        json!({"status": ["shipped", "delivered"], "state": "SP"}),
        "ana",
    );
    let columns = orders
        .select_columns(&["customer", "status", "created_at", "state"])
        .unwrap();
    let projection = Projection::new(&orders, &columns, &selection);
    let matches = |customer, status, state| {
        let nothing = std::iter::repeat_n(Value::Null, projection.origins().len() - 4);
        let row: Vec<_> = [text(customer), text(status), Value::Null, text(state)]
            .into_iter()
            .chain(nothing)
            .collect();
        is_in(&projection, &row)
    };
    assert!(matches("Mariana", "shipped", "SP"));
    assert!(!matches("Maria", "shipped", "SP"));
    assert!(!matches("Mariana", "created", "SP"));
    assert!(!matches("Mariana", "shipped", "sp"));
}

#[test]
fn the_range_of_creation_times_includes_from_and_excludes_to() {
    let filter = json!({"created_at": {"from": "2017-10-01", "to": "2017-11-01"}});
    for (created, expected) in [
        ("2017-09-30T23:59:59.999999999Z", false),
        ("2017-10-01T00:00:00Z", true),
        ("2017-10-01T01:00:00+02:00", false),
        ("2017-10-31T23:59:59.999Z", true),
        ("2017-11-01T00:00:00Z", false),
        ("2017-10-15", false),
        ("soon", false),
    ] {
        assert_eq!(
            selected(filter.clone(), "", "created_at", text(created)),
            expected,
            "{created}"
        );
    }
    assert!(!selected(filter, "", "created_at", Value::Missing));
    assert!(selected(json!({}), "", "created_at", Value::Missing));
}

#[test]
fn numbers_and_instants_are_compared_by_value() {
    for (filters, path, value, expected) in [
        (json!({"score": 1.5}), "score", number("1.50"), true),
        (json!({"score": ["7", "8"]}), "score", number("8"), true),
        (json!({"score": 7}), "score", number("70"), false),
        (
            json!({"seen": "2017-10-01T02:00:00+02:00"}),
            "seen",
            number("1506816000"),
            true,
        ),
        (
            json!({"seen": "2017-10-01T02:00:00Z"}),
            "seen",
            number("1506816000"),
            false,
        ),
        (json!({"vip": true}), "vip", Value::Bool(true), true),
        (json!({"vip": false}), "vip", Value::Bool(true), false),
        (json!({"vip": false}), "vip", Value::Missing, false),
        (
            json!({"born": "2000-02-29"}),
            "born",
            text("2000-02-29"),
            true,
        ),
        (json!({"status": "new"}), "status", text("New"), false),
    ] {
        assert_eq!(
            selected(filters.clone(), "", path, value.clone()),
            expected,
            "{filters} {value:?}"
        );
    }
}

#[test]
fn an_attribute_must_exist_or_have_an_accepted_value() {
    let list = || Value::Json(r#"["a",5]"#.into());
    for (filters, value, expected) in [
        (json!({"tag": true}), text("x"), true),
        (json!({"tag": true}), text(""), false),
        (json!({"tag": true}), Value::Bool(false), false),
        (json!({"tag": true}), Value::Bool(true), true),
        (json!({"tag": true}), number("0"), true),
        (json!({"tag": true}), Value::Null, false),
        (json!({"tag": true}), Value::Missing, false),
        (json!({"tag": ["a", "b"]}), text("b"), true),
        (json!({"tag": ["a", "b"]}), text("c"), false),
        (json!({"tag": "a"}), list(), true),
        (json!({"tag": 5}), list(), true),
        (json!({"tag": "b"}), list(), false),
        (json!({"tag": "5.0"}), number("5"), true),
        (json!({"tag": "5.0"}), text("5"), false),
    ] {
        let filters = json!({"attributes": filters});
        assert_eq!(
            selected(filters.clone(), "", "attributes.tag", value.clone()),
            expected,
            "{filters} {value:?}"
        );
    }
    let both = json!({"attributes": {"tag": true, "other": true}});
    assert!(!selected(both, "", "attributes.tag", text("x")));
}

#[test]
fn a_search_compares_only_the_searched_fields() {
    assert!(selected(json!({}), "ANA", "name", text("Mariana")));
    assert!(!selected(json!({}), "ANA", "status", text("Mariana")));
    assert!(selected(
        json!({}),
        "519748",
        "phone",
        text("+1-519-748-2199")
    ));
    assert!(!selected(
        json!({}),
        "519748",
        "name",
        text("+1-519-748-2199")
    ));
}

#[test]
fn conditions_exclude_no_selected_record() {
    let leads = leads();
    let filters = json!({"status": ["new", "sold"], "score": 7, "vip": true, "seen": "2017-10-01T00:00:00Z",
            "created_at": {"from": "-1d"}, "attributes": {"tag": ["a"]}});
    let selection = selection(&leads, filters, "ana");
    let path = |text: &str| Path::new(text, []);
    assert_eq!(
        Projection::new(&leads, &[], &selection).conditions(),
        [
            Condition::Number(path("score"), vec!["7".to_owned()]),
            Condition::Exists(path("seen")),
            Condition::OneOf(path("status"), vec!["new".to_owned(), "sold".to_owned()]),
            Condition::OneOf(path("vip"), vec!["true".to_owned()]),
            Condition::Exists(Path::new(ATTRIBUTES, ["tag".to_owned()])),
        ]
    );
}
