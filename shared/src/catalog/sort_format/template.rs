//! Parses the template of a sort key.

use super::time::TimeFormat;

/// What divides the segments of a key, where the template does not show it.
pub(super) const SEPARATOR: Separator = Separator {
    character: '#',
    is_in_no_id: true,
};

/// A placeholder, and the literal text after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) placeholder: Placeholder,
    /// Empty at the end of the template.
    pub(super) then: String,
    /// What divides segments here.
    pub(super) separator: Separator,
}

/// What divides segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Separator {
    pub(super) character: char,
    /// Whether an id does not have the character, so that a key with more segments is that of another record.
    pub(super) is_in_no_id: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder {
    Time(TimeFormat),
    /// One segment.
    Id,
    /// Everything to the end.
    Rest,
}

impl Piece {
    pub(super) fn time(&self) -> Option<TimeFormat> {
        match self.placeholder {
            Placeholder::Time(format) => Some(format),
            Placeholder::Id | Placeholder::Rest => None,
        }
    }

    /// Divides a text into what the placeholder stands for, and what follows the literal text after it. `None` without
    /// that text.
    #[inline]
    pub(super) fn split<'k>(&self, text: &'k str) -> Option<(&'k str, &'k str)> {
        if self.then.is_empty() {
            return Some((text, ""));
        }
        // A time can contain what is after it: `{date}-{id}`.
        let length = self.time().and_then(TimeFormat::length);
        let of_length = length.and_then(|length| text.split_at_checked(length));
        if let Some((time, after)) = of_length
            && let Some(after) = after.strip_prefix(&*self.then)
        {
            return Some((time, after));
        }
        text.split_once(&*self.then)
    }
}

/// The times that older catalogs name without braces.
const OLD_NAMES: [&str; 7] = [
    "rfc3339_s",
    "rfc3339_ms",
    "rfc3339_us",
    "rfc3339_ns",
    "rfc3339",
    "epoch_s",
    "epoch_ms",
];

/// The template of a format that older catalogs name, and any other text as it is.
pub(super) fn of_name(text: &str) -> String {
    let is_time = |name: &str| OLD_NAMES.contains(&name);
    match text.split_once('#') {
        None if text == "id" => "{*}".to_owned(),
        None if is_time(text) => format!("{{{text}}}"),
        Some((time, "id")) if is_time(time) => format!("{{{time}}}#{{*}}"),
        _ => text.to_owned(),
    }
}

/// Parses a template into its literal beginning and its placeholders.
pub(super) fn parse(template: &str) -> Result<(String, Vec<Piece>), String> {
    let (prefix, mut rest) = template
        .split_once('{')
        .ok_or_else(|| format!("`sort_format` has no placeholder; it must have one of {}, such as ORDER#{{rfc3339_ms}}#{{id}}", names()))?;
    let mut before = prefix.to_owned();
    let mut pieces: Vec<Piece> = Vec::new();
    loop {
        let (name, after) = rest
            .split_once('}')
            .ok_or("a placeholder in `sort_format` has no closing brace")?;
        let (then, next) = match after.split_once('{') {
            Some((then, next)) => (then, Some(next)),
            None => (after, None),
        };
        pieces.push(Piece {
            placeholder: placeholder(name)?,
            then: then.to_owned(),
            separator: separator_after(&before),
        });
        before.push_str(then);
        match next {
            Some(next) => rest = next,
            None => break,
        }
    }
    if prefix.contains('}') || pieces.iter().any(|piece| piece.then.contains('}')) {
        return Err("`sort_format` has a brace that nothing opens".to_owned());
    }
    check(&pieces)?;
    Ok((prefix.to_owned(), pieces))
}

/// What divides segments after this literal text: its last character that no id has, or else its last one that is no letter
/// and no digit. Ids have some of these: `inv_1`, a UUID, `4.2`.
fn separator_after(literals: &str) -> Separator {
    let is_in_ids = |c: &char| matches!(c, '_' | '-' | '.' | ' ');
    let separators = || literals.chars().rev().filter(|c| !c.is_alphanumeric());
    let unlike_ids = separators().find(|c| !is_in_ids(c));
    match (unlike_ids, separators().next()) {
        (Some(character), _) => Separator {
            character,
            is_in_no_id: true,
        },
        (None, Some(character)) => Separator {
            character,
            is_in_no_id: false,
        },
        (None, None) => SEPARATOR,
    }
}

fn placeholder(name: &str) -> Result<Placeholder, String> {
    match name {
        "id" => Ok(Placeholder::Id),
        "*" => Ok(Placeholder::Rest),
        _ => TimeFormat::named(name)
            .map(Placeholder::Time)
            .ok_or_else(|| {
                format!(
                    "`sort_format` has no placeholder {{{name}}}; there are {}",
                    names()
                )
            }),
    }
}

/// Refuses templates that do not say where in a key each placeholder ends.
fn check(pieces: &[Piece]) -> Result<(), String> {
    if pieces.iter().filter_map(Piece::time).count() > 1 {
        return Err("`sort_format` can have only one time".to_owned());
    }
    for (place, piece) in pieces.iter().enumerate() {
        let is_last = place + 1 == pieces.len();
        let is_at_end = is_last && piece.then.is_empty();
        if piece.placeholder == Placeholder::Rest && !is_at_end {
            return Err(
                "{*} stands for everything to the end of the key, so that nothing can follow it"
                    .to_owned(),
            );
        }
        if piece.then.is_empty() && !is_last {
            return Err(
                "two placeholders in `sort_format` need a literal text between them".to_owned(),
            );
        }
        if let (Some(time), Some(next)) = (piece.time(), piece.then.chars().next())
            && time.length().is_none()
            && time.can_contain(next)
        {
            return Err(format!(
                "a time of any length cannot be followed by `{next}`, which it can contain"
            ));
        }
    }
    Ok(())
}

/// All placeholders, for an error message.
fn names() -> String {
    let mut names = TimeFormat::placeholders();
    names.extend([
        "{id} (one segment)".to_owned(),
        "{*} (everything to the end)".to_owned(),
    ]);
    names.join(", ")
}
