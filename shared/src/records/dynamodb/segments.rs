//! Divides a range of sort keys into segments by read consistency.

use std::cmp::Ordering;

use super::{RECENT, Range};
use crate::catalog::{DynamodbSpec, SortFormat};
use crate::value::number;

/// A range of sort keys with one read consistency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// The first key, inclusive.
    pub(super) from: Option<String>,
    /// The end, exclusive.
    pub(super) until: Option<String>,
    /// Whether reads are strongly consistent.
    pub(super) consistent: bool,
    /// Whether the segment is outside the range, and is read only for keys of another format.
    pub(super) is_outside: bool,
}

/// The segments of `range`, in ascending order. None has keys without the format's literal beginning.
///
/// Strongly consistent reads cost twice as much. Where keys are in the order of time, only the last minute before the
/// request is read so. Otherwise the bounds apply to each key's instant, and the whole table is read so. An index has
/// no strongly consistent reads.
///
/// With `reads_outside`, there are also segments outside the range, for keys of another format. Keys of the type's
/// format are dropped there, since their time is outside the range.
pub(super) fn segments(spec: &DynamodbSpec, range: &Range, reads_outside: bool) -> Vec<Segment> {
    let format = &spec.sort_format;
    let is_table = spec.index.is_none();
    if spec.scan.is_some() {
        return vec![Segment {
            consistent: true,
            ..Segment::default()
        }];
    }
    let prefix = format.prefix();
    let all = Segment {
        from: Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()),
        until: after_all_with(prefix),
        ..Segment::default()
    };
    let Some(until) = format.upper_bound(range.until) else {
        return vec![Segment {
            consistent: is_table,
            ..all
        }];
    };
    let from = range.from.and_then(|instant| format.lower_bound(instant));
    let (below, above) = match reads_outside {
        true => outside(format, range, &all, from.is_some(), &until),
        false => (None, None),
    };
    let whole = Segment {
        from: from.or(all.from),
        until: Some(until),
        ..Segment::default()
    };
    let recent = format
        .upper_bound(range.as_of - RECENT)
        .filter(|_| is_table);
    let parts = match recent {
        None => vec![whole],
        Some(recent) => {
            let older = Segment {
                until: least(format, whole.until.clone(), &recent),
                ..whole.clone()
            };
            let newer = Segment {
                from: greatest(format, whole.from.clone(), &recent),
                consistent: true,
                ..whole
            };
            vec![older, newer]
        }
    };
    let parts = parts.into_iter();
    let within = parts.filter(|segment| !segment.is_empty(format));
    below.into_iter().chain(within).chain(above).collect()
}

/// The segments below and above the range in which keys may have another format. Above a range that ends at the
/// request, this is everything, since few records are written after the request. Otherwise these are only texts that do
/// not begin as a time does, so that a month's export does not read the whole year.
fn outside(
    format: &SortFormat,
    range: &Range,
    all: &Segment,
    has_beginning: bool,
    until: &str,
) -> (Option<Segment>, Option<Segment>) {
    let segment = |from: Option<String>, until: Option<String>| Segment {
        from,
        until,
        is_outside: true,
        ..Segment::default()
    };
    let with = |c: char| Some(format!("{}{c}", format.prefix()));
    let characters = format.characters_after_prefix();
    let below = characters
        .filter(|_| has_beginning)
        .map(|(first, _)| segment(all.from.clone(), with(first)));
    let above = match range.ends_with_the_request() {
        true => Some(segment(Some(until.to_owned()), all.until.clone())),
        false => characters.map(|(_, after)| segment(with(after), all.until.clone())),
    };
    (below, above)
}

/// The first text after all texts that begin with `prefix`, in the order of their bytes; `None` for an empty one.
fn after_all_with(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let mut greater = (u32::from(last) + 1)..=u32::from(char::MAX);
        if let Some(next) = greater.find_map(char::from_u32) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

impl Segment {
    fn is_empty(&self, format: &SortFormat) -> bool {
        match (&self.from, &self.until) {
            (Some(from), Some(until)) => compare(format, from, until).is_ge(),
            _ => false,
        }
    }
}

fn least(format: &SortFormat, a: Option<String>, b: &str) -> Option<String> {
    Some(
        a.filter(|a| compare(format, a, b).is_lt())
            .unwrap_or_else(|| b.to_owned()),
    )
}

fn greatest(format: &SortFormat, a: Option<String>, b: &str) -> Option<String> {
    Some(
        a.filter(|a| compare(format, a, b).is_gt())
            .unwrap_or_else(|| b.to_owned()),
    )
}

/// DynamoDB's order of keys: texts by bytes, numbers by value. Bounds are whole numbers.
pub(super) fn compare(format: &SortFormat, a: &str, b: &str) -> Ordering {
    match format.is_number() {
        true => number::compare(a, b),
        false => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::catalog::Catalog;

    fn spec(format: &str, index: &str) -> DynamodbSpec {
        let text = format!(
            "[[type]]\nname = \"things\"\nlabel = \"Things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"RECORDS_TABLE\", partition = \"things#{{parent}}\", \
             partition_key = \"pk\", sort_key = \"sk\", sort_format = \"{format}\"{index} }}\n\
             created = \"created_at\"\nsearch = []\nfilters = []\n\
             columns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"created_at\", kind = \"timestamp\" }} ]\n"
        );
        let catalog = Catalog::parse(&text).unwrap();
        catalog.types()[0].records.dynamodb().unwrap().clone()
    }

    fn range(from: Option<&str>, until: &str) -> Range {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        Range {
            from: from.map(at),
            until: at(until),
            as_of: at("2026-11-21T12:00:00.5Z"),
        }
    }

    fn shown(segments: &[Segment]) -> Vec<String> {
        let text = |bound: &Option<String>| bound.clone().unwrap_or_default();
        let outside = |s: &Segment| if s.is_outside { " outside" } else { "" };
        segments
            .iter()
            .map(|s| {
                let (from, until) = (text(&s.from), text(&s.until));
                format!("{from}..{until} {}{}", s.consistent, outside(s))
            })
            .collect()
    }

    #[test]
    fn only_the_last_minute_of_a_table_is_read_strongly() {
        let whole = range(None, "2026-11-21T12:00:00.5Z");
        assert_eq!(
            shown(&segments(&spec("rfc3339_s#id", ""), &whole, false)),
            [
                "..2026-11-21T11:59:01Z false",
                "2026-11-21T11:59:01Z..2026-11-21T12:00:01Z true"
            ]
        );
        let index = spec("rfc3339_s#id", ", index = \"by_time\"");
        assert_eq!(
            shown(&segments(&index, &whole, false)),
            ["..2026-11-21T12:00:01Z false"]
        );
    }

    #[test]
    fn a_range_that_ends_earlier_needs_no_strong_reads() {
        let month = range(Some("2026-10-01T00:00:00Z"), "2026-11-01T00:00:00Z");
        assert_eq!(
            shown(&segments(&spec("rfc3339_ms#id", ""), &month, false)),
            ["2026-10-01T00:00:00.000Z..2026-11-01T00:00:00.000Z false"]
        );
        let now = range(Some("2026-11-21T11:59:30Z"), "2026-11-21T12:00:00.5Z");
        assert_eq!(
            shown(&segments(&spec("epoch_s", ""), &now, false)),
            ["1795262370..1795262401 true"]
        );
    }

    #[test]
    fn keys_that_are_not_in_the_order_of_time_are_bounded_by_their_literal_beginning() {
        let whole = range(Some("2026-10-01T00:00:00Z"), "2026-11-21T12:00:00.5Z");
        for (format, segment) in [
            ("rfc3339#id", ".. true"),
            ("ORDER#{rfc3339}#{id}", "ORDER#..ORDER$ true"),
            ("ORDER#{id}#{ulid}", "ORDER#..ORDER$ true"),
            ("Ω{*}", "Ω..Ϊ true"),
        ] {
            let segments = segments(&spec(format, ""), &whole, true);
            assert_eq!(shown(&segments), [segment], "{format}");
        }
    }

    #[test]
    fn times_after_a_literal_beginning_are_bounds_within_it() {
        let month = range(Some("2026-10-01T00:00:00Z"), "2026-11-01T00:00:00Z");
        let of = |format: &str, range: &Range| {
            shown(&segments(&spec(format, ", index = \"i\""), range, true))
        };
        assert_eq!(
            of("ORDER#{rfc3339_s}#{id}", &month),
            [
                "ORDER#..ORDER#0 false outside",
                "ORDER#2026-10-01T00:00:00Z..ORDER#2026-11-01T00:00:00Z false",
                "ORDER#:..ORDER$ false outside"
            ]
        );
        assert_eq!(
            of("ORDER#{ulid}", &range(None, "2026-11-21T12:00:00.5Z")),
            [
                "ORDER#..ORDER#01M7YZMHZM false",
                "ORDER#01M7YZMHZM..ORDER$ false outside"
            ]
        );
    }

    #[test]
    fn the_text_after_all_with_a_beginning_is_the_next_one_in_the_order_of_bytes() {
        for (prefix, after) in [
            ("A#", Some("A$")),
            ("A\u{d7ff}", Some("A\u{e000}")),
            ("A\u{10ffff}", Some("B")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(after_all_with(prefix).as_deref(), after, "{prefix:?}");
        }
    }

    #[test]
    fn outside_the_range_only_keys_of_another_format_are_read() {
        let whole = range(None, "2026-11-21T12:00:00.5Z");
        let index = spec("rfc3339_s#id", ", index = \"by_time\"");
        assert_eq!(
            shown(&segments(&index, &whole, true)),
            [
                "..2026-11-21T12:00:01Z false",
                "2026-11-21T12:00:01Z.. false outside"
            ]
        );
        let month = range(Some("2026-10-01T00:00:00Z"), "2026-11-01T00:00:00Z");
        assert_eq!(
            shown(&segments(&spec("rfc3339_ms#id", ""), &month, true)),
            [
                "..0 false outside",
                "2026-10-01T00:00:00.000Z..2026-11-01T00:00:00.000Z false",
                ":.. false outside"
            ]
        );
        // A number too great to be a time is above the range.
        assert_eq!(
            shown(&segments(&spec("epoch_s", ""), &whole, true)),
            [
                "..1795262341 false",
                "1795262341..1795262401 true",
                "1795262401.. false outside"
            ]
        );
        assert_eq!(
            shown(&segments(&spec("epoch_s", ""), &month, true)),
            ["1790812800..1793491200 false"]
        );
    }
}
