//! Purchases and audience members of an organization.

use serde_json::json;
use waybill_tests::requests::*;
use waybill_tests::{Deployment, MAIL_WITHIN, exported, file_of, python_csv, unique};

const PURCHASES: &str = "\
id,invoice,status,purchased_at,stock_code,description,quantity,unit_price,amount,currency,customer_id,country
1,536365,completed,2010-12-01T08:26:00Z,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2.55,15.30,GBP,17850,United Kingdom
2,C536379,canceled,2010-12-01T09:41:00Z,D,\"Discount, \"\"£\"\" \",-1,27.50,-27.50,GBP,,United Kingdom
3,536370,completed,2010-12-01T08:45:00Z,22728,ALARM CLOCK BAKELIKE PINK,24,3.75,90.00,GBP,12583,France
";
const MEMBERS: &str = "\
id,name,email,phone,city,country_locale,subscribed_at,status,source,tags,birth_date,home_owner
1,鈴木 翼,u11@example.org,+81 3-1234-5678,袖ケ浦市,ja_JP,2025-07-13T12:06:30Z,subscribed,import,vip|beta|客户,1966-04-08,true
2,Bergjón Öxndal,u1@example.com,2915390996,New Sveinveigberg,is_IS,2020-06-19T01:58:32Z,bounced,,,,
";

#[tokio::test]
async fn purchases_are_exported_unchanged() {
    let deployment = Deployment::get();
    let organization = format!("org-{}", unique());
    let admin = admin(&deployment, &organization).await;
    deployment
        .load("purchases", &organization, PURCHASES.to_owned())
        .await;
    let parent = format!("organizations/{organization}");
    let body = json!({"type": "purchases", "format": "csv"});
    let export = exported(&admin, &parent, body).await;
    let rows = python_csv(&file_of(&deployment, &admin, &export).await);
    let header = "id invoice status purchased_at stock_code description quantity unit_price amount currency customer_id \
                  customer_name customer_email country payment";
    assert_eq!(rows[0].join(" "), header);
    let ids: Vec<_> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ["1", "3", "2"], "in the order of time");
    let canceled = "2|C536379|canceled|2010-12-01T09:41:00Z|D|Discount, \"£\" |-1|27.5|-27.5|GBP||||United Kingdom|";
    // DynamoDB does not keep a number's trailing zeros.
    let cells = rows[3].iter().map(|cell| {
        let shorter = cell.strip_suffix('0').filter(|cell| cell.contains('.'));
        shorter.unwrap_or(cell)
    });
    assert!(cells.eq(canceled.split('|')), "{:?}", rows[3]);

    let mut body = json!({"type": "purchases", "format": "csv", "columns": ["id"]});
    body["filters"] = json!({"country": ["United Kingdom"], "status": "completed",
        "created_at": {"from": "2010-12-01", "to": "2010-12-02"}});
    body["search"] = json!("heart");
    let export = exported(&admin, &parent, body).await;
    let rows = python_csv(&file_of(&deployment, &admin, &export).await);
    assert_eq!(rows, [["id"], ["1"]]);
}

#[tokio::test]
async fn audience_members_are_exported_with_more_columns_if_requested() {
    let deployment = Deployment::get();
    let organization = format!("org-{}", unique());
    let admin = admin(&deployment, &organization).await;
    deployment
        .load("audience_members", &organization, MEMBERS.to_owned())
        .await;
    let parent = format!("organizations/{organization}");
    let export = exported(
        &admin,
        &parent,
        json!({"type": "audience_members", "format": "csv", "search": "袖ケ浦"}),
    )
    .await;
    let rows = python_csv(&file_of(&deployment, &admin, &export).await);
    let header =
        "id status name email phone city country_locale subscribed_at unsubscribed_at source tags";
    assert_eq!(rows[0].join(" "), header);
    assert_eq!(rows[1][2], "鈴木 翼");
    assert_eq!(rows.len(), 2);

    let columns = json!(["name", "birth_date", "home_owner"]);
    let body = json!({"type": "audience_members", "format": "csv", "columns": columns});
    let export = exported(&admin, &parent, body).await;
    let rows = python_csv(&file_of(&deployment, &admin, &export).await);
    assert_eq!(
        rows[1..],
        [
            ["Bergjón Öxndal", "", ""],
            ["鈴木 翼", "1966-04-08", "true"]
        ]
    );

    let wrong = json!({"type": "audience_members", "format": "csv", "filters": {"status": "unknown", "tags": "vip"}});
    refuses_fields(
        &admin.post(&format!("/v1/{parent}/exports"), wrong).await,
        &["filters.status", "filters.tags"],
    );
}

/// Orders are attached: see `main_job`. The mails about other types only have a link to the page, which requires sign-in.
#[tokio::test]
async fn purchases_audience_members_and_leads_are_mailed_as_a_link() {
    let deployment = Deployment::get();
    for (type_name, kind, label) in [
        ("purchases", "organization", "Purchases"),
        ("audience_members", "organization", "Audience members"),
        ("leads", "source", "Leads"),
    ] {
        let parent = format!("mailed-{}", unique());
        let email = format!("{parent}@example.com");
        let grants = format!("{kind}:{parent}");
        let person = json!({"sub": parent, "name": "Mia", "email": email, "grants": grants});
        let api = deployment.caller(&deployment.token(person).await);
        let body = json!({"type": type_name, "format": "xlsx"});
        let export = exported(&api, &format!("{kind}s/{parent}"), body).await;
        let mail = deployment
            .until("a mail", MAIL_WITHIN, async || {
                let mut mails = deployment.mails(&email).await;
                mails.pop().ok_or_else(|| "none".to_owned())
            })
            .await;
        assert_eq!(mail["attachments"], json!([]), "{type_name}");
        let name = export["file_name"].as_str().unwrap();
        assert_eq!(mail["subject"], format!("{label} export ready: {name}"));
        let link = format!("{}/exports/{}", deployment.public_url(), export["id"]);
        for form in ["text", "html"] {
            assert!(mail[form].as_str().unwrap().contains(&link), "{form}");
        }
    }
}
