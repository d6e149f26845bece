//! Masked values: nobody learns more of them by asking than the mask shows.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use waybill::catalog::Catalog;
use waybill_tests::{Caller, Deployment, InProcess, exported, file_of, python_csv};

const CATALOG: &str = r#"
[[type]]
name = "members"
parent = "project"
delivery = "link"
records = { engine = "dynamodb", table = "RECORDS_TABLE", partition = "{parent}", partition_key = "pk",
            sort_key = "sk", sort_format = "rfc3339_ms#id" }
created = "created_at"
filters = ["card", "address", "code"]
search = ["card", "address", "code"]
columns = [
  { key = "id", kind = "text" },
  { key = "card", kind = "text", mask = "last4" },
  { key = "address", kind = "email", mask = "email" },
  { key = "code", kind = "text", path = "address", mask = "hash" },
]
"#;
const TYPE: &str = "/v1/projects/42/records/members";
const MEMBERS: [(&str, &str, &str); 3] = [
    ("m-1", "4111111111111234", "ana.souza@example.com"),
    ("m-2", "5500005555551234", "ana.silva@example.com"),
    ("m-3", "", "bob@example.org"),
];

async fn service() -> (InProcess, Deployment, Caller) {
    let process = InProcess::with_catalog(Catalog::parse(CATALOG).unwrap());
    let deployment = Deployment::from(&process);
    for (n, (id, card, address)) in MEMBERS.into_iter().enumerate() {
        let sort_key = format!("2026-01-01T10:00:0{n}.000Z#{id}");
        let item = [
            ("pk", "42"),
            ("sk", &sort_key),
            ("id", id),
            ("created_at", &sort_key[..24]),
            ("card", card),
            ("address", address),
        ];
        let text = |(name, text): (&str, &str)| (name.into(), AttributeValue::S(text.into()));
        deployment
            .put_record(item.into_iter().map(text).collect())
            .await;
    }
    let ana = process.caller(&json!({"sub": "u-17", "grants": "project:42"}));
    (process, deployment, ana)
}

/// What the list shows: of each record the masked values, without its id.
async fn shown(ana: &Caller) -> Vec<[String; 3]> {
    let list = ana
        .read(&format!(
            "{TYPE}?columns=card&columns=address&columns=code&limit=9"
        ))
        .await;
    let records = list["records"].as_array().unwrap().iter();
    let text = |record: &Value, column| record[column].as_str().unwrap_or_default().to_owned();
    let mut shown: Vec<_> = records
        .map(|record| ["card", "address", "code"].map(|column| text(record, column)))
        .collect();
    shown.reverse();
    shown
}

#[tokio::test]
async fn file_and_list_have_the_same_masked_values() {
    let (_process, deployment, ana) = service().await;
    let shown = shown(&ana).await;
    let asked = json!({"type": "members", "format": "csv", "profile": "data", "columns": ["card", "address", "code"]});
    let export = exported(&ana, "projects/42", asked).await;
    let rows = python_csv(&file_of(&deployment, &ana, &export).await);
    assert_eq!(rows[1..], shown);
    for ([card, address, code], expected) in shown.iter().zip([
        ("****1234", "a****@example.com"),
        ("****1234", "a****@example.com"),
        ("", "b****@example.org"),
    ]) {
        assert_eq!((card.as_str(), address.as_str()), expected);
        assert!(
            code.len() == 32 && code.bytes().all(|b| b.is_ascii_hexdigit()),
            "{code}"
        );
    }
    assert_ne!(shown[0][2], shown[1][2]);
}

/// A filter of a column, or the search of all, and what it means of the values that are shown.
fn means(name: &str, asked: &str, shown: &[String; 3]) -> bool {
    let asked = asked.to_lowercase();
    let holds = |condition: &str, value: &str| {
        let value = value.to_lowercase();
        match condition {
            "" => value == asked,
            "not" => value != asked,
            "contains" => value.contains(&asked),
            "starts_with" => value.starts_with(&asked),
            other => panic!("the model does not know {other}"),
        }
    };
    let (column, condition) = name.split_once('.').unwrap_or((name, ""));
    match ["card", "address", "code"]
        .iter()
        .position(|known| *known == column)
    {
        Some(place) => holds(condition, &shown[place]),
        None => shown.iter().any(|value| holds("contains", value)),
    }
}

/// Who asks character by character gets the answers that the masked values give, and no others.
#[tokio::test]
async fn no_question_tells_more_than_the_mask() {
    let (process, _, ana) = service().await;
    let shown = shown(&ana).await;
    let secrets = MEMBERS
        .iter()
        .flat_map(|(_, card, address)| [*card, *address]);
    let mut asked = 0;
    for secret in secrets.chain(shown.iter().flatten().map(String::as_str)) {
        for end in 1..=secret.len() {
            let beginning = &secret[..end];
            for name in ["search", "card", "address", "code"] {
                let conditions: &[&str] = match name {
                    "search" => &[""],
                    _ => &["", ".not", ".contains", ".starts_with"],
                };
                for condition in conditions {
                    let name = format!("{name}{condition}");
                    let value = utf8_percent_encode(beginning, NON_ALPHANUMERIC);
                    let query = format!("{name}={value}");
                    process.pass(SignedDuration::from_secs(2));
                    let count = ana.read(&format!("{TYPE}/count?{query}")).await;
                    let expected = shown.iter().filter(|row| means(&name, beginning, row));
                    assert_eq!(count["value"], json!(expected.count()), "{query}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 1000, "{asked}");
}
