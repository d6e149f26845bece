//! Lists of records: what an export would hold, newest first.

use serde_json::{Value, json};
use waybill_tests::{Owner, Stack, generated_orders, load_orders, orders_csv, python_csv, unique};

use super::{caller, owner_of_many, problem, refuses_fields};

fn path(owner: &Owner) -> String {
    format!("/v1/projects/{}/records/orders", owner.project)
}

/// Every record of a list, page after page, newest first.
async fn all(owner: &Owner, query: &str) -> Vec<Value> {
    let (mut records, mut cursor) = (Vec::new(), String::new());
    for _ in 0..200 {
        let asked = format!("{}?{query}{cursor}", path(owner));
        let list = owner.api.get(&asked).await.expect_status(200).json();
        let page = list["records"].as_array().expect("a list of records");
        records.extend(page.iter().cloned());
        let (count, next) = (&list["meta"]["count"], &list["meta"]["next"]);
        assert_eq!(
            count,
            &json!({"value": records.len(), "exact": next.is_null()}),
            "{asked}"
        );
        match next.as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return records,
        }
    }
    panic!("{query} does not end")
}

/// A cell of a CSV file, as the list's JSON would be written there.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The list and the file come of one selection: the same records, the same columns, the other way round.
#[tokio::test]
async fn what_is_listed_is_what_is_exported() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    load_orders(&stack, owner.project, orders_csv(&generated_orders(300))).await;
    // A column of decimals is compared as numbers by a test of its own: `12.50` is 12.5 in JSON.
    let columns = [
        "id",
        "status",
        "created_at",
        "delivered_at",
        "customer",
        "city",
        "state",
        "items",
    ];
    let named: String = columns.map(|key| format!("columns={key}&")).concat();
    for (filters, query) in [
        (json!({}), ""),
        (
            json!({"filters": {"status": ["shipped", "canceled"], "payment": "voucher"}}),
            "status=shipped&status=canceled&payment=voucher&",
        ),
        (
            json!({"filters": {"created_at": {"from": "2026-01-01T01:00:00Z", "to": "2026-01-01T03:00:00Z"}}}),
            "created_at.from=2026-01-01T01:00:00Z&created_at.to=2026-01-01T03:00:00Z&",
        ),
        (
            json!({"search": "SÃO paulo", "filters": {"created_at": {"to": "2026-01-01"}}, "time_zone": "America/Sao_Paulo"}),
            "search=S%C3%83O+paulo&created_at.to=2026-01-01&time_zone=America/Sao_Paulo&",
        ),
        (
            json!({"search": "nobody is called this"}),
            "search=nobody+is+called+this&",
        ),
    ] {
        let mut body =
            json!({"type": "orders", "format": "csv", "profile": "data", "columns": columns});
        body.as_object_mut()
            .expect("an object")
            .extend(filters.as_object().expect("an object").clone());
        // Each has a minute's exports of their own.
        let colleague = owner.colleague("Reader").await;
        let export = colleague.succeeded(body).await;
        let mut rows = python_csv(&colleague.download(&export).await.body);
        assert_eq!(rows.remove(0), columns);
        rows.reverse();

        let records = all(&owner, &format!("{query}{named}limit=40")).await;
        let listed: Vec<Vec<String>> = records
            .iter()
            .map(|record| columns.map(|key| cell(&record[key])).to_vec())
            .collect();
        assert_eq!(listed, rows, "{query}");
    }
}

#[tokio::test]
async fn a_record_is_json_of_its_columns() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let orders = generated_orders(3);
    load_orders(&stack, owner.project, orders_csv(&orders)).await;
    let list = owner.api.get(&path(&owner)).await.expect_status(200).json();
    let order = &orders[2];
    let amount: f64 = order[10].parse().expect("an amount");
    let items: u64 = order[9].parse().expect("a number of items");
    let record = &list["records"][0];
    assert_eq!(record["id"], order[0].as_str());
    assert_eq!(record["created_at"], order[3].as_str());
    assert_eq!(
        record["delivered_at"],
        Value::Null,
        "an order that is not delivered"
    );
    assert_eq!(record["items"], items);
    assert_eq!(record["amount"], amount);
    let keys: Vec<&String> = record.as_object().expect("an object").keys().collect();
    assert_eq!(keys, waybill_tests::COLUMNS.each_ref());
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_records_arrive() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let mut orders = generated_orders(30);
    load_orders(&stack, owner.project, orders_csv(&orders[..25])).await;
    let first = owner
        .api
        .get(&format!("{}?limit=10", path(&owner)))
        .await
        .expect_status(200)
        .json();
    assert_eq!(first["meta"]["count"], json!({"value": 10, "exact": false}));
    // Five that are newer than all.
    load_orders(&stack, owner.project, orders_csv(&orders.split_off(25))).await;
    let next = first["meta"]["next"].as_str().expect("a next page");
    let rest = owner
        .api
        .get(&format!("{}?limit=100&cursor={next}", path(&owner)))
        .await
        .expect_status(200)
        .json();
    let listed = [&first, &rest].map(|list| list["records"].as_array().expect("records").clone());
    let ids: Vec<String> = listed
        .concat()
        .iter()
        .map(|record| cell(&record["id"]))
        .collect();
    let expected: Vec<String> = orders.iter().rev().map(|order| order[0].clone()).collect();
    assert_eq!(ids, expected);
    assert_eq!(rest["meta"]["count"], json!({"value": 25, "exact": true}));
    assert_eq!(all(&owner, "limit=100").await.len(), 30);
}

/// [`super::MANY`] orders, of some 240 bytes each, are more than one call examines: what is rare is found by going on.
#[tokio::test]
async fn a_call_examines_no_more_than_it_may_and_the_next_goes_on() {
    let stack = Stack::get();
    let owner = owner_of_many(&stack).await;
    let rare = format!("{}?search=o-0000001", path(&owner));
    let first = owner.api.get(&rare).await.expect_status(200).json();
    assert_eq!(
        first["records"],
        json!([]),
        "the oldest but one is not near the newest"
    );
    assert_eq!(first["meta"]["count"], json!({"value": 0, "exact": false}));
    let found = all(&owner, "search=o-0000001").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["id"], "o-0000001");
}

#[tokio::test]
async fn records_are_for_those_who_may_export_them() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let path = path(&owner);
    problem(&caller(&stack, "yuki", "staff").await.get(&path).await, 403);
    for grants in [
        format!("project:{}", unique()),
        format!("source:{}", owner.project),
        String::new(),
        "service".to_owned(),
    ] {
        problem(
            &caller(&stack, "bruno", &grants).await.get(&path).await,
            404,
        );
    }
    assert_eq!(stack.stranger().get(&path).await.status, 401);

    let organization = format!("org-{}", unique());
    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    problem(&admin.get(&path).await, 404);
    let described = json!({"name": "Film", "organization_id": organization});
    let staff = caller(&stack, "yuki", "staff").await;
    staff
        .put(&format!("/v1/projects/{}", owner.project), described)
        .await
        .expect_status(200);
    admin.get(&path).await.expect_status(200);
}

#[tokio::test]
async fn what_cannot_be_exported_cannot_be_listed() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let path = path(&owner);
    problem(
        &owner
            .api
            .get(&format!("/v1/projects/{}/records/invoices", owner.project))
            .await,
        404,
    );
    let source = unique();
    let elsewhere = caller(&stack, "sam", &format!("source:{source}")).await;
    refuses_fields(
        &elsewhere
            .get(&format!("/v1/sources/{source}/records/orders"))
            .await,
        &["type"],
    );
    for (query, fields) in [
        ("limit=0", &["limit"][..]),
        ("limit=101", &["limit"]),
        ("limit=ten", &["limit"]),
        ("cursor=x", &["cursor"]),
        ("colour=red", &["colour"]),
        ("status=lost", &["status"]),
        ("status=", &["status"]),
        ("created_at.from=soon", &["created_at.from"]),
        (
            "created_at.from=2026-02-01&created_at.to=2026-01-01",
            &["created_at.to"],
        ),
        ("columns=nothing", &["columns"]),
        ("columns=id&columns=id", &["columns"]),
        ("time_zone=Mars", &["time_zone"]),
        (
            "limit=0&status=lost&search=a&search=b",
            &["limit", "search", "status"],
        ),
    ] {
        refuses_fields(&owner.api.get(&format!("{path}?{query}")).await, fields);
    }
    let long = "a".repeat(201);
    refuses_fields(
        &owner.api.get(&format!("{path}?search={long}")).await,
        &["search"],
    );
}
