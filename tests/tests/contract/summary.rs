//! The summary: numbers of exports, rows and downloads, by person and day.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Caller, Deployment, Owner, generated_orders, load_orders, orders_csv, unique};

/// The sums of the days. The sums of the people must be equal.
#[track_caller]
fn sums(summary: &Value) -> [u64; 4] {
    let of = |list: &str| {
        ["exports", "downloads", "rows", "bytes"].map(|figure| {
            let entries = summary[list].as_array().expect("a list");
            entries
                .iter()
                .filter_map(|entry| entry[figure].as_u64())
                .sum()
        })
    };
    assert_eq!(of("days"), of("people"), "{summary:#}");
    of("days")
}

async fn summary(api: &Caller, path: &str) -> Value {
    api.read(&format!("{path}/summary")).await
}

#[tokio::test]
async fn exports_and_downloads_are_counted_once_by_day_and_person() {
    let deployment = Deployment::get();
    let ana = Owner::new(&deployment, "Ana").await;
    let nothing = summary(&ana.api, &ana.path()).await;
    assert_eq!(sums(&nothing), [0; 4]);
    assert_eq!(
        (&nothing["days"], &nothing["people"]),
        (&json!([]), &json!([]))
    );
    load_orders(&deployment, ana.project, orders_csv(&generated_orders(40))).await;
    let berta = ana.colleague("Berta").await;
    let first = ana.succeeded(csv()).await;
    let second = berta
        .succeeded(json!({"type": "orders", "format": "xlsx"}))
        .await;
    ana.download(&first).await;
    berta.download(&first).await;
    berta.download(&first).await;
    // A refused download does not count.
    let bruno = caller(&deployment, "bruno", "").await;
    problem(&bruno.get(&ana.link(&first)).await, 404);
    // An export counts from its request, and its rows count from the end of its file.
    let carla = ana.colleague("Carla").await;
    for _ in 0..2 {
        carla
            .request_with(json!({"type": "orders", "format": "csv", "search": "nobody"}))
            .await;
    }

    let found = summary(&ana.api, &ana.path()).await;
    let size = |export: &Value| export["size"].as_u64().expect("a size");
    let person = |owner: &Owner, [exports, downloads, rows, bytes]: [u64; 4]| {
        json!({"user": {"id": owner.sub, "name": owner.name}, "exports": exports, "downloads": downloads,
            "rows": rows, "bytes": bytes})
    };
    let people = found["people"].as_array().expect("people");
    // The person with the most exports is first. The headers of their empty files may count already.
    let bytes = people[0]["bytes"].as_u64().expect("bytes");
    let all = size(&first) + size(&second) + bytes;
    assert_eq!(sums(&found), [4, 3, 80, all], "{found:#}");
    let mut rest = people[1..].to_vec();
    rest.sort_by_key(|person| person["downloads"].as_u64());
    let expected = [
        person(&ana, [1, 1, 40, size(&first)]),
        person(&berta, [1, 2, 40, size(&second)]),
    ];
    assert_eq!(
        (&people[0], rest.as_slice()),
        (&person(&carla, [2, 0, 0, bytes]), &expected[..])
    );

    // The days are in UTC.
    let created: Timestamp = first["created_at"].as_str().unwrap().parse().unwrap();
    let day = TimeZone::UTC.to_datetime(created).date();
    let of_day = json!({"date": day, "exports": 4, "downloads": 3, "rows": 80, "bytes": all});
    assert_eq!(found["days"], json!([of_day]));
}

/// The day this many days after today.
fn day(deployment: &Deployment, from_today: i64) -> Date {
    let today = TimeZone::UTC.to_datetime(deployment.now()).date();
    today.checked_add(from_today.days()).expect("a day")
}

#[tokio::test]
async fn a_summary_is_of_whole_days() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    owner.request("csv").await;
    let [before, today, after] = [-1, 0, 1].map(|days| day(&deployment, days).to_string());
    let [far, farther] = [93, 94].map(|days| day(&deployment, days));
    for (query, from, to, days) in [
        (String::new(), -29, 1, 1),
        ("from=-30d".to_owned(), -30, 1, 1),
        (format!("from={today}&to={after}"), 0, 1, 1),
        (
            format!("from={today}T23:00:00Z&to={today}T23:30:00Z"),
            0,
            1,
            1,
        ),
        (format!("from={before}&to={today}T00:00:00Z"), -1, 0, 0),
        (format!("from={after}&to={far}"), 1, 93, 0),
        (format!("to={today}"), -30, 0, 0),
    ] {
        let path = format!("{}/summary?{query}", owner.path());
        let found = owner.api.read(&path).await;
        let [from, to] = [from, to].map(|days| json!(day(&deployment, days)));
        assert_eq!((&found["from"], &found["to"]), (&from, &to), "{query}");
        assert_eq!(
            found["days"].as_array().map(Vec::len),
            Some(days),
            "{query}"
        );
    }
    // RFC 3339 has no year before 0.
    let first = format!("{}/summary?to=0000-01-02", owner.path());
    assert_eq!(owner.api.read(&first).await["from"], "0000-01-01");
    let instant = "must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)";
    let [from, to] = ["from", "to"].map(|field| format!("{field}: {instant}"));
    let not_after = "to: must be after `from`; it is the first day not in the summary";
    let too_long = "to: must be at most 92 days after `from`";
    for (query, expected) in [
        ("from=soon", from.as_str()),
        ("from=-1000000d", &from),
        ("to=2026-13-01", &to),
        ("from=2026-01-02&to=2026-01-01", not_after),
        (&format!("from={today}&to={today}"), not_after),
        ("from=9999-12-31&to=9999-12-31", not_after),
        (&format!("from={after}&to={farther}"), too_long),
        ("from=2026-01-01&to=2026-12-31", too_long),
        ("from=-2d&from=-1d", "from: must not be repeated"),
        ("days=3", "days: is unknown; the parameters are from and to"),
    ] {
        let said = owner
            .api
            .get(&format!("{}/summary?{query}", owner.path()))
            .await
            .problem();
        assert!(
            said.starts_with("422") && said.ends_with(expected),
            "{query}: {said}"
        );
    }
}

#[tokio::test]
async fn an_organizations_summary_counts_its_projects() {
    let deployment = Deployment::get();
    let organization = format!("org-{}", unique());
    let staff = caller(&deployment, "yuki", "staff").await;
    let (film, book) = (
        Owner::new(&deployment, "Ana").await,
        Owner::new(&deployment, "Bruno").await,
    );
    film.request("csv").await;
    for owner in [&film, &book] {
        owner.belongs_to(&organization).await;
        owner.request("csv").await;
    }
    let path = format!("/v1/organizations/{organization}/exports");
    let admin = admin(&deployment, &organization).await;
    for who in [&admin, &staff] {
        assert_eq!(sums(&summary(who, &path).await)[0], 2);
    }
    // Exports from before the project belonged to the organization do not count.
    assert_eq!(sums(&summary(&admin, &film.path()).await)[0], 1);
    assert_eq!(sums(&summary(&film.api, &film.path()).await)[0], 2);
    problem(&film.api.get(&format!("{path}/summary")).await, 404);
    let of_film = format!("{}/summary", film.path());
    problem(&book.api.get(&of_film).await, 404);
    let unknown = deployment.stranger().get(&of_film).await;
    assert_eq!(unknown.status, 401);
}
