//! Finds where a parent's items are together: the table, or an index.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use waybill::aws::Item;
use waybill::value::time::parse_date;

use super::sort_key;
use super::{Key, Table, text};

/// What divides the segments of a key.
const SEPARATOR: char = '#';
/// More different first segments than this are ids, and not names of types.
const MOST_TYPES: usize = 12;

/// Where a parent's items are.
#[derive(Debug)]
pub(super) struct Partition {
    /// The key of the table or the index; of the table where `template` is `None`.
    pub(super) key: Key,
    /// `None` where a parent's items are nowhere together, so that the whole table is read.
    template: Option<Template>,
    /// The attribute with the parent's id, or a partition key that has it.
    parent: String,
}

/// A partition key: literal text, the parent's id, and maybe a month or a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Literal(String),
    Parent,
    Month,
    Day,
}

impl Partition {
    /// Where the items of a parent are, whose id is in this attribute.
    ///
    /// # Errors
    /// When no item has the attribute, or a key with it says more than the parent.
    pub(super) fn find(table: &Table, parent: &str) -> Result<Self, String> {
        let having = table
            .items
            .iter()
            .filter(|item| item.contains_key(parent))
            .count();
        if having == 0 {
            let names: BTreeSet<&str> = table
                .items
                .iter()
                .flat_map(Item::keys)
                .map(String::as_str)
                .collect();
            let names: Vec<&str> = names.into_iter().collect();
            return Err(format!(
                "no item that was looked at has the attribute {parent}; the attributes are {}",
                names.join(", ")
            ));
        }
        let is_key = table.keys.iter().any(|key| key.partition == parent);
        let found = table
            .keys
            .iter()
            .filter(|key| !is_key || key.partition == parent)
            .filter_map(|key| {
                let template = match is_key {
                    true => Template::of_keys(&values(&table.items, parent)),
                    false => Template::with_ids(&table.items, key, parent),
                }?;
                Some(Self {
                    key: key.clone(),
                    template: Some(template),
                    parent: parent.to_owned(),
                })
            });
        // Of several, that of the most items; then one with times in its keys, of which a range can be read; then one that has
        // all, or is the table itself.
        let tenths = |of: &Self| of.items(table).count() * 10 / having;
        let best = found
            .filter(|of| is_key || tenths(of) > 0)
            .max_by_key(|of| {
                let has_time = sort_key::has_time(&of.sort_values(table));
                (tenths(of), has_time, of.key.has_all, of.key.index.is_none())
            });
        match (best, table.keys.first()) {
            (Some(found), _) => Ok(found),
            (None, _) if is_key => Err(format!(
                "the key {parent} has more than one part that varies, so that it does not say which is the parent's id: give the \
                 attribute with the id as --parent"
            )),
            (None, Some(key)) => Ok(Self {
                key: key.clone(),
                template: None,
                parent: parent.to_owned(),
            }),
            (None, None) => Err("the table's key is not known".to_owned()),
        }
    }

    /// The items that are in a parent's partition.
    pub(super) fn items<'t>(&self, table: &'t Table) -> impl Iterator<Item = &'t Item> {
        table.items.iter().filter(|item| {
            let is_sorted = self
                .key
                .sort
                .as_ref()
                .is_none_or(|sort| item.contains_key(sort));
            is_sorted && self.id(item).is_some()
        })
    }

    /// The parent's id in an item.
    pub(super) fn id(&self, item: &Item) -> Option<String> {
        let Some(template) = &self.template else {
            return item.get(&self.parent).and_then(text);
        };
        let value = item.get(&self.key.partition).and_then(text)?;
        template.id(&value).map(str::to_owned)
    }

    /// The values of the sort key.
    pub(super) fn sort_values(&self, table: &Table) -> Vec<String> {
        let Some(sort) = &self.key.sort else {
            return Vec::new();
        };
        self.items(table)
            .filter_map(|item| item.get(sort).and_then(text))
            .collect()
    }

    /// What the parents seem to be called, where only a key has their ids: `customer` for `CUSTOMER#7`.
    pub(super) fn kind(&self) -> Option<String> {
        let template = self
            .template
            .as_ref()
            .filter(|_| self.parent == self.key.partition)?;
        let before = template
            .0
            .iter()
            .take_while(|piece| **piece != Piece::Parent)
            .last();
        let Some(Piece::Literal(text)) = before else {
            return None;
        };
        let mut words = text.split(|c: char| !c.is_alphabetic());
        let last = words.rfind(|word| word.len() > 1)?;
        Some(last.to_lowercase())
    }

    /// Whether the whole table is read.
    pub(super) fn is_scan(&self) -> bool {
        self.template.is_none()
    }

    /// The keys of `records` that say where the items are.
    pub(super) fn entry(&self, table: &Table) -> Vec<(&'static str, toml::Value)> {
        let mut entry = Vec::new();
        let mut say = |key, value: toml::Value| entry.push((key, value));
        match &self.template {
            None => {
                let parent = [("parent".to_owned(), self.parent.clone().into())];
                say("scan", toml::Value::Table(parent.into_iter().collect()));
            }
            Some(template) => {
                if let Some(index) = &self.key.index {
                    say("index", index.clone().into());
                }
                say("partition", template.to_string().into());
                if let Some(since) = self.since(table) {
                    say("since", since.to_string().into());
                }
            }
        }
        say("partition_key", self.key.partition.clone().into());
        if self.template.is_some() && self.key.is_number {
            say("partition_type", "number".into());
        }
        entry
    }

    /// What to look at.
    pub(super) fn notes(&self, table: &Table) -> Vec<String> {
        let mut notes = Vec::new();
        match (&self.template, &self.key.index) {
            (None, _) => notes.push(format!(
                "no table or index has a parent's items together, so that each export reads the whole table, and pays for it: \
                 an index with {} as its partition key, and a time as its sort key, would make that one query",
                self.parent
            )),
            (Some(_), Some(index)) => notes.push(match self.key.has_all {
                true => format!("read from the index {index}, whose answers can be some seconds old"),
                false => format!("the index {index} has only some attributes: what it lacks is read as absent"),
            }),
            (Some(_), None) => {}
        }
        if let Some(since) = self.since(table) {
            notes.push(format!("{since} is the earliest of the items that were looked at: say since when there are records"));
        }
        let others = self.others(table);
        if !others.is_empty() {
            notes.push(format!(
                "other keys of {} are of other items: {}",
                self.key.partition,
                others.join(", ")
            ));
        }
        notes
    }

    /// Forms of partition keys that are not a parent's, by their beginnings.
    fn others(&self, table: &Table) -> Vec<String> {
        let others = table.items.iter().filter(|item| self.id(item).is_none());
        let values = others.filter_map(|item| item.get(&self.key.partition).and_then(text));
        let beginnings = values
            .filter_map(|value| Some(format!("{}{SEPARATOR}…", value.split_once(SEPARATOR)?.0)));
        let beginnings: BTreeSet<String> = beginnings.collect();
        match beginnings.len() <= MOST_TYPES {
            true => beginnings.into_iter().collect(),
            false => Vec::new(),
        }
    }

    /// The first day of the earliest month or day, where each has a partition.
    fn since(&self, table: &Table) -> Option<Date> {
        let template = self.template.as_ref()?;
        let values = table
            .items
            .iter()
            .filter_map(|item| item.get(&self.key.partition).and_then(text));
        values.filter_map(|value| template.day(&value)).min()
    }
}

impl Template {
    /// The template of most of these keys, each of which has the parent's id in its one segment that varies.
    fn of_keys(values: &[String]) -> Option<Self> {
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
    fn with_ids(items: &[Item], key: &Key, parent: &str) -> Option<Self> {
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

    fn id<'v>(&self, value: &'v str) -> Option<&'v str> {
        self.read(value).map(|(id, _)| id)
    }

    fn day(&self, value: &str) -> Option<Date> {
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

fn values(items: &[Item], name: &str) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| item.get(name).and_then(text))
        .collect()
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
