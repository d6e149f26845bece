//! Lists: newest first, in pages that neither repeat nor skip.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Caller, Deployment, FINISHED_WITHIN, Owner, id, unique};

/// The ids of a list. Also checks the list's field for unfinished exports.
fn ids(list: &Value) -> Vec<u64> {
    let exports = list["exports"]
        .as_array()
        .unwrap_or_else(|| panic!("no exports in {list:#}"));
    let is_unfinished =
        |export: &Value| export["status"] == "waiting" || export["status"] == "processing";
    let unfinished = exports.iter().any(is_unfinished);
    assert_eq!(list["meta"]["unfinished"], unfinished, "{list:#}");
    exports.iter().map(id).collect()
}

#[tokio::test]
async fn a_list_has_25_exports_by_default_and_shows_the_limit() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let source = unique();
    let grants = format!("project:{} source:{source}", owner.project);
    let both = caller(&deployment, "ana", &grants).await;
    for path in [owner.path(), format!("/v1/sources/{source}/exports")] {
        let empty = both.read(&path).await;
        let meta = json!({"limit": 25, "next": null, "unfinished": false});
        assert_eq!(empty, json!({"exports": [], "meta": meta}));
    }
    let export = owner.request("csv").await;
    let list = owner.api.read(&owner.path()).await;
    assert_eq!(
        (ids(&list), &list["meta"]["limit"]),
        (vec![id(&export)], &json!(25))
    );
    assert!(list["meta"]["next"].is_null());
    let most = owner.api.read(&format!("{}?limit=100", owner.path())).await;
    assert_eq!(most["meta"]["limit"], 100);
}

#[tokio::test]
async fn a_list_can_be_filtered_by_status_and_type() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let succeeded = id(&owner.succeeded(csv()).await);
    let canceled_owner = owner_in_no_hurry_alone(&deployment).await;
    let canceled = canceled_owner.request("csv").await;
    canceled_owner
        .api
        .cancel(&canceled)
        .await
        .expect_status(200);

    let both = vec![id(&canceled)];
    for (owner, query, expected) in [
        (
            &canceled_owner,
            "status=canceled&status=waiting&type=orders",
            both,
        ),
        (&owner, "status=succeeded&status=canceled", vec![succeeded]),
        (&owner, "status=succeeded", vec![succeeded]),
        (&owner, "status=failed", vec![]),
        (&owner, "status=failed&status=succeeded", vec![succeeded]),
        (&owner, "type=orders&status=succeeded", vec![succeeded]),
        (
            &owner,
            "type=orders&status=waiting&status=processing",
            vec![],
        ),
    ] {
        let list = owner.api.read(&format!("{}?{query}", owner.path())).await;
        assert_eq!(ids(&list), expected, "{query}");
        assert_eq!(list["meta"]["unfinished"], false, "{query}");
    }
    for spelling in ["canceled", "cancelled"] {
        let path = format!("{}?status={spelling}", canceled_owner.path());
        let list = canceled_owner.api.read(&path).await;
        assert_eq!(ids(&list), [id(&canceled)], "{spelling}");
    }
}

#[tokio::test]
async fn a_list_can_be_searched_and_narrowed_to_people_and_days() {
    let deployment = Deployment::get();
    let ana = Owner::new(&deployment, "Ana").await;
    let chidi = ana.colleague("Chidi").await;
    let (hers, his) = (ana.request("csv").await, chidi.request("csv").await);
    let time = hers["created_at"].as_str().unwrap();
    let both = vec![id(&his), id(&hers)];
    let (hers, his) = (vec![id(&hers)], vec![id(&his)]);
    for (query, expected) in [
        ("search=ORDERS-", &both),
        (&format!("search=-{}-", ana.project), &both),
        ("search=%20chidi%20", &his),
        (&format!("search={}", ana.sub.to_uppercase()), &hers),
        ("search=nobody", &vec![]),
        ("search=%20", &both),
        ("user=me", &hers),
        (&format!("user={}", chidi.sub), &his),
        (&format!("user=me&user={}", chidi.sub), &both),
        ("user=nobody", &vec![]),
        ("user=me&search=chidi", &vec![]),
        ("created_at.from=-1h", &both),
        ("created_at.to=-1h", &vec![]),
        (&format!("created_at.from={time}"), &both),
        (&format!("created_at.to={time}"), &vec![]),
        (
            "created_at.from=2017-10-01&created_at.to=2017-11-01&time_zone=America/Sao_Paulo",
            &vec![],
        ),
    ] {
        let list = ana.api.read(&format!("{}?{query}", ana.path())).await;
        assert_eq!(&ids(&list), expected, "{query}");
    }

    let wrong = "user=&search=a&search=b&created_at.from=soon&time_zone=Mars&name=x";
    let refused = ana.api.get(&format!("{}?{wrong}", ana.path())).await;
    insta::assert_snapshot!(refused.problem(), @"
    422 5 fields are invalid; see `errors`.
    time_zone: must be the IANA name of a time zone, such as Europe/Lisbon
    user: must be an id, or `me`
    search: must not be repeated
    created_at.from: must be an instant (2017-10-01T00:00:00Z), a date (2017-10-01), or how long ago in days or hours (-30d, -12h)
    name: is unknown; the parameters are limit, cursor, status, type, user, search, created_at.from, created_at.to and time_zone
    ");
    let reversed = "created_at.from=2026-01-02&created_at.to=2026-01-01";
    let refused = ana.api.get(&format!("{}?{reversed}", ana.path())).await;
    insta::assert_snapshot!(refused.problem(), @"
    422 `created_at.to` must be after `from`; it is the first instant not in the range.
    created_at.to: must be after `from`; it is the first instant not in the range
    ");
}

#[tokio::test]
async fn a_list_is_searched_by_what_narrowed_its_exports() {
    let deployment = Deployment::get();
    let ana = Owner::new(&deployment, "Ana").await;
    let mut made = Vec::new();
    for asked in [
        json!({"search": "S\u{e3}o Paulo"}),
        json!({"filters": {"status": ["delivered"], "created_at": {"from": "2017-10-01"}}}),
        json!({"filters": {"state": {"not": ["Sergipe"]}}}),
    ] {
        let mut asked = asked;
        asked["type"] = json!("orders");
        asked["format"] = json!("csv");
        made.push(id(&ana.succeeded(asked).await));
    }
    for (search, expected) in [
        ("PAULO", vec![made[0]]),
        ("deliver", vec![made[1]]),
        ("sergipe", vec![made[2]]),
        // Neither a bound of a range nor the name of a filter.
        ("2017-10-01", vec![]),
        ("created_at", vec![]),
    ] {
        let list = ana
            .api
            .read(&format!("{}?search={search}", ana.path()))
            .await;
        assert_eq!(ids(&list), expected, "{search}");
    }
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_list_and_unchanged() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    for _ in 0..2 {
        owner.request("csv").await;
    }
    let list = owner.api.read(&format!("{}?limit=1", owner.path())).await;
    let cursor = list["meta"]["next"]
        .as_str()
        .expect("a next page")
        .to_owned();

    let grown = format!("{cursor}A");
    let cut = &cursor[..cursor.len() - 2];
    let at = cursor.len() / 2;
    let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
    let changed = format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]);
    let another = unique();
    let grants = format!("project:{} project:{another}", owner.project);
    let both = caller(&deployment, "ana", &grants).await;
    let path = owner.path();
    for wrong in [
        format!("{path}?cursor={grown}"),
        format!("{path}?cursor={cut}"),
        format!("{path}?cursor={changed}"),
        format!("{path}?cursor=0"),
        format!("{path}?cursor="),
        format!("{path}?status=waiting&status=failed&cursor={cursor}"),
        format!("{path}?status=succeeded&cursor={cursor}"),
        format!("{path}?search=ana&cursor={cursor}"),
        format!("{path}?user=me&cursor={cursor}"),
        format!("{path}?created_at.from=-1d&cursor={cursor}"),
        format!("/v1/projects/{another}/exports?cursor={cursor}"),
    ] {
        assert_eq!(
            both.get(&wrong).await.problem(),
            "422 `cursor` must be the `next` of this same list with the same filters.\n\
             cursor: must be the `next` of this same list with the same filters",
            "{wrong}"
        );
    }

    // The page's size may change between pages; the list's path and filters may not.
    owner
        .api
        .get(&format!("{}?limit=9&cursor={cursor}", owner.path()))
        .await
        .expect_status(200);
}

#[tokio::test]
async fn a_list_is_compressed_if_the_client_accepts_it() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    for _ in 0..3 {
        owner.request("csv").await;
    }
    let ask = async |tag: &str| {
        let request = owner.api.request(Method::GET, &owner.path());
        let request = request.header("accept-encoding", "gzip");
        owner.api.send(request.header(IF_NONE_MATCH, tag)).await
    };
    let plain = owner.api.get(&owner.path()).await;
    assert_eq!(
        (plain.header("content-encoding"), plain.header("vary")),
        ("", "Accept-Encoding")
    );
    let zipped = ask("\"none\"").await.expect_status(200);
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert!(
        zipped.body.len() < plain.body.len() / 2,
        "{}",
        zipped.body.len()
    );
    let mut unzipped = Vec::new();
    GzDecoder::new(zipped.body.as_slice())
        .read_to_end(&mut unzipped)
        .unwrap();
    let unzipped: Value = serde_json::from_slice(&unzipped).unwrap();
    assert_eq!(unzipped["exports"].as_array().unwrap().len(), 3);
    // The tag is weak, since the bytes are others; a short answer is not compressed.
    let tag = zipped.header("etag");
    assert!(tag.starts_with("W/\""), "{tag}");
    let path = "/v1/exports/1";
    let request = owner.api.request(Method::GET, path);
    let short = owner
        .api
        .send(request.header("accept-encoding", "gzip"))
        .await;
    assert_eq!((short.status, short.header("content-encoding")), (404, ""));
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    owner.succeeded(csv()).await;
    let ask = async |tag: &str| -> Answer {
        let request = owner
            .api
            .request(Method::GET, &owner.path())
            .header(IF_NONE_MATCH, tag);
        owner.api.send(request).await
    };
    // The mail is sent, and shown, after the file is ready.
    let path = owner.path();
    let first = deployment
        .until(
            "the mail to be sent",
            waybill_tests::MAIL_WITHIN,
            async || {
                let answer = owner.api.get(&path).await.expect_status(200);
                match answer.json()["exports"][0]["mail"].as_str() {
                    Some("sent") => Ok(answer),
                    other => Err(format!("{other:?}")),
                }
            },
        )
        .await;
    let tag = first.header("etag").to_owned();
    assert!(
        tag.starts_with('"') && tag.len() > 20,
        "a strong tag: {tag}"
    );
    assert_eq!(first.header("cache-control"), "private, no-cache");

    for known in [
        tag.clone(),
        format!("\"other\", {tag}"),
        format!("\"x\", W/{tag}"),
        "*".to_owned(),
    ] {
        let same = ask(&known).await;
        assert_eq!(same.status, 304, "{known}: {same:?}");
        assert!(same.body.is_empty());
        assert_eq!(same.header("etag"), tag);
    }
    ask("\"other\"").await.expect_status(200);

    owner.request("csv").await;
    let changed = ask(&tag).await.expect_status(200);
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn an_organizations_list_has_its_projects_exports() {
    let deployment = Deployment::get();
    let organization = format!("org-{}", unique());
    let (film, book) = (
        Owner::new(&deployment, "Ana").await,
        Owner::new(&deployment, "Bruno").await,
    );
    // Exports from before the project belonged to the organization are only in the project's list.
    let before = film.request("csv").await;
    assert!(before["organization_id"].is_null());
    for owner in [&film, &book] {
        owner.belongs_to(&organization).await;
    }
    let first = film.request("csv").await;
    let second = book.request("csv").await;
    assert_eq!(first["organization_id"], organization.as_str());

    let admin = admin(&deployment, &organization).await;
    let path = format!("/v1/organizations/{organization}/exports");
    let list = admin.read(&path).await;
    assert_eq!(ids(&list), [id(&second), id(&first)]);
    admin.get(&export_path(&first)).await.expect_status(200);
    admin.get(&export_path(&before)).await.expect_status(404);
    admin.post(&film.path(), csv()).await.expect_status(201);

    // An admin's list of the project does not have the earlier export.
    let of_project = admin.read(&film.path()).await;
    assert!(!ids(&of_project).contains(&id(&before)), "{of_project:#}");
    assert!(ids(&of_project).contains(&id(&first)));
    // The grant for the project is not a grant for the organization.
    film.api.get(&path).await.expect_status(404);
}

/// The path segments of the kinds of parents.
const PLURALS: [(&str, &str); 3] = [
    ("organization", "organizations"),
    ("project", "projects"),
    ("source", "sources"),
];

/// An organization with a project and a source, and one type of records for each kind of parent.
async fn a_house(deployment: &Deployment) -> (String, Vec<(String, String, String)>) {
    let organization = format!("org-{}", unique());
    let staff = caller(deployment, "yuki", "staff").await;
    let catalog = staff.read("/v1/catalog").await;
    let types = catalog["types"].as_array().expect("a list of types");
    let mut parents = Vec::new();
    for (kind, plural) in PLURALS {
        let Some(of_kind) = types.iter().find(|t| t["parent"] == kind) else {
            continue;
        };
        let id = match kind {
            "organization" => organization.clone(),
            "project" => unique().to_string(),
            _ => format!("src-{}", unique()),
        };
        let path = format!("/v1/{plural}/{id}");
        if kind != "organization" {
            let body = json!({"name": "A part", "organization_id": organization});
            staff.put(&path, body).await.expect_status(200);
        }
        let name = of_kind["name"].as_str().expect("a name").to_owned();
        parents.push((format!("{kind}:{id}"), format!("{path}/exports"), name));
    }
    (organization, parents)
}

/// All pages of a list. Calls `between` after each page except the last.
async fn pages(api: &Caller, path: &str, limit: usize, between: impl AsyncFn()) -> Vec<u64> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    let and = if path.contains('?') { "&" } else { "?" };
    loop {
        let list = api.read(&format!("{path}{and}limit={limit}{cursor}")).await;
        assert_eq!(list["meta"]["limit"], limit);
        assert!(ids(&list).len() <= limit, "{list:#}");
        seen.extend(ids(&list));
        match list["meta"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
        between().await;
    }
}

#[tokio::test]
async fn lists_of_every_kind_of_parent_follow_the_same_rules() {
    let deployment = Deployment::get();
    let (organization, parents) = a_house(&deployment).await;
    let ask = async |(grant, path, name): &(String, String, String)| {
        let person = caller(&deployment, "ana", grant).await;
        let body = json!({"type": name, "format": "csv"});
        id(&person.create(path, body).await)
    };
    let mut asked = Vec::new();
    for round in 0..3 {
        for parent in &parents {
            let export = ask(parent).await;
            asked.push((parent.1.clone(), parent.2.clone(), export));
            if round == 0 {
                let person = caller(&deployment, "yuki", "staff").await;
                let cancel = format!("/v1/exports/{export}/cancel");
                person.call(Method::POST, &cancel, None).await;
            }
        }
    }
    let whole = format!("/v1/organizations/{organization}/exports");
    let admin = admin(&deployment, &organization).await;
    let of_parents = parents.iter().map(|(_, path, _)| path);
    let mut lists: Vec<&String> = of_parents.filter(|path| **path != whole).collect();
    lists.push(&whole);
    let read = async |path: &str| admin.read(path).await;
    for path in lists {
        let expected = ids(&read(&format!("{path}?limit=100")).await);
        assert!(
            expected.is_sorted_by(|a, b| a > b),
            "newest first: {expected:?}"
        );
        for (of, name, export) in &asked {
            let is_in = expected.contains(export);
            assert_eq!(
                is_in,
                of == path || *path == whole,
                "{name} {export} in {path}"
            );
        }
        // New exports are before the first page, so no later page has them.
        let own = parents.iter().find(|(_, of, _)| of == path);
        let seen = pages(&admin, path, 2, async || {
            ask(own.unwrap_or(&parents[0])).await;
        });
        assert_eq!(seen.await, expected, "{path}");
        let newest = read(&format!("{path}?limit=1")).await;
        assert!(ids(&newest)[0] > expected[0], "the newest is first");
    }

    // A filtered list has exactly the matching exports of the whole list.
    let list = deployment
        .until("every export to be final", FINISHED_WITHIN, async || {
            let list = read(&format!("{whole}?limit=100")).await;
            match list["meta"]["unfinished"].as_bool() {
                Some(false) => Ok(list),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    let exports = list["exports"].as_array().expect("a list of exports");
    let having = |field: &str, value: &str| -> Vec<u64> {
        exports
            .iter()
            .filter(|export| export[field] == value)
            .map(id)
            .collect()
    };
    for status in ["waiting", "processing", "succeeded", "failed", "canceled"] {
        let narrowed = read(&format!("{whole}?limit=100&status={status}")).await;
        assert_eq!(ids(&narrowed), having("status", status), "{status}");
    }
    // A filter that matches one of many exports finds it. An export whose file expires meanwhile still matches.
    for statuses in [&["succeeded", "expired"][..], &["canceled"]] {
        let query: String = statuses.iter().map(|s| format!("&status={s}")).collect();
        let seen = pages(&admin, &format!("{whole}?{}", &query[1..]), 1, async || {}).await;
        let has_one = |export: &&Value| statuses.iter().any(|s| export["status"] == *s);
        let expected: Vec<u64> = exports.iter().filter(has_one).map(id).collect();
        assert_eq!(seen, expected, "{statuses:?}");
    }
    let canceled = read(&format!("{whole}?limit=100&status=cancelled")).await;
    assert_eq!(ids(&canceled), having("status", "canceled"));
    let mut all_types = String::new();
    for (_, _, name) in &parents {
        let narrowed = read(&format!("{whole}?limit=100&type={name}")).await;
        assert_eq!(ids(&narrowed), having("type", name), "{name}");
        all_types += &format!("&type={name}");
    }
    let narrowed = read(&format!("{whole}?limit=100{all_types}")).await;
    assert_eq!(ids(&narrowed), ids(&list), "{all_types}");
}
