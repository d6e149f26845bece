//! Parses what is done with a column's values before anything else reads them.

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::RawColumn;
use crate::catalog::check::{Wrong, wrong};
use crate::catalog::{Conversion, Mask, StoredForm};
use crate::value::Kind;

/// What bytes are shown as.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bytes {
    Base64,
    Uuid,
}

/// The conversion of a column, or each of its mistakes.
pub(super) fn conversion(raw: &RawColumn) -> Result<Conversion, Wrong> {
    let mut found = Wrong::default();
    let forms = [bytes(raw), booleans(raw), local_time(raw)];
    let forms: Vec<_> = forms.map(|form| found.keep(form)).into_iter().collect();
    let form = forms.into_iter().flatten().flatten().next();
    if let Some(mask) = &raw.mask {
        found.keep(is_of_kind(mask, raw.kind));
    }
    let mask = raw.mask.as_ref().map(|mask| *mask.get_ref());
    found.or(Some(Conversion { form, mask }))
}

fn bytes(raw: &RawColumn) -> Result<Option<StoredForm>, Wrong> {
    let Some(bytes) = &raw.bytes else {
        return Ok(None);
    };
    if raw.kind != Kind::Text {
        return Err(wrong(
            bytes,
            "bytes with an `as` are texts; change the column's kind",
        ));
    }
    Ok(Some(match bytes.get_ref() {
        Bytes::Base64 => StoredForm::Base64,
        Bytes::Uuid => StoredForm::Uuid,
    }))
}

fn booleans(raw: &RawColumn) -> Result<Option<StoredForm>, Wrong> {
    let Some(true_word) = &raw.true_word else {
        return match &raw.false_word {
            Some(false_word) => Err(wrong(false_word, "`false` needs a `true`")),
            None => Ok(None),
        };
    };
    if raw.kind != Kind::Boolean {
        return Err(wrong(
            true_word,
            "`true` is for columns of kind boolean; change the column's kind",
        ));
    }
    words(true_word, raw.false_word.as_ref()).map(Some)
}

fn local_time(raw: &RawColumn) -> Result<Option<StoredForm>, Wrong> {
    let Some(zone) = &raw.time_zone else {
        return Ok(None);
    };
    if raw.kind != Kind::Timestamp {
        return Err(wrong(
            zone,
            "`time_zone` is for columns of kind timestamp; change the column's kind",
        ));
    }
    if raw.from.is_some() {
        return Err(wrong(
            zone,
            "a time that is stored as a number has no `time_zone`",
        ));
    }
    let known = TimeZone::get(zone.get_ref()).map_err(|_| {
        wrong(
            zone,
            "`time_zone` must be a zone's IANA name, such as Europe/Lisbon",
        )
    })?;
    Ok(Some(StoredForm::LocalTime(known)))
}

/// Checks that what a mask shows is of the column's kind.
fn is_of_kind(mask: &Spanned<Mask>, kind: Kind) -> Result<(), Wrong> {
    let (is_right, kinds) = match mask.get_ref() {
        Mask::Last4 => (matches!(kind, Kind::Text | Kind::Phone), "text or phone"),
        Mask::Email => (matches!(kind, Kind::Text | Kind::Email), "text or email"),
        Mask::Hash => (kind == Kind::Text, "text"),
    };
    match is_right {
        true => Ok(()),
        false => Err(wrong(
            mask,
            format!("what this `mask` shows is of kind {kinds}; change the column's kind"),
        )),
    }
}

/// Words that usually stand for true, and their opposites.
const OPPOSITES: [(&str, &str); 9] = [
    ("Y", "N"),
    ("y", "n"),
    ("1", "0"),
    ("T", "F"),
    ("t", "f"),
    ("yes", "no"),
    ("Yes", "No"),
    ("YES", "NO"),
    ("on", "off"),
];

fn words(
    true_word: &Spanned<toml::Value>,
    false_word: Option<&Spanned<toml::Value>>,
) -> Result<StoredForm, Wrong> {
    let word = |value: &Spanned<toml::Value>| match value.get_ref() {
        toml::Value::String(text) if !text.is_empty() => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        _ => Err(wrong(
            value,
            "`true` and `false` must be a text or a whole number, such as \"Y\" or 1",
        )),
    };
    let truth = word(true_word)?;
    let falsehood = match false_word {
        Some(false_word) => word(false_word)?,
        None => {
            let opposite = OPPOSITES.iter().find(|(word, _)| *word == truth);
            let (_, opposite) =
                opposite.ok_or_else(|| wrong(true_word, "say also what stands for `false`"))?;
            (*opposite).to_owned()
        }
    };
    if truth == falsehood {
        return Err(wrong(true_word, "`true` and `false` must differ"));
    }
    Ok(StoredForm::Booleans(truth, falsehood))
}
