//! Finds where a parent's items are together: the table, or an index.

use std::collections::BTreeSet;

use jiff::civil::Date;
use waybill::aws::Item;

use super::entity;
use super::sort_key;
use super::template::{MOST_TYPES, SEPARATOR, Template};
use super::{Key, Table, text};

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
            (None, _) if is_key => Err(varies(table, parent)),
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
        let mut words = template
            .before_parent()?
            .split(|c: char| !c.is_alphabetic());
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

/// Says that a key does not tell which of its parts is the parent's id.
fn varies(table: &Table, key: &str) -> String {
    let keys = &table.keys;
    let sort = keys.iter().find(|of| of.partition == key);
    let sort = sort.and_then(|of| of.sort.as_deref());
    let types = entity::types(&table.items.iter().collect::<Vec<_>>(), sort);
    let choose = match types.is_empty() {
        true => String::new(),
        false => format!(
            ", or choose a type of items with --fixed: {}",
            types.join(", ")
        ),
    };
    format!(
        "the key {key} has more than one part that varies, so that it does not say which is the parent's id: give the attribute with \
         the id as --parent{choose}"
    )
}

fn values(items: &[Item], name: &str) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| item.get(name).and_then(text))
        .collect()
}
