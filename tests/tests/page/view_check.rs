//! Checks a view in both themes, wide and narrow: accessibility by axe-core, no overflow, and a screenshot.
//! `WAYBILL_PICTURES=folder` (`make pictures`) saves the screenshots.

use std::path::PathBuf;

use serde_json::json;
use waybill_tests::{Browser, axe, skipped};

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (320, 720);
/// Widths in between, at which nothing may overflow either.
const WIDTHS: [u32; 5] = [400, 768, 900, 1024, 1160];
/// By how many pixels the page, or a list in it, overflows. `innerWidth` would not do: a phone zooms out to what overflows.
const TOO_WIDE: &str = "
    const { scrollWidth, clientWidth } = document.documentElement;
    const lists = [...document.querySelectorAll('waybill-exports')];
    const beyond = lists.map((list) => (list.shadowRoot.querySelector('table')?.offsetWidth ?? 0) - list.offsetWidth);
    return Math.max(scrollWidth - clientWidth, ...beyond)";
/// The least size of what is pressed on a phone, in pixels (Apple's Human Interface Guidelines; WCAG 2.2, 2.5.5). A link in a
/// sentence or a table's row, and what is in a label, are as large as those; axe-core checks the 24 pixels of every other one.
const TOO_SMALL: &str = "
    const all = (root) => [...root.querySelectorAll('*')].flatMap((one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
    const isPressed = (one) => one.matches('a[href], button, select, summary, label:has(input), input:not(label input)');
    const isInText = (one) => one.matches('a') && (one.closest('td, li, .name') || getComputedStyle(one).display === 'inline');
    const shown = all(document).filter((one) => isPressed(one) && one.checkVisibility({ visibilityProperty: true }) && !isInText(one));
    return shown.map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
      .filter(([, { width, height }]) => width > 1 && (Math.round(height) < 44 || Math.round(width) < 24))
      .map(([html, { width, height }]) => `${html}: ${Math.round(width)} × ${Math.round(height)}`)";
/// axe-core's tags of WCAG 2.2 up to level AA.
const WCAG: &[&str] = &["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/// Further rules for a whole page: mails have no landmarks, and a host's page has its own.
const PAGE: &[&str] = &["best-practice"];

/// Checks views, one after the other.
pub(crate) struct ViewCheck<'a> {
    browser: &'a Browser,
    axe: Option<String>,
    pictures: Option<PathBuf>,
}

impl<'a> ViewCheck<'a> {
    pub(crate) fn new(browser: &'a Browser) -> Self {
        let axe = axe()
            .inspect_err(|why| skipped("the accessibility checks", why))
            .ok();
        let pictures = std::env::var_os("WAYBILL_PICTURES").map(PathBuf::from);
        if let Some(folder) = &pictures {
            std::fs::create_dir_all(folder).expect("a folder for the pictures");
        }
        Self {
            browser,
            axe,
            pictures,
        }
    }

    /// Checks the current view.
    pub(crate) async fn look(&self, view: &str) {
        self.look_by(view, &[WCAG, PAGE].concat()).await;
    }

    /// Checks a mail, or a page of a host.
    pub(crate) async fn look_inside(&self, view: &str) {
        self.look_by(view, WCAG).await;
    }

    async fn look_by(&self, view: &str, rules: &[&str]) {
        for width in WIDTHS {
            self.fits(view, width, DESKTOP.1).await;
        }
        for scheme in ["light", "dark"] {
            self.browser.prefer(scheme).await;
            for (device, (width, height)) in [("phone", PHONE), ("desktop", DESKTOP)] {
                self.fits(view, width, height).await;
                let what = format!("{view}, {scheme}, {device}");
                self.check_accessibility(&what, rules).await;
                if device == "phone" {
                    let small = self.browser.run(TOO_SMALL, json!([])).await;
                    assert_eq!(small, json!([]), "{what}: {small:#}");
                }
                if let Some(folder) = &self.pictures {
                    let file = folder.join(format!("{view}-{device}-{scheme}.png"));
                    std::fs::write(file, self.browser.picture().await).expect("a picture");
                }
            }
        }
        self.browser.prefer("light").await;
    }

    async fn fits(&self, view: &str, width: u32, height: u32) {
        self.browser.resize(width, height).await;
        let beyond = self.browser.run(TOO_WIDE, json!([])).await;
        assert!(
            beyond.as_i64().unwrap() <= 0,
            "{view} is {beyond} px too wide for {width}"
        );
    }

    async fn check_accessibility(&self, what: &str, rules: &[&str]) {
        let Some(axe) = &self.axe else { return };
        let script = format!(
            "if (!window.axe) {{ {axe} }}
            // Looked at: what scrolls is partly behind an edge, or a dialog with its icon is before it, and a cell may have one character. Their
            // colors are those of other elements, which are checked.
            const behind = /background color could not be determined because (it('s| is)? (partially|overlapped)|element contains an image node)/;
            const isLookedAt = ({{ message }}) => behind.test(message) || /content is too short to determine/.test(message);
            const open = ({{ nodes, ...rule }}) => ({{ ...rule, nodes: nodes.filter(({{ any }}) => !any.some(isLookedAt)) }});
            return axe.run(document, {{ runOnly: arguments[0], resultTypes: ['violations', 'incomplete'] }}).then(({{ violations, incomplete }}) =>
                [...violations, ...incomplete.map(open).filter(({{ nodes }}) => nodes.length)].map(({{ id, nodes }}) => [id, nodes.map(({{ target, failureSummary, any }}) =>
                    [target, failureSummary, any.map(({{ message }}) => message)])]))"
        );
        let violations = self.browser.run(&script, json!([rules])).await;
        assert_eq!(violations, json!([]), "{what}: {violations:#}");
    }
}
