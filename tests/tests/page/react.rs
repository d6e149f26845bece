//! The elements in a host's page that is written with React: its example is compiled as a host would, and used.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use waybill_tests::{Stack, id, serve_page};

use crate::elements::{HOST_PAGE, HOST_PORT};
use crate::visitor::Visitor;

const BUTTON: &str = "waybill-export-button >> .button";
const DIALOG: &str = "waybill-export-button >> dialog";

/// The start of the example, which the page's settings are given to.
const START: &str = "import { show } from \"./example\";\n\
    import type { Settings } from \"./example\";\n\
    show(document.body.appendChild(document.createElement(\"div\")), (window as unknown as { settings: Settings }).settings);\n";

/// Compiles the example with its types, and returns it as one script.
fn compiled() -> String {
    let folder = TempDir::new().unwrap();
    for entry in std::fs::read_dir(Stack::root().join("clients")).unwrap() {
        let file = entry.unwrap().path();
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.path().join("start.ts"), START).unwrap();
    let modules = Stack::root().join(".local/typescript/node_modules");
    std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).unwrap();
    let node = |program: &str, arguments: &[&str]| {
        let output = Command::new(Stack::root().join(".local/node/bin/node"))
            .arg(modules.join(program))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("Node.js: run `make readers`");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let refused = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}{refused}");
        said
    };
    node("typescript/bin/tsc", &["--project", "."]);
    node(
        "esbuild/bin/esbuild",
        &["start.ts", "--bundle", "--minify", "--format=esm"],
    )
}

#[tokio::test]
async fn a_page_in_react_exports_and_lists() {
    let Some(ana) = Visitor::new("Ana", 8).await else {
        return;
    };
    let (owner, browser, stack) = (&ana.owner, &ana.browser, &ana.stack);
    let token = json!({"sub": owner.sub, "name": owner.name, "email": owner.email,
        "grants": format!("project:{}", owner.project)});
    let token = stack.token(token).await;
    let settings =
        json!({"api": stack.public_url(), "parent": format!("project:{}", owner.project)});
    // The elements are defined after React has made them, as where a host's page loads slowly.
    let html = format!(
        "<!doctype html><html lang=\"en\"><title>A host product in React</title><body>\
         <script>window.settings = {{ ...{settings}, getToken: async () => \"{token}\" }};</script>\
         <script type=\"module\">{}</script><script type=\"module\" src=\"{}/element/v1.js\"></script>",
        compiled().replace("</script", "<\\/script"),
        stack.public_url(),
    );
    let port = stack.port() + HOST_PORT;
    let _served = HOST_PAGE.lock().await;
    let server = serve_page(port, html).await;
    browser
        .open(&format!("http://localhost:{port}/orders"))
        .await;

    browser
        .shows("waybill-exports", "Choose a status, and press Export.")
        .await;
    browser.click(BUTTON).await;
    browser.shows(DIALOG, "Status: delivered").await;
    browser.click(&format!("{DIALOG} footer .primary")).await;
    browser.shows("#ready", "is ready").await;
    browser
        .shows("waybill-exports >> tbody tr .badge", "Completed")
        .await;
    let list = owner.api.get(&owner.path()).await.json();
    assert_eq!(list["exports"].as_array().unwrap().len(), 1, "{list:#}");
    let file = list["exports"][0]["file_name"].as_str().unwrap();
    browser.shows("#ready", file).await;
    assert!(id(&list["exports"][0]) > 0);

    // A changed property reaches the element.
    let choose = r#"
        const select = document.querySelector("select");
        Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set.call(select, "shipped");
        select.dispatchEvent(new Event("change", { bubbles: true }));
        document.querySelector("waybill-export-button").shadowRoot.querySelector("dialog").close();"#;
    browser.run(choose, json!([])).await;
    browser.click(BUTTON).await;
    browser.shows(DIALOG, "Status: shipped").await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
    server.abort();
}
