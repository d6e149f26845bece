use waybill::catalog::{Catalog, Constant};

use super::*;

fn things(sort_format: &str) -> ExportType {
    let text = format!(
        "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"T\", partition = \"{{parent}}\", partition_key = \"pk\", \
             sort_key = \"sk\", sort_format = \"{sort_format}\" }}\ncreated = \"at\"\n\
             columns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"score\", kind = \"integer\" }}, \
             {{ key = \"status\", kind = \"text\", values = [\"a\", \"b\"] }}, {{ key = \"mail\", kind = \"email\" }} ]\n"
    );
    Catalog::parse(&text).unwrap().types()[0].clone()
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

#[test]
fn differences_are_counted_with_a_key_and_without_a_cell() {
    let of = things("rfc3339_s#id");
    let mut report = Report::new(&of);
    let at = |time: &str| Some(time.parse().unwrap());
    let key = "2026-11-21T11:00:00Z#1";
    report.record(
        &[
            text("1"),
            text("7"),
            text("a"),
            Value::Missing,
            text(key),
            text("2026-11-21T11:00:00.5Z"),
        ],
        at("2026-11-21T11:00:00.5Z"),
    );
    assert!(report.matches_entry());
    report.record(
        &[
            text("2"),
            text("secret"),
            text("z"),
            Value::Null,
            text("\u{1b}[2Jnow"),
            text("soon"),
        ],
        None,
    );
    let key = "2026-11-21T11:00:00Z#3";
    report.record(
        &[
            text("3"),
            text("many"),
            text("b"),
            Value::Null,
            text(key),
            text("2026-11-21T12:00:00Z"),
        ],
        at("2026-11-21T12:00:00Z"),
    );
    report.record(
        &[
            text("4"),
            Value::Missing,
            text("b"),
            Value::Null,
            Value::Number("5".into()),
            Value::Missing,
        ],
        None,
    );
    assert!(!report.matches_entry());
    insta::assert_snapshot!(report, @r##"
          4 records
          key: 1 of 4 are texts although `sort_format` is a number, or numbers although it is a text, the first at "5"
          key: 2 of 4 do not have the `sort_format`, the first at "\u{1b}[2Jnow"
          key: 1 of 4 have another time than `created`, so that filters on the time would miss them, the first at "2026-11-21T11:00:00Z#3"
          at: 1 of 4 have no value although it is `created`, so that filters on the time would leave them out, the first at "5"
          at: 1 of 4 have a time that cannot be read: it must be RFC 3339 with a zone, or as in `from`, the first at "\u{1b}[2Jnow"
          score: 2 of 4 are not of kind integer, the first at "\u{1b}[2Jnow"
          status: 1 of 4 are not in `values`, the first at "\u{1b}[2Jnow"
          mail: no record has a value
        "##);
}

#[test]
fn keys_of_the_format_id_may_be_any_text() {
    let of = things("id");
    let mut report = Report::new(&of);
    report.record(
        &[
            text("1"),
            Value::Null,
            text("a"),
            text("a@b"),
            text("anything"),
            text("2026-11-21T12:00:00Z"),
        ],
        "2026-11-21T12:00:00Z".parse().ok(),
    );
    insta::assert_snapshot!(report, @"
          1 records
          score: no record has a value
          all records match the entry
        ");
}

#[test]
fn blank_records_and_records_of_other_types_are_reported() {
    let mut of = things("id");
    of.records.dynamodb_mut().unwrap().fixed = vec![(
        "archived".to_owned(),
        Constant::Text("false".to_owned()).into(),
    )];
    let mut report = Report::new(&of);
    let record = |id: Value<'static>, archived: Value<'static>| {
        [
            id,
            Value::Missing,
            Value::Missing,
            Value::Missing,
            text("k"),
            text("2026-11-21T12:00:00Z"),
            archived,
        ]
    };
    let time = "2026-11-21T12:00:00Z".parse().ok();
    report.record(&record(text("1"), text("false")), time);
    assert!(report.matches_entry());
    report.record(&record(text("2"), Value::Bool(false)), time);
    report.record(&record(text("3"), text("true")), time);
    report.record(&record(Value::Missing, text("false")), time);
    insta::assert_snapshot!(report, @r#"
        4 records
        columns: 1 of 4 have no value in any column: they may be of another type, the first at "k"
        archived: 1 of 4 have the text of the `fixed` value, but another DynamoDB type, the first at "k"
        fixed: 1 of 4 are of other types and were skipped
        score: no record has a value
        status: no record has a value
        mail: no record has a value
        "#);
    let mut none = Report::new(&of);
    none.record(&record(text("1"), text("true")), time);
    assert!(!none.matches_entry());
    insta::assert_snapshot!(none, @"
        1 records
        fixed: none of 1 has the `fixed` values
        ");
}

#[test]
fn records_with_the_keys_of_others_are_told_from_those_without_the_fixed_values() {
    let of = things("order#{id}");
    let record = |key: &'static str| {
        [
            text("1"),
            Value::Missing,
            Value::Missing,
            Value::Missing,
            text(key),
            text("2026-11-21T12:00:00Z"),
        ]
    };
    let time = "2026-11-21T12:00:00Z".parse().ok();
    let mut report = Report::new(&of);
    report.record(&record("ORDER#1"), time);
    assert!(!report.matches_entry());
    insta::assert_snapshot!(report, @r#"
        1 records
        key: none of 1 has the literal text of `sort_format`, the first is "ORDER#1"
        "#);
    report.record(&record("order#2"), time);
    assert!(report.matches_entry());
    assert!(report.to_string().contains(
        r#"key: 1 of 2 are of other types, by their literal text, and were skipped, the first at "ORDER#1""#
    ));
}
