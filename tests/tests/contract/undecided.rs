//! Records that do not fit the catalog: all are counted, also those that are left out.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Deployment, FINISHED_WITHIN, Owner, file_of, python_csv};

/// Puts an order with this sort key and creation time, without a loader's checks.
async fn put(on: &Deployment, owner: &Owner, sort_key: &str, id: &str, created_at: Option<&str>) {
    let partition = format!("orders#{}", owner.project);
    let mut item = vec![("pk", partition.as_str()), ("sk", sort_key), ("id", id)];
    item.extend(created_at.map(|instant| ("created_at", instant)));
    let text = |(name, text): (&str, &str)| (name.to_owned(), AttributeValue::S(text.to_owned()));
    on.put_record(item.into_iter().map(text).collect()).await;
}

async fn failed(owner: &Owner, body: Value) -> Value {
    let export = owner.request_with(body).await;
    let id = waybill_tests::id(&export);
    owner.reaches(id, "failed", FINISHED_WITHIN).await
}

fn in_2026() -> Value {
    let mut body = csv();
    body["filters"] = json!({"created_at": {"from": "2026-01-01", "to": "2026-02-01"}});
    body
}

#[tokio::test]
async fn an_export_fails_if_all_keys_have_another_format() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    for n in 0..40 {
        let time = format!("2026-01-01T10:00:{n:02}Z");
        put(
            &deployment,
            &owner,
            &format!("ORDER#{time}"),
            &format!("o-{n}"),
            Some(&time),
        )
        .await;
    }
    for body in [csv(), in_2026()] {
        let export = failed(&owner, body).await;
        let failure = &export["failure"];
        assert_eq!(failure["code"], "catalog_mismatch", "{export:#}");
        assert_eq!(failure["retryable"], false);
        assert_eq!(
            (&export["url"], &export["progress"]),
            (&Value::Null, &Value::Null)
        );
        let message = failure["message"].as_str().unwrap();
        let stored = deployment.stored(waybill_tests::id(&export)).await;
        let link = format!("/v1/downloads/{}", stored["download"].as_str().unwrap());
        let said = owner.api.get(&link).await.problem();
        assert_eq!(
            said,
            format!("410 There is no file: the export failed. {message}")
        );
        let late = owner.api.cancel(&export).await.problem();
        assert!(
            late.starts_with("409 The export has failed already"),
            "{late}"
        );
        assert!(
            message.contains("sk") && message.contains("rfc3339_s#id"),
            "{message}"
        );
        assert!(
            message.contains("AAAAA#9999"),
            "the form, and not the key: {message}"
        );
        let mail = owner
            .mail_about(waybill_tests::id(&export))
            .await
            .to_string();
        assert!(
            mail.contains("rfc3339_s#id") && !mail.contains("ORDER#"),
            "{mail}"
        );
    }
}

/// Times as Python's `isoformat` writes them, and missing times, with a filter that needs them.
#[tokio::test]
async fn an_export_fails_if_no_time_can_be_interpreted() {
    let deployment = Deployment::get();
    for created_at in [Some("2026-01-01T10:00:00"), None] {
        let owner = Owner::new(&deployment, "Ana").await;
        for n in 0..20 {
            let key = format!("2026-01-01T10:00:{n:02}Z#o-{n}");
            put(&deployment, &owner, &key, &format!("o-{n}"), created_at).await;
        }
        let export = failed(&owner, in_2026()).await;
        assert_eq!(export["failure"]["code"], "catalog_mismatch", "{export:#}");
        // Without the filter, the key shows that the records are not later than the request.
        let all = owner.succeeded(csv()).await;
        assert_eq!(all["rows"], 20, "{all:#}");
    }
}

#[tokio::test]
async fn undecided_records_are_in_the_file_and_counted_with_an_example() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let time = "2026-01-01T10:00:00Z";
    put(
        &deployment,
        &owner,
        &format!("{time}#a"),
        "fits",
        Some(time),
    )
    .await;
    put(&deployment, &owner, "lead-1", "elsewhere", Some(time)).await;
    put(&deployment, &owner, &format!("{time}#b"), "undated", None).await;
    let export = owner.succeeded(csv()).await;
    let rows = python_csv(&file_of(&deployment, &owner.api, &export).await);
    let ids: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ["fits", "undated", "elsewhere"]);
    let receipt = &export["receipt"];
    let counts = [&receipt["read"], &receipt["matched"], &receipt["written"]];
    assert_eq!(counts, [3, 3, 3]);
    assert_eq!(
        export["warnings"],
        json!([
            {"code": "undated", "attribute": "created_at", "count": 1, "example": format!("{time}#b")},
            {"code": "undecided", "attribute": "sk", "count": 1, "example": "lead-1"},
        ])
    );
    let staff = caller(&deployment, "yuki", "staff").await;
    let shown = staff.read(&export_path(&export)).await;
    assert_eq!(
        shown["warnings"][1],
        json!({"code": "undecided", "attribute": "sk", "count": 1})
    );
    let listed = owner.api.read(&owner.path()).await;
    assert!(!listed.to_string().contains("lead-1"), "{listed:#}");
    let mail = owner
        .mail_about(waybill_tests::id(&export))
        .await
        .to_string();
    assert!(
        mail.contains("may or may not belong in the file") && !mail.contains("lead-1"),
        "{mail}"
    );

    // A filter on the time matches the records that have one.
    let narrowed = owner.succeeded(in_2026()).await;
    let rows = python_csv(&file_of(&deployment, &owner.api, &narrowed).await);
    let ids: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ["fits", "elsewhere"]);
    assert_eq!(narrowed["warnings"][0]["count"], 1, "{narrowed:#}");
}

#[tokio::test]
async fn the_receipt_names_the_entry_of_the_file() {
    let owner = Owner::new(&Deployment::get(), "Ana").await;
    let [first, second] = [owner.succeeded(csv()).await, owner.succeeded(csv()).await];
    let entry = first["receipt"]["entry"].as_str().unwrap();
    assert!(
        entry.len() == 64 && entry.bytes().all(|b| b.is_ascii_hexdigit()),
        "{entry}"
    );
    assert_eq!(first["receipt"]["entry"], second["receipt"]["entry"]);
}
