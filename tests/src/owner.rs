//! A person with a project of their own, who asks for exports.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::http::{Answer, Caller};
use crate::requests::describe;
use crate::wait::MAIL_WITHIN;

/// How long an export of a few thousand rows may take on a slow, busy machine.
pub const FINISHED_WITHIN: Duration = Duration::from_secs(120);

/// A person with a project that no other test knows.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The `sub` of their tokens.
    pub sub: String,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their project's id.
    pub project: u64,
    /// The API, called with their token.
    pub api: Caller,
    deployment: Deployment,
}

impl Owner {
    /// A new person with a new project and the grant for it.
    pub async fn new(on: impl Into<Deployment>, name: &str) -> Self {
        Self::of_project(on, name, unique()).await
    }

    /// A new person with the grant for this project.
    pub async fn of_project(on: impl Into<Deployment>, name: &str, project: u64) -> Self {
        let sub = format!("{}-{}", name.to_lowercase(), unique());
        let email = format!("{sub}@example.com");
        Self::with_email(on, name, &sub, &email, project).await
    }

    /// The same project in the hands of a new person, whose exports a minute are counted for themselves.
    pub async fn colleague(&self, name: &str) -> Self {
        Self::of_project(&self.deployment, name, self.project).await
    }

    /// A person of this identity and address, with the grant for this project.
    pub async fn with_email(
        on: impl Into<Deployment>,
        name: &str,
        sub: &str,
        email: &str,
        project: u64,
    ) -> Self {
        let grants = format!("project:{project}");
        let deployment = on.into();
        let token = deployment
            .token(json!({"sub": sub, "name": name, "email": email, "grants": grants}))
            .await;
        Self {
            sub: sub.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            project,
            api: deployment.caller(&token),
            deployment,
        }
    }

    /// The same, calling the API as somebody else.
    pub fn calling_as(&self, api: Caller) -> Self {
        Self {
            api,
            ..self.clone()
        }
    }

    /// Lets staff say that the project is this organization's.
    pub async fn belongs_to(&self, organization: &str) {
        let (project, name) = (format!("projects/{}", self.project), "A project");
        let described = json!({"name": name, "organization_id": organization});
        describe(&self.deployment, &project, described).await;
    }

    /// The path of the project's exports.
    pub fn path(&self) -> String {
        format!("/v1/projects/{}/exports", self.project)
    }

    /// Asks for an export of orders.
    ///
    /// # Panics
    /// Where the API does not answer 201.
    #[track_caller]
    pub fn request(&self, format: &str) -> impl Future<Output = Value> {
        self.request_with(json!({"type": "orders", "format": format}))
    }

    /// Asks for an export with this body.
    ///
    /// # Panics
    /// Where the API does not answer 201.
    pub async fn request_with(&self, body: Value) -> Value {
        self.api
            .post(&self.path(), body)
            .await
            .expect_status(201)
            .json()
    }

    /// The export as it is now.
    ///
    /// # Panics
    /// Where the API does not show it.
    pub async fn export(&self, id: u64) -> Value {
        self.api
            .get(&format!("/v1/exports/{id}"))
            .await
            .expect_status(200)
            .json()
    }

    /// Waits until the export has this status.
    ///
    /// # Panics
    /// Where it gets another final one, or takes longer than `within`.
    pub async fn reaches(&self, id: u64, status: &str, within: Duration) -> Value {
        self.api
            .until(&format!("export {id} to be {status}"), within, async || {
                let export = self.export(id).await;
                let now = export["status"].as_str().unwrap_or_default();
                if now == status {
                    return Ok(export);
                }
                assert!(
                    !matches!(now, "failed" | "canceled" | "expired"),
                    "export {id} is not {status} but: {export:#}"
                );
                Err(export.to_string())
            })
            .await
    }

    /// Asks for an export and waits for it to succeed.
    pub async fn succeeded(&self, body: Value) -> Value {
        let export = self.request_with(body).await;
        self.reaches(id(&export), "succeeded", FINISHED_WITHIN)
            .await
    }

    /// The link to the file, without the host.
    ///
    /// # Panics
    /// Where the export has no link of this API's.
    pub fn link(&self, export: &Value) -> String {
        let url = export["url"]
            .as_str()
            .unwrap_or_else(|| panic!("no url: {export:#}"));
        let path = url.strip_prefix(self.deployment.public_url());
        path.unwrap_or_else(|| panic!("{url} does not begin with the public URL"))
            .to_owned()
    }

    /// Takes the file as a program does: by the redirect, without the token at S3.
    ///
    /// # Panics
    /// Where either step does not give what it should.
    pub async fn download(&self, export: &Value) -> Answer {
        let redirect = self.api.get(&self.link(export)).await.expect_status(302);
        assert_eq!(redirect.header("cache-control"), "no-store");
        self.deployment
            .file(redirect.header("location"))
            .await
            .expect_status(200)
    }

    /// The export's history: the words of its events, oldest first.
    ///
    /// # Panics
    /// Where the API does not show it, or it is longer than a page.
    pub async fn events(&self, id: u64) -> Vec<String> {
        let answer = self
            .api
            .get(&format!("/v1/exports/{id}/events?limit=100"))
            .await
            .expect_status(200)
            .json();
        assert!(
            answer["meta"]["next"].is_null(),
            "more than a page of events"
        );
        let mut events: Vec<(Timestamp, String)> = answer["events"]
            .as_array()
            .expect("a list of events")
            .iter()
            .map(|event| {
                let at = event["at"]
                    .as_str()
                    .expect("an instant")
                    .parse()
                    .expect("an instant in RFC 3339");
                (
                    at,
                    event["event"].as_str().expect("an event's word").to_owned(),
                )
            })
            .collect();
        events.sort_by_key(|(at, _)| *at);
        events.into_iter().map(|(_, word)| word).collect()
    }

    /// Waits for the first mail about this export.
    pub async fn mail_about(&self, id: u64) -> Value {
        self.api
            .until(
                &format!("a mail about export {id}"),
                MAIL_WITHIN,
                async || {
                    let mails = self.mails_about(id).await;
                    mails
                        .first()
                        .cloned()
                        .ok_or_else(|| "no mail about it".to_owned())
                },
            )
            .await
    }

    /// Waits until the export says what became of its mail: `sent`, `failed` or `refused`.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn mail_is(&self, id: u64, wanted: &str) {
        self.api
            .until(
                &format!("the mail about export {id} to be {wanted}"),
                MAIL_WITHIN,
                async || {
                    let export = self.export(id).await;
                    if export["mail"] == wanted {
                        Ok(())
                    } else {
                        Err(export["mail"].to_string())
                    }
                },
            )
            .await;
    }

    /// The mails about this export, newest first.
    pub async fn mails_about(&self, id: u64) -> Vec<Value> {
        let mut mails = self.deployment.mails(&self.email).await;
        let link = format!("/exports/{id}");
        mails.retain(|mail| {
            mail["text"]
                .as_str()
                .is_some_and(|text| text.contains(&link))
        });
        mails
    }
}

/// An export's id.
///
/// # Panics
/// Where it has none.
pub fn id(export: &Value) -> u64 {
    export["id"]
        .as_u64()
        .unwrap_or_else(|| panic!("an export without an id: {export:#}"))
}

/// A number that no other test on this stack has had.
pub fn unique() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock past 1970")
        .as_micros() as u64;
    // Microseconds since 2025 leave room for a hundred tests in each, and stay below 2^53.
    now.saturating_sub(1_735_689_600_000_000) / 100 * 100
        + COUNTER.fetch_add(1, Ordering::Relaxed) % 100
}
