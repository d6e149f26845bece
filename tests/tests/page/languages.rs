//! The page in the person's language: by the token, or else by the browser.

use serde_json::json;
use waybill_tests::id;

use crate::moments::Moments;
use crate::view_check::ViewCheck;
use crate::visitor::Visitor;

#[tokio::test]
async fn the_page_speaks_the_language_of_the_token_also_from_right_to_left() {
    let Some(ana) = Visitor::new("Ana", 5).await else {
        return;
    };
    let (browser, check) = (&ana.browser, ViewCheck::new(&ana.browser));
    let filters = json!({"status": ["delivered"], "created_at": {"from": "2017-04-03"}});
    let asked = json!({"type": "orders", "format": "csv", "filters": filters});
    let done = ana.owner.succeeded(asked).await;
    // The file of the stack itself is there for a minute only.
    let export = Moments::new(&ana.stack, id(&done)).await.completed().await;
    for (locale, direction, tab, status, file) in [
        ("de-DE", "ltr", "Exporte", "Fertig", "Die Datei ist fertig"),
        (
            "pt-BR",
            "ltr",
            "Exportações",
            "Concluída",
            "O ficheiro está pronto",
        ),
        ("ar", "rtl", "عمليات التصدير", "مكتمل", "الملف جاهز"),
        // A language without texts: the browser's.
        ("fr", "ltr", "Exports", "Completed", "The file is ready"),
    ] {
        let language = locale.split('-').next().unwrap();
        ana.enter_speaking(locale, &ana.list("exports")).await;
        browser.shows(".tabs a[data-list=exports]", tab).await;
        browser.shows("waybill-exports >> .badge", status).await;
        let shown = "const { lang, dir } = document.documentElement; return [lang, dir]";
        let expected = if language == "fr" { "en" } else { language };
        assert_eq!(
            browser.run(shown, json!([])).await,
            json!([expected, direction])
        );
        // The parts of a row's name begin with words, although a filter's own name is left out of them.
        let begins = "return find('waybill-exports >> .title a').textContent.split(' · ').every((part) => /^[\\p{L}\\p{N}]/u.test(part))";
        assert_eq!(browser.run(begins, json!([])).await, true, "{locale}");
        check.look(&format!("language-{language}-exports")).await;

        ana.enter_speaking(locale, &format!("{}?status=delivered", ana.list("orders")))
            .await;
        browser.shows("[data-filter=status] .on", "delivered").await;
        // Also that of a sentence whose first word is of another script.
        let directions = "return [...find('[data-filter=status] .on').querySelectorAll('*')]
            .map((part) => getComputedStyle(part).direction).filter((one, n, all) => all.indexOf(one) === n)";
        assert_eq!(
            browser.run(directions, json!([])).await,
            json!([direction]),
            "{locale}"
        );
        ana.enter_speaking(locale, &ana.list("orders")).await;
        browser.click("waybill-export-button >> .button").await;
        browser.shows("waybill-export-button >> dialog", "5").await;
        check.look(&format!("language-{language}-dialog")).await;
        ana.enter_speaking(locale, &format!("/exports/{}", export))
            .await;
        browser.shows("#message", file).await;
        check.look(&format!("language-{language}-export")).await;
    }
}
