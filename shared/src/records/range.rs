//! Which sort keys are read, and how consistently.

use std::cmp::Ordering;

use super::{RECENT, Range};
use crate::catalog::{RecordsSpec, SortFormat};

/// A run of sort keys that is read in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// The first key, inclusive.
    pub(super) from: Option<String>,
    /// The end, exclusive.
    pub(super) until: Option<String>,
    /// Whether it is read strongly consistently.
    pub(super) consistent: bool,
}

/// The segments of `range`, in ascending order.
///
/// Where the order of keys is the order of time, only the last minute before the request is read strongly
/// consistently, at twice the price. Where it is not, the bounds apply to each key's instant, and a whole table is
/// read so. An index cannot be.
pub(super) fn segments(spec: &RecordsSpec, range: &Range) -> Vec<Segment> {
    let format = spec.sort_format;
    let is_table = spec.index.is_none();
    let Some(until) = format.bound(range.until) else {
        return vec![Segment {
            from: None,
            until: None,
            consistent: is_table,
        }];
    };
    let from = range.from.and_then(|instant| format.bound(instant));
    let whole = Segment {
        from,
        until: Some(until),
        consistent: false,
    };
    let recent = format.bound(range.as_of - RECENT).filter(|_| is_table);
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
    parts
        .into_iter()
        .filter(|segment| !segment.is_empty(format))
        .collect()
}

impl Segment {
    fn is_empty(&self, format: SortFormat) -> bool {
        match (&self.from, &self.until) {
            (Some(from), Some(until)) => compare(format, from, until).is_ge(),
            _ => false,
        }
    }
}

fn least(format: SortFormat, a: Option<String>, b: &str) -> Option<String> {
    Some(
        a.filter(|a| compare(format, a, b).is_lt())
            .unwrap_or_else(|| b.to_owned()),
    )
}

fn greatest(format: SortFormat, a: Option<String>, b: &str) -> Option<String> {
    Some(
        a.filter(|a| compare(format, a, b).is_gt())
            .unwrap_or_else(|| b.to_owned()),
    )
}

/// The order that DynamoDB has keys in: texts by their bytes, numbers by value. Bounds are whole numbers.
fn compare(format: SortFormat, a: &str, b: &str) -> Ordering {
    if format.is_number()
        && let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>())
    {
        return a.cmp(&b);
    }
    a.cmp(b)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::catalog::Catalog;

    fn spec(format: &str, index: &str) -> RecordsSpec {
        let text = format!(
            "[[type]]\nname = \"things\"\nlabel = \"Things\"\nparent = \"project\"\ndelivery = \"link\"\n\
             records = {{ engine = \"dynamodb\", table = \"RECORDS_TABLE\", partition = \"things#{{parent}}\", \
             partition_key = \"pk\", sort_key = \"sk\", sort_format = \"{format}\"{index} }}\n\
             created = \"created_at\"\nsearch = []\nfilters = []\n\
             columns = [ {{ key = \"id\", kind = \"text\" }}, {{ key = \"created_at\", kind = \"timestamp\" }} ]\n"
        );
        Catalog::parse(&text).unwrap().types()[0].records.clone()
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
        segments
            .iter()
            .map(|s| format!("{}..{} {}", text(&s.from), text(&s.until), s.consistent))
            .collect()
    }

    #[test]
    fn only_the_last_minute_of_a_table_is_read_strongly() {
        let whole = range(None, "2026-11-21T12:00:00.5Z");
        assert_eq!(
            shown(&segments(&spec("rfc3339_s#id", ""), &whole)),
            [
                "..2026-11-21T11:59:01Z false",
                "2026-11-21T11:59:01Z..2026-11-21T12:00:01Z true"
            ]
        );
        let index = spec("rfc3339_s#id", ", index = \"by_time\"");
        assert_eq!(
            shown(&segments(&index, &whole)),
            ["..2026-11-21T12:00:01Z false"]
        );
    }

    #[test]
    fn a_range_that_ends_earlier_needs_no_strong_reads() {
        let month = range(Some("2026-10-01T00:00:00Z"), "2026-11-01T00:00:00Z");
        assert_eq!(
            shown(&segments(&spec("rfc3339_ms#id", ""), &month)),
            ["2026-10-01T00:00:00.000Z..2026-11-01T00:00:00.000Z false"]
        );
        let now = range(Some("2026-11-21T11:59:30Z"), "2026-11-21T12:00:00.5Z");
        assert_eq!(
            shown(&segments(&spec("epoch_s", ""), &now)),
            ["1795262370..1795262401 true"]
        );
    }

    #[test]
    fn keys_that_are_not_in_the_order_of_time_have_no_bounds() {
        let whole = range(Some("2026-10-01T00:00:00Z"), "2026-11-21T12:00:00.5Z");
        assert_eq!(
            shown(&segments(&spec("rfc3339#id", ""), &whole)),
            [".. true"]
        );
    }
}
