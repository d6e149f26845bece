//! The link in a mail leads to the file only for a person who may see it.

use serde_json::json;
use waybill_tests::{Browser, Owner, id};

use crate::visitor::Visitor;

/// The `sub` of people that the local stack's issuer can sign in.
const OWNER_OF_ANOTHER_PROJECT: &str = "u-18";
const WITHOUT_GRANTS: &str = "u-30";

#[tokio::test]
async fn the_mails_link_leads_to_the_file_only_for_those_who_may_see_it() {
    let Some(ana) = Visitor::new("Ana", 40).await else {
        return;
    };
    let export = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let file = ana.owner.download(&export).await.body;
    let name = export["file_name"].as_str().unwrap();
    let mail = ana.owner.mail_about(id(&export)).await;
    let mut words = mail["text"].as_str().unwrap().split_whitespace();
    let link = words
        .find(|word| word.starts_with("http") && word.contains("/exports/"))
        .unwrap();

    ana.browser.open(link).await;
    ana.sign_in().await;
    ana.browser.shows("#status", "Completed").await;
    ana.browser.shows("#title", name).await;
    ana.browser.click("#download").await;
    assert!(
        ana.browser.downloaded(name).await == file,
        "the browser got another file"
    );
    ana.browser.shows("#history", "Downloaded by Ana").await;
    let digest = export["receipt"]["sha256"].as_str().unwrap();
    ana.browser.shows("#file", digest).await;

    for person in [OWNER_OF_ANOTHER_PROJECT, WITHOUT_GRANTS] {
        let browser = Browser::start(&ana.stack).await;
        browser.open(link).await;
        browser
            .click(&format!("button[name=person][value={person}]"))
            .await;
        browser.shows(".blank", "you may not see it").await;
        assert!(!browser.has("#download").await);
        assert!(!browser.has("#request").await);
    }

    // Another owner of the project may see it.
    let other = Owner::of_project(&ana.stack, "Bo", ana.owner.project).await;
    let browser = Browser::start(&ana.stack).await;
    browser.open(link).await;
    let grants = format!("project:{}", ana.owner.project);
    browser.sign_in(&other.name, &other.email, &grants).await;
    browser.shows("#status", "Completed").await;
    assert!(browser.has("#download").await);
}
