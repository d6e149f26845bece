//! Past its retention a file is gone, and the export says so.

use std::time::Duration;

use serde_json::{Value, json};
use waybill_tests::{Owner, Stack, generated_orders, id, load_orders, orders_csv, wait_until};

#[tokio::test]
async fn past_its_retention_a_file_is_gone_and_the_export_says_so() {
    let stack = Stack::get();
    let aws = stack.aws().await;
    let retention = Duration::from_secs(stack.seconds("RetentionSeconds"));
    let ana = Owner::new(&stack, "Ana").await;
    load_orders(&stack, ana.project, orders_csv(&generated_orders(30))).await;
    let export = ana
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let (completed, expires) = (
        instant(&export["completed_at"]),
        instant(&export["expires_at"]),
    );
    let lives: Duration = expires.duration_since(completed).try_into().unwrap();
    assert_eq!(lives, retention);
    let link = ana.link(&export);
    ana.mail_is(id(&export), "sent").await;
    ana.download(&export).await;
    let stranger = Owner::new(&stack, "Bruno").await;
    stranger.api.get(&link).await.expect_status(404);

    // It reads as expired from that instant on, whether or not the sweeper has come.
    let over = wait_until("the export to expire", retention * 3, async || {
        let now = ana.export(id(&export)).await;
        if now["status"] == "expired" {
            Ok(now)
        } else {
            Err(now["status"].to_string())
        }
    })
    .await;
    assert_eq!(over["url"], Value::Null);
    assert_eq!(
        (&over["rows"], &over["receipt"]),
        (&export["rows"], &export["receipt"])
    );
    let gone = ana.api.get(&link).await.expect_status(410);
    assert_eq!(gone.header("content-type"), "application/problem+json");
    assert!(
        gone.json()["detail"].as_str().unwrap().contains("expired"),
        "{gone:?}"
    );

    let within =
        Duration::from_secs(stack.seconds("DeleteAfterSeconds")) + Duration::from_secs(120);
    wait_until("nothing to be left under the export", within, async || {
        aws.sweep().await;
        let (objects, uploads) = (
            aws.objects(id(&export)).await,
            aws.uploads(id(&export)).await,
        );
        let has_work = aws.has_work(id(&export)).await;
        if objects.is_empty() && uploads.is_empty() && !has_work {
            return Ok(());
        }
        Err(format!("{objects:?}, {uploads:?}, work: {has_work}"))
    })
    .await;
    assert_eq!(ana.export(id(&export)).await["status"], "expired");
    ana.api.get(&link).await.expect_status(410);
    // The history outlives the file.
    let events = ana.events(id(&export)).await;
    assert_eq!(
        events,
        [
            "requested",
            "started",
            "succeeded",
            "mailed",
            "downloaded",
            "refused",
            "expired",
            "deleted"
        ]
    );
}

fn instant(text: &Value) -> jiff::Timestamp {
    text.as_str().unwrap().parse().unwrap()
}
