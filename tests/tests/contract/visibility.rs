//! Who may see and do what: 404 for what a person may not see, 403 for what they may not do.

use serde_json::{Value, json};
use waybill::download_uuid::new_download;
use waybill::export::ExportId;
use waybill_tests::requests::*;
use waybill_tests::{Caller, Deployment, Owner, id, unique};

#[tokio::test]
async fn staff_see_and_cancel_every_export_but_create_and_download_none() {
    let deployment = Deployment::get();
    let owner = Owner::new(&deployment, "Ana").await;
    let export = owner.succeeded(csv()).await;
    let staff = caller(&deployment, "yuki", "staff").await;

    let seen = staff.read(&export_path(&export)).await;
    assert_eq!(seen["id"], export["id"]);
    let list = staff.read(&owner.path()).await;
    assert_eq!(list["exports"][0]["id"], export["id"]);
    staff
        .get(&format!("{}/events", export_path(&export)))
        .await
        .expect_status(200);

    let said = staff.post(&owner.path(), csv()).await.problem();
    assert_eq!(said, "403 You may see exports here, but not start them.");
    let said = staff.get(&owner.link(&export)).await.problem();
    assert_eq!(
        said,
        "403 You may see what this export is, but not download its file."
    );
    problem(&staff.cancel(&export).await, 409);
    let refused = owner.events(id(&export)).await;
    assert_eq!(
        refused.iter().filter(|event| *event == "refused").count(),
        1,
        "{refused:?}"
    );
    assert!(!refused.contains(&"downloaded".to_owned()), "{refused:?}");
}

/// The owner of an organization's project, the organization's admin, and staff. Exports do not finish at once.
async fn house(deployment: &Deployment) -> (Owner, Caller, Caller) {
    let organization = format!("org-{}", unique());
    let owner = owner_in_no_hurry_alone(deployment).await;
    owner.belongs_to(&organization).await;
    let admin = caller(deployment, "chidi", &format!("organization:{organization}")).await;
    let staff = caller(deployment, "yuki", "staff").await;
    (owner, admin, staff)
}

#[tokio::test]
async fn only_the_requester_admins_and_staff_cancel() {
    let (owner, admin, staff) = house(&Deployment::get()).await;
    let colleague = owner.colleague("Berta").await;
    for (who, api) in [("ana-", &owner.api), ("chidi-", &admin), ("yuki-", &staff)] {
        let export = owner.request("csv").await;
        colleague
            .api
            .get(&export_path(&export))
            .await
            .expect_status(200);
        let cancel = async |api: &Caller| api.cancel(&export).await;
        assert_eq!(
            cancel(&colleague.api).await.problem(),
            "403 Only the person who requested or receives the export, the organization's admins and staff may cancel it."
        );
        let canceled = cancel(api).await.expect_status(200).json();
        assert_eq!(canceled["status"], "canceled", "{canceled:#}");
        let again = cancel(api).await.expect_status(200).json();
        assert_eq!(again["ended_at"], canceled["ended_at"], "{again:#}");
        let events = owner.api.read(&events_path(&export)).await;
        let events = events["events"].as_array().expect("events").iter();
        let canceled: Vec<&Value> = events
            .filter(|event| event["event"] == "canceled")
            .collect();
        assert_eq!(canceled.len(), 1);
        let by = canceled[0]["user"]["id"].as_str().expect("a person");
        assert!(by.starts_with(who), "{by}");
    }
}

#[tokio::test]
async fn a_link_alone_gives_no_access_and_a_refused_download_is_recorded() {
    let deployment = Deployment::get();
    let (owner, export) = finished(&deployment).await;
    let link = owner.link(&export);
    let mut refused = Vec::new();
    for (grants, status) in [
        ("", 404),
        ("project:43", 404),
        ("service", 404),
        ("staff", 403),
    ] {
        let sub = format!("bruno-{}", unique());
        let api = deployment.caller(&deployment.token_with(&sub, grants).await);
        problem(&api.get(&link).await, status);
        refused.push(json!(sub));
    }
    assert_eq!(deployment.stranger().get(&link).await.status, 401);
    let history = async || {
        owner.api.read(&events_path(&export)).await["events"]
            .as_array()
            .expect("events")
            .clone()
    };
    let events = history().await;
    let mut marks: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "refused")
        .collect();
    marks.sort_by_key(|event| event["at"].to_string());
    let marks: Vec<Value> = marks
        .iter()
        .map(|event| event["user"]["id"].clone())
        .collect();
    assert_eq!(marks, refused);

    // A person who guesses an id gets 404, and the export's history does not change.
    let (path, uuid) = link.rsplit_once('/').expect("a path");
    let first = if uuid.starts_with('0') { "1" } else { "0" };
    let number = ExportId::try_from(id(&export)).expect("an id");
    for guess in [
        format!("{first}{}", &uuid[1..]),
        new_download(number).to_string(),
        uuid.to_uppercase(),
        uuid.replace('-', ""),
        format!("{{{uuid}}}"),
        uuid[1..].to_owned(),
        "x".to_owned(),
        "00000000-0000-0000-0000-000000000000".to_owned(),
    ] {
        problem(&owner.api.get(&format!("{path}/{guess}")).await, 404);
    }
    // The mail may have been sent meanwhile.
    let mut after = history().await;
    after.retain(|event| event["event"] != "mailed" || events.contains(event));
    assert_eq!(after, events);
}

#[tokio::test]
async fn only_admins_and_staff_see_email_addresses() {
    let (owner, admin, staff) = house(&Deployment::get()).await;
    let export = owner.request("csv").await;
    let address = json!("127.0.0.1");
    for (who, caller, shown) in [
        ("owner", &owner.api, &Value::Null),
        ("admin", &admin, &address),
        ("staff", &staff, &address),
    ] {
        let answer = caller.read(&events_path(&export)).await;
        let requested = &answer["events"][0];
        assert_eq!(requested["event"], "requested", "{who}: {answer:#}");
        assert_eq!(requested["user"]["id"], owner.sub.as_str(), "{who}");
        assert_eq!(requested["address"], *shown, "{who}: {requested:#}");
    }
}
