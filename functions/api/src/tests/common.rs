//! What holds for every route.

use http::Method;
use serde_json::json;

use crate::testing::Service;

#[tokio::test]
async fn unknown_addresses_are_404_and_wrong_methods_405() {
    let service = Service::default();
    for path in [
        "/v1/",
        "/v1/projects",
        "/v1/projects/42/records",
        "/v1/teams/42/exports",
        "/nothing",
        "/v1/exports/7/cancel/",
        "//",
    ] {
        let answer = service.get(path).send().await;
        assert_eq!(
            answer.problem(),
            "404 There is nothing at this address, or you may not see it.",
            "{path}"
        );
    }
    for (method, path, allow) in [
        (Method::DELETE, "/v1/exports/7", "GET,HEAD"),
        (Method::GET, "/v1/exports/7/cancel", "POST"),
        (Method::GET, "/v1/projects/42", "PUT"),
        (Method::PATCH, "/v1/projects/42/exports", "POST,GET,HEAD"),
        (Method::POST, "/v1/downloads/x", "GET,HEAD"),
        (Method::POST, "/", "GET,HEAD"),
    ] {
        let answer = service.call(method, path).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, allow),
            "{path}"
        );
        assert!(answer.problem().contains("`Allow` names those"), "{path}");
    }
}

#[tokio::test]
async fn every_route_of_the_api_needs_a_token_that_names_somebody() {
    let service = Service::default();
    for (method, path) in [
        (Method::GET, "/v1/exports/7"),
        (Method::POST, "/v1/exports/7/cancel"),
        (Method::GET, "/v1/exports/7/events"),
        (
            Method::GET,
            "/v1/downloads/0b6f3a52-1111-8222-8333-444455556666",
        ),
        (Method::GET, "/v1/projects/42/exports"),
        (Method::POST, "/v1/projects/42/exports"),
        (Method::GET, "/v1/projects/42/exports/summary"),
        (Method::GET, "/v1/projects/42/records/orders"),
        (Method::GET, "/v1/catalog"),
        (Method::PUT, "/v1/projects/42"),
        (Method::GET, "/v1/exports/none"),
    ] {
        let answers = [
            service
                .call(method.clone(), path)
                .unauthorized()
                .send()
                .await,
            service
                .call(method.clone(), path)
                .unauthorized()
                .header("authorization", "Bearer x")
                .send()
                .await,
            service
                .call(method.clone(), path)
                .by(" ", "staff")
                .send()
                .await,
        ];
        for answer in answers {
            assert_eq!(
                answer.problem(),
                "401 Send a valid access token in the header `Authorization: Bearer …`.",
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn answers_of_the_api_are_not_kept_nor_sniffed() {
    let service = Service::default();
    let id = service.create().await;
    for path in [
        &format!("/v1/exports/{id}"),
        "/v1/exports/none",
        &format!("/v1/exports/{id}/events"),
    ] {
        let answer = service.get(path).send().await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_503_and_tells_nothing() {
    for table in ["parents", "exports"] {
        let service = Service::default();
        let id = service.create().await;
        service.take_down(table);
        let path = if table == "parents" {
            "/v1/projects/42/exports"
        } else {
            &format!("/v1/exports/{id}")
        };
        let answer = service.get(path).send().await;
        assert_eq!(
            answer.problem(),
            "503 The service cannot answer at the moment. Send the request again in a few seconds."
        );
        assert_eq!(answer.header("retry-after"), "5");
        assert!(!answer.text.contains("secret"));
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let service = Service::default();
    let id = service.create().await;
    for (path, status) in [
        (format!("/v1/exports/{id}"), 200),
        ("/v1/exports/1".to_owned(), 404),
    ] {
        let answer = service.call(Method::HEAD, &path).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (status, ""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn bodies_are_refused_by_type_length_and_form() {
    let service = Service::default();
    let post = || service.call(Method::POST, "/v1/projects/42/exports");
    let unsupported = "415 Send the body as `Content-Type: application/json`.";
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        post()
            .header("content-type", form)
            .body("type=orders")
            .send()
            .await
            .problem(),
        unsupported
    );
    assert_eq!(post().body("{}").send().await.problem(), unsupported);

    let short = json!({"type": "orders", "format": "csv"}).to_string();
    let longest = format!("{short}{}", " ".repeat(65_536 - short.len()));
    assert_eq!(post().json(&longest).send().await.status, 201);
    assert_eq!(
        post().json(&format!("{longest} ")).send().await.problem(),
        "413 The body may have at most 65536 bytes."
    );
    for (body, detail) in [
        (
            "",
            "400 The body must be a JSON object: EOF while parsing a value at line 1 column 0.",
        ),
        (
            "{\"type\":",
            "400 The body must be a JSON object: EOF while parsing a value at line 1 column 8.",
        ),
        (
            "[]",
            "400 The body must be a JSON object: it is another JSON value.",
        ),
        (
            "null",
            "400 The body must be a JSON object: it is another JSON value.",
        ),
    ] {
        assert_eq!(post().json(body).send().await.problem(), detail, "{body:?}");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(post().json(&deep).send().await.status, 400);
    let utf8 = post().header("content-type", "Application/JSON; charset=utf-8");
    let answer = utf8
        .body(&json!({"type": "orders", "format": "csv"}).to_string())
        .send()
        .await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn the_page_is_there_for_everybody() {
    let service = Service::default();
    let mut html = String::new();
    for path in [
        "/",
        "/exports/7",
        "/signed-in?code=1&state=2",
        "/organizations/acme/exports",
        "/projects/42/orders",
        "/sources/web-leads",
    ] {
        let answer = service.get(path).unauthorized().send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("connect-src 'self' https://issuer.example;"));
        assert!(policy.contains("frame-ancestors 'none';"));
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-cache");
        html = answer.text;
    }
    let script = html.split('"').find(|text| text.ends_with("/app.js"));
    for (path, media_type, kept) in [
        (
            script.expect("the page's script"),
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (
            "/assets/older/page.css",
            "text/css; charset=utf-8",
            "no-cache",
        ),
        (
            "/element/v1.js",
            "text/javascript; charset=utf-8",
            "public, max-age=300",
        ),
    ] {
        let answer = service.get(path).unauthorized().send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, media_type)
        );
        assert_eq!(answer.header("cache-control"), kept, "{path}");
    }
    for path in ["/assets/older/nothing.js", "/projects/42/orders/7"] {
        let answer = service.get(path).unauthorized().send().await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let config = service.get("/config.json").unauthorized().send().await;
    assert_eq!(
        config.json(),
        json!({"issuer": "https://issuer.example/pool", "client_id": "waybill",
            "product_name": "Waybill", "support_address": null})
    );
}

#[tokio::test]
async fn a_preflight_succeeds_and_lets_nobody_in_by_itself() {
    let service = Service::default();
    let asked = service
        .call(http::Method::OPTIONS, "/v1/projects/42/exports")
        .unauthorized()
        .header("access-control-request-method", "POST");
    let answer = asked.send().await;
    assert_eq!(answer.status, 204);
    let headers = answer.headers.keys();
    assert!(
        headers
            .into_iter()
            .all(|name| !name.as_str().starts_with("access-control"))
    );
}
