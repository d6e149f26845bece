//! Writes a mail's subject, text and HTML from the templates in `templates/`, in the language of the export's request.

use askama::Template;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use waybill::catalog::{Column, ExportType, words};
use waybill::export::{Export, Status};
use waybill::file::{Warning, WarningCode};

use crate::attachment::Attached;
use crate::wording::{Sentence, Wording, WordingError, contents};

/// What all mails of a deployment have in common.
#[derive(Debug, Clone)]
pub struct Letterhead {
    /// The product's name.
    pub product: String,
    /// The URL of the API, without a slash at the end.
    pub public_url: String,
    /// The address for questions.
    pub support: Option<String>,
    /// The `https` URL of the product's logo.
    pub logo: Option<String>,
}

/// The contents of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// A mail that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A template failed.
    #[error(transparent)]
    Template(#[from] askama::Error),
    /// The words of the language cannot be loaded.
    #[error(transparent)]
    Words(#[from] WordingError),
}

/// What the templates show.
struct Contents {
    language: &'static str,
    direction: &'static str,
    subject: String,
    title: Sentence,
    hello: Sentence,
    /// What the export contains, in words.
    of: String,
    file_name: String,
    /// The rows and the size of a file that is there.
    file: Option<String>,
    /// What has happened, and what the person can do, each a paragraph.
    said: Vec<Sentence>,
    /// What the link is called.
    open: Sentence,
    link: String,
    /// What the link asks for, where it leads to a file.
    about_link: Option<Sentence>,
    /// The title of the warnings, and the warnings.
    warnings: Option<(Sentence, Vec<Sentence>)>,
    /// Where to ask, and the link for it.
    support: Option<(Sentence, String)>,
    product: String,
    logo: Option<String>,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct TextTemplate<'a> {
    of: &'a Contents,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct HtmlTemplate<'a> {
    of: &'a Contents,
}

/// Writes the mail about an export in a final state, as of `now`. `of` is its type in the catalog, which may no longer have it.
///
/// # Errors
/// None in practice: a template fails only if writing to a string fails, and the data of every language is compiled in.
pub(crate) fn write(
    export: &Export,
    of: Option<&ExportType>,
    attached: Attached,
    letterhead: &Letterhead,
    now: Timestamp,
) -> Result<Mail, WriteError> {
    let wording = Wording::of(export.locale.as_deref())?;
    let contents = Contents::new(export, of, attached, letterhead, (&wording, now));
    let text = TextTemplate { of: &contents }.render()?;
    let html = HtmlTemplate { of: &contents }.render()?;
    Ok(Mail {
        html,
        text,
        subject: contents.subject,
    })
}

impl Contents {
    fn new(
        export: &Export,
        of: Option<&ExportType>,
        attached: Attached,
        letterhead: &Letterhead,
        (wording, now): (&Wording, Timestamp),
    ) -> Self {
        let status = export.status_at(now);
        let is_ready = status == Status::Succeeded;
        let what = match status {
            Status::Succeeded => "ready",
            Status::Expired => "expired",
            Status::Canceled => "canceled",
            Status::Failed | Status::Waiting | Status::Processing => "failed",
        };
        let label = one_line(of.map_or(&export.type_name, |of| &of.label));
        let file_name = one_line(&export.file_name);
        let name = export
            .user
            .name
            .as_deref()
            .map(one_line)
            .unwrap_or_default();
        let about = [("label", label.as_str()), ("file", file_name.as_str())];
        let (rows, size) = export
            .file
            .as_ref()
            .map_or((0, 0), |file| (file.rows, file.size));
        let rows = wording.counted("list.row-count", rows).plain();
        let size = wording.size(size);
        let about_file = wording.text("mail.rows-and-size", &[("rows", &rows), ("size", &size)]);
        let plain = |key: &str| wording.text(key, &[]);
        Self {
            language: wording.language.code,
            direction: if wording.language.is_right_to_left {
                "rtl"
            } else {
                "ltr"
            },
            subject: wording
                .text(&format!("mail.subject-{what}"), &about)
                .plain(),
            title: wording.text(&format!("mail.title-{what}"), &about),
            hello: match name.is_empty() {
                true => plain("mail.hello-nameless"),
                false => wording.text("mail.hello", &[("name", &name)]),
            },
            of: one_line(&contents(export, of, &label, wording)),
            file: is_ready.then(|| about_file.plain()),
            said: said(export, status, attached, wording),
            open: plain(if is_ready {
                "mail.download"
            } else {
                "mail.open"
            }),
            // The address of the export's page, which signs the person in. The address alone gives no access.
            link: format!("{}/exports/{}", letterhead.public_url, export.id),
            about_link: is_ready.then(|| plain("mail.about-link")),
            warnings: is_ready.then(|| warnings(export, of, wording)).flatten(),
            support: support(export, letterhead, wording),
            product: one_line(&letterhead.product),
            logo: letterhead.logo.clone(),
            file_name,
        }
    }
}

/// What has happened, and what the person can do.
fn said(export: &Export, status: Status, attached: Attached, wording: &Wording) -> Vec<Sentence> {
    let plain = |key: &str| wording.text(key, &[]);
    match status {
        Status::Succeeded => {
            let key = match attached {
                Attached::Yes => "mail.attached",
                Attached::Not => "mail.link",
                Attached::TooLarge => "mail.too-large",
                Attached::Withheld => "mail.withheld",
                Attached::Unavailable => "mail.unavailable",
            };
            let until = export.expires_at.unwrap_or(export.created_at);
            let until = wording.time_and_zone(until, &export.time_zone);
            vec![wording.text(key, &[("time", &until)])]
        }
        Status::Expired => vec![plain("mail.expired")],
        Status::Canceled => vec![plain("mail.canceled")],
        Status::Failed | Status::Waiting | Status::Processing => {
            let reason = export.failure.as_ref().map(|f| one_line(&f.message));
            let reason = reason.map(|reason| wording.value(&reason));
            [plain("mail.failed")].into_iter().chain(reason).collect()
        }
    }
}

/// The title of the warnings, and the warnings; `None` without any.
fn warnings(
    export: &Export,
    of: Option<&ExportType>,
    wording: &Wording,
) -> Option<(Sentence, Vec<Sentence>)> {
    let of = of.map(|of| of.with_definitions(&export.definitions, export.parent.id()));
    let columns = of.as_ref().map_or(&[][..], |of| &of.columns);
    let each = export.warnings.iter();
    let each: Vec<Sentence> = each
        .map(|one| warning(one, export, columns, wording))
        .collect();
    (!each.is_empty()).then(|| (wording.text("warning.title", &[]), each))
}

fn warning(warning: &Warning, export: &Export, columns: &[Column], wording: &Wording) -> Sentence {
    let code = match warning.code {
        WarningCode::Undated if export.filters["created_at"].is_null() => "undated-in",
        WarningCode::Undated => "undated-out",
        other => other.as_str(),
    };
    let what = wording.counted(&format!("warning.{code}"), warning.count);
    let column = warning.column.as_ref();
    let heading = column.map(|key| {
        let known = columns.iter().find(|column| column.key == *key);
        known.map_or_else(|| words(key), Column::heading)
    });
    let about = match heading.as_ref().or(warning.attribute.as_ref()) {
        Some(name) => one_line(name),
        None if warning.code.is_about_cells() => wording.text("warning.other-columns", &[]).plain(),
        None => return what,
    };
    let what = what.plain();
    wording.text("warning.about", &[("about", &about), ("warning", &what)])
}

/// Where to ask, with the export's id in the subject of what is written there.
fn support(
    export: &Export,
    letterhead: &Letterhead,
    wording: &Wording,
) -> Option<(Sentence, String)> {
    let address = one_line(letterhead.support.as_deref()?);
    let subject = wording.text("detail.subject", &[("id", &export.id.to_string())]);
    let subject = utf8_percent_encode(&subject.plain(), NON_ALPHANUMERIC).to_string();
    let sentence = wording.text("mail.support", &[("address", &address)]);
    Some((sentence, format!("mailto:{address}?subject={subject}")))
}

/// A text from outside on one line, without control characters, so that the text cannot add a line or a header.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(is_break)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
