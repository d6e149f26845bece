//! API keys and sessions: what a key opens, what a session may do, and when both end.

use jiff::SignedDuration;
use serde_json::{Value, json};
use waybill_tests::requests::*;
use waybill_tests::{Answer, Caller, Deployment, HostAnswer, InProcess, id};

use super::{PATH, Service};

const SESSIONS: &str = "/v1/sessions";

/// A service that verifies tokens itself, and the key of a backend.
struct Backend {
    service: Service,
    key_id: String,
    key: Caller,
}

impl Backend {
    async fn new(grants: &str) -> Self {
        Self::of(InProcess::default(), grants).await
    }

    async fn of(process: InProcess, grants: &str) -> Self {
        let service = Service(process.verifying_tokens());
        let (key_id, key) = service.0.api_key("backend", grants).await;
        let key = service.0.bearer(&key);
        Self {
            service,
            key_id,
            key,
        }
    }

    /// Opens a session of Ana for these grants.
    async fn open(&self, grants: &[&str]) -> Value {
        self.key.create(SESSIONS, request(grants)).await
    }

    async fn session(&self, grants: &[&str]) -> Caller {
        let opened = self.open(grants).await;
        self.service.0.bearer(opened["token"].as_str().unwrap())
    }

    fn pass(&self, seconds: i64) {
        self.service.0.pass(SignedDuration::from_secs(seconds));
    }

    async fn revoke(&self) {
        let keys = self.service.0.api_keys();
        assert!(
            keys.revoke(&self.key_id, self.service.0.now())
                .await
                .unwrap()
        );
    }

    async fn redeem(&self, code: &str) -> Answer {
        let stranger = Deployment::from(&self.service.0).stranger();
        stranger.post("/session", json!({"code": code})).await
    }
}

fn request(grants: &[&str]) -> Value {
    let ana = json!({"id": "u-17", "name": "Ana Sousa", "email": "ana@example.com"});
    json!({"user": ana, "grants": grants, "minutes": 15})
}

fn code(opened: &Value) -> String {
    let (_, code) = opened["url"]
        .as_str()
        .unwrap()
        .split_once("#code=")
        .unwrap();
    code.to_owned()
}

fn is_ended(answer: &Answer) -> bool {
    answer.status == 401 && answer.json()["code"] == "token_expired"
}

#[tokio::test]
async fn a_session_is_its_persons_within_its_grants() {
    let backend = Backend::new("project:* organization:acme").await;
    let ana = backend.session(&["project:42"]).await;
    let created = ana.create(PATH, csv()).await;
    assert_eq!(
        created["user"],
        json!({"id": "u-17", "name": "Ana Sousa", "email": "ana@example.com"})
    );
    let stored = backend.service.export(id(&created).try_into().unwrap());
    assert_eq!(stored.user.issuer.as_deref(), Some("waybill:backend"));
    // The backend answers for the address, as for that of a user that it names.
    assert!(stored.user.email_verified);

    let catalog = ana.read("/v1/catalog").await;
    let parents = catalog["parents"].as_array().unwrap();
    assert_eq!(parents.len(), 1, "{catalog:#}");
    for foreign in ["/v1/projects/43/exports", "/v1/organizations/acme/exports"] {
        problem(&ana.get(foreign).await, 404);
    }
    // Another session of the same person goes on where this one was.
    let again = backend.session(&["project:42"]).await;
    let cancel = format!("/v1/exports/{}/cancel", id(&created));
    again.post(&cancel, json!({})).await.expect_status(200);
}

#[tokio::test]
async fn a_request_for_a_session_is_checked() {
    let backend = Backend::new("project:* organization:acme service").await;
    let form = "must be a list of 1 to 100 grants, such as [\"project:42\"]";
    let many = vec!["project:42"; 101];
    for (change, says) in [
        (json!({"user": null}), "user is required".to_owned()),
        (
            json!({"user": "u-17"}),
            "user must be an object with `id`, `name` and `email`".to_owned(),
        ),
        (
            json!({"user": {"name": "Ana"}}),
            "user.id is required".to_owned(),
        ),
        (
            json!({"user": {"id": ""}}),
            "user.id must have 1 to 255 characters, in one line".to_owned(),
        ),
        (
            json!({"user": {"id": "u", "issuer": "https://issuer.example"}}),
            "user.issuer is unknown; the fields are id, name, email".to_owned(),
        ),
        (json!({"grants": null}), format!("grants {form}")),
        (json!({"grants": []}), format!("grants {form}")),
        (json!({"grants": "project:42"}), format!("grants {form}")),
        (json!({"grants": [42]}), format!("grants {form}")),
        (json!({"grants": many}), format!("grants {form}")),
        (
            json!({"grants": ["project:42", "organization:other"]}),
            "grants[1] is beyond the key's own grants, project:* organization:acme service"
                .to_owned(),
        ),
        (
            json!({"grants": ["staff"]}),
            "grants[0] must be that of a parent: a session never has `staff` or `service`"
                .to_owned(),
        ),
        (
            json!({"grants": ["service"]}),
            "grants[0] must be that of a parent: a session never has `staff` or `service`"
                .to_owned(),
        ),
        (
            json!({"grants": ["project:*"]}),
            "grants[0] must be a grant of a parent: organization:ID, project:ID, source:ID"
                .to_owned(),
        ),
        (
            json!({"grants": ["team:7"]}),
            "grants[0] must be a grant of a parent: organization:ID, project:ID, source:ID"
                .to_owned(),
        ),
        (
            json!({"minutes": 0}),
            "minutes must be a whole number from 1 to 60".to_owned(),
        ),
        (
            json!({"minutes": 61}),
            "minutes must be a whole number from 1 to 60".to_owned(),
        ),
        (
            json!({"minutes": 1.5}),
            "minutes must be a whole number from 1 to 60".to_owned(),
        ),
        (
            json!({"days": 1}),
            "days is unknown; the fields are user, grants, minutes, path".to_owned(),
        ),
    ] {
        let mut body = request(&["project:42"]);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = backend.key.post(SESSIONS, body).await.expect_status(422);
        let errors = answer.json()["errors"].clone();
        let said = errors[0]["field"].as_str().unwrap().to_owned()
            + " "
            + errors[0]["message"].as_str().unwrap();
        assert_eq!(
            (said.as_str(), errors.as_array().unwrap().len()),
            (says.as_str(), 1),
            "{change}"
        );
    }
    assert_eq!(backend.service.0.services().count("limits"), 0);
}

#[tokio::test]
async fn a_session_ends_when_its_minutes_are_over() {
    let backend = Backend::new("project:42").await;
    let mut body = request(&["project:42"]);
    body["minutes"] = json!(1);
    let before = backend.service.0.now();
    let opened = backend.key.create(SESSIONS, body).await;
    let end: jiff::Timestamp = opened["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(end.duration_since(before).as_secs(), 60);
    let ana = backend.service.0.bearer(opened["token"].as_str().unwrap());
    // Asked every 10 s, so that it is always in the cache.
    for _ in 0..5 {
        backend.pass(10);
        ana.read(PATH).await;
    }
    backend.pass(10);
    let answer = ana.get(PATH).await;
    assert!(is_ended(&answer), "{answer:?}");
    assert_eq!(
        answer.problem(),
        "401 The session has ended. Open it again from the product."
    );
}

/// Within 30 s, and at once for a download.
#[tokio::test]
async fn a_revoked_key_ends_its_sessions() {
    let backend = Backend::new("project:42").await;
    let ana = backend.session(&["project:42"]).await;
    let created = ana.create(PATH, csv()).await;
    backend.service.succeed(id(&created).try_into().unwrap());
    let url = ana.read(&format!("/v1/exports/{}", id(&created))).await["url"].clone();
    let (_, download) = url
        .as_str()
        .unwrap()
        .split_once("https://exports.example")
        .unwrap();
    ana.get(download).await.expect_status(302);
    ana.read(PATH).await;

    backend.revoke().await;
    let refused = ana.get(download).await;
    assert!(is_ended(&refused), "{refused:?}");
    // What was known of the session is dropped with it, so that nothing else is open for the 30 s.
    assert!(is_ended(&ana.get(PATH).await));
    let key = backend.key.post(SESSIONS, request(&["project:42"])).await;
    assert_eq!(
        key.problem(),
        "401 The API key is not known, or was revoked."
    );
    assert_eq!(key.json()["code"], "token_refused");
}

#[tokio::test]
async fn what_is_known_of_a_session_is_at_most_30_seconds_old() {
    let backend = Backend::new("project:42").await;
    let ana = backend.session(&["project:42"]).await;
    ana.read(PATH).await;
    backend.revoke().await;
    backend.pass(29);
    ana.read(PATH).await;
    backend.pass(1);
    let answer = ana.get(PATH).await;
    assert!(is_ended(&answer), "{answer:?}");
}

/// A key whose grants became fewer takes those of its sessions with it.
#[tokio::test]
async fn a_session_never_has_more_than_its_key_has_now() {
    let backend = Backend::new("project:*").await;
    let ana = backend.session(&["project:42", "project:43"]).await;
    ana.read(PATH).await;
    backend.service.table("api-keys", |table| {
        let key = table.items.values_mut().next().unwrap();
        key.insert("grants".to_owned(), json!({"L": [{"S": "project:42"}]}));
    });
    backend.pass(30);
    assert!(is_ended(&ana.get(PATH).await));
}

#[tokio::test]
async fn a_code_gives_one_session_within_a_minute() {
    let backend = Backend::new("project:42").await;
    let mut body = request(&["project:42"]);
    body["path"] = json!("/exports/7?x=1");
    let opened = backend.key.create(SESSIONS, body).await;
    let url = opened["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://exports.example/exports/7?x=1#code=wbc_"),
        "{url}"
    );

    // From two browsers at once: one of them has it.
    let code_of = code(&opened);
    let (one, other) = tokio::join!(backend.redeem(&code_of), backend.redeem(&code_of));
    let mut both = [one, other];
    both.sort_by_key(|answer| answer.status);
    let [redeemed, refused] = both;
    let redeemed = redeemed.expect_status(200).json();
    let over = "410 This link was used already, or is older than a minute. Open the exports from the product again.";
    assert_eq!(refused.problem(), over);
    assert_eq!(redeemed["expires_at"], opened["expires_at"]);
    assert_eq!(redeemed["user"]["name"], "Ana Sousa");
    assert_ne!(redeemed["token"], opened["token"]);
    let ana = backend
        .service
        .0
        .bearer(redeemed["token"].as_str().unwrap());
    ana.read(PATH).await;

    let late = code(&backend.open(&["project:42"]).await);
    backend.pass(60);
    for wrong in [late.as_str(), &code_of, "wbc_x", "", "wbs_"] {
        assert_eq!(backend.redeem(wrong).await.problem(), over, "{wrong}");
    }
    let stranger = Deployment::from(&backend.service.0).stranger();
    let missing = stranger.post("/session", json!({"token": "x"})).await;
    assert_eq!(missing.status, 422);
}

/// Neither the key, nor a token, nor a code is stored.
#[tokio::test]
async fn only_hashes_are_stored() {
    let backend = Backend::new("project:42").await;
    let opened = backend.open(&["project:42"]).await;
    let redeemed = backend.redeem(&code(&opened)).await.json();
    let tables = ["limits", "api-keys"];
    let stored = tables.map(|name| {
        backend
            .service
            .table(name, |table| format!("{:?}", table.items))
    });
    for secret in [&opened["token"], &redeemed["token"], &json!(code(&opened))] {
        let secret = secret.as_str().unwrap();
        assert!(
            stored.iter().all(|text| !text.contains(&secret[4..])),
            "{secret}"
        );
    }
    assert!(stored.iter().all(|text| !text.contains("wbk_")));
}

#[tokio::test]
async fn a_key_starts_exports_for_named_users_and_describes_parents() {
    let backend = Backend::new("project:* organization:acme service staff").await;
    let described = json!({"name": "Film", "organization_id": "acme"});
    let put = backend
        .key
        .call(reqwest::Method::PUT, "/v1/projects/42", Some(described))
        .await;
    put.expect_status(200);
    assert_eq!(
        backend.key.post(PATH, csv()).await.problem(),
        "422 `user` is required with an API key, which is no person's.\nuser: is required with an API key, which is no person's"
    );
    let mut body = csv();
    body["user"] = json!({"id": "u-17", "name": "Ana Sousa"});
    let created = backend.key.create(PATH, body.clone()).await;
    let stored = backend.service.export(id(&created).try_into().unwrap());
    // The person of a session of the same key, who may thus cancel the export.
    assert_eq!(stored.user.issuer.as_deref(), Some("waybill:backend"));
    let requester = (
        stored.requested_by.as_str(),
        stored.requester_issuer.as_deref(),
    );
    assert_eq!(requester, ("backend", Some("waybill")));
    let ana = backend.session(&["project:42"]).await;
    let cancel = format!("/v1/exports/{}/cancel", id(&created));
    ana.post(&cancel, json!({})).await.expect_status(200);

    body["user"]["issuer"] = json!("https://issuer.example/pool");
    let created = backend.key.create(PATH, body.clone()).await;
    let stored = backend.service.export(id(&created).try_into().unwrap());
    assert_eq!(
        stored.user.issuer.as_deref(),
        Some("https://issuer.example/pool")
    );
    body["user"]["issuer"] = json!("https://stranger.example");
    assert_eq!(
        backend.key.post(PATH, body).await.problem(),
        "422 `user.issuer` must be an issuer of this deployment: its own, or one of the deployment file.\nuser.issuer: must be an issuer of this deployment: its own, or one of the deployment file"
    );
}

#[tokio::test]
async fn a_key_without_service_or_staff_opens_sessions_alone() {
    let backend = Backend::new("project:*").await;
    let mut body = csv();
    body["user"] = json!({"id": "u-17"});
    assert_eq!(
        backend.key.post(PATH, body).await.problem(),
        "403 Only a token with the grant `service` may name the user that an export is for."
    );
    let described = json!({"name": "Film"});
    let put = backend
        .key
        .call(reqwest::Method::PUT, "/v1/projects/42", Some(described))
        .await;
    assert_eq!(put.status, 403);
    backend.open(&["project:42"]).await;
}

#[tokio::test]
async fn a_token_opens_no_session() {
    let service = Service::default();
    let answer = service
        .by("u-1", "service staff")
        .post(SESSIONS, request(&["project:42"]))
        .await;
    assert_eq!(
        answer.problem(),
        "403 Only an API key (`wbk_…`) opens sessions."
    );
}

/// Where the host decides by a function, a session needs both: its key's grants must not be widened, nor the host's word.
#[tokio::test]
async fn a_session_needs_its_grants_and_the_hosts_word() {
    let process = InProcess::default();
    process.services().host(|asked| {
        let is_ana = asked["sub"] == "u-17" && asked["claims"]["iss"] == "waybill:backend";
        HostAnswer::Json(match is_ana {
            true => "true",
            false => "false",
        })
    });
    let backend = Backend::of(process, "project:42 service").await;
    let ana = backend.session(&["project:42"]).await;
    ana.create(PATH, csv()).await;
    problem(&ana.get("/v1/projects/43/exports").await, 404);
    let mut other = request(&["project:42"]);
    other["user"]["id"] = json!("u-18");
    let other = backend.key.create(SESSIONS, other).await;
    let other = backend.service.0.bearer(other["token"].as_str().unwrap());
    problem(&other.get(PATH).await, 404);
    // The function knows persons, and no keys.
    let mut body = csv();
    body["user"] = json!({"id": "u-17"});
    backend.key.create(PATH, body).await;
}

/// Every route of the contract, by every kind of secret that does not open it.
#[tokio::test]
async fn no_route_is_opened_by_the_wrong_secret() {
    let backend = Backend::new("project:* staff service").await;
    let process = &backend.service.0;
    let unknown = |prefix: &str| process.bearer(&format!("{prefix}{}", "x".repeat(43)));
    let mut short = request(&["project:42"]);
    short["minutes"] = json!(1);
    let short = backend.key.create(SESSIONS, short).await;
    backend.pass(60);
    let revoked = {
        let (id, key) = process.api_key("other", "project:*").await;
        let opened = process
            .bearer(&key)
            .create(SESSIONS, request(&["project:42"]))
            .await;
        process.api_keys().revoke(&id, process.now()).await.unwrap();
        process.bearer(opened["token"].as_str().unwrap())
    };
    let foreign = backend.session(&["project:43"]).await;
    let over = [
        (unknown("wbs_"), "token_expired"),
        (
            process.bearer(short["token"].as_str().unwrap()),
            "token_expired",
        ),
        (revoked, "token_expired"),
        (unknown("wbk_"), "token_refused"),
        (unknown("wbc_"), "token_refused"),
    ];
    let mut walked = 0;
    for (method, path) in operations(&Deployment::from(process)).await {
        let path = filled(&path);
        for (caller, code) in &over {
            let answer = caller
                .call(method.clone(), &path, None)
                .await
                .expect_status(401);
            assert_eq!(answer.json()["code"], *code, "{method} {path}");
        }
        let by_key = backend.key.call(method.clone(), &path, None).await;
        let route = format!("{method} {path}");
        let describes = route.starts_with("PUT ");
        let starts = route.starts_with("POST ") && path.ends_with("/exports");
        let is_of_keys = describes || starts || path == SESSIONS;
        assert!(is_of_keys || by_key.status == 403, "{route}: {by_key:?}");
        assert!(by_key.status != 401, "{route}: {by_key:?}");
        let answer = foreign.call(method, &path, None).await;
        let is_open = ["/v1/catalog"].contains(&path.as_str());
        assert!(
            is_open || [403, 404].contains(&answer.status),
            "{route}: {answer:?}"
        );
        walked += 1;
    }
    assert!(walked > 20, "{walked}");
}

#[tokio::test]
async fn a_url_opens_a_view_of_the_page_and_nothing_else() {
    let backend = Backend::new("project:42").await;
    let opened = async |path: &str| {
        let mut body = request(&["project:42"]);
        body["path"] = json!(path);
        backend.key.post(SESSIONS, body).await
    };
    for path in [
        "/",
        "/?x=1",
        "/exports/7",
        "/projects/42",
        "/projects/42/orders?status=paid&search=a%20b",
        "/organizations/a%7Cb/exports",
    ] {
        let answer = opened(path).await.expect_status(201).json();
        let url = answer["url"].as_str().unwrap();
        assert!(
            url.starts_with(&format!("https://exports.example{path}#code=wbc_")),
            "{url}"
        );
    }
    for path in [
        "",
        "//other.example",
        "/\\other.example",
        "https://other.example/",
        "/exports/1#x",
        "/exports/x",
        "/exports/1/events",
        "/openapi.json",
        "/element/v1.js",
        "/signed-in",
        "/session",
        "/teams/7",
        "/projects/%zz",
        "/projects/%ff",
        "/projects/%c",
        "/projects//orders",
        "/projects/42/orders/7",
        "/..//other.example",
        "/projects/42\r\nX: 1",
        &format!("/projects/42?{}", "x".repeat(2_048)),
    ] {
        let answer = opened(path).await.expect_status(422).json();
        assert_eq!(answer["errors"][0]["field"], "path", "{path}");
    }
}

#[tokio::test]
async fn a_session_is_ended_by_its_own_token() {
    let backend = Backend::new("project:42").await;
    let ana = backend.session(&["project:42"]).await;
    let other = backend.session(&["project:42"]).await;
    ana.read(PATH).await;
    let end = async |caller: &Caller| {
        caller
            .call(reqwest::Method::POST, "/session/end", None)
            .await
    };
    end(&ana).await.expect_status(204);
    assert!(is_ended(&ana.get(PATH).await));
    // Again, and by those who have none.
    end(&ana).await.expect_status(204);
    assert_eq!(
        end(&backend.key).await.problem(),
        "403 Only a session (`wbs_…`) can be ended."
    );
    assert_eq!(end(&backend.service.0.bearer("wbs_x")).await.status, 401);
    let stranger = Deployment::from(&backend.service.0).stranger();
    assert_eq!(end(&stranger).await.json()["code"], "token_missing");
    other.read(PATH).await;
}

#[tokio::test]
async fn a_code_of_a_revoked_key_gives_no_session() {
    let backend = Backend::new("project:42").await;
    let opened = backend.open(&["project:42"]).await;
    backend.revoke().await;
    let answer = backend.redeem(&code(&opened)).await;
    assert_eq!(answer.status, 410, "{answer:?}");
}

#[tokio::test]
async fn where_the_gateway_verifies_tokens_it_is_said_that_there_are_no_sessions() {
    let service = Service::default();
    let stranger = Deployment::from(&service.0).stranger();
    let answer = stranger.post("/session", json!({"code": "wbc_x"})).await;
    assert_eq!(
        answer.problem(),
        "403 This deployment has no sessions: they need `TokenVerifier=function`."
    );
}
