//! The files of the page: embedded, versioned by content, compressed once.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, REFERRER_POLICY, VARY};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use sha2::{Digest, Sha256};
use waybill::language::{LANGUAGES, Language};
use waybill::parent::ParentKinds;

use super::bundle::bundle;
use crate::http::compression::{Compressed, VARIES_BY};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../page/", $name)))),*]
    };
}

/// The names and contents of the files, but for the texts of the languages.
const FILES: &[(&str, &str)] = files![
    "api.js",
    "app.js",
    "base.js",
    "claims.js",
    "column-choice.js",
    "day-ranges.js",
    "dom.js",
    "element.js",
    "elements.js",
    "expectation.js",
    "export-button.js",
    "export-cards.js",
    "export-detail.js",
    "export-dialog.js",
    "export-filters.js",
    "export-history.js",
    "export-progress.js",
    "export-row.js",
    "exports-list.js",
    "filter-bar.js",
    "filter-panel.js",
    "follow.js",
    "format.js",
    "index.html",
    "language.js",
    "memory.js",
    "news.js",
    "one-open.js",
    "page.css",
    "parent-view.js",
    "parts.css",
    "places.js",
    "poll.js",
    "rate-limit.js",
    "records-list.js",
    "search-field.js",
    "selection.js",
    "session.js",
    "start.js",
    "summary.js",
    "table-head.js",
    "texts.js",
    "toasts.js",
];

/// The texts of each language, as a module. English is in every script, and the others are loaded.
static TEXTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let module = |language: &Language| {
        let mut texts = language.texts();
        texts.retain(|key, _| !key.starts_with(Language::MAIL));
        // Texts always have a form in JSON.
        let json = serde_json::to_string(&texts).unwrap_or_default();
        let name = format!("texts-{}.js", language.code);
        (name, format!("export const TEXTS = {json};\n"))
    };
    LANGUAGES.iter().map(module).collect()
});

/// The names and contents of the sources.
fn sources() -> Vec<(&'static str, &'static str)> {
    let texts = TEXTS.iter();
    let texts = texts.map(|(name, module)| (name.as_str(), module.as_str()));
    FILES.iter().copied().chain(texts).collect()
}

/// The files that are served as they are, besides the texts.
const PLAIN: [&str; 5] = [
    "element.js",
    "index.html",
    "page.css",
    "parts.css",
    "start.js",
];
/// The language that is in the scripts.
const IN_SCRIPTS: &str = "texts-en.js";
/// The modules that are served with all that they import: the page's, and the elements' for a host's page.
const BUNDLES: [&str; 2] = ["app.js", "elements.js"];

/// The placeholder for the version in a file. A file loads only files of its own version.
const PLACE: &str = "VERSION";
const VERSION_DIGITS: usize = 12;
/// The placeholder for the kinds of parents, a list in JSON.
const KINDS: &str = "\"KINDS\"";
/// The placeholder for what is said where the page does not load, by language, in JSON.
const NOT_LOADED: &str = "\"NOT_LOADED\"";

/// How long a client may cache a file without revalidation.
#[derive(Clone, Copy)]
pub(super) enum Kept {
    /// Not at all: it must revalidate each time.
    Never,
    /// For minutes: the file at this address may change.
    Minutes,
    /// Forever: the address contains the version.
    Forever,
}

struct Asset {
    name: &'static str,
    body: Compressed,
}

/// The files of a deployment, whose kinds of parents are in them.
pub(super) struct Assets {
    kinds: Arc<ParentKinds>,
    version: String,
    files: Vec<Asset>,
}

/// A kind of parents, for the scripts.
#[derive(Serialize)]
struct KindView<'a> {
    kind: &'a str,
    /// The name in paths.
    plural: &'a str,
    /// The name shown to people.
    label: &'a str,
    /// Whether all other parents belong to one of this kind.
    root: bool,
}

/// What is said where the page does not load: its own texts may be what is missing.
#[derive(Serialize)]
struct NotLoaded {
    title: String,
    text: String,
    reload: String,
}

/// The same by language.
fn not_loaded() -> BTreeMap<&'static str, NotLoaded> {
    let of = |language: &Language| {
        let mut texts = language.texts();
        let mut text = |key| texts.remove(key).unwrap_or_default();
        NotLoaded {
            title: text("page.not-loaded"),
            text: text("page.not-loaded-text"),
            reload: text("page.reload"),
        }
    };
    let each = LANGUAGES
        .iter()
        .map(|language| (language.code, of(language)));
    each.collect()
}

/// The files that were made last: those of the kinds as they are now, in all requests but the first.
static MADE: Mutex<Option<Arc<Assets>>> = Mutex::new(None);

/// The files for these kinds of parents.
pub(super) fn of(kinds: &Arc<ParentKinds>) -> Arc<Assets> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    match made.as_ref() {
        Some(assets) if assets.kinds == *kinds => assets.clone(),
        _ => made.insert(Arc::new(Assets::new(kinds))).clone(),
    }
}

impl Assets {
    fn new(kinds: &Arc<ParentKinds>) -> Self {
        let views = kinds.iter().map(|kind| KindView {
            kind: kind.name.as_str(),
            plural: &kind.plural,
            label: &kind.label,
            root: kind.is_root,
        });
        let views: Vec<KindView<'_>> = views.collect();
        // Texts and flags always have a form in JSON.
        let of_kinds = serde_json::to_string(&views).unwrap_or_default();
        let of_not_loaded = serde_json::to_string(&not_loaded()).unwrap_or_default();
        let sources = sources();
        let plain = sources.iter().filter(|(name, _)| is_plain(name));
        let plain = plain.map(|(name, text)| (*name, (*text).to_owned()));
        let bundles = BUNDLES.map(|name| (name, bundle(name, &sources)));
        let texts = plain.chain(bundles);
        let filled = |text: String| {
            text.replace(KINDS, &of_kinds)
                .replace(NOT_LOADED, &of_not_loaded)
        };
        let texts = texts.map(|(name, text)| (name, filled(text)));
        let texts: Vec<(&'static str, String)> = texts.collect();
        let mut digest = Sha256::new();
        for (name, text) in &texts {
            digest.update(name);
            digest.update([0]);
            digest.update(text);
            digest.update([0]);
        }
        let mut version = waybill::hash::hex(&digest.finalize());
        version.truncate(VERSION_DIGITS);
        let asset = |(name, text): (&'static str, String)| {
            let body = Compressed::new(text.replace(PLACE, &version));
            Asset { name, body }
        };
        Self {
            kinds: kinds.clone(),
            files: texts.into_iter().map(asset).collect(),
            version,
        }
    }

    /// The answer with the file of this name, in an encoding that the request headers `asked` allow; `None` without such a
    /// file.
    pub(super) fn file(&self, name: &str, asked: &HeaderMap, kept: Kept) -> Option<Response> {
        let asset = self.files.iter().find(|asset| asset.name == name)?;
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
        // The address may contain a sign-in's authorization code, which must not leak.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        Some(response)
    }

    /// Whether the files have this version. A page that was opened before a deployment requests the old version; it gets
    /// the current files, which must not be cached under the old address.
    pub(super) fn are_of(&self, version: &str) -> bool {
        self.version == version
    }
}

/// Whether a file is served as it is, and not as a part of a script.
fn is_plain(name: &str) -> bool {
    PLAIN.contains(&name) || (name.starts_with("texts-") && name != IN_SCRIPTS)
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

    /// The maximum size of the page's files in bytes, compressed.
    const MAX_BYTES: usize = 70_000;

    #[test]
    fn the_page_is_light() {
        let assets = of(&Arc::default());
        let size = |file: &Asset| file.body.gzip.len();
        let (texts, others): (Vec<&Asset>, Vec<&Asset>) = assets
            .files
            .iter()
            .partition(|file| file.name.starts_with("texts"));
        let of_page = others
            .into_iter()
            .filter(|file| !file.name.starts_with("element"));
        let language = texts.into_iter().map(size).max().unwrap();
        let whole = of_page.map(size).sum::<usize>() + language;
        assert!(whole < MAX_BYTES, "{whole}");
    }

    #[test]
    fn the_page_says_each_read_consistency_in_its_own_words() {
        let cards = FILES.iter().find(|(name, _)| *name == "export-cards.js");
        let (_, cards) = cards.expect("the file with the receipt");
        for words in waybill::records::CONSISTENCIES {
            assert!(
                cards.contains(&format!("[\"{words}\", \"making.")),
                "{words}"
            );
        }
    }

    #[test]
    fn every_file_that_a_file_loads_exists() {
        for (name, text) in sources() {
            for quoted in text.split('"').skip(1).step_by(2) {
                let (module, file) = (
                    quoted.strip_prefix("./"),
                    quoted.strip_prefix("/assets/VERSION/"),
                );
                let is_source = |loaded| sources().iter().any(|(name, _)| *name == loaded);
                let is_served = |loaded| is_plain(loaded) || BUNDLES.contains(&loaded);
                assert!(module.is_none_or(is_source), "{name}: {quoted}");
                assert!(file.is_none_or(is_served), "{name}: {quoted}");
            }
        }
    }

    /// A module that could not be joined would break the page.
    #[test]
    fn every_module_is_in_a_form_that_can_be_joined() {
        let sources = sources();
        let modules = sources.iter().filter(|(name, _)| name.ends_with(".js"));
        let modules = modules.filter(|(name, _)| !is_plain(name));
        let all = BUNDLES.map(|name| bundle(name, &sources)).concat();
        for (name, text) in modules {
            let variable = name.trim_end_matches(".js").replace('-', "_");
            assert!(
                all.contains(&format!("const ${variable} = ")),
                "{name} is in no bundle"
            );
            for line in text.lines() {
                // A text of several lines could have one that looks like a comment, which are left out.
                assert_eq!(line.matches('`').count() % 2, 0, "{name}: {line}");
                assert!(
                    !line.contains("*/") || line.ends_with("*/"),
                    "{name}: {line}"
                );
                let is_left = all.lines().any(|joined| joined == line);
                let is_special = line.starts_with("import ") || line.starts_with("export ");
                assert!(!(is_special && is_left), "{name}: {line}");
            }
        }
    }

    #[test]
    fn there_is_no_inline_script_foreign_address_or_markup_sink() {
        for (name, text) in sources() {
            for sink in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "setHTMLUnsafe",
                "document.write",
                "eval(",
                "new Function",
            ] {
                assert!(!text.contains(sink), "{name}: {sink}");
            }
            // What a browser keeps is in one file, and is nothing about the person.
            assert!(
                name == "memory.js" || !text.contains("localStorage"),
                "{name}"
            );
            let is_namespace = |address: &&str| !address.starts_with("www.w3.org/2000/svg");
            let others = text.split("://").skip(1).filter(is_namespace).count();
            assert_eq!(others, 0, "{name} has a foreign address");
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
    fn a_file_contains_its_version_the_kinds_of_parents_and_texts() {
        let assets = of(&Arc::default());
        let none = assets.file("../Cargo.toml", &HeaderMap::new(), Kept::Never);
        assert!(none.is_none());
        for asset in &assets.files {
            let text = std::str::from_utf8(&asset.body.plain).unwrap();
            assert!(
                !["/VERSION/", KINDS, NOT_LOADED]
                    .iter()
                    .any(|place| text.contains(place)),
                "{}",
                asset.name
            );
        }
    }

    #[test]
    fn other_kinds_have_files_of_another_version() {
        let built_in = ParentKinds::default();
        let root = ParentKinds::new(vec![built_in.root().clone()]).unwrap();
        let [all, root] = [built_in, root].map(|kinds| of(&Arc::new(kinds)));
        assert_ne!(all.version, root.version);
        assert!(all.are_of(&all.version) && !all.are_of(&root.version));
    }
}
