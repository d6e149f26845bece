//! Mistakes that people make with a table of their own, and what `waybill init` says of each.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::Command;

use waybill_testing::mariadb::MariadbServer;
use waybill_testing::postgres::PostgresServer;
use waybill_tests::{Stack, skipped};

const TABLES: &str = "
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, status text);
    INSERT INTO orders VALUES (1, 7, 'open');
    CREATE TABLE log (customer_id bigint NOT NULL, at timestamptz);
    CREATE ROLE stranger LOGIN;
";

/// What the command prints, and its exit code. Nothing is written but into `folder`.
fn init(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--bin", "waybill", "--", "init"])
        .args(arguments)
        .arg("--into")
        .arg(folder)
        .current_dir(Stack::root())
        .env_remove("AWS_REGION")
        .env_remove("AWS_DEFAULT_REGION")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

/// Checks that the command is refused, with a sentence that has each of these texts.
#[track_caller]
fn refused(arguments: &[&str], wanted: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = init(folder.path(), arguments, &[]);
    assert_eq!(code, 2, "{arguments:?}: {said}");
    for text in wanted {
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
    assert!(said.lines().count() <= 2, "{said}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{said}");
}

#[tokio::test]
async fn a_mistake_with_a_table_of_postgresql_is_named_with_what_to_do() {
    let server = PostgresServer::shared();
    server.database("mistaken", TABLES).await;
    let url = server.url("mistaken");
    let of_port = |port: u16| url.replace(&format!(":{}/", server.port()), &format!(":{port}/"));
    let with = |url: &str, table: &str, parent: &str, wanted: &[&str]| {
        refused(
            &["--url", url, "--table", table, "--parent", parent],
            wanted,
        );
    };
    let orders = |url: &str, wanted: &[&str]| with(url, "public.orders", "customer_id", wanted);

    orders(
        &url.replace("waybill@", "waybill:secret@"),
        &["the address has a password", "leave it out"],
    );
    orders(
        &format!("jdbc:{url}"),
        &["must be like postgres://user@host:5432/name"],
    );
    orders(
        "127.0.0.1:5432/mistaken",
        &["must be like postgres://user@host:5432/name"],
    );
    orders(
        &of_port(1),
        &["the database mistaken cannot be reached", "refused"],
    );
    orders(
        &server.url("other"),
        &["the database other does not exist on its server: check the name in the address"],
    );
    with(
        &url,
        "orders",
        "customer_id",
        &["--table needs the schema: public.orders"],
    );
    let similar = [
        "there is no table public.Order (capitals count)",
        "did you mean public.orders?",
    ];
    with(&url, "public.Order", "customer_id", &similar);
    with(
        &url,
        "public.orders",
        "customerId",
        &["the table has no column customerId; its columns are id, customer_id, status"],
    );
    with(
        &url,
        "public.orders",
        "status; DROP TABLE orders",
        &["the table has no column"],
    );
    if let Some(mariadb) = MariadbServer::shared() {
        orders(
            &of_port(mariadb.port()),
            &[match mariadb.is_mysql() {
                true => {
                    "closes the connection, and is perhaps no PostgreSQL: check the port in the address"
                }
                false => "what answers there is no PostgreSQL: check the port in the address",
            }],
        );
    }
}

#[tokio::test]
async fn a_table_that_a_user_may_not_read_or_without_a_key_is_named_with_the_statement_that_helps()
{
    let server = PostgresServer::shared();
    server
        .database("unready", &TABLES.replace("stranger", "reader"))
        .await;
    let url = server.url("unready");
    let of_reader = url.replace("waybill@", "reader@");
    refused(
        &[
            "--url",
            &of_reader,
            "--table",
            "public.orders",
            "--parent",
            "customer_id",
        ],
        &["GRANT SELECT ON"],
    );
    let (folder, wanted) = (
        tempfile::tempdir().unwrap(),
        "no unique index tells rows apart",
    );
    let log = [
        "--url",
        &url,
        "--table",
        "public.log",
        "--parent",
        "customer_id",
    ];
    let (code, said) = init(folder.path(), &log, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains(wanted) && said.contains("to be filled in: records"),
        "{said}"
    );
    let (code, said) = init(folder.path(), &log, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("catalog.toml exists, and is not replaced: remove it, or give another folder with --into"), "{said}");
}

#[test]
fn a_mistake_with_a_table_of_mariadb_is_named_with_what_to_do() {
    let Some(server) = MariadbServer::shared() else {
        skipped(
            "mistakes with a table of MariaDB",
            "MariaDB is not installed",
        );
        return;
    };
    let tables = "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL); \
                  CREATE USER clerk@'%' IDENTIFIED BY 'right'; GRANT SELECT ON mistaken.log TO clerk@'%';";
    let tables = format!("CREATE TABLE log (customer_id bigint); {tables}");
    let url = server.database("mistaken", &tables);
    let clerk = url.replace("waybill@", "clerk@");
    let orders = |url: &str, wanted: &[&str]| {
        refused(
            &["--url", url, "--table", "orders", "--parent", "customer_id"],
            wanted,
        );
    };
    orders(
        &clerk,
        &[
            "does not let the user sign in",
            "give the password in MYSQL_PWD, or in a file with --password-file",
        ],
    );
    orders(
        &server.url("other"),
        &["the database other does not exist on its server"],
    );
    refused(
        &["--url", &url, "--table", "Order", "--parent", "customer_id"],
        &[
            "there is no table Order (capitals count)",
            "did you mean orders?",
        ],
    );
    let postgres = PostgresServer::shared();
    orders(
        &format!("mysql://waybill@127.0.0.1:{}/mistaken", postgres.port()),
        &["sends no greeting as MySQL and MariaDB do; check the port in the address"],
    );
    refused(
        &["--url", &url, "--table", "orders", "--parent", "customerId"],
        &["the table has no column customerId; its columns are id, customer_id"],
    );
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--url",
        &clerk,
        "--table",
        "orders",
        "--parent",
        "customer_id",
    ];
    let (code, said) = init(folder.path(), &arguments, &[("MYSQL_PWD", "wrong")]);
    assert_eq!((code, said.contains("MYSQL_PWD")), (2, true), "{said}");
    let (code, said) = init(folder.path(), &arguments, &[("MYSQL_PWD", "right")]);
    assert_eq!(
        (code, said.contains("GRANT SELECT ON … TO …")),
        (2, true),
        "{said}"
    );
}

#[test]
fn a_mistake_with_the_arguments_or_aws_is_named_with_what_to_do() {
    refused(
        &["--table", "shop", "--parent", "PK"],
        &["no AWS region is set: AWS_REGION=eu-central-1"],
    );
    refused(
        &["--parent", "PK"],
        &["--table is missing, such as public.orders"],
    );
    refused(&["--table", "shop"], &["--parent is missing"]);
    refused(
        &["--table", "shop", "--parent", "PK", "--fixed", "order"],
        &["--fixed must be ATTRIBUTE=VALUE, such as entity=order"],
    );
    let folder = tempfile::tempdir().unwrap();
    let nowhere = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let (code, said) = init(
        folder.path(),
        &["--table", "shop", "--parent", "PK"],
        &nowhere,
    );
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("aws sts get-caller-identity"), "{said}");
}
