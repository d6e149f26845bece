//! Who may sign in, and how.

use waybill::deployment_file::{DatabaseAddress, DeploymentFile};
use waybill::records::{RecordsError, RecordsOpener};
use waybill_testing::client;

use super::*;

fn opener_of(address: &str) -> RecordsOpener {
    let deployment = format!("[deployment]\n[deployment.databases]\nshop = {address}\n");
    let deployment = DeploymentFile::parse(&deployment).unwrap();
    RecordsOpener::new(client!(aws_sdk_dynamodb, []).into(), deployment.into())
}

/// The overview of the table `orders`, as an operator who types a password gets it.
async fn signed_in(url: &str, password: Option<&str>) -> Result<bool, RecordsError> {
    let address = DatabaseAddress::of_operator(url, password.map(str::to_owned)).unwrap();
    let opener = opener_of("{ url = \"mysql://a@localhost/a\" }");
    let found = opener.overview(address, "orders").await?;
    Ok(found.is_some())
}

#[tokio::test]
async fn the_right_password_signs_in_and_everything_else_is_said() {
    let Some(server) = server() else { return };
    let procedure = match server.is_mysql() {
        true => "WITH caching_sha2_password BY 'hunter2'",
        false => "VIA mysql_native_password USING PASSWORD('hunter2')",
    };
    server.database(
        "procedures",
        &format!(
            "CREATE TABLE orders (id int PRIMARY KEY); \
             CREATE USER known@'%' IDENTIFIED {procedure}; \
             CREATE USER nothing@'%'; \
             GRANT SELECT ON procedures.* TO known@'%', nothing@'%'; \
             CREATE USER poor@'%';"
        ),
    );
    let url = |user: &str| format!("mysql://{user}@127.0.0.1:{}/procedures", server.port());
    let right = signed_in(&url("known"), Some("hunter2")).await;
    assert!(right.unwrap());
    for password in [Some("hunter3"), None] {
        let refused = signed_in(&url("known"), password).await;
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("does not let the user sign in"),
            "{refused}"
        );
    }
    assert!(signed_in(&url("nothing"), None).await.unwrap());
    let refused = signed_in(&url("poor"), None).await.unwrap_err().to_string();
    assert!(refused.contains("GRANT SELECT ON"), "{refused}");
    let elsewhere = format!("mysql://nothing@127.0.0.1:{}/nowhere", server.port());
    let refused = signed_in(&elsewhere, None).await.unwrap_err().to_string();
    assert!(
        refused.contains("GRANT SELECT ON") || refused.contains("does not exist"),
        "{refused}"
    );
    let refused = signed_in("mysql://nothing@127.0.0.1:9/procedures", None)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("cannot be reached"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_connection_is_encrypted_and_its_certificate_checked() {
    let Some(server) = server() else { return };
    server.database(
        "encrypted",
        "CREATE TABLE orders (id int PRIMARY KEY, shop varchar(9) NOT NULL, created_at datetime NOT NULL, status text); \
         INSERT INTO orders VALUES (1, 'acme', '2026-11-01', NULL); \
         CREATE USER secretive@'%' REQUIRE SSL; GRANT SELECT ON encrypted.* TO secretive@'%';",
    );
    let columns = [("id", "integer"), ("status", "text")];
    let address = |host: &str, authority: &str| {
        format!(
            "{{ url = \"mysql://secretive@{host}:{}/encrypted?ssl-mode=required\", ca = \"\"\"{authority}\"\"\" }}",
            server.port()
        )
    };
    let mut source = SqlSource::new(
        "mysql",
        &server.url("encrypted"),
        "settles = 0",
        BY_ID,
        &columns,
    );
    source.opener = opener_of(&address("localhost", server.authority()));
    let (rows, _) = source.read("acme", &json!({}), 9).await;
    assert_eq!(json!(rows), json!([[{"n": "1"}, null]]));
    let projection = source.projection(&json!({}));
    source.opener = opener_of(&address("127.0.0.1", server.authority()));
    let refused = source
        .open("acme", &projection, None)
        .await
        .map(|_| ())
        .unwrap_err();
    let RecordsError::Unavailable(error) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(error.code, "wrong certificate");
    let plain = format!("mysql://secretive@127.0.0.1:{}/encrypted", server.port());
    let refused = signed_in(&plain, None).await.unwrap_err().to_string();
    assert!(
        refused.contains("does not let the user sign in"),
        "{refused}"
    );
}
