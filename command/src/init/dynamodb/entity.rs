//! Tells the items of a type from others in the same table.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use waybill::aws::Item;

use super::super::guess::word;
use super::partition::Partition;
use super::sort_key;
use super::{Fixed, Table, text};

/// Names of attributes with which tables name the type of an item, in small letters without `_`: those of the libraries
/// Amplify, ElectroDB, TypeDORM and DynamoDB-Toolbox first.
const NAMES: [&str; 13] = [
    "typename",
    "edbe",
    "en",
    "et",
    "entity",
    "entitytype",
    "type",
    "itemtype",
    "recordtype",
    "objecttype",
    "datatype",
    "model",
    "kind",
];
/// The first of [`NAMES`] always name the type; the others can also be a column, such as the type of a ticket.
const ALWAYS: usize = 6;
/// More different values than this name no types.
const MOST_TYPES: usize = 40;

/// What the items of a type have.
#[derive(Debug)]
pub(super) struct Entity {
    /// What the items are called, such as `orders`.
    pub(super) name: Option<String>,
    /// The values of `fixed`.
    pub(super) fixed: Vec<(String, toml::Value)>,
    /// `None` where the key has no sort key.
    pub(super) sort_format: Option<String>,
    sort: Option<String>,
    /// What to look at.
    pub(super) notes: Vec<String>,
}

impl Entity {
    /// The type with these values; without any, that of most items.
    pub(super) fn find(table: &Table, partition: &Partition, fixed: &[Fixed]) -> Self {
        let items: Vec<&Item> = partition.items(table).collect();
        let mut entity = Self {
            name: None,
            fixed: Vec::new(),
            sort_format: None,
            sort: partition.key.sort.clone(),
            notes: Vec::new(),
        };
        for of in fixed {
            entity.name = Some(plural(&of.value));
            let item = items.iter().find(|item| of.is_of(item));
            let value = item.and_then(|item| item.get(&of.name)).and_then(constant);
            entity
                .fixed
                .extend(value.map(|value| (of.name.clone(), value)));
        }
        if fixed.is_empty() {
            entity.choose(&items);
        }
        let items: Vec<&Item> = items
            .into_iter()
            .filter(|item| entity.is_of(item))
            .collect();
        entity.sort(&items);
        entity
    }

    /// Whether an item is of the type.
    pub(super) fn is_of(&self, item: &Item) -> bool {
        let is_fixed = self
            .fixed
            .iter()
            .all(|(name, value)| item.get(name).and_then(constant).as_ref() == Some(value));
        let has_key = || match (&self.sort, &self.sort_format) {
            (Some(sort), Some(format)) => match item.get(sort) {
                Some(AttributeValue::S(key)) => sort_key::fits(format, key),
                _ => true,
            },
            _ => true,
        };
        is_fixed && has_key()
    }

    /// Chooses the type of most items, where an attribute names types.
    fn choose(&mut self, items: &[&Item]) {
        let Some(name) = discriminator(items, self.sort.as_deref()) else {
            return;
        };
        let counts = counts(items, &name);
        let Some((chosen, _)) = counts.iter().max_by_key(|(_, count)| **count) else {
            return;
        };
        let chosen = chosen.clone();
        let value = items
            .iter()
            .filter_map(|item| item.get(&name))
            .find(|value| text(value).as_ref() == Some(&chosen));
        self.fixed
            .extend(value.and_then(constant).map(|value| (name.clone(), value)));
        self.name = Some(plural(&chosen));
        let others: Vec<String> = counts
            .keys()
            .filter(|value| **value != chosen)
            .map(|value| format!("--fixed {name}={value}"))
            .collect();
        if !others.is_empty() {
            self.notes.push(format!(
                "items with {name} = {chosen:?}, which are the most; an entry of others: {}",
                others.join(", ")
            ));
        }
    }

    /// Finds the format of most sort keys, and says which others there are.
    fn sort(&mut self, items: &[&Item]) {
        let Some(sort) = &self.sort else {
            return;
        };
        let keys: Vec<String> = items
            .iter()
            .filter_map(|item| item.get(sort).and_then(text))
            .collect();
        if items
            .iter()
            .any(|item| matches!(item.get(sort), Some(AttributeValue::N(_))))
        {
            self.sort_format = Some(sort_key::of_numbers(&keys).to_owned());
            return;
        }
        let mut forms = sort_key::forms(&keys).into_iter();
        let Some(most) = forms.next() else {
            self.sort_format = Some("{*}".to_owned());
            return;
        };
        let others: Vec<String> = forms
            .map(|form| format!("{} ({})", form.format, form.count))
            .collect();
        if !others.is_empty() {
            self.notes.push(format!(
                "{} sort keys that were looked at are {}, and others {}: an entry is of one format",
                most.count,
                most.format,
                others.join(", ")
            ));
        }
        if self.name.is_none() {
            let named = most
                .format
                .split(|c: char| !c.is_alphabetic())
                .next()
                .filter(|name| name.len() > 2);
            let is_literal = named.is_some_and(|name| most.format.starts_with(name));
            self.name = named.filter(|_| is_literal).map(plural);
        }
        self.sort_format = Some(most.format);
    }
}

/// The types of items in a table with this sort key, as `--fixed` chooses one, with their numbers; empty where no attribute names
/// types.
pub(super) fn types(items: &[&Item], sort: Option<&str>) -> Vec<String> {
    let Some(name) = discriminator(items, sort) else {
        return Vec::new();
    };
    let mut counts: Vec<(String, usize)> = counts(items, &name).into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let types = counts.into_iter();
    types
        .map(|(value, count)| format!("{name}={value} ({count})"))
        .collect()
}

/// How many items have each value of an attribute.
fn counts(items: &[&Item], name: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for value in items
        .iter()
        .filter_map(|item| item.get(name).and_then(text))
    {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

/// The attribute that names the type of an item, in a table with this sort key.
fn discriminator(items: &[&Item], sort: Option<&str>) -> Option<String> {
    let names: BTreeSet<&String> = items.iter().flat_map(|item| item.keys()).collect();
    let rank = |name: &str| {
        let plain: String = name
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase();
        NAMES.iter().position(|known| *known == plain)
    };
    let mut ranked: Vec<(usize, &String)> = names
        .into_iter()
        .filter_map(|name| Some((rank(name)?, name)))
        .collect();
    ranked.sort();
    let found = ranked.into_iter().find(|(rank, name)| {
        let values: BTreeSet<String> = items
            .iter()
            .filter_map(|item| item.get(*name).and_then(text))
            .collect();
        let is_of_all = items.iter().all(|item| item.contains_key(*name));
        let names_types = (1..=MOST_TYPES).contains(&values.len()) && is_of_all;
        let is_library = name.starts_with('_') || *rank < ALWAYS;
        names_types && (is_library || values.len() > 1 && differ(items, name, sort))
    });
    found.map(|(_, name)| name.clone())
}

/// Whether items with different values have keys of different beginnings, or other attributes.
fn differ(items: &[&Item], name: &str, sort: Option<&str>) -> bool {
    let mut of_values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in items {
        let Some(value) = item.get(name).and_then(text) else {
            continue;
        };
        let key = sort.and_then(|sort| item.get(sort)).and_then(text);
        let key = key.unwrap_or_default();
        let beginning: String = key.chars().take_while(|c| c.is_alphabetic()).collect();
        let attributes: BTreeSet<&str> = item.keys().map(String::as_str).collect();
        let attributes: Vec<&str> = attributes.into_iter().collect();
        of_values
            .entry(value)
            .or_default()
            .insert(format!("{beginning} {}", attributes.join(" ")));
    }
    let forms: Vec<&BTreeSet<String>> = of_values.values().collect();
    forms
        .iter()
        .enumerate()
        .all(|(n, of)| forms[n + 1..].iter().all(|other| of.is_disjoint(other)))
}

fn constant(value: &AttributeValue) -> Option<toml::Value> {
    match value {
        AttributeValue::S(text) => Some(text.clone().into()),
        AttributeValue::N(number) => number.parse::<i64>().ok().map(Into::into),
        AttributeValue::Bool(flag) => Some((*flag).into()),
        _ => None,
    }
}

/// The name of a type for items that are called so: `orders` for `Order`.
fn plural(name: &str) -> String {
    let name = word(name);
    match name.ends_with('s') {
        true => name,
        false => format!("{name}s"),
    }
}
