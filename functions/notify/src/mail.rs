//! Writes a mail's subject, text and HTML from the templates in `templates/`.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use waybill::export::{Export, Status};
use waybill::file::{Warning, WarningCode};

use crate::attachment::Attached;

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

/// The export's outcome, for the templates.
enum Outcome {
    Ready(File),
    Expired,
    Failed(String),
    Canceled,
}

/// A file that can be downloaded, as texts for people.
struct File {
    rows: String,
    size: String,
    expires: String,
    attached: Attached,
    warnings: Vec<String>,
}

#[derive(Template)]
#[template(path = "subject.txt")]
struct SubjectTemplate<'a> {
    outcome: &'a Outcome,
    label: &'a str,
    file_name: &'a str,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct TextTemplate<'a> {
    outcome: &'a Outcome,
    name: Option<&'a str>,
    label: &'a str,
    file_name: &'a str,
    link: &'a str,
    product: &'a str,
    support: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct HtmlTemplate<'a> {
    subject: &'a str,
    outcome: &'a Outcome,
    name: Option<&'a str>,
    label: &'a str,
    file_name: &'a str,
    link: &'a str,
    product: &'a str,
    support: Option<&'a str>,
    logo: Option<&'a str>,
}

/// Writes the mail about an export in a final state, as of `now`. `label` is the type's name for people.
///
/// # Errors
/// None in practice: a template fails only if writing to a string fails.
pub(crate) fn write(
    export: &Export,
    label: &str,
    attached: Attached,
    letterhead: &Letterhead,
    now: Timestamp,
) -> Result<Mail, askama::Error> {
    let outcome = outcome(export, attached, now);
    let name = export
        .user
        .name
        .as_deref()
        .map(one_line)
        .filter(|name| !name.is_empty());
    let support = letterhead.support.as_deref().map(one_line);
    let (label, file_name) = (one_line(label), one_line(&export.file_name));
    let (product, link) = (one_line(&letterhead.product), link(letterhead, export));
    let subject = SubjectTemplate {
        outcome: &outcome,
        label: &label,
        file_name: &file_name,
    }
    .render()?;
    let text = TextTemplate {
        outcome: &outcome,
        name: name.as_deref(),
        label: &label,
        file_name: &file_name,
        link: &link,
        product: &product,
        support: support.as_deref(),
    };
    let html = HtmlTemplate {
        subject: &subject,
        outcome: &outcome,
        name: name.as_deref(),
        label: &label,
        file_name: &file_name,
        link: &link,
        product: &product,
        support: support.as_deref(),
        logo: letterhead.logo.as_deref(),
    };
    let (text, html) = (text.render()?, html.render()?);
    Ok(Mail {
        subject,
        text,
        html,
    })
}

/// The address of the export's page, which signs the person in. The address alone gives no access.
fn link(letterhead: &Letterhead, export: &Export) -> String {
    format!("{}/exports/{}", letterhead.public_url, export.id)
}

fn outcome(export: &Export, attached: Attached, now: Timestamp) -> Outcome {
    match export.status_at(now) {
        Status::Succeeded => Outcome::Ready(File {
            rows: counted(export.file.as_ref().map_or(0, |file| file.rows), "row"),
            size: size(export.file.as_ref().map_or(0, |file| file.size)),
            expires: local(export.expires_at.unwrap_or(now), &export.time_zone),
            attached,
            warnings: export.warnings.iter().map(|w| warning(w, export)).collect(),
        }),
        Status::Expired => Outcome::Expired,
        Status::Canceled => Outcome::Canceled,
        Status::Failed | Status::Waiting | Status::Processing => Outcome::Failed(
            export
                .failure
                .as_ref()
                .map(|f| one_line(&f.message))
                .unwrap_or_default(),
        ),
    }
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

/// `1 row`, `10,000 rows`.
fn counted(number: u64, what: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {what}{}", if number == 1 { "" } else { "s" })
}

/// A size in decimal units, as file managers show it.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        None => counted(bytes, "byte"),
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
    }
}

/// An instant in the time zone of the export's request.
fn local(at: Timestamp, zone: &str) -> String {
    let (zone, name) = TimeZone::get(zone).map_or((TimeZone::UTC, "UTC"), |found| (found, zone));
    format!(
        "{} ({name})",
        at.to_zoned(zone).strftime("%-d %B %Y, %H:%M")
    )
}

fn warning(warning: &Warning, export: &Export) -> String {
    let about = match warning.column.as_ref().or(warning.attribute.as_ref()) {
        Some(name) => format!("{}: ", one_line(name)),
        None if warning.code.is_about_cells() => "Other columns: ".to_owned(),
        None => String::new(),
    };
    let cells = counted(warning.count, "cell");
    let records = counted(warning.count, "record");
    let what = match warning.code {
        WarningCode::NumberAsText => {
            format!("{cells} with a number too long for a spreadsheet, kept as text")
        }
        WarningCode::TimeAsText => {
            format!("{cells} with a date or time that a spreadsheet cannot hold, kept as text")
        }
        WarningCode::CharactersDropped => {
            format!("{cells} with characters that a spreadsheet cannot hold, which were left out")
        }
        WarningCode::BytesReplaced => {
            format!("{cells} with bytes that are no text, replaced by \u{fffd}")
        }
        WarningCode::CellCut => {
            format!("{cells} longer than a spreadsheet can hold, which were cut")
        }
        WarningCode::TimeCut => {
            format!("{cells} with a time finer than milliseconds, which was cut")
        }
        WarningCode::OtherKind => {
            format!("{cells} with a value that is not of the column's kind, written as it is")
        }
        WarningCode::Undated => {
            let are = if warning.count == 1 { "is" } else { "are" };
            let not = match export.filters["created_at"].is_null() {
                true => "",
                false => "not ",
            };
            format!("{records} without a creation time, which {are} {not}in the file")
        }
        WarningCode::Undecided => {
            format!(
                "{records} that may or may not belong in the file, because a value could not be interpreted"
            )
        }
        WarningCode::BlankRow => {
            format!("{records} with none of the file's columns, whose rows are empty")
        }
    };
    format!("{about}{what}")
}

#[cfg(test)]
mod tests;
