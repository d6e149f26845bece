//! Lists of records: the records of an export, newest first.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{
    Deployment, Owner, generated_orders, load_orders, orders_csv, python_csv, unique,
};

fn path(owner: &Owner) -> String {
    format!("/v1/projects/{}/records/orders", owner.project)
}

/// All records of a list, newest first.
async fn all(owner: &Owner, query: &str) -> Vec<Value> {
    let (mut records, mut cursor) = (Vec::new(), String::new());
    for _ in 0..200 {
        let asked = format!("{}?{query}{cursor}", path(owner));
        let list = owner.api.read(&asked).await;
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

/// A count is that of the list, whatever narrows it.
#[tokio::test]
async fn a_count_is_the_number_of_the_lists_records() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let orders = orders_csv(&generated_orders(120));
    load_orders(&deployment, owner.project, orders).await;
    for query in [
        "",
        "status=delivered&status=shipped",
        "state.not=SP",
        "state.empty=true",
        "search=paulo",
        "created_at.from=2017-10-01&time_zone=America/Sao_Paulo",
        "status=nothing-like-it",
    ] {
        let counted = format!("{}/count?{query}", path(&owner));
        let expected = match query {
            "status=nothing-like-it" => {
                problem(&owner.api.get(&counted).await, 422);
                continue;
            }
            _ => all(&owner, query).await.len(),
        };
        let count = owner.api.read(&counted).await;
        assert_eq!(count, json!({"value": expected, "exact": true}), "{query}");
    }
    let stranger = Owner::new(&deployment, "Berta").await;
    problem(
        &stranger.api.get(&format!("{}/count", path(&owner))).await,
        404,
    );
}

/// A value of the list as a cell of a CSV file.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A list and a file with the same selection have the same records and columns, in opposite order.
#[tokio::test]
async fn a_list_has_the_records_of_the_export() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    load_orders(
        &deployment,
        owner.project,
        orders_csv(&generated_orders(300)),
    )
    .await;
    // Another test compares columns of decimals, as numbers: `12.50` is 12.5 in JSON.
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
        // Each person has their own limit of exports per minute.
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
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let (partition, created_at) = (format!("orders#{}", owner.project), "2026-01-01T12:00:00Z");
    let sort_key = format!("{created_at}#o-1");
    let text = |name: &str, text: &str| (name.to_owned(), AttributeValue::S(text.to_owned()));
    let number = |name: &str, digits: &str| (name.to_owned(), AttributeValue::N(digits.to_owned()));
    let record = [
        text("pk", &partition),
        text("sk", &sort_key),
        text("id", "o-1"),
        text("created_at", created_at),
        number("amount", "12.50"),
        number("items", "3"),
        number("freight", "0.1234567890123456789"),
        text("customer", "=1+1"),
        text("secret", "of no column"),
    ];
    deployment.put_record(record.into()).await;
    let list = owner.api.read(&path(&owner)).await;
    let record = json!({
        "id": "o-1", "reference": null, "status": null, "created_at": created_at, "updated_at": null,
        "delivered_at": null, "customer": "=1+1", "city": null, "state": null, "items": 3, "amount": 12.5,
        "freight": "0.1234567890123456789", "currency": null, "payment": null,
    });
    let meta = json!({"limit": 25, "next": null, "count": {"value": 1, "exact": true}});
    // Compared as texts, because the columns have an order.
    let expected = json!({"records": [record], "meta": meta});
    assert_eq!(list.to_string(), expected.to_string());
    let zoned = format!(
        "{}?columns=created_at&columns=id&time_zone=america/sao_paulo",
        path(&owner)
    );
    let list = owner.api.read(&zoned).await;
    assert_eq!(
        list["records"],
        json!([{"created_at": "2026-01-01T09:00:00-03:00", "id": "o-1"}])
    );
}

/// One order per day from the beginning of the year, with ids in that order. Every third order is canceled.
async fn owner_of_days(deployment: &Deployment, count: usize) -> Owner {
    let owner = Owner::new(deployment, "Ana").await;
    let mut csv = "id,created_at,status\n".to_owned();
    for n in 0..count {
        let status = if n % 3 == 0 { "canceled" } else { "delivered" };
        csv += &format!(
            "o-{n:03},2026-{:02}-{:02}T00:00:00Z,{status}\n",
            1 + n / 28,
            1 + n % 28
        );
    }
    load_orders(deployment, owner.project, csv).await;
    owner
}

fn ids(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .filter_map(|record| record["id"].as_str())
        .collect()
}

#[tokio::test]
async fn pages_are_newest_first_and_count_their_records() {
    let owner = owner_of_days(&Deployment::get(), 60).await;
    let newest_first: Vec<String> = (0..60).rev().map(|n| format!("o-{n:03}")).collect();
    for limit in [1, 7, 20, 59, 60, 61, 100] {
        assert_eq!(
            ids(&all(&owner, &format!("limit={limit}")).await),
            newest_first,
            "limit {limit}"
        );
    }
    let canceled: Vec<String> = (0..60)
        .rev()
        .filter(|n| n % 3 == 0)
        .map(|n| format!("o-{n:03}"))
        .collect();
    for limit in [1, 6, 20, 100] {
        let found = all(&owner, &format!("status=canceled&limit={limit}")).await;
        assert_eq!(ids(&found), canceled, "limit {limit}");
    }
    let narrowed = "search=O-01&created_at.from=2026-01-13&created_at.to=2026-01-17";
    assert_eq!(
        ids(&all(&owner, narrowed).await),
        ["o-015", "o-014", "o-013", "o-012"]
    );
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_type_filters_columns_and_time_zone() {
    let deployment = Deployment::get();
    let owner = owner_of_days(&deployment, 6).await;
    let path = path(&owner);
    let first = format!("{path}?limit=1&created_at.from=-3650d&status=delivered");
    let list = owner.api.read(&first).await;
    let cursor = list["meta"]["next"].as_str().expect("a next page");
    let again = format!(
        "{path}?status=delivered&created_at.from=-3650d&limit=3&search=%20&cursor={cursor}"
    );
    let list = owner.api.read(&again).await;
    let records = list["records"].as_array().expect("records");
    assert_eq!(ids(records), ["o-004", "o-002", "o-001"]);
    let another = unique();
    let grants = format!("project:{} project:{another}", owner.project);
    let both = caller(&deployment, "ana", &grants).await;
    let elsewhere = format!("/v1/projects/{another}/records/orders");
    for (path, query) in [
        (&path, "status=delivered"),
        (&path, "status=delivered&created_at.from=-3649d"),
        (&path, "status=delivered&created_at.from=-3650d&search=o"),
        (
            &path,
            "status=delivered&created_at.from=-3650d&time_zone=Europe/Lisbon",
        ),
        (&path, "status=delivered&created_at.from=-3650d&columns=id"),
        (&elsewhere, "status=delivered&created_at.from=-3650d"),
    ] {
        let said = both
            .get(&format!("{path}?{query}&cursor={cursor}"))
            .await
            .problem();
        assert!(
            said.starts_with("422 `cursor` must be the `next`"),
            "{query}: {said}"
        );
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_records_arrive() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let orders = generated_orders(31);
    load_orders(&deployment, owner.project, orders_csv(&orders[1..26])).await;
    let path = path(&owner);
    let first = owner.api.read(&format!("{path}?limit=10")).await;
    assert_eq!(first["meta"]["count"], json!({"value": 10, "exact": false}));
    // Five orders that are newer than all others, and one that is older than the shown ones.
    let later = [&orders[26..], &orders[..1]].concat();
    load_orders(&deployment, owner.project, orders_csv(&later)).await;
    // One order from after the request of the first page, in the minute that is read strongly consistently.
    let now = deployment.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    load_orders(
        &deployment,
        owner.project,
        format!("id,created_at\no-new,{now}\n"),
    )
    .await;
    let next = first["meta"]["next"].as_str().expect("a next page");
    let rest = format!("{path}?limit=100&cursor={next}");
    let rest = owner.api.read(&rest).await;
    let listed = [&first, &rest].map(|list| list["records"].as_array().expect("records").clone());
    let expected: Vec<&String> = orders[..26].iter().rev().map(|order| &order[0]).collect();
    let listed = listed.concat();
    assert!(ids(&listed).into_iter().eq(expected), "{listed:?}");
    assert_eq!(rest["meta"]["count"], json!({"value": 26, "exact": true}));
    assert_eq!(all(&owner, "limit=100").await.len(), 32);
}

#[tokio::test]
async fn a_list_is_shorter_than_lambdas_limit_for_answers() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let mut csv = "id,created_at,customer\n".to_owned();
    for n in 0..30 {
        csv += &format!(
            "o-{n:02},2026-01-01T00:00:{n:02}Z,{}\n",
            "x".repeat(350_000)
        );
    }
    load_orders(&deployment, owner.project, csv).await;
    let answer = owner
        .api
        .get(&format!("{}?limit=100", path(&owner)))
        .await
        .expect_status(200);
    assert!(answer.body.len() < 5_000_000, "{}", answer.body.len());
    assert_eq!(all(&owner, "limit=100").await.len(), 30);
}

/// [`MANY`] orders, of about 240 bytes each, are more than one call examines. Rare records are found by further calls.
#[tokio::test]
async fn a_call_examines_a_limited_number_of_records_and_the_next_call_continues() {
    let owner = owner_of_many(&Deployment::get()).await;
    let rare = format!("{}?search=o-0000001", path(&owner));
    let first = owner.api.read(&rare).await;
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
async fn only_those_who_may_export_see_records() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let path = path(&owner);
    let staff = caller(&deployment, "yuki", "staff").await;
    let said = staff.get(&path).await.problem();
    assert_eq!(said, "403 You may see exports here, but not read records.");
    let grants = format!("project:{} staff", owner.project);
    let both = caller(&deployment, "yuki", &grants).await;
    both.get(&path).await.expect_status(200);
    // The table in `grants` has the answers to other callers.
    let source = format!("source:{}", owner.project);
    let bruno = caller(&deployment, "bruno", &source).await;
    problem(&bruno.get(&path).await, 404);
    assert_eq!(deployment.stranger().get(&path).await.status, 401);

    let organization = format!("org-{}", unique());
    let admin = admin(&deployment, &organization).await;
    problem(&admin.get(&path).await, 404);
    owner.belongs_to(&organization).await;
    admin.get(&path).await.expect_status(200);
}

#[tokio::test]
async fn records_that_cannot_be_exported_cannot_be_listed() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let path = path(&owner);
    let invoices = format!("/v1/projects/{}/records/invoices", owner.project);
    problem(&owner.api.get(&invoices).await, 404);
    let source = unique();
    let elsewhere = caller(&deployment, "sam", &format!("source:{source}")).await;
    let orders = format!("/v1/sources/{source}/records/orders");
    insta::assert_snapshot!(elsewhere.get(&orders).await.problem(), @"
    422 `type` belongs to a project; read it there.
    type: belongs to a project; read it there
    ");
    let query = "limit=0&columns=nothing&time_zone=Mars&status=lost&colour=red&created_at.from=soon&search=a&search=b";
    insta::assert_snapshot!(owner.api.get(&format!("{path}?{query}")).await.problem(), @"
    422 7 fields are invalid; see `errors`.
    limit: must be a whole number from 1 to 100
    columns: is no column; orders has id, reference, status, created_at, updated_at, delivered_at, customer, city, state, items, amount, freight, currency, payment
    time_zone: must be the IANA name of a time zone, such as Europe/Lisbon
    search: must not be repeated
    status: must be one of created, approved, invoiced, processing, shipped, delivered, unavailable, canceled
    colour: is no filter of orders; its filters are status, created_at, state, payment
    created_at.from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
    ");
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
    let long = format!("{path}?search={}", "a".repeat(201));
    refuses_fields(&owner.api.get(&long).await, &["search"]);
}

#[tokio::test]
async fn a_file_has_the_newest_first_if_asked_for() {
    let deployment = Deployment::get();
    let project = unique();
    load_orders(&deployment, project, orders_csv(&generated_orders(50))).await;
    let owner = Owner::of_project(&deployment, "Ana", project).await;
    let body = |order: Value| json!({"type": "orders", "format": "csv", "order": order});
    let oldest = owner.succeeded(body(json!(null))).await;
    let newest = owner.succeeded(body(json!("newest"))).await;
    assert!(oldest["order"].is_null());
    assert_eq!(newest["order"], "newest");
    let rows = |file: &[u8]| {
        let mut rows = python_csv(file);
        rows.remove(0);
        rows
    };
    let first = rows(&owner.download(&oldest).await.body);
    let mut last = rows(&owner.download(&newest).await.body);
    assert_eq!(first.len(), 50);
    last.reverse();
    assert_eq!(first, last);
    for order in [json!("latest"), json!(1), json!("Newest")] {
        let refused = owner.api.post(&owner.path(), body(order)).await;
        refuses_fields(&refused, &["order"]);
    }
}
