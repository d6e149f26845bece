//! Checks every view in both themes: accessibility by axe-core, no overflow on a phone, and a screenshot.

use serde_json::json;
use waybill_tests::{
    Browser, Caller, Owner, Stack, exported, generated_orders, id, load, load_orders, orders_csv,
};

use crate::moments::Moments;
use crate::view_check::ViewCheck;
use crate::visitor::{Visitor, go_offline, leave_unanswered};

const EXPORT: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";
const START: &str = "waybill-export-button >> dialog footer .primary";
const CLOSE: &str = "waybill-export-button >> dialog header button";
const ESCAPE: &str = "\u{E00C}";

/// Names in right-to-left scripts.
const HEBREW_NAME: &str = "דנה לוי";
const ARABIC_SOURCE: &str = "نموذج الاتصال (2026)";
const PURCHASES: &str = "\
id,invoice,status,purchased_at,description,quantity,unit_price,amount,currency,customer_name,country
p-1,536365,completed,2026-01-01T08:26:00Z,White hanging heart,6,2.55,15.30,GBP,Ana Sousa,Portugal
p-2,536366,refunded,2026-01-02T09:01:00Z,Hand warmer,12,1.85,22.20,GBP,José Lima,Brazil
p-3,536367,pending,2026-01-03T10:15:00Z,Jam making set,3,4.25,12.75,GBP,Zoe Smith,United Kingdom
";
const LEADS: &str = "\
id,created_at,status,name,email,phone,city,country,age,attributes.vip
1,2026-01-01T10:00:00Z,Active,Ana Sousa,ana@example.com,+1-519-748-2199,Porto,PT,41,true
2,2026-01-01T11:00:00Z,Sold,محمد الأمين,m@example.com,+20 2 2794 0000,القاهرة,EG,29,
3,2026-01-01T12:00:00Z,Active,משה כהן,moshe@example.com,,חיפה,IL,57,
";

async fn staff(stack: &Stack) -> Caller {
    stack.caller(&stack.token_with("yuki", "staff").await)
}

/// Sets the name of the visitor's project.
async fn call_it_a_film(visitor: &Visitor) {
    let path = format!("/v1/projects/{}", visitor.owner.project);
    let staff = staff(&visitor.stack).await;
    staff
        .put(&path, json!({"name": "Film 42"}))
        .await
        .expect_status(200);
}

fn path(export: u64) -> String {
    format!("/exports/{export}")
}

/// Requests that a test leaves unanswered are errors in the console, too.
async fn no_other_errors(browser: &Browser) {
    let mut errors = browser.errors().await;
    errors.retain(|error| !error.contains("Failed to load resource"));
    assert_eq!(errors, Vec::<String>::new());
}

#[tokio::test]
async fn every_state_of_an_export() {
    let Some(ana) = Visitor::new("Ana", 0).await else {
        return;
    };
    let browser = &ana.browser;
    let check = ViewCheck::new(browser);

    browser.open(&format!("{}/", ana.stack.public_url())).await;
    browser.shows(".welcome", "Sign in").await;
    check.look("welcome").await;
    ana.enter("/").await;
    browser
        .shows("waybill-exports >> .blank", "No exports yet")
        .await;
    check.look("exports-empty").await;

    let orders = orders_csv(&generated_orders(60));
    load_orders(&ana.stack, ana.owner.project, orders).await;
    call_it_a_film(&ana).await;
    let asked = json!({"type": "orders", "format": "csv", "search": "paulo",
        "filters": {"status": ["delivered", "shipped"], "created_at": {"from": "2026-01-01", "to": "2026-02-01"}}});
    let done = ana.owner.succeeded(asked).await;
    let mut moments = Moments::new(&ana.stack, id(&done)).await;
    for (view, export, status, says) in [
        (
            "export-expired",
            moments.expired().await,
            "Expired",
            "has expired",
        ),
        (
            "export-completed",
            moments.completed().await,
            "Completed",
            "ready",
        ),
        (
            "export-failed",
            moments.failed().await,
            "Failed",
            "in 5 attempts",
        ),
        (
            "export-canceled",
            moments.canceled().await,
            "Canceled",
            "no file",
        ),
        (
            "export-processing",
            moments.processing().await,
            "Processing",
            "is being created",
        ),
        (
            "export-waiting",
            moments.waiting().await,
            "Pending",
            "in a moment",
        ),
    ] {
        ana.enter(&path(export)).await;
        browser.shows("#status", status).await;
        browser.shows("#message", says).await;
        check.look(view).await;
        if status == "Failed" {
            // The address of support, and a button to start again.
            browser
                .shows("waybill-export-detail", "support@waybill.example")
                .await;
            assert!(browser.has("#again").await && !browser.has("#download").await);
        }
        if status == "Canceled" {
            // The mail was sent and bounced.
            browser.shows("#request", "but not accepted").await;
            browser
                .shows(".history", "the address does not accept it")
                .await;
        }
        if status == "Processing" {
            browser.shows(".progress", "1,234,567 rows so far").await;
        }
    }
    ana.enter(&ana.list("exports")).await;
    browser
        .shows("waybill-exports >> tbody tr:nth-child(7)", "Expired")
        .await;
    browser
        .shows("waybill-exports >> .name .reason", "in 5 attempts")
        .await;
    check.look("exports").await;
    ana.enter(&format!(
        "{}?status=failed&type=orders",
        ana.list("exports")
    ))
    .await;
    browser
        .shows("waybill-exports >> tbody tr:first-child", "Failed")
        .await;
    browser
        .hides("waybill-exports >> tbody tr:nth-child(2)")
        .await;

    ana.enter("/exports/1").await;
    browser.shows(".blank", "you may not see it").await;
    check.look("not-found").await;
    no_other_errors(browser).await;
}

#[tokio::test]
async fn a_filtered_list_and_the_steps_of_an_export() {
    let Some(ana) = Visitor::new("Ana", 60).await else {
        return;
    };
    let browser = &ana.browser;
    let check = ViewCheck::new(browser);
    call_it_a_film(&ana).await;
    let list = format!("{}?status=delivered&search=paulo", ana.list("orders"));
    ana.enter(&list).await;
    browser.shows(".count", "3 orders").await;
    check.look("records").await;
    for filter in ["status", "created_at", "payment"] {
        let panel = format!("[data-filter={filter}] .panel");
        browser
            .click(&format!("[data-filter={filter}] summary"))
            .await;
        browser.shows(&panel, "").await;
        check.look(&format!("filter-{filter}")).await;
        browser.press(ESCAPE).await;
        browser.hides(&panel).await;
    }
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "Status: delivered").await;
    check.look("export-dialog").await;
    browser.click(&format!("{DIALOG} summary")).await;
    browser
        .shows(&format!("{DIALOG} .columns"), "Customer")
        .await;
    browser
        .run(
            "find(arguments[0]).scrollIntoView()",
            json!([format!("{DIALOG} details")]),
        )
        .await;
    check.look("export-dialog-columns").await;

    leave_unanswered(browser, "/v1/exports/").await;
    browser.click(START).await;
    browser
        .shows(DIALOG, "Your export is being generated")
        .await;
    check.look("export-dialog-on-its-way").await;
    ana.enter(&list).await;
    browser.click(EXPORT).await;
    browser.click(START).await;
    browser.shows(DIALOG, "Your export is ready").await;
    check.look("export-dialog-ready").await;
    browser.click(CLOSE).await;
    ana.reach_the_limit().await;
    browser.click(EXPORT).await;
    browser.click(START).await;
    browser
        .shows(&format!("{DIALOG} .wait"), "You can start the next one in")
        .await;
    check.look("export-dialog-wait").await;

    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "60 orders · 50 shown").await;
    check.look("records-all").await;
    browser.enter("input[name=search]", "nobody\u{E007}").await;
    browser.shows(".blank", "Nothing matches").await;
    check.look("records-none").await;
    go_offline(browser).await;
    browser.click("#clear-filters").await;
    browser.shows(".blank", "There is no connection").await;
    check.look("records-offline").await;

    ana.enter(&ana.list("orders")).await;
    browser.shows(".count", "50 shown").await;
    leave_unanswered(browser, "/exports").await;
    browser.click("[data-list=exports]").await;
    browser.shows("waybill-exports >> .loading", "").await;
    check.look("exports-loading").await;
    browser.click("[data-list=orders]").await;
    // The list has asked for all that it asks for by itself.
    browser.shows(".count", "60 orders").await;
    ana.end_the_token().await;
    browser.click("[data-filter=status] summary").await;
    browser
        .click("[data-filter=status] input[value=shipped]")
        .await;
    browser.shows("#ended", "Your session has ended").await;
    check.look("session-ended").await;
    no_other_errors(browser).await;
}

/// What `GET /v1/catalog` rarely says: types out of service, and what of that staff see.
const OUT_OF_SERVICE: &str = r#"{ out_of_service: ["tickets", "visits"] }"#;
const MISTAKES: &str = r#"{
  out_of_service: ["visits"],
  mistakes: [
    "The newest catalog is not used, and the one before it still is: the catalog is invalid in line 12: unknown kind `mony`",
    "visits is out of service: the deployment has no table VISITS_TABLE",
  ],
}"#;

/// Makes the API's answers also say what is rare: that in the catalog, and warnings of every kind.
const RARE_ANSWERS: &str = r#"{
    const fetched = window.fetch;
    window.fetch = async (...asked) => {
      const answer = await fetched(...asked);
      const url = String(asked[0]?.url ?? asked[0]);
      if (!answer.ok || !/\/v1\/(catalog|exports\/\d+$)/.test(url)) return answer;
      const body = await answer.json();
      if (url.includes("/v1/catalog")) Object.assign(body, CATALOG);
      else body.warnings = [
        { code: "bytes_replaced", column: "customer", count: 3 },
        { code: "other_kind", column: "amount", count: 1200 },
        { code: "cell_cut", count: 17 },
        { code: "undecided", attribute: "sk", count: 2, example: "ORDER#yesterday#7" },
      ];
      return new Response(JSON.stringify(body), { status: answer.status, headers: answer.headers });
    };
}"#;

#[tokio::test]
async fn what_is_rarely_said() {
    let Some(ana) = Visitor::new("Ana", 3).await else {
        return;
    };
    let browser = &ana.browser;
    let check = ViewCheck::new(browser);
    let done = ana
        .owner
        .succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let answers = |catalog| RARE_ANSWERS.replace("CATALOG", catalog);
    browser.before_each_page(&answers(OUT_OF_SERVICE)).await;
    ana.enter("/").await;
    browser.shows("main", "Out of service at the moment").await;
    check.look("out-of-service").await;
    browser.before_each_page(&answers(MISTAKES)).await;
    ana.enter("/").await;
    browser
        .shows(".mistakes", "the one before it still is")
        .await;
    check.look("catalog-mistakes").await;
    ana.enter(&format!("/exports/{}", id(&done))).await;
    browser.shows("#warnings", "Other columns: 17").await;
    browser
        .shows("#warnings", "Customer: 3 bytes that are no text")
        .await;
    check.look("export-warnings").await;
}

#[tokio::test]
async fn lists_of_a_source_and_an_organization_with_right_to_left_names() {
    let Some(dana) = Visitor::new(HEBREW_NAME, 8).await else {
        return;
    };
    let project = dana.owner.project;
    let (organization, source) = (format!("acme-{project}"), format!("web-{project}"));
    let dana = dana.granted(&format!("organization:{organization}")).await;
    let staff = staff(&dana.stack).await;
    for (path, described) in [
        (
            format!("/v1/organizations/{organization}"),
            json!({"name": "Acme Inc."}),
        ),
        (
            format!("/v1/projects/{project}"),
            json!({"name": "Film 42", "organization_id": organization}),
        ),
        (
            format!("/v1/sources/{source}"),
            json!({"name": ARABIC_SOURCE, "organization_id": organization,
                "custom_fields": [{"key": "age", "label": "Age (years)", "kind": "integer"}],
                "attributes": [{"key": "vip", "label": "VIP", "kind": "boolean"}]}),
        ),
    ] {
        staff.put(&path, described).await.expect_status(200);
    }
    load(&dana.stack, "leads", &source, LEADS.to_owned()).await;
    load(
        &dana.stack,
        "purchases",
        &organization,
        PURCHASES.to_owned(),
    )
    .await;
    let leads = json!({"type": "leads", "format": "xlsx"});
    let leads = exported(&dana.owner.api, &format!("sources/{source}"), leads).await;
    let purchases = json!({"type": "purchases", "format": "csv"});
    let parent = format!("organizations/{organization}");
    exported(&dana.owner.api, &parent, purchases).await;
    let bo = Owner::of_project(&dana.stack, "Bo", project).await;
    bo.succeeded(json!({"type": "orders", "format": "csv"}))
        .await;
    let mut moments = Moments::new(&dana.stack, id(&leads)).await;
    moments.failed().await;
    moments.processing().await;
    let completed = moments.completed().await;

    let browser = &dana.browser;
    let check = ViewCheck::new(browser);
    dana.enter(&format!("/organizations/{organization}/exports"))
        .await;
    let rows = "waybill-exports >> tbody";
    for text in ["Purchases", "Orders", "Leads", HEBREW_NAME, ARABIC_SOURCE] {
        browser.shows(rows, text).await;
    }
    check.look("exports-of-organization").await;
    dana.enter(&format!("/sources/{source}/exports")).await;
    browser
        .shows("waybill-exports >> thead", "Lead count")
        .await;
    browser.shows(rows, "1,234,567 rows so far").await;
    check.look("exports-of-source").await;
    dana.enter(&path(completed)).await;
    browser.shows("#status", "Completed").await;
    check.look("export-of-source").await;

    // A source's own columns have labels and can be chosen.
    dana.enter(&format!("/sources/{source}/leads")).await;
    browser.shows(".records thead", "Age (years)").await;
    check.look("records-of-source").await;
    browser.click("[data-filter=attributes] summary").await;
    browser
        .enter("[data-filter=attributes] input[name=name]", "vip\u{E007}")
        .await;
    browser.shows(".count", "One in this list").await;
    check.look("filter-attributes").await;
    browser.press(ESCAPE).await;
    browser.click(EXPORT).await;
    browser.click(&format!("{DIALOG} summary")).await;
    browser
        .click(&format!("{DIALOG} .bar button:last-child"))
        .await;
    for key in ["age", "vip"] {
        browser.click(&format!("{DIALOG} input[value={key}]")).await;
    }
    check.look("export-dialog-own-columns").await;
    browser.click(START).await;
    browser.shows(DIALOG, "Your export is ready").await;
    let exports = format!("/v1/sources/{source}/exports");
    let list = dana.owner.api.get(&exports).await.json();
    let newest = &list["exports"][0];
    assert_eq!(newest["columns"], json!(["age", "vip"]));
    assert_eq!(newest["rows"], 1);
    no_other_errors(browser).await;
}
