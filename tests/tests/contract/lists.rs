//! Lists: newest first, in pages that neither repeat nor skip.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use serde_json::{Value, json};
use waybill_tests::{Answer, Caller, FINISHED_WITHIN, Owner, Stack, id, unique, wait_until};

use super::{caller, csv, export_path, refuses_fields};

/// Exports of one project, asked for by as many people as the limit needs; oldest first.
async fn several(owner: &Owner, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut person = owner.clone();
    for n in 0..count {
        if n % 3 == 0 {
            person = owner.colleague("Colleague").await;
        }
        ids.push(id(&person.request("csv").await));
    }
    ids
}

fn ids(list: &Value) -> Vec<u64> {
    list["exports"]
        .as_array()
        .unwrap_or_else(|| panic!("no exports in {list:#}"))
        .iter()
        .map(id)
        .collect()
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_new_exports_arrive() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let mut expected = several(&owner, 7).await;
    expected.reverse();

    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let after = cursor
            .map(|cursor| format!("&cursor={cursor}"))
            .unwrap_or_default();
        let path = format!("{}?limit=2{after}", owner.path());
        let list = owner.api.get(&path).await.expect_status(200).json();
        assert_eq!(list["meta"]["limit"], 2);
        assert!(ids(&list).len() <= 2);
        seen.extend(ids(&list));
        match list["meta"]["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
        // One more at each page, which is newer than the first.
        several(&owner, 1).await;
    }
    assert_eq!(seen, expected);

    let newest = owner
        .api
        .get(&format!("{}?limit=1", owner.path()))
        .await
        .expect_status(200)
        .json();
    assert!(ids(&newest)[0] > expected[0], "the newest is first");
}

#[tokio::test]
async fn a_list_has_25_exports_unless_more_or_fewer_are_asked_for_and_says_so() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let empty = owner.api.get(&owner.path()).await.expect_status(200).json();
    assert_eq!(
        empty,
        json!({"exports": [], "meta": {"limit": 25, "next": null, "unfinished": false}})
    );
    let most = owner
        .api
        .get(&format!("{}?limit=100", owner.path()))
        .await
        .expect_status(200)
        .json();
    assert_eq!(most["meta"]["limit"], 100);
}

#[tokio::test]
async fn statuses_and_types_narrow_a_list() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let succeeded = id(&owner.succeeded(csv()).await);
    let canceled_owner = super::owner_of_many_alone(&stack).await;
    let canceled = canceled_owner.request("csv").await;
    canceled_owner
        .api
        .call(Method::POST, &super::cancel_path(&canceled), None)
        .await
        .expect_status(200);

    for (owner, query, expected) in [
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
        let list = owner
            .api
            .get(&format!("{}?{query}", owner.path()))
            .await
            .expect_status(200)
            .json();
        assert_eq!(ids(&list), expected, "{query}");
        assert_eq!(list["meta"]["unfinished"], false, "{query}");
    }
    for spelling in ["canceled", "cancelled"] {
        let path = format!("{}?status={spelling}", canceled_owner.path());
        let list = canceled_owner
            .api
            .get(&path)
            .await
            .expect_status(200)
            .json();
        assert_eq!(ids(&list), [id(&canceled)], "{spelling}");
    }
}

/// A filter that matches one export in many does not end the list before it is found.
#[tokio::test]
async fn a_narrowed_list_in_pages_finds_everything() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    let all = several(&owner, 5).await;
    for id in &all {
        owner
            .colleague("Reader")
            .await
            .reaches(*id, "succeeded", waybill_tests::FINISHED_WITHIN)
            .await;
    }
    let (mut seen, mut query) = (BTreeSet::new(), "?limit=1&status=succeeded".to_owned());
    for _ in 0..20 {
        let list = owner
            .api
            .get(&format!("{}{query}", owner.path()))
            .await
            .expect_status(200)
            .json();
        seen.extend(ids(&list));
        let Some(next) = list["meta"]["next"].as_str() else {
            break;
        };
        query = format!("?limit=1&status=succeeded&cursor={next}");
    }
    assert_eq!(seen, all.into_iter().collect());
}

#[tokio::test]
async fn a_cursor_is_of_its_own_list_and_cannot_be_changed() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    several(&owner, 2).await;
    let list = owner
        .api
        .get(&format!("{}?limit=1", owner.path()))
        .await
        .expect_status(200)
        .json();
    let cursor = list["meta"]["next"]
        .as_str()
        .expect("a next page")
        .to_owned();

    let grown = format!("{cursor}A");
    let cut = &cursor[..cursor.len() - 2];
    let at = cursor.len() / 2;
    let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
    let changed = format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]);
    for wrong in [grown.as_str(), cut, changed.as_str(), "0"] {
        refuses_fields(
            &owner
                .api
                .get(&format!("{}?cursor={wrong}", owner.path()))
                .await,
            &["cursor"],
        );
    }

    // The page's size may change from one to the next; what is listed may not.
    owner
        .api
        .get(&format!("{}?limit=9&cursor={cursor}", owner.path()))
        .await
        .expect_status(200);
    let narrowed = format!("{}?status=succeeded&cursor={cursor}", owner.path());
    refuses_fields(&owner.api.get(&narrowed).await, &["cursor"]);
    let elsewhere = Owner::new(&stack, "Bruno").await;
    refuses_fields(
        &elsewhere
            .api
            .get(&format!("{}?cursor={cursor}", elsewhere.path()))
            .await,
        &["cursor"],
    );
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again() {
    let stack = Stack::get();
    let owner = Owner::new(&stack, "Ana").await;
    owner.succeeded(csv()).await;
    let ask = async |tag: &str| -> Answer {
        let request = owner
            .api
            .request(Method::GET, &owner.path())
            .header(IF_NONE_MATCH, tag);
        owner.api.send(request).await
    };
    // The mail is sent after the file is there, and shown.
    let path = owner.path();
    let first = waybill_tests::wait_until(
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
    assert!(tag.starts_with('"'), "a strong tag: {tag}");
    assert!(
        !first.header("cache-control").contains("public"),
        "{first:?}"
    );

    for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}")] {
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
async fn an_organizations_list_holds_its_projects_exports() {
    let stack = Stack::get();
    let organization = format!("org-{}", unique());
    let staff = caller(&stack, "yuki", "staff").await;
    let (film, book) = (
        Owner::new(&stack, "Ana").await,
        Owner::new(&stack, "Bruno").await,
    );
    // What was asked for before a project belonged to the organization stays the project's own.
    let before = film.request("csv").await;
    assert!(before["organization_id"].is_null());
    for owner in [&film, &book] {
        let body = json!({"name": "A project", "organization_id": organization});
        staff
            .put(&format!("/v1/projects/{}", owner.project), body)
            .await
            .expect_status(200);
    }
    let first = film.request("csv").await;
    let second = book.request("csv").await;
    assert_eq!(first["organization_id"], organization.as_str());

    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    let path = format!("/v1/organizations/{organization}/exports");
    let list = admin.get(&path).await.expect_status(200).json();
    assert_eq!(ids(&list), [id(&second), id(&first)]);
    admin.get(&export_path(&first)).await.expect_status(200);
    admin.get(&export_path(&before)).await.expect_status(404);
    admin.post(&film.path(), csv()).await.expect_status(201);

    // An admin reads the project's list, of which the earlier export is no part for them.
    let of_project = admin.get(&film.path()).await.expect_status(200).json();
    assert!(!ids(&of_project).contains(&id(&before)), "{of_project:#}");
    assert!(ids(&of_project).contains(&id(&first)));
    // A project's owner has no part in the organization.
    film.api.get(&path).await.expect_status(404);
}

/// The words of paths for the kinds of parents.
const PLURALS: [(&str, &str); 3] = [
    ("organization", "organizations"),
    ("project", "projects"),
    ("source", "sources"),
];

/// An organization with a project and a source, and one type of records for each kind that the catalog has one for.
async fn a_house(stack: &Stack) -> (String, Vec<(String, String, String)>) {
    let organization = format!("org-{}", unique());
    let staff = caller(stack, "yuki", "staff").await;
    let catalog = staff.get("/v1/catalog").await.expect_status(200).json();
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

/// Every page of a list; `between` happens after each but the last.
async fn pages(api: &Caller, path: &str, between: impl AsyncFn()) -> Vec<u64> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = api
            .get(&format!("{path}?limit=2{cursor}"))
            .await
            .expect_status(200)
            .json();
        seen.extend(ids(&list));
        match list["meta"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
        between().await;
    }
}

#[tokio::test]
async fn lists_of_every_kind_of_parent_keep_the_same_promises() {
    let stack = Stack::get();
    let (organization, parents) = a_house(&stack).await;
    let ask = async |(grant, path, name): &(String, String, String)| {
        let person = caller(&stack, "ana", grant).await;
        let body = json!({"type": name, "format": "csv"});
        id(&person.post(path, body).await.expect_status(201).json())
    };
    let mut asked = Vec::new();
    for round in 0..3 {
        for parent in &parents {
            let export = ask(parent).await;
            asked.push((parent.1.clone(), parent.2.clone(), export));
            if round == 0 {
                let person = caller(&stack, "yuki", "staff").await;
                let cancel = format!("/v1/exports/{export}/cancel");
                person.call(Method::POST, &cancel, None).await;
            }
        }
    }
    let whole = format!("/v1/organizations/{organization}/exports");
    let admin = caller(&stack, "chidi", &format!("organization:{organization}")).await;
    let of_parents = parents.iter().map(|(_, path, _)| path);
    let mut lists: Vec<&String> = of_parents.filter(|path| **path != whole).collect();
    lists.push(&whole);
    let read = async |path: &str| admin.get(path).await.expect_status(200).json();
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
        // New exports come in front of the first page, and are on none of the others.
        let seen = pages(&admin, path, async || {
            ask(&parents[0]).await;
        });
        assert_eq!(seen.await, expected, "{path}");
    }

    // What a list is narrowed to is what the whole has of it.
    let list = wait_until("every export to be final", FINISHED_WITHIN, async || {
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
