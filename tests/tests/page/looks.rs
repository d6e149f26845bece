//! Every view in both themes: without barriers that axe-core finds, within a phone's width, and as a picture.
//!
//! `WAYBILL_PICTURES=folder` (`make pictures`) keeps the pictures.

use std::path::PathBuf;

use serde_json::{Value, json};
use waybill_tests::{axe, generated_orders, id, load_orders, orders_csv, skipped};

use crate::visitor::Visitor;

const EXPORT: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";
const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (320, 720);

/// Looks at views, one after the other.
struct Looker<'a> {
    visitor: &'a Visitor,
    axe: Option<String>,
    pictures: Option<PathBuf>,
}

impl<'a> Looker<'a> {
    fn new(visitor: &'a Visitor) -> Self {
        let axe = axe()
            .inspect_err(|why| skipped("the search for barriers", why))
            .ok();
        let pictures = std::env::var_os("WAYBILL_PICTURES").map(PathBuf::from);
        if let Some(folder) = &pictures {
            std::fs::create_dir_all(folder).expect("a folder for the pictures");
        }
        Self {
            visitor,
            axe,
            pictures,
        }
    }

    /// Looks at what is shown now, as it is in light and dark, wide and narrow.
    async fn look(&self, view: &str) {
        let browser = &self.visitor.browser;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            for (device, (width, height)) in [("phone", PHONE), ("desktop", DESKTOP)] {
                browser.resize(width, height).await;
                let overflow = "return document.documentElement.scrollWidth - innerWidth";
                let overflow = browser.run(overflow, json!([])).await;
                assert!(
                    overflow.as_i64().unwrap() <= 0,
                    "{view} is {overflow} px too wide for {width}"
                );
                self.search_for_barriers(&format!("{view}, {scheme}, {device}"))
                    .await;
                if let Some(folder) = &self.pictures {
                    let file = folder.join(format!("{view}-{device}-{scheme}.png"));
                    std::fs::write(file, browser.picture().await).expect("a picture");
                }
            }
        }
        browser.prefer("light").await;
    }

    async fn search_for_barriers(&self, what: &str) {
        let Some(axe) = &self.axe else { return };
        let browser = &self.visitor.browser;
        let script = format!(
            "if (!window.axe) {{ {axe} }}
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
            return axe.run(document, {{ runOnly: tags, resultTypes: ['violations'] }}).then(({{ violations }}) =>
                violations.map(({{ id, nodes }}) => [id, nodes.map(({{ target, failureSummary }}) => [target, failureSummary])]))"
        );
        let violations = browser.run(&script, json!([])).await;
        assert_eq!(violations, json!([]), "{what}: {violations:#}");
    }
}

#[tokio::test]
async fn every_view_is_without_barriers_in_both_themes_and_fits_a_phone() {
    let Some(ana) = Visitor::new("Ana", 0).await else {
        return;
    };
    let looker = Looker::new(&ana);
    let browser = &ana.browser;
    browser.open(&format!("{}/", ana.stack.public_url())).await;
    browser.shows(".welcome", "Sign in").await;
    looker.look("welcome").await;

    ana.enter("/").await;
    browser
        .shows("waybill-exports >> .blank", "No exports yet")
        .await;
    looker.look("exports-empty").await;

    load_orders(
        &ana.stack,
        ana.owner.project,
        orders_csv(&generated_orders(60)),
    )
    .await;
    let asked = json!({"type": "orders", "format": "csv", "search": "paulo",
        "filters": {"status": ["delivered", "shipped"], "created_at": {"from": "2026-01-01", "to": "2026-02-01"}}});
    let done = ana.owner.succeeded(asked).await;
    let page = |export: &Value| format!("/exports/{}", id(export));
    ana.enter(&page(&done)).await;
    browser.shows("#status", "Completed").await;
    looker.look("export-completed").await;

    let aws = ana.stack.aws().await;
    let generate = ana.stack.output("generate_function");
    aws.feed(generate, false).await;
    let canceled = ana.owner.request("xlsx").await;
    let cancel = format!("/v1/exports/{}/cancel", id(&canceled));
    ana.owner
        .api
        .post(&cancel, Value::Null)
        .await
        .expect_status(200);
    let waiting = ana.owner.request("xlsx").await;
    ana.enter(&ana.list("exports")).await;
    browser
        .shows(
            "waybill-exports >> tbody tr:nth-child(2) .badge",
            "Canceled",
        )
        .await;
    looker.look("exports").await;

    for (view, export, status) in [
        ("export-canceled", &canceled, "Canceled"),
        ("export-waiting", &waiting, "Pending"),
    ] {
        ana.enter(&page(export)).await;
        browser.shows("#status", status).await;
        looker.look(view).await;
    }
    aws.feed(generate, true).await;

    ana.enter("/exports/1").await;
    browser.shows(".blank", "not yours to see").await;
    looker.look("not-found").await;

    ana.enter(&format!(
        "{}?status=delivered&search=paulo",
        ana.list("orders")
    ))
    .await;
    browser.shows(".count", "3 in this list").await;
    looker.look("records").await;
    for filter in ["status", "created_at", "payment"] {
        browser
            .click(&format!("[data-filter={filter}] summary"))
            .await;
        browser
            .shows(&format!("[data-filter={filter}] .panel"), "")
            .await;
        looker.look(&format!("filter-{filter}")).await;
        browser.press("\u{E00C}").await;
        browser
            .hides(&format!("[data-filter={filter}] .panel"))
            .await;
    }
    browser.click(EXPORT).await;
    browser.shows(DIALOG, "Status delivered").await;
    looker.look("export-dialog").await;
    browser.click(&format!("{DIALOG} summary")).await;
    browser
        .shows(&format!("{DIALOG} .columns"), "Customer")
        .await;
    looker.look("export-dialog-columns").await;
    let mut errors = browser.errors().await;
    // What was asked for and is not there is said by the console too.
    errors.retain(|error| !error.contains("Failed to load resource"));
    assert_eq!(errors, Vec::<String>::new());
}
