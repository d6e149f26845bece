//! The page's files: embedded, named by a version, compressed once.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, REFERRER_POLICY, VARY};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use crate::http::compression::{Compressed, VARIES_BY};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../page/", $name)))),*]
    };
}

/// Names and contents.
const FILES: &[(&str, &str)] = files![
    "api.js",
    "app.js",
    "base.js",
    "column-choice.js",
    "dom.js",
    "element.js",
    "export-button.js",
    "export-detail.js",
    "export-dialog.js",
    "export-history.js",
    "export-row.js",
    "exports-list.js",
    "filter-bar.js",
    "filter-panel.js",
    "format.js",
    "index.html",
    "messages.js",
    "page.css",
    "parent-view.js",
    "parts.css",
    "poll.js",
    "rate-limit.js",
    "records-list.js",
    "selection.js",
    "session.js",
    "summary.js",
];

/// What a file names the version by. A file of one version loads only files of the same.
const PLACE: &str = "VERSION";
const VERSION_DIGITS: usize = 12;

/// How long a client may keep an answer without asking.
#[derive(Clone, Copy)]
pub(super) enum Kept {
    /// Not at all: it asks each time.
    Never,
    /// Minutes, for an address that stays when its file changes.
    Minutes,
    /// For good, for an address that names a version.
    Forever,
}

struct Asset {
    name: &'static str,
    body: Compressed,
}

struct Assets {
    version: String,
    files: Vec<Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (name, text) in FILES {
        digest.update(name);
        digest.update([0]);
        digest.update(text);
        digest.update([0]);
    }
    let mut version = waybill::hash::hex(&digest.finalize());
    version.truncate(VERSION_DIGITS);
    let asset = |&(name, text): &(&'static str, &str)| {
        let body = Compressed::new(text.replace(PLACE, &version));
        Asset { name, body }
    };
    Assets {
        files: FILES.iter().map(asset).collect(),
        version,
    }
});

/// The answer with the file of this name, in the form that `asked` allows; `None` where there is no such file.
pub(super) fn file(name: &str, asked: &HeaderMap, kept: Kept) -> Option<Response> {
    let asset = ASSETS.files.iter().find(|asset| asset.name == name)?;
    let (body, encoding) = asset.body.form(asked);
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(VARY, HeaderValue::from_static(VARIES_BY));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let kept = match kept {
        Kept::Never => "no-cache",
        Kept::Minutes => "public, max-age=300",
        Kept::Forever => "public, max-age=31536000, immutable",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    // An address may hold a sign-in's code, which is nobody else's business.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

/// Whether the files are of this version. A page that is open while another is deployed asks for the one before; it
/// gets what there is, and may not keep it under the old name.
pub(super) fn is_current(version: &str) -> bool {
    ASSETS.version == version
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that the page may weigh, compressed.
    const MOST_BYTES: usize = 60_000;

    #[test]
    fn the_page_is_light() {
        let whole: usize = ASSETS.files.iter().map(|file| file.body.gzip.len()).sum();
        assert!(whole < MOST_BYTES, "{whole}");
    }

    #[test]
    fn every_file_that_a_file_loads_is_there() {
        for (name, text) in FILES {
            for quoted in text.split('"').skip(1).step_by(2) {
                let loaded = quoted
                    .strip_prefix("./")
                    .or_else(|| quoted.strip_prefix("/assets/VERSION/"));
                if let Some(loaded) = loaded {
                    assert!(
                        FILES.iter().any(|(name, _)| *name == loaded),
                        "{name}: {loaded}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_is_inline_of_others_or_made_of_markup() {
        for (name, text) in FILES {
            for sink in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "setHTMLUnsafe",
                "document.write",
                "eval(",
                "new Function",
                "localStorage",
            ] {
                assert!(!text.contains(sink), "{name}: {sink}");
            }
            let is_namespace = |address: &&str| !address.starts_with("www.w3.org/2000/svg");
            let others = text.split("://").skip(1).filter(is_namespace).count();
            assert_eq!(others, 0, "{name} has another's address");
        }
        let (_, html) = FILES
            .iter()
            .find(|(name, _)| *name == "index.html")
            .unwrap();
        for inline in ["<style", "style=", "onclick=", "<script>"] {
            assert!(!html.contains(inline), "{inline}");
        }
    }

    #[test]
    fn a_file_has_its_version_in_it() {
        assert!(file("../Cargo.toml", &HeaderMap::new(), Kept::Never).is_none());

        for asset in &ASSETS.files {
            let text = std::str::from_utf8(&asset.body.plain).unwrap();
            assert!(!text.contains("/VERSION/"), "{}", asset.name);
        }
    }
}
