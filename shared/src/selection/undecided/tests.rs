use serde_json::json;

use super::*;
use crate::catalog::{Catalog, KeyForm, Mask};
use crate::selection::{Criteria, KeyTime};

fn things(records: &str) -> ExportType {
    let text = format!(
        "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"T\", partition = \"{{parent}}\", partition_key = \"pk\", \
             sort_key = \"sk\", {records} }}\ncreated = \"at\"\nfilters = [\"created_at\", \"status\"]\n\
             columns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"status\", kind = \"text\" }} ]\n"
    );
    Catalog::parse(&text).unwrap().types()[0].clone()
}

const BY_TIME: &str = r##"sort_format = "rfc3339_ms#id""##;

/// A record: its id, its sort key, its creation time, and its value of the fixed attribute.
type Record<'a> = (Value<'a>, &'a str, Value<'a>, Value<'a>);

struct Judged {
    ids: Vec<String>,
    undecided: UndecidedCounts,
    of: ExportType,
}

fn judge(of: &ExportType, filters: serde_json::Value, records: &[Record<'_>]) -> Judged {
    let as_of = "2026-11-21T12:00:00Z".parse().unwrap();
    let criteria = Criteria::from_json(of, Some(&filters), None).unwrap();
    let selection = criteria.pin(as_of, &jiff::tz::TimeZone::UTC).unwrap();
    let columns = of.select_columns(&["id"]).unwrap();
    let projection = Projection::new(of, &columns, &selection);
    let mut judged = Judged {
        ids: Vec::new(),
        undecided: UndecidedCounts::default(),
        of: of.clone(),
    };
    for (id, sort_key, created, fixed) in records {
        let values: Vec<Value<'_>> = projection
            .origins()
            .iter()
            .map(|origin| match origin.path().unwrap().root() {
                "id" => id.clone(),
                "at" => created.clone(),
                "archived" => fixed.clone(),
                _ => Value::Missing,
            })
            .collect();
        let format = &of.records.dynamodb().unwrap().sort_format;
        let key = match (format.has_time(), format.form(sort_key)) {
            (false, _) => KeyTime::None,
            (true, KeyForm::Fits) => KeyTime::WithinBounds,
            (true, _) => KeyTime::Unreadable,
        };
        let decision = projection.decide(&values, key, as_of);
        if decision.is_in() {
            judged
                .ids
                .push(values[0].as_text().unwrap_or_default().to_owned());
        }
        judged
            .undecided
            .add(decision, of, &projection, &values, || {
                Some((*sort_key).to_owned())
            });
    }
    judged
}

impl Judged {
    fn shown(&self) -> String {
        let warnings = serde_json::to_string(&self.undecided.warnings()).unwrap();
        let failure = self.undecided.mismatch(&self.of).map(|f| f.message);
        format!(
            "{} {warnings} {}",
            self.ids.join(" "),
            failure.unwrap_or_default()
        )
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

const FITS: &str = "2026-11-20T00:00:00.000Z#a";
const TIME: &str = "2026-11-20T00:00:00.000Z";

fn from_november() -> serde_json::Value {
    json!({"created_at": {"from": "2026-11-01"}})
}

#[test]
fn a_record_without_a_time_is_counted_and_left_out_only_by_a_filter_on_the_time() {
    let of = things(BY_TIME);
    let records = [
        (text("dated"), FITS, text(TIME), Value::Missing),
        (text("undated"), FITS, Value::Missing, Value::Missing),
        (text("null"), FITS, Value::Null, Value::Missing),
    ];
    insta::assert_snapshot!(judge(&of, json!(null), &records).shown(), @r#"dated undated null [{"code":"undated","attribute":"at","count":2,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
    insta::assert_snapshot!(judge(&of, from_november(), &records).shown(), @r#"dated [{"code":"undated","attribute":"at","count":2,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
}

#[test]
fn a_malformed_time_is_in_doubt_only_where_it_is_needed() {
    let records = [
        (
            text("zoneless"),
            FITS,
            text("2026-11-20T00:00:00"),
            Value::Missing,
        ),
        (text("day"), FITS, text("2026-11-20"), Value::Missing),
        (
            text("late"),
            FITS,
            text("2026-11-21T12:00:00Z"),
            Value::Missing,
        ),
    ];
    insta::assert_snapshot!(judge(&things(BY_TIME), json!(null), &records).shown(), @"zoneless day late []");
    insta::assert_snapshot!(judge(&things(BY_TIME), from_november(), &records).shown(), @r#"late [{"code":"undecided","attribute":"at","count":2,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
    // Without a time in the key, the limit of the request needs the creation time.
    let by_id = things(r#"sort_format = "id""#);
    insta::assert_snapshot!(judge(&by_id, json!(null), &records).shown(), @r#"zoneless day [{"code":"undecided","attribute":"at","count":2,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
}

#[test]
fn a_key_of_another_format_is_in_doubt_and_the_creation_time_decides() {
    let records = [
        (text("fits"), FITS, text(TIME), Value::Missing),
        (
            text("seconds"),
            "2026-11-20T00:00:00Z#b",
            text(TIME),
            Value::Missing,
        ),
        (
            text("late"),
            "lead-1",
            text("2026-11-21T12:00:00Z"),
            Value::Missing,
        ),
        (text("undated"), "lead-2", Value::Missing, Value::Missing),
    ];
    insta::assert_snapshot!(judge(&things(BY_TIME), json!(null), &records).shown(), @r#"fits seconds undated [{"code":"undecided","attribute":"sk","count":3,"example":"2026-11-20T00:00:00Z#b"}]"#);
    insta::assert_snapshot!(judge(&things(BY_TIME), from_november(), &records).shown(), @r#"fits seconds [{"code":"undecided","attribute":"sk","count":3,"example":"2026-11-20T00:00:00Z#b"}]"#);
}

#[test]
fn a_fixed_attribute_excludes_other_types_and_is_in_doubt_if_only_the_data_type_differs() {
    let of = things(&format!("{BY_TIME}, fixed = {{ archived = \"false\" }}"));
    let records = [
        (text("right"), FITS, text(TIME), text("false")),
        (text("boolean"), FITS, text(TIME), Value::Bool(false)),
        (text("other"), FITS, text(TIME), Value::Bool(true)),
        (text("none"), "lead", Value::Missing, Value::Missing),
    ];
    insta::assert_snapshot!(judge(&of, json!(null), &records).shown(), @r#"right boolean [{"code":"undecided","attribute":"archived","count":1,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
    let number = things(&format!("{BY_TIME}, fixed = {{ archived = 200 }}"));
    let records = [
        (text("right"), FITS, text(TIME), Value::Number("200".into())),
        (text("text"), FITS, text(TIME), text("200")),
        (text("other"), FITS, text(TIME), Value::Number("2".into())),
    ];
    insta::assert_snapshot!(judge(&number, json!(null), &records).shown(), @r#"right text [{"code":"undecided","attribute":"archived","count":1,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
}

#[test]
fn a_record_without_a_value_for_any_column_is_counted() {
    let records = [
        (Value::Missing, FITS, text(TIME), Value::Missing),
        (Value::Null, FITS, text(TIME), Value::Missing),
        (text("a"), FITS, text(TIME), Value::Missing),
    ];
    insta::assert_snapshot!(judge(&things(BY_TIME), json!(null), &records).shown(), @r#"  a [{"code":"blank_row","count":2,"example":"2026-11-20T00:00:00.000Z#a"}]"#);
}

#[test]
fn an_export_fails_if_all_of_many_records_are_in_doubt() {
    let of = things(BY_TIME);
    let many = |n: usize, record: Record<'static>| vec![record; n];
    let order = (
        text("a"),
        "ORDER#2026-11-20T00:00:00.000Z#a",
        text(TIME),
        Value::Missing,
    );
    let undated = (text("a"), FITS, Value::Missing, Value::Missing);
    let zoneless = (text("a"), FITS, text("2026-11-20T00:00:00"), Value::Missing);
    let failure = |judged: Judged| judged.undecided.mismatch(&judged.of);
    assert_eq!(
        failure(judge(&of, json!(null), &many(19, order.clone()))),
        None
    );
    let failed = failure(judge(&of, json!(null), &many(40, order.clone()))).unwrap();
    assert_eq!(
        (failed.code.as_str(), failed.retryable),
        ("catalog_mismatch", false)
    );
    insta::assert_snapshot!(failed.message, @"The records are not as the catalog says: the attribute sk should have the form rfc3339_ms#id, and 40 of 40 records had a text of the form AAAAA#9999-99-99A99:99:99.999A#a. No file was made, since it would lack records. Please contact support.");
    assert_eq!(
        failure(judge(&of, json!(null), &many(60, undated.clone()))),
        None
    );
    insta::assert_snapshot!(failure(judge(&of, from_november(), &many(60, undated))).unwrap().message, @"The records are not as the catalog says: the attribute at should have an RFC 3339 time with its zone, such as 2026-11-21T12:00:00Z, and 60 of 60 records had nothing there. No file was made, since it would lack records. Please contact support.");
    insta::assert_snapshot!(failure(judge(&of, from_november(), &many(60, zoneless))).unwrap().message, @"The records are not as the catalog says: the attribute at should have an RFC 3339 time with its zone, such as 2026-11-21T12:00:00Z, and 60 of 60 records had a text of the form 9999-99-99A99:99:99. No file was made, since it would lack records. Please contact support.");
    let mut but_one = many(40, order);
    but_one.push((text("a"), FITS, text(TIME), Value::Missing));
    assert_eq!(failure(judge(&of, json!(null), &but_one)), None);
}

/// A key may contain what a mask hides.
#[test]
fn no_key_is_shown_of_a_type_with_masks() {
    let mut of = things(BY_TIME);
    let records = [(text("undated"), FITS, Value::Missing, Value::Missing)];
    assert!(judge(&of, json!(null), &records).shown().contains(FITS));
    of.columns[1].conversion.mask = Some(Mask::Last4);
    let shown = judge(&of, json!(null), &records).shown();
    assert!(
        shown.contains("undated") && !shown.contains(FITS),
        "{shown}"
    );
}

/// The sort key says how its own time is stored, where no column does.
#[test]
fn a_numeric_sort_key_may_be_the_time_of_creation() {
    let mut of = things(r#"sort_format = "{epoch_ms}""#);
    let key = "1794268800000";
    let number = || Value::Number(key.into());
    let records = [(text("a"), key, number(), Value::Missing)];
    assert!(judge(&of, from_november(), &records).ids.is_empty());
    let spec = of.records.dynamodb_mut().unwrap();
    spec.sort_key = Some("at".to_owned());
    assert_eq!(judge(&of, from_november(), &records).ids, ["a"]);
    let late = json!({"created_at": {"from": "2026-11-20"}});
    assert!(judge(&of, late, &records).ids.is_empty());
}
