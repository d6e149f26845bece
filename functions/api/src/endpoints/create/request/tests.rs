use serde_json::json;
use waybill::catalog::Definition;
use waybill::parent::ParentKinds;
use waybill::value::Kind;

use super::*;

fn profile(parent: &str) -> ParentProfile {
    ParentProfile::undescribed(parent.parse().unwrap(), &ParentKinds::default())
}

fn parse(body: Value) -> Result<String, String> {
    let catalog = Catalog::load().unwrap();
    let Value::Object(body) = body else {
        panic!("not an object")
    };
    match ExportRequest::parse(body, &catalog, &profile("project#42")) {
        Ok(asked) => Ok(asked.fingerprint().unwrap()),
        Err(errors) => Err(errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")),
    }
}

#[test]
fn requests_that_mean_the_same_have_one_fingerprint() {
    let plain = parse(json!({"type": "orders", "format": "csv"})).unwrap();
    let spelled = json!({"format": "csv", "type": "orders", "filters": {}, "search": " ", "columns": null,
            "profile": "spreadsheet", "time_zone": "utc", "user": null});
    assert_eq!(parse(spelled).unwrap(), plain);
    for other in [
        json!({"type": "orders", "format": "xlsx"}),
        json!({"type": "orders", "format": "csv", "search": "ana"}),
        json!({"type": "orders", "format": "csv", "columns": ["id"]}),
        json!({"type": "orders", "format": "csv", "profile": "data"}),
        json!({"type": "orders", "format": "csv", "headers": "labels"}),
        json!({"type": "orders", "format": "csv", "time_zone": "Europe/Lisbon"}),
        json!({"type": "orders", "format": "csv", "filters": {"created_at": {"from": "-30d"}}}),
        json!({"type": "orders", "format": "csv", "user": {"id": "u"}}),
    ] {
        assert_ne!(parse(other.clone()).unwrap(), plain, "{other}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let body = json!({"type": 7, "format": "pdf", "profile": "wide", "headers": "none", "time_zone": "Mars/Olympus", "locale": "de_AT", "extra": 1,
            "user": {"name": "", "email": "x", "phone": "1"}});
    insta::assert_snapshot!(parse(body).unwrap_err(), @"
        extra: is unknown; the fields are type, format, filters, search, columns, profile, headers, order, time_zone, locale, user
        type: must be a text
        format: must be csv or xlsx
        profile: must be spreadsheet or data
        headers: must be keys or labels
        time_zone: must be the IANA name of a time zone, such as Europe/Lisbon
        locale: must be a language tag (BCP 47), such as de or pt-BR
        user.phone: is unknown; the fields are id, name, email, issuer
        user.id: is required
        user.name: must have 1 to 255 characters, in one line
        user.email: must be a mail address, such as ana@example.com
        ");
    insta::assert_snapshot!(parse(json!({})).unwrap_err(), @"
        type: is required
        format: is required
        ");
    let body = json!({"type": "orders", "format": "csv", "columns": ["id", "id", "secret"],
            "filters": {"status": "lost", "color": "red"}, "search": 5, "user": 3});
    insta::assert_snapshot!(parse(body).unwrap_err(), @"
        user: must be an object with `id`, `name` and `email`
        filters.status: must be one of created, approved, invoiced, processing, shipped, delivered, unavailable, canceled
        filters.color: is no filter of orders; its filters are status, created_at, state, payment
        search: must be a text
        columns[1]: `id` is named twice
        columns[2]: is no column; orders has id, reference, status, created_at, updated_at, delivered_at, customer, city, state, items, amount, freight, currency, payment
        ");
    for columns in [json!([]), json!("id"), json!([1])] {
        let body = json!({"type": "orders", "format": "csv", "columns": columns});
        assert!(parse(body).unwrap_err().starts_with("columns: "));
    }
}

#[test]
fn a_type_of_another_kind_of_parent_is_refused() {
    let catalog = Catalog::load().unwrap();
    let refusal = |catalog: &Catalog, parent: &str, name: &str| {
        let Value::Object(body) = json!({"type": name, "format": "csv"}) else {
            panic!()
        };
        ExportRequest::parse(body, catalog, &profile(parent)).unwrap_err()[0].to_string()
    };
    insta::assert_snapshot!(refusal(&catalog, "organization#acme", "orders"), @"type: belongs to a project; export it there");
    insta::assert_snapshot!(refusal(&catalog, "project#42", "leads"), @"type: belongs to a source; export it there");
    insta::assert_snapshot!(refusal(&catalog, "organization#acme", "widgets"), @"type: must be one of purchases, audience_members");
    let one = r#"
            [[type]]
            name = "tickets"
            parent = "project"
            delivery = "link"
            records = { engine = "dynamodb", table = "TICKETS", partition = "{parent}", partition_key = "pk",
                        sort_key = "sk", sort_format = "id" }
            created = "opened_at"
            columns = [ { key = "id", kind = "text" } ]
        "#;
    let one = Catalog::parse(one).unwrap();
    insta::assert_snapshot!(refusal(&one, "organization#acme", "leads"), @"type: is unknown; there is nothing to export of organizations");
}

#[test]
fn a_source_has_columns_of_its_own() {
    let catalog = Catalog::load().unwrap();
    let mut source = profile("source#web");
    let asked = |source: &ParentProfile, columns: Value| {
        let Value::Object(body) = json!({"type": "leads", "format": "csv", "columns": columns})
        else {
            panic!()
        };
        ExportRequest::parse(body, &catalog, source)
    };
    let before = asked(&source, Value::Null).unwrap();
    assert!(asked(&source, json!(["id", "job"])).is_err());
    source.definitions.custom_fields.push(Definition {
        key: "job".into(),
        label: "Job".into(),
        kind: Kind::Text,
    });
    assert_eq!(
        asked(&source, json!(["job", "other", "id"]))
            .unwrap()
            .columns,
        ["job", "other", "id"]
    );
    let after = asked(&source, Value::Null).unwrap();
    assert_eq!(before.columns.len() + 1, after.columns.len());
    assert_eq!(
        before.fingerprint().unwrap(),
        after.fingerprint().unwrap(),
        "a request sent again is the same whatever staff have defined in between"
    );
}

#[test]
fn zones_that_no_file_could_be_written_in_are_refused() {
    for zone in [
        "",
        "Etc/Unknown",
        "+01:00",
        "../../etc/passwd",
        "Mars/Olympus",
    ] {
        let body = json!({"type": "orders", "format": "csv", "time_zone": zone});
        assert!(parse(body).is_err(), "{zone:?}");
    }
}

#[test]
fn a_locale_is_a_language_tag() {
    for tag in [
        "de",
        "pt-BR",
        "zh-Hant-TW",
        "de-DE-1996",
        "es-419",
        "sl-rozaj-biske-1994",
    ] {
        assert!(is_locale(tag), "{tag}");
    }
    let long = format!("de{}", "-abcdefgh".repeat(4));
    for text in [
        "",
        "d",
        "*",
        "de-",
        "de--AT",
        "de_AT",
        "12",
        "de-abcdefghi",
        "de,en",
        &long,
    ] {
        assert!(!is_locale(text), "{text}");
    }
}
