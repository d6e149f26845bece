//! Partition keys that have a parent's id: `CUSTOMER#{parent}`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use waybill::aws::Item;
use waybill::value::time::parse_date;

use super::{Key, text};

/// What divides the segments of a key.
pub(super) const SEPARATOR: char = '#';
/// More different first segments than this are ids, and not names of types.
pub(super) const MOST_TYPES: usize = 12;

/// A partition key: literal text, the parent's id, and maybe a month or a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Literal(String),
    Parent,
    Month,
    Day,
}

impl Template {
    /// The template of most of these keys, each of which has the parent's id in its one segment that varies.
    pub(super) fn of_keys(values: &[String]) -> Option<Self> {
        let mut by_form: BTreeMap<(usize, &str), Vec<Vec<&str>>> = BTreeMap::new();
        let segments = |value: &'_ String| value.split(SEPARATOR).count();
        let firsts: BTreeSet<&str> = values
            .iter()
            .filter(|value| segments(value) > 1)
            .map(|value| first(value))
            .collect();
        for value in values {
            let named = match segments(value) > 1 && firsts.len() <= MOST_TYPES {
                true => first(value),
                false => "",
            };
            by_form
                .entry((segments(value), named))
                .or_default()
                .push(value.split(SEPARATOR).collect());
        }
        let of_most = by_form.into_values().max_by_key(Vec::len)?;
        Self::of_segments(&of_most)
    }

    fn of_segments(values: &[Vec<&str>]) -> Option<Self> {
        let count = values.first()?.len();
        let of_place =
            |place: usize| -> BTreeSet<&str> { values.iter().map(|value| value[place]).collect() };
        let pieces = (0..count).map(|place| period(&of_place(place)));
        let periods: Vec<Option<Piece>> = pieces.collect();
        let varying: Vec<usize> = (0..count)
            .filter(|place| periods[*place].is_none() && of_place(*place).len() > 1)
            .collect();
        let parent = match varying[..] {
            [only] => only,
            // Of one parent alone, its id is at the end.
            [] => (0..count).rfind(|place| periods[*place].is_none())?,
            _ => return None,
        };
        let mut pieces = Vec::new();
        for (place, period) in periods.into_iter().enumerate() {
            if place > 0 {
                pieces.push(Piece::Literal(SEPARATOR.to_string()));
            }
            let of_place = of_place(place);
            match (period, of_place.first()) {
                (Some(period), _) => pieces.push(period),
                (None, Some(one)) if place == parent => {
                    pieces.extend(
                        label(&of_place, first(values[0][0]))
                            .map(|of| Piece::Literal(of.to_owned())),
                    );
                    let _ = one;
                    pieces.push(Piece::Parent);
                }
                (None, one) => {
                    pieces.push(Piece::Literal(one.copied().unwrap_or_default().to_owned()))
                }
            }
        }
        Some(Self::joined(pieces))
    }

    /// The template of an index's or the table's keys in which this attribute's values are.
    pub(super) fn with_ids(items: &[Item], key: &Key, parent: &str) -> Option<Self> {
        let pairs = items.iter().filter_map(|item| {
            Some((
                item.get(&key.partition).and_then(text)?,
                item.get(parent).and_then(text)?,
            ))
        });
        let mut counts = BTreeMap::<Self, usize>::new();
        for (value, id) in pairs {
            if let Some(template) = Self::with_id(&value, &id) {
                *counts.entry(template).or_default() += 1;
            }
        }
        let (template, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        Some(template)
    }

    fn with_id(value: &str, id: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut is_there = false;
        for (place, segment) in value.split(SEPARATOR).enumerate() {
            if place > 0 {
                pieces.push(Piece::Literal(SEPARATOR.to_string()));
            }
            let label = segment.strip_suffix(id).filter(|label| {
                label.is_empty() || label.ends_with(|c: char| !c.is_alphanumeric())
            });
            match (label, period(&BTreeSet::from([segment]))) {
                (Some(label), _) if !is_there => {
                    is_there = true;
                    pieces.extend([Piece::Literal(label.to_owned()), Piece::Parent]);
                }
                (_, Some(period)) => pieces.push(period),
                _ => pieces.push(Piece::Literal(segment.to_owned())),
            }
        }
        is_there.then(|| Self::joined(pieces))
    }

    /// Adjacent literals as one.
    fn joined(pieces: Vec<Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&text),
                (_, Piece::Literal(text)) if text.is_empty() => {}
                (_, piece) => joined.push(piece),
            }
        }
        Self(joined)
    }

    /// The literal text before the parent's id.
    pub(super) fn before_parent(&self) -> Option<&str> {
        let pieces = self.0.iter();
        match pieces.take_while(|piece| **piece != Piece::Parent).last() {
            Some(Piece::Literal(text)) => Some(text),
            _ => None,
        }
    }

    /// The parent's id in a key.
    pub(super) fn id<'v>(&self, value: &'v str) -> Option<&'v str> {
        self.read(value).map(|(id, _)| id)
    }

    /// The first day of the month or day in a key.
    pub(super) fn day(&self, value: &str) -> Option<Date> {
        let (_, period) = self.read(value)?;
        let period = period?;
        parse_date(period).or_else(|| parse_date(&format!("{period}-01")))
    }

    /// The parent's id in a key, and the month or the day.
    fn read<'v>(&self, value: &'v str) -> Option<(&'v str, Option<&'v str>)> {
        let (mut rest, mut id, mut day) = (value, None, None);
        for (place, piece) in self.0.iter().enumerate() {
            let length = match piece {
                Piece::Literal(text) => {
                    rest = rest.strip_prefix(text.as_str())?;
                    continue;
                }
                Piece::Month => "2026-11".len(),
                Piece::Day => "2026-11-21".len(),
                Piece::Parent => match self.0.get(place + 1) {
                    Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                    _ => rest.len(),
                },
            };
            let (found, after) = rest.split_at_checked(length)?;
            match piece {
                Piece::Parent => id = Some(found),
                _ => {
                    day = Some(found)
                        .filter(|text| period(&BTreeSet::from([*text])).is_some())
                        .map(Some)?
                }
            }
            rest = after;
        }
        let is_segment =
            |id: &&str| !id.is_empty() && (self.0.len() == 1 || !id.contains(SEPARATOR));
        rest.is_empty().then_some((id.filter(is_segment)?, day))
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Literal(text) => f.write_str(text),
            Piece::Parent => f.write_str("{parent}"),
            Piece::Month => f.write_str("{month}"),
            Piece::Day => f.write_str("{day}"),
        })
    }
}

fn first(value: &str) -> &str {
    value.split(SEPARATOR).next().unwrap_or_default()
}

/// A month or a day, if all these are.
fn period(values: &BTreeSet<&str>) -> Option<Piece> {
    let all = |is: fn(&str) -> bool| !values.is_empty() && values.iter().all(|text| is(text));
    let is_day = |text: &str| parse_date(text).is_some();
    let is_month =
        |text: &str| text.len() == "2026-11".len() && parse_date(&format!("{text}-01")).is_some();
    match (all(is_month), all(is_day)) {
        (true, _) => Some(Piece::Month),
        (_, true) => Some(Piece::Day),
        _ => None,
    }
}

/// The name before the ids, where the library that writes the keys puts one: ElectroDB's `$shop#customer_7`.
fn label<'v>(values: &BTreeSet<&'v str>, first: &str) -> Option<&'v str> {
    let one = values.first().filter(|_| first.starts_with('$'))?;
    let label = &one[..=one.find('_')?];
    values
        .iter()
        .all(|value| value.starts_with(label))
        .then_some(label)
}
