//! How much is read of the host's records.

use serde_json::json;

use super::Service;

/// A page of one more than is asked for is enough where everything matches; a rare match makes the next ones longer.
#[tokio::test]
async fn no_more_is_read_than_is_needed() {
    let service = Service::default();
    service.table("host-records", |table| {
        for n in 0..60 {
            let day = format!("2026-{:02}-{:02}T00:00:00Z", 1 + n / 28, 1 + n % 28);
            let item = json!({"pk": {"S": "orders#42"}, "sk": {"S": format!("{day}#o-{n:03}")},
                "id": {"S": format!("o-{n:03}")}, "created_at": {"S": day}});
            table.put(item.as_object().unwrap().clone());
        }
    });
    // There are none after the present, and none in the last minute.
    for (query, examined) in [
        ("limit=5", &[0, 0, 6][..]),
        ("limit=1&search=o-000", &[0, 0, 2, 8, 32, 18]),
    ] {
        let path = format!("/v1/projects/42/records/orders?{query}");
        service.ana().get(&path).await.expect_status(200);
        assert_eq!(service.0.services().examined(), examined, "{query}");
    }
}
