use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Answer, Layout, RecordsParser, Row};
use crate::catalog::{Origin, Others, Path};
use crate::value::Value;

fn path(text: &str) -> Path {
    let mut names = text.split('.').map(str::to_owned);
    Path::new(names.next().unwrap(), names)
}

fn origins(paths: &[&str]) -> Vec<Origin> {
    paths.iter().map(|text| path(text).into()).collect()
}

fn parser(origins: &[Origin]) -> RecordsParser {
    let layout = Layout::new(origins, &["pk".to_owned(), "sk".to_owned()], Some("sk"));
    RecordsParser::new(Arc::new(layout), Arc::default())
}

fn read(parser: &mut RecordsParser, answer: &str) -> Answer {
    Answer::read(answer.as_bytes().to_vec(), parser).unwrap()
}

/// The values of each record.
fn rows(origins: &[Origin], items: &Json) -> Vec<Vec<Value<'static>>> {
    let answer = read(&mut parser(origins), &json!({ "Items": items }).to_string());
    let row = |row| {
        let mut values = Vec::new();
        Row::new(&answer, row).values(&mut values);
        values.into_iter().map(owned).collect()
    };
    (0..answer.rows()).map(row).collect()
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Text(text) => Value::Text(text.into_owned().into()),
        Value::Number(digits) => Value::Number(digits.into_owned().into()),
        Value::LossyText(text) => Value::LossyText(text.into_owned().into()),
        Value::Json(json) => Value::Json(json.into_owned().into()),
        Value::Bool(flag) => Value::Bool(flag),
        Value::Null => Value::Null,
        Value::Missing => Value::Missing,
    }
}

fn s(text: &str) -> Json {
    json!({ "S": text })
}

fn text(text: &'static str) -> Value<'static> {
    Value::Text(text.into())
}

#[test]
fn an_answer_is_parsed_in_any_order_and_with_any_white_space() {
    let answers = [
        r#"{"Count":1,"Items":[{"pk":{"S":"a"},"n":{"N":"1"}}],"ScannedCount":7,"LastEvaluatedKey":{"pk":{"S":"a"},"sk":{"N":"5"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":2.5}}"#,
        r#" { "ConsumedCapacity" : { "CapacityUnits" : 2.5 , "TableName":"}" } , "LastEvaluatedKey" : { "pk" : { "S" : "a" } , "sk" : { "N" : "5" } } ,
            "ScannedCount" : 7 , "More" : [ 1 , { "x" : "\"]" } ] , "Items" : [ { "n" : { "N" : "1" } , "pk" : { "S" : "a" } } ] , "Count" : 1 } "#,
    ];
    for text in answers {
        let answer = read(&mut parser(&origins(&["n"])), text);
        assert_eq!(
            (answer.rows(), answer.scanned, answer.read_units),
            (1, 7, 2.5)
        );
        assert_eq!(answer.last_key.as_ref().unwrap()["sk"].as_n().unwrap(), "5");
        let mut values = Vec::new();
        Row::new(&answer, 0).values(&mut values);
        assert_eq!(values, [Value::Number("1".into())]);
    }
    let empty = read(&mut parser(&[]), "{}");
    assert_eq!((empty.rows(), empty.scanned), (0, 0));
    assert_eq!(empty.last_key, None);
}

#[test]
fn a_malformed_answer_is_refused_with_the_offset() {
    for (text, at) in [
        ("", 0),
        ("[]", 0),
        (r#"{"Items":[{"pk":{"S":"a"}]}"#, 25),
        (r#"{"Items":[{"pk":{"S":"a}]}"#, 22),
        (r#"{"Items":[{"pk":{"S":5}}]}"#, 21),
        (r#"{"Items":[{"pk":{"BOOL":maybe}}]}"#, 24),
        (r#"{"Items":[{"pk":"a"}]}"#, 16),
        (r#"{"Items":[{"pk":{"S":"\x"}}]}"#, 22),
        (r#"{"LastEvaluatedKey":{"pk":{"L":[]}}}"#, 20),
    ] {
        let error = Answer::read(text.as_bytes().to_vec(), &mut parser(&origins(&["pk"])));
        assert_eq!(error.unwrap_err().0, at, "{text}");
    }
    let no_text = Answer::read(b"{\"Items\":\"\xff\"}".to_vec(), &mut parser(&[]));
    assert_eq!(no_text.unwrap_err().0, 10);
}

#[test]
fn a_path_leads_into_maps_and_has_no_value_where_there_are_none() {
    let items = json!([
        {"address": {"M": {"city": s("Porto"), "street": {"M": {"city": s("no")}}}}, "name": s("Ana")},
        {"address": s("Porto"), "name": {"M": {"city": s("x"), "town": {"L": []}}}},
    ]);
    assert_eq!(
        rows(
            &origins(&["address.city", "name.city", "other", "name"]),
            &items
        ),
        [
            [text("Porto"), Value::Missing, Value::Missing, text("Ana")],
            [
                Value::Missing,
                text("x"),
                Value::Missing,
                Value::Json(r#"{"city":"x","town":[]}"#.into())
            ],
        ]
    );
}

#[test]
fn lists_and_maps_are_compact_json_in_a_fixed_order() {
    let map = json!({"M": {"b": s("b"), "a": s("a"), "\"": s("\"")}});
    let list = json!({"L": [{"N": "1.50"}, {"NULL": true}, {"BOOL": true}, map]});
    let items = json!([{ "a": list }, {"a": {"SS": ["é", "\n"]}}, {"a": {"NS": ["1e3", "2"]}}, {"a": {"BS": ["eA=="]}}]);
    let found: Vec<_> = rows(&origins(&["a"]), &items).concat();
    assert_eq!(
        found,
        [
            r#"[1.50,null,true,{"\"":"\"","a":"a","b":"b"}]"#,
            r#"["é","\n"]"#,
            "[1e3,2]",
            r#"["eA=="]"#
        ]
        .map(|json| Value::Json(json.into()))
    );
}

#[test]
fn the_first_path_with_a_value_counts_and_a_default_replaces_none() {
    let items = json!([{"custom": {"M": {"job": s("cook")}}, "job": s("actor"), "age": s("7")}]);
    let origin = |key: &str, otherwise: Option<&str>| Origin::Paths {
        paths: vec![Path::new("custom", [key.to_owned()]), Path::new(key, [])],
        otherwise: otherwise.map(str::to_owned),
    };
    let origins = [
        origin("job", Some("-")),
        origin("age", None),
        origin("size", Some("-")),
        origin("size", None),
    ];
    assert_eq!(
        rows(&origins, &items),
        [[text("cook"), text("7"), text("-"), Value::Missing]]
    );
}

#[test]
fn values_that_no_column_has_are_one_object_and_none_is_lost() {
    let others = Origin::Others(Others {
        known: ["pk", "name", "address.city", "custom.job", "attributes.vip"]
            .map(path)
            .into(),
        maps: ["custom", "attributes"].map(str::to_owned).into(),
    });
    let shown = |mut item: Json| {
        item["pk"] = s("leads#web");
        item["name"] = s("Ana");
        let row = rows(std::slice::from_ref(&others), &json!([item])).concat();
        row[0].as_text().map(str::to_owned)
    };
    assert_eq!(shown(json!({})), None);
    assert_eq!(
        shown(json!({"address": {"M": {"city": s("Porto")}}, "custom": {"M": {}}})),
        None
    );
    let custom = json!({"M": {"job": s("cook"), "age": {"N": "7"}}});
    let attributes =
        json!({"M": {"vip": {"BOOL": true}, "age": s("old"), "tags": {"L": [s("a")]}}});
    let address = json!({"M": {"city": s("Porto"), "county": s("=1+1")}});
    assert_eq!(
        shown(json!({"custom": custom, "attributes": attributes, "address": address, "tags": s("top")})).as_deref(),
        Some(r#"{"address.county":"=1+1","age":"old","attributes.tags":["a"],"custom.age":7,"tags":"top"}"#)
    );
    assert_eq!(
        shown(json!({"custom": s("no map")})).as_deref(),
        Some(r#"{"custom":"no map"}"#)
    );
}

/// A custom field may be in the map `custom`, an attribute of the record, or both.
#[test]
fn a_column_with_two_paths_shows_the_first_value_and_other_has_the_second() {
    let job = Origin::Paths {
        paths: vec![path("custom.job"), path("job")],
        otherwise: None,
    };
    let others = Origin::Others(Others {
        known: ["pk", "custom.job", "job"].map(path).into(),
        maps: ["custom"].map(str::to_owned).into(),
    });
    let both = |of_map: Json, beside: Json| {
        let item = json!({"pk": s("leads#web"), "custom": {"M": {"job": of_map}}, "job": beside});
        let row = rows(&[job.clone(), others.clone()], &json!([item])).concat();
        let shown = row
            .iter()
            .map(|value| value.as_text().unwrap_or("-").to_owned());
        shown.collect::<Vec<_>>()
    };
    let null = || json!({"NULL": true});
    assert_eq!(both(s("cook"), s("actor")), ["cook", r#"{"job":"actor"}"#]);
    assert_eq!(both(s("cook"), s("cook")), ["cook", "-"]);
    assert_eq!(both(null(), s("actor")), ["actor", "-"]);
    assert_eq!(both(s(""), s("actor")), ["actor", "-"]);
    assert_eq!(both(s("cook"), s("")), ["cook", "-"]);
    assert_eq!(both(s(""), null()), ["", "-"]);
    assert_eq!(both(s("7"), json!({"N": "7"})), ["7", r#"{"job":7}"#]);
}

/// Names that are values, as in a map of freely named attributes.
#[test]
fn more_names_than_can_be_learned_are_parsed() {
    let items: Vec<_> = (0..5_000)
        .map(|n| {
            let mut item = json!({"pk": s("a"), "x": {"N": n.to_string()}});
            item[format!("name {n}")] = s("b");
            item
        })
        .collect();
    let found = rows(&origins(&["x", "name 4321"]), &json!(items));
    for (n, row) in found.iter().enumerate() {
        assert_eq!(row[0], Value::Number(n.to_string().into()));
        assert_eq!(row[1].is_empty(), n != 4321, "{n}");
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let origin = prop_oneof![
        any::<String>().prop_map(|text| json!({ "S": text })),
        "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?".prop_map(|digits| json!({ "N": digits })),
        any::<bool>().prop_map(|flag| json!({ "BOOL": flag })),
        Just(json!({"NULL": true})),
        Just(json!({"SS": ["a", "b\""]})),
    ];
    origin.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| json!({ "L": items })),
            prop::collection::btree_map("[a-d\"\u{e9}]{1,2}", inner, 0..3)
                .prop_map(|map| json!({ "M": map })),
        ]
    })
}

proptest! {
    /// Records are parsed correctly with their attributes in any order and any of them missing.
    #[test]
    fn values_are_those_of_the_record(
        items in prop::collection::vec(prop::collection::hash_map("[a-e]", any_json(), 0..5), 0..8),
    ) {
        let names = ["a", "b", "c", "a.b", "c.d"];
        let found = rows(&origins(&names), &json!(items));
        prop_assert_eq!(found.len(), items.len());
        for (item, row) in items.iter().zip(found) {
            for (name, value) in names.iter().zip(row) {
                let (root, inner) = name.split_once('.').unwrap_or((*name, ""));
                let stored = item.get(root).and_then(|value| match inner {
                    "" => Some(value),
                    inner => value.get("M")?.get(inner),
                });
                let matches = match (stored, &value) {
                    (None, Value::Missing) => true,
                    (Some(stored), Value::Text(text)) => stored["S"] == **text,
                    (Some(stored), Value::Number(digits)) => stored["N"] == **digits,
                    (Some(stored), Value::Bool(flag)) => stored["BOOL"] == *flag,
                    (Some(stored), Value::Null) => stored["NULL"] == true,
                    (Some(stored), Value::Json(json)) => {
                        prop_assert!(serde_json::from_str::<Json>(json).is_ok(), "{}", json);
                        ["L", "M", "SS"].iter().any(|kind| stored.get(kind).is_some())
                    }
                    _ => false,
                };
                prop_assert!(matches, "{}: {:?} is not {:?}", name, value, stored);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(mut answer in Just(br#"{"Items":[{"pk":{"S":"a\"b"},"m":{"M":{"x":{"N":"1"}}},"l":{"L":[{"S":"x"}]}}],"ScannedCount":1}"#.to_vec()),
        place in 0_usize..95, byte: u8, cut in 0_usize..96,
    ) {
        answer[place] = byte;
        answer.truncate(cut.max(1));
        let _ = Answer::read(answer, &mut parser(&origins(&["pk", "m.x", "l"])));
    }
}

#[test]
fn a_path_leads_to_elements_of_lists_by_their_place() {
    let items = json!([
        {"items": {"L": [{"M": {"sku": s("a"), "n": {"N": "1"}}}, {"M": {"sku": s("b\"")}}, s("c"), {"L": [s("d")]}]}},
        {"items": {"L": []}},
        {"items": {"L": [{"BOOL": true}, {"NULL": true}]}},
        {"items": {"M": {"0": {"M": {"sku": s("of a map")}}}}},
        {"items": s("no list")},
    ]);
    let missing = || Value::Missing;
    assert_eq!(
        rows(
            &origins(&[
                "items.0.sku",
                "items.1.sku",
                "items.2",
                "items.3.0",
                "items.0.n"
            ]),
            &items
        ),
        [
            [
                text("a"),
                text("b\""),
                text("c"),
                text("d"),
                Value::Number("1".into())
            ],
            [missing(), missing(), missing(), missing(), missing()],
            [missing(), missing(), missing(), missing(), missing()],
            [text("of a map"), missing(), missing(), missing(), missing()],
            [missing(), missing(), missing(), missing(), missing()],
        ]
    );
    assert_eq!(
        rows(&origins(&["items.0", "items.1"]), &items)[2],
        [Value::Bool(true), Value::Null]
    );
    let constant = Origin::Paths {
        paths: Vec::new(),
        otherwise: Some("EUR".to_owned()),
    };
    assert_eq!(rows(&[constant], &items)[0], [text("EUR")]);
}
