//! A function of the host's that decides what people may do, on a deployment of its own: the tokens here say nothing.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use reqwest::Method;
use tokio::sync::OnceCell;
use waybill_tests::requests::*;
use waybill_tests::{Aws, Owner, Stack, id, unique, wait_until};

/// How long an answer of the host's may hold for anything but a download, and what the calls themselves take.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(30 + 10);

/// The sample host: who is a member of what, in its own table.
pub(crate) struct Host {
    aws: Aws,
    table: String,
}

/// What the host's function may take to start, on a machine that is busy with much else.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// The tests here that ask it at once.
const AT_ONCE: usize = 3;

/// Waits until the host's function has started, as often as it is needed at once: a question that its start makes too
/// late is answered by 503.
async fn host_has_started(stack: &Stack) {
    static STARTED: OnceCell<()> = OnceCell::const_new();
    let start = async || {
        let questions = (0..AT_ONCE).map(async |_| {
            let nobody = caller(stack, "bruno", "").await;
            let path = format!("/v1/projects/{}/exports", unique());
            wait_until(
                "the host's function to answer",
                STARTED_WITHIN,
                async || match nobody.get(&path).await.status {
                    503 => Err("503".to_owned()),
                    _ => Ok(()),
                },
            )
            .await;
        });
        join_all(questions).await;
    };
    STARTED.get_or_init(start).await;
}

impl Host {
    pub(crate) async fn of(stack: &Stack) -> Self {
        host_has_started(stack).await;
        Self {
            aws: stack.aws().await,
            table: stack.output("members_table").to_owned(),
        }
    }

    pub(crate) async fn let_in(&self, person: &str, place: &str) {
        let member = self.aws.dynamodb.put_item().table_name(&self.table);
        let member = member
            .item("person", AttributeValue::S(person.to_owned()))
            .item("place", AttributeValue::S(place.to_owned()));
        member.send().await.expect("the person is let in");
    }

    async fn turn_out(&self, person: &str, place: &str) {
        let member = self.aws.dynamodb.delete_item().table_name(&self.table);
        let member = member
            .key("person", AttributeValue::S(person.to_owned()))
            .key("place", AttributeValue::S(place.to_owned()));
        member.send().await.expect("the person is turned out");
    }
}

/// Ana with a token that grants nothing, as a member of her project; and where she is one.
async fn member(stack: &Stack, host: &Host) -> (Owner, String) {
    let owner = Owner::new(stack, "Ana").await;
    let place = format!("project:{}", owner.project);
    let token = stack.token_with(&owner.sub, "").await;
    host.let_in(&owner.sub, &place).await;
    (owner.calling_as(stack.caller(&token)), place)
}

#[tokio::test]
async fn a_grant_taken_away_in_the_host_closes_the_same_link_to_the_same_token() {
    let stack = Stack::get().asking_host();
    let host = Host::of(&stack).await;
    let (ana, place) = member(&stack, &host).await;
    let export = ana.succeeded(csv()).await;
    let link = ana.link(&export);
    ana.download(&export).await;
    ana.api.get(&ana.path()).await.expect_status(200);

    host.turn_out(&ana.sub, &place).await;
    let turned_out = Instant::now();
    problem(&ana.api.get(&link).await, 404);
    // What is no file may be seen for as long as an answer is kept, by whichever instance, and no longer.
    for (method, path) in [
        (Method::GET, ana.path()),
        (Method::GET, export_path(&export)),
        (Method::GET, format!("{}/events", export_path(&export))),
        (Method::POST, cancel_path(&export)),
    ] {
        wait_until(
            &format!("{path} to be gone"),
            FORGOTTEN_WITHIN,
            async || {
                let status = ana.api.call(method.clone(), &path, None).await.status;
                match status {
                    404 => Ok(()),
                    _ => Err(format!("{status} after {:?}", turned_out.elapsed())),
                }
            },
        )
        .await;
    }

    // The token is as good as ever: let in again, she has her file.
    host.let_in(&ana.sub, &place).await;
    ana.api.get(&link).await.expect_status(302);

    let staff = ana.calling_as(caller(&stack, "yuki", "staff").await);
    let events = staff.events(id(&export)).await;
    let downloads: Vec<&str> = events
        .iter()
        .map(String::as_str)
        .filter(|event| ["downloaded", "refused"].contains(event))
        .collect();
    assert_eq!(downloads, ["downloaded", "refused", "downloaded"]);
}

#[tokio::test]
async fn a_tokens_own_grants_for_parents_count_for_nothing_then() {
    let stack = Stack::get().asking_host();
    let host = Host::of(&stack).await;
    let (ana, _) = member(&stack, &host).await;
    let export = ana.request("csv").await;
    let grants = format!("project:{} organization:acme", ana.project);
    let bruno = caller(&stack, "bruno", &grants).await;
    problem(&bruno.get(&export_path(&export)).await, 404);
    problem(&bruno.get(&ana.path()).await, 404);
    problem(&bruno.post(&ana.path(), csv()).await, 404);

    // Only a member of the organization stops what others have started, and sees addresses.
    let staff = caller(&stack, "yuki", "staff").await;
    staff.get(&export_path(&export)).await.expect_status(200);
    let colleague = ana.colleague("Berta").await;
    let place = format!("project:{}", ana.project);
    host.let_in(&colleague.sub, &place).await;
    let cancel = cancel_path(&export);
    let refused = colleague.api.call(Method::POST, &cancel, None).await;
    problem(&refused, 403);
    let events = format!("{}/events", export_path(&export));
    let seen = colleague.api.read(&events).await;
    assert!(seen["events"][0]["address"].is_null(), "{seen:#}");
}

/// A backend asks for somebody's export; whether its file goes along with the mail is for the host to say as it is sent.
#[tokio::test]
async fn a_file_is_mailed_only_to_somebody_who_may_have_it_as_the_mail_is_sent() {
    let stack = Stack::get().asking_host();
    let host = Host::of(&stack).await;
    let ana = Owner::new(&stack, "Ana").await;
    let place = format!("project:{}", ana.project);
    let backend = format!("backend-{}", ana.project);
    host.let_in(&backend, &place).await;
    let token = stack.token_with(&backend, "service").await;
    let backend = ana.calling_as(stack.caller(&token));
    let mut body = csv();
    body["user"] = serde_json::json!({"id": ana.sub, "name": "Ana", "email": ana.email});

    let attachments = async || {
        let export = backend.request_with(body.clone()).await;
        let mail = ana.mail_about(id(&export)).await;
        mail["attachments"].as_array().expect("a list").len()
    };
    assert_eq!(attachments().await, 0);
    host.let_in(&ana.sub, &place).await;
    assert_eq!(attachments().await, 1);
    host.turn_out(&ana.sub, &place).await;
    assert_eq!(attachments().await, 0);
}
