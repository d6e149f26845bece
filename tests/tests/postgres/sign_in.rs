//! Signing in: passwords, certificates, connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use waybill::deployment_file::DeploymentFile;
use waybill::records::RecordsClients;
use waybill_tests::skipped;

use super::*;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf";

/// Answers each request for the secret with the next of these texts, and then ends.
fn secrets(texts: &'static [&'static str]) -> SdkConfig {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for text in texts {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 8_192];
            let length = stream.read(&mut request).unwrap();
            assert!(String::from_utf8_lossy(&request[..length]).contains("GetSecretValue"));
            let body = json!({ "ARN": SECRET, "Name": "shop", "SecretString": text }).to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build()
}

/// A source whose reader signs in as `app` over TLS, with the password of a secret.
async fn source(name: &str, statements: &str, host: &str, ca: &str, sdk: &SdkConfig) -> Source {
    let source = Source::new(name, &format!("{ORDERS} {statements}"), BY_TIME, &COLUMNS).await;
    let url = source
        .server
        .url(name)
        .replace("waybill@127.0.0.1", &format!("{name}@{host}"));
    let deployment = format!(
        "[deployment]\ndatabases.shop = {{ url = \"{url}?sslmode=require\", secret = \"{SECRET}\", ca = \"\"\"{ca}\"\"\" }}\n"
    );
    let deployment = DeploymentFile::parse(&deployment).unwrap();
    let clients = RecordsClients::new(sdk, None);
    source.opened_by(RecordsOpener::new(clients, deployment.into()))
}

fn role(name: &str, password: &str) -> String {
    format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'; GRANT SELECT ON orders TO {name};")
}

async fn refusal(source: &Source) -> RecordsError {
    let projection = source.projection(&json!({}));
    let opened = source.open("acme", &projection, None).await;
    opened.map(|_| ()).unwrap_err()
}

/// The authority of the server's certificate; `None`, which is noted, where the server has no TLS.
fn authority(what: &str) -> Option<String> {
    let authority = PostgresServer::shared().authority().map(str::to_owned);
    if authority.is_none() {
        skipped(
            what,
            "the package's PostgreSQL has no TLS; Debian's has (apt install postgresql)",
        );
    }
    authority
}

#[tokio::test]
async fn a_password_is_read_once_and_again_when_it_was_rotated() {
    let Some(ca) = authority("a rotated password") else {
        return;
    };
    let sdk = secrets(&[
        "first",
        r#"{"username": "tls_rotated", "password": "second"}"#,
    ]);
    let source = source(
        "tls_rotated",
        &role("tls_rotated", "first"),
        "localhost",
        &ca,
        &sdk,
    )
    .await;
    for _ in 0..2 {
        assert_eq!(source.read("acme", &json!({}), 1_000).await.0.len(), 68);
    }
    let admin = source.server.connect("tls_rotated").await;
    admin
        .batch_execute("ALTER ROLE tls_rotated PASSWORD 'second'")
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(source.read("acme", &json!({}), 1_000).await.0.len(), 68);
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_and_shown_nowhere() {
    let Some(ca) = authority("a wrong password") else {
        return;
    };
    let sdk = secrets(&["hunter2"]);
    let source = source(
        "tls_wrong",
        &role("tls_wrong", "right"),
        "localhost",
        &ca,
        &sdk,
    )
    .await;
    let error = refusal(&source).await;
    assert!(matches!(error, RecordsError::Unusable { .. }), "{error:?}");
    assert!(
        error.to_string().contains("does not let the role sign in"),
        "{error}"
    );
    assert!(
        !format!("{error:?} {error}").contains("hunter2"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_refused() {
    let Some(ca) = authority("a wrong certificate") else {
        return;
    };
    let says = |error: &RecordsError| {
        let shown = format!("{error:?}");
        assert!(
            !shown.contains("127.0.0.1") && !shown.contains("localhost"),
            "{shown}"
        );
        shown
    };
    let sdk = secrets(&["right"]);
    let other_name = source(
        "tls_name",
        &role("tls_name", "right"),
        "127.0.0.1",
        &ca,
        &sdk,
    )
    .await;
    let error = refusal(&other_name).await;
    assert!(
        says(&error).contains("for another name than the address has"),
        "{error:?}"
    );

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .unwrap()
        .cert
        .pem();
    let sdk = secrets(&["right"]);
    let unknown = source(
        "tls_authority",
        &role("tls_authority", "right"),
        "localhost",
        &other,
        &sdk,
    )
    .await;
    let error = refusal(&unknown).await;
    assert!(
        says(&error).contains("not signed by an authority that is known"),
        "{error:?}"
    );
    assert!(
        error.failure().is_none(),
        "a certificate may be renewed meanwhile"
    );
}

#[tokio::test]
async fn a_database_without_a_connection_left_is_full() {
    let Some(ca) = authority("a full database") else {
        return;
    };
    let sdk = secrets(&["right"]);
    let limited = format!(
        "{} ALTER ROLE tls_full CONNECTION LIMIT 1;",
        role("tls_full", "right")
    );
    let source = source("tls_full", &limited, "localhost", &ca, &sdk).await;
    let projection = source.projection(&json!({}));
    let first = source.open("acme", &projection, None).await.unwrap();
    let error = refusal(&source).await;
    assert!(matches!(error, RecordsError::NotYet { .. }), "{error:?}");
    assert!(error.failure().is_none());
    // A closed source leaves its place to the next, once the server has noticed.
    let admin = source.server.connect("postgres").await;
    let mut open = first;
    for _ in 0..3 {
        open.close().await;
        let sessions = "SELECT FROM pg_stat_activity WHERE usename = 'tls_full'";
        while !admin.query(sessions, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        open = source.open("acme", &projection, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_ends_between_two_pages_is_opened_anew() {
    let source = Source::new("ended", ORDERS, BY_TIME, &COLUMNS).await;
    let projection = source.projection(&json!({}));
    let mut records = source.open("acme", &projection, None).await.unwrap();
    records.examine_at_most(10);
    let admin = source.server.connect("postgres").await;
    let mut count = 0;
    while let Some(page) = records.next().await.unwrap() {
        count += page.len();
        let ended = admin
            .query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ended'",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(ended.len(), 1, "one connection");
    }
    assert_eq!(count, 68);
}
