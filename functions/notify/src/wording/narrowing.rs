//! What an export contains, in words: its type, and the filters and the search that narrow it, as the page says it
//! (`functions/api/page/selection.js`).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value};
use waybill::catalog::{Column, ExportType, words};
use waybill::export::Export;

use super::Wording;

/// The filter on the time of creation, and the one on attributes of any name.
const CREATED_AT: &str = "created_at";
const ATTRIBUTES: &str = "attributes";

/// `All Orders`, or `Orders: Status: delivered · containing “ana”`. Without a type in the catalog, columns are called what
/// their keys are.
pub(crate) fn contents(
    export: &Export,
    of: Option<&ExportType>,
    label: &str,
    wording: &Wording,
) -> String {
    let of = of.map(|of| of.with_definitions(&export.definitions, export.parent.id()));
    let filters = Filters {
        columns: of.as_ref().map_or(&[], |of| &of.columns),
        zone: TimeZone::get(&export.time_zone).unwrap_or(TimeZone::UTC),
        wording,
    };
    let mut parts: Vec<String> = export.filters.as_object().map_or_else(Vec::new, |by_name| {
        let mut by_name: Vec<_> = by_name.iter().collect();
        // In the order of the catalog, as on the page.
        let place = |name: &str| {
            of.as_ref()
                .and_then(|of| of.filters.iter().position(|known| known == name))
        };
        by_name.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
        let words = by_name.into_iter();
        words
            .map(|(name, value)| filters.filter(name, value))
            .collect()
    });
    if let Some(search) = &export.search {
        parts.push(wording.text("what.search", &[("search", search)]).plain());
    }
    if parts.is_empty() {
        return wording.text("what.all", &[("label", label)]).plain();
    }
    let narrowed = parts.join(" · ");
    let label = wording.text("what.matching", &[("label", label)]).plain();
    format!("{label}: {narrowed}")
}

struct Filters<'a> {
    columns: &'a [Column],
    zone: TimeZone,
    wording: &'a Wording,
}

impl Filters<'_> {
    /// One filter.
    fn filter(&self, name: &str, value: &Value) -> String {
        let column = self.columns.iter().find(|column| column.key == name);
        let label = match column {
            Some(column) => column.heading(),
            None if name == CREATED_AT => self.wording.text("list.created", &[]).plain(),
            None => words(name),
        };
        match value {
            Value::Array(values) => self.say(
                "what.one-of",
                &label,
                &[("values", &self.any(column, values))],
            ),
            Value::Object(attributes) if name == ATTRIBUTES => self.attributes(attributes),
            Value::Object(conditions) => self.conditions(&label, column, conditions),
            other => self.say("what.one-of", &label, &[("values", &plain(other))]),
        }
    }

    fn say(&self, key: &str, name: &str, values: &[(&str, &str)]) -> String {
        let values: Vec<_> = [("name", name)].iter().chain(values).copied().collect();
        self.wording.text(key, &values).plain()
    }

    /// Values of which one is meant, each as people see it.
    fn any(&self, column: Option<&Column>, values: &[Value]) -> String {
        let shown = |value: &Value| {
            let value = plain(value);
            let label = column.and_then(|column| column.labels.get(&value));
            label.cloned().unwrap_or(value)
        };
        let shown: Vec<String> = values.iter().map(shown).collect();
        self.wording.any_of(&shown)
    }

    fn attributes(&self, attributes: &Map<String, Value>) -> String {
        let each = attributes.iter().map(|(name, value)| match value {
            Value::Array(values) => self.say(
                "what.attribute",
                name,
                &[("values", &self.any(None, values))],
            ),
            _ => self.say("what.has", name, &[]),
        });
        self.listed(each.collect())
    }

    fn conditions(&self, name: &str, column: Option<&Column>, of: &Map<String, Value>) -> String {
        let mut parts = Vec::new();
        for (condition, value) in of {
            let text = plain(value);
            match (condition.as_str(), value) {
                ("not", Value::Array(values)) => {
                    let values = self.any(column, values);
                    parts.push(self.say("what.not", name, &[("values", &values)]));
                }
                ("empty", Value::Bool(true)) => parts.push(self.say("what.empty", name, &[])),
                ("empty", _) => parts.push(self.say("what.filled", name, &[])),
                ("contains", _) => parts.push(self.say("what.contains", name, &[("text", &text)])),
                ("starts_with", _) => {
                    parts.push(self.say("what.starts-with", name, &[("text", &text)]));
                }
                ("min", _) => parts.push(self.say("what.min", name, &[("min", &text)])),
                ("max", _) => parts.push(self.say("what.max", name, &[("max", &text)])),
                _ => {}
            }
        }
        let bound = |name: &str| of.get(name).and_then(Value::as_str);
        parts.extend(self.range(name, bound("from"), bound("to")));
        self.listed(parts)
    }

    /// A range of times. `to` is exclusive; of days, the last one is said, inclusive.
    fn range(&self, name: &str, from: Option<&str>, to: Option<&str>) -> Option<String> {
        let (from, to) = (
            from.map(|bound| self.bound(bound)),
            to.map(|bound| self.bound(bound)),
        );
        let said = |bound: &Bound| match bound {
            Bound::Day(day) => self.wording.day(*day),
            Bound::Instant(at) => self.wording.time(*at, &self.zone),
            Bound::Other(text) => text.clone(),
        };
        let begin = from.as_ref().map(said);
        let is_day = matches!(to, Some(Bound::Day(_)));
        let end = to.map(|bound| match bound {
            Bound::Day(day) => Bound::Day(day.saturating_sub(1.day())),
            other => other,
        });
        let end = end.as_ref().map(said);
        Some(match (begin, end) {
            (None, None) => return None,
            (Some(begin), Some(end)) if begin == end => {
                self.say("what.on", name, &[("from", &begin)])
            }
            (Some(begin), Some(end)) => {
                self.say("what.between", name, &[("from", &begin), ("to", &end)])
            }
            (Some(begin), None) => self.say("what.from", name, &[("from", &begin)]),
            (None, Some(end)) if is_day => self.say("what.until", name, &[("to", &end)]),
            (None, Some(end)) => self.say("what.before", name, &[("to", &end)]),
        })
    }

    /// A bound: a day, also where an instant is the start of one in the export's zone.
    fn bound(&self, text: &str) -> Bound {
        if let Ok(at) = text.parse::<Timestamp>() {
            let local = at.to_zoned(self.zone.clone());
            return match local.start_of_day() {
                Ok(start) if start == local => Bound::Day(local.date()),
                _ => Bound::Instant(at),
            };
        }
        text.parse()
            .map_or_else(|_| Bound::Other(text.to_owned()), Bound::Day)
    }

    fn listed(&self, parts: Vec<String>) -> String {
        parts.join(&self.wording.text("text.comma", &[]).plain())
    }
}

enum Bound {
    Day(Date),
    Instant(Timestamp),
    Other(String),
}

/// A value as text.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
