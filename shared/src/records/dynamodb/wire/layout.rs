//! The layout of a row: which values of a record are read, and their positions in the row.

use super::parser::ValueSpan;
use crate::catalog::{Origin, Others, Path};

/// The layout of a row, compiled from the columns of an export: a tree of attribute names whose nodes lead to places,
/// the positions of values in a row.
#[derive(Debug)]
pub(in crate::records::dynamodb) struct Layout {
    pub(super) nodes: Vec<Node>,
    /// How many places a row has.
    pub(super) places: usize,
    pub(super) sources: Vec<Source>,
    /// The attributes of a record's key and their places.
    pub(super) keys: Vec<(String, usize)>,
    /// The place of the sort key, if there is one.
    pub(super) sort_key: Option<usize>,
    /// The place of the whole record, if a column needs it ([`Source::Others`]).
    pub(super) whole: Option<usize>,
    /// For each column with several paths: their places. Where a record has values at more than one of them, the column
    /// shows one, and the rest belong to the column of other values.
    pub(super) choices: Vec<Vec<(usize, Path)>>,
}

/// The relevant names at one level of a record.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) names: Vec<(String, Meaning)>,
}

/// What to do with the value under a name.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Meaning {
    /// The place of the value, if it is read.
    pub(super) place: Option<usize>,
    /// The node of the names inside the value, if it is a map.
    pub(super) node: Option<usize>,
    /// Whether a column has the value, or the value belongs to the key.
    pub(super) is_known: bool,
}

/// The source of a column's value.
#[derive(Debug)]
pub(super) enum Source {
    /// The first of these places with a value; without one, this text.
    Places(Vec<usize>, Option<String>),
    /// The values that no other column has, from the record at this place.
    Others(usize, Others),
}

impl Layout {
    /// The layout of the values of `origins`, in order, and of the key's attributes, of which one is the sort key.
    pub(in crate::records::dynamodb) fn new(
        origins: &[Origin],
        key_names: &[String],
        sort_key: Option<&str>,
    ) -> Self {
        let mut layout = Self {
            nodes: vec![Node::default()],
            places: 0,
            sources: Vec::new(),
            keys: Vec::new(),
            sort_key: None,
            whole: None,
            choices: Vec::new(),
        };
        for name in key_names {
            let place = layout.place(std::slice::from_ref(name));
            layout.keys.push((name.clone(), place));
            if sort_key == Some(name) {
                layout.sort_key = Some(place);
            }
        }
        for origin in origins {
            let source = match origin {
                Origin::Paths { paths, otherwise } => {
                    let places = paths.iter().map(|path| layout.place(path.names()));
                    let places: Vec<_> = places.collect();
                    if places.len() > 1 {
                        let choices = places.iter().copied().zip(paths.iter().cloned());
                        layout.choices.push(choices.collect());
                    }
                    Source::Places(places, otherwise.clone())
                }
                Origin::Others(others) => Source::Others(layout.whole(others), others.clone()),
            };
            layout.sources.push(source);
        }
        layout
    }

    /// The names of the key's attributes.
    pub(in crate::records::dynamodb) fn key_names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a record has several values for one column.
    #[inline]
    pub(super) fn has_several(&self, values: &[ValueSpan]) -> bool {
        let is_several = |choices: &Vec<(usize, Path)>| {
            let filled = choices
                .iter()
                .filter(|(place, _)| values[*place].is_filled());
            filled.count() > 1
        };
        self.whole.is_some() && self.choices.iter().any(is_several)
    }

    fn place(&mut self, names: &[String]) -> usize {
        let next = self.places;
        let meaning = self.meaning(names);
        let place = *meaning.place.get_or_insert(next);
        self.places = self.places.max(place + 1);
        place
    }

    fn whole(&mut self, others: &Others) -> usize {
        for known in &others.known {
            self.meaning(known.names()).is_known = true;
        }
        for map in &others.maps {
            let path = Path::new(map.clone(), []);
            self.node(path.names());
        }
        let place = *self.whole.get_or_insert(self.places);
        self.places = self.places.max(place + 1);
        place
    }

    fn meaning(&mut self, names: &[String]) -> &mut Meaning {
        let Some((name, outer)) = names.split_last() else {
            unreachable!("a path has at least one name");
        };
        let node = self.node(outer);
        let names = &mut self.nodes[node].names;
        let place = names.iter().position(|(known, _)| known == name);
        let place = place.unwrap_or_else(|| {
            names.push((name.clone(), Meaning::default()));
            names.len() - 1
        });
        &mut names[place].1
    }

    /// The node below these names, from the root (0).
    fn node(&mut self, names: &[String]) -> usize {
        if names.is_empty() {
            return 0;
        }
        let next = self.nodes.len();
        let node = *self.meaning(names).node.get_or_insert(next);
        if node == next {
            self.nodes.push(Node::default());
        }
        node
    }
}

impl Node {
    pub(super) fn meaning(&self, name: &str) -> Meaning {
        let found = self.names.iter().find(|(known, _)| known == name);
        found.map(|(_, meaning)| *meaning).unwrap_or_default()
    }
}
