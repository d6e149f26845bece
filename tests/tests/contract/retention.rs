//! After the retention, the file is deleted and the export is expired.

use std::time::Duration;

use serde_json::{Value, json};
use waybill_tests::{Deployment, Owner, generated_orders, id, load_orders, orders_csv};

#[tokio::test]
async fn after_the_retention_the_file_is_deleted_and_the_export_is_expired() {
    let deployment = Deployment::get();
    let retention = Duration::from_secs(deployment.seconds("RetentionSeconds"));
    let ana = Owner::new(&deployment, "Ana").await;
    load_orders(&deployment, ana.project, orders_csv(&generated_orders(30))).await;
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
    let stranger = Owner::new(&deployment, "Bruno").await;
    stranger.api.get(&link).await.expect_status(404);

    // The export is shown as expired from that instant, even before the sweeper has expired it.
    let over = deployment
        .until("the export to expire", retention * 3, async || {
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
    let list = ana.api.get(&format!("{}?status=expired", ana.path())).await;
    assert_eq!(
        list.expect_status(200).json()["exports"][0]["id"],
        export["id"]
    );
    let gone = format!(
        "410 The file expired on {}. Start the export again for a new one.",
        expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    assert_eq!(ana.api.get(&link).await.problem(), gone);

    let within =
        Duration::from_secs(deployment.seconds("DeleteAfterSeconds")) + Duration::from_secs(120);
    deployment
        .until("nothing to be left under the export", within, async || {
            let left = deployment.left_over(id(&export)).await;
            if left.is_empty() {
                return Ok(());
            }
            Err(left.join(", "))
        })
        .await;
    assert_eq!(ana.export(id(&export)).await["status"], "expired");
    assert_eq!(ana.api.get(&link).await.problem(), gone);
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
