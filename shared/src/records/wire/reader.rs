//! The records of one answer, read in one pass over its bytes.

use std::collections::HashMap;
use std::sync::Arc;

use super::layout::{Layout, Meaning};
use super::scan::{Inside, Malformed, Scanner, unescape};

/// A value, by where it is in the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) form: Form,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// In which form a value is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Missing,
    Null,
    True,
    False,
    /// Its digits.
    Number,
    /// The text as it is.
    Text,
    /// The text in what was unescaped.
    Unescaped,
    /// Bytes in base64.
    Bytes,
    /// A list, a map or a set: `{"L":[…]}`.
    Nested,
    /// A whole record: `{"name":{"S":"…"}, …}`.
    Whole,
}

const MISSING: Cell = Cell {
    form: Form::Missing,
    start: 0,
    end: 0,
};

/// The records of an answer.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// Row by row.
    pub(super) cells: Vec<Cell>,
    pub(super) rows: usize,
    /// The texts that were escaped, one after the other.
    pub(super) unescaped: String,
}

/// Reads records, and learns how they look: most have the same attributes in the same order, so what comes before the
/// next value is compared with what came there in the record before, and only something else is looked at closely.
#[derive(Debug)]
pub(in crate::records) struct Reader {
    pub(super) layout: Arc<Layout>,
    /// For each node of the layout.
    shapes: Vec<Shapes>,
}

/// What has been seen at one level of records.
#[derive(Debug)]
struct Shapes {
    /// The first is the place before the first attribute.
    known: Vec<Shape>,
    by_prefix: HashMap<Vec<u8>, usize>,
}

/// An attribute as it is written.
#[derive(Debug, Clone, Default)]
struct Shape {
    /// From the opening quote of its name to before its value: `"name":{"S":"`.
    prefix: Vec<u8>,
    /// Where in it the brace of the type is.
    brace: usize,
    kind: Kind,
    meaning: Meaning,
    /// What came after it, the latest first.
    next: [usize; 2],
}

#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    Text,
    Number,
    Bytes,
    Bool,
    Null,
    Map,
    #[default]
    Other,
}

/// A table may hold maps whose names are values. So many names are learned at a level; then it begins anew.
const MOST_SHAPES: usize = 1_000;

impl Shapes {
    fn new() -> Self {
        Self {
            known: vec![Shape::default()],
            by_prefix: HashMap::new(),
        }
    }

    /// The shape that the next attribute has been seen in after `before`, if it begins so.
    #[inline]
    fn guess(&mut self, before: usize, rest: &[u8]) -> Option<usize> {
        let [first, second] = self.known[before].next;
        if first > 0 && rest.starts_with(&self.known[first].prefix) {
            return Some(first);
        }
        if second > 0 && rest.starts_with(&self.known[second].prefix) {
            self.known[before].next = [second, first];
            return Some(second);
        }
        None
    }

    fn learn(&mut self, before: usize, shape: Shape) -> usize {
        let place = match self.by_prefix.get(&shape.prefix) {
            Some(place) => *place,
            None => {
                if self.known.len() > MOST_SHAPES {
                    *self = Self::new();
                }
                self.by_prefix
                    .insert(shape.prefix.clone(), self.known.len());
                self.known.push(shape);
                self.known.len() - 1
            }
        };
        if let Some(before) = self.known.get_mut(before) {
            before.next = [place, before.next[0]];
        }
        place
    }
}

impl Reader {
    pub(in crate::records) fn new(layout: Arc<Layout>) -> Self {
        let shapes = layout.nodes.iter().map(|_| Shapes::new()).collect();
        Self { layout, shapes }
    }

    /// Reads the array of records at the scanner's place.
    pub(super) fn records(&mut self, scanner: &mut Scanner<'_>) -> Result<Cells, Malformed> {
        let mut cells = Cells::default();
        let mut more = scanner.opens(b'[', b']')?;
        while more {
            let first = cells.cells.len();
            cells.cells.resize(first + self.layout.places, MISSING);
            scanner.peek()?;
            let start = scanner.at;
            let is_all_known = self.map(scanner, 0, &mut cells, first)?;
            if let Some(place) = self.layout.whole.filter(|_| !is_all_known) {
                cells.cells[first + place] = Cell {
                    form: Form::Whole,
                    start,
                    end: scanner.at,
                };
            }
            cells.rows += 1;
            more = scanner.has_more(b']')?;
        }
        Ok(cells)
    }

    /// Reads the attributes of a record, or of a map in one. Says whether a column has each of them.
    fn map(
        &mut self,
        scanner: &mut Scanner<'_>,
        node: usize,
        cells: &mut Cells,
        first: usize,
    ) -> Result<bool, Malformed> {
        let mut is_all_known = true;
        let mut before = 0;
        let mut more = scanner.opens(b'{', b'}')?;
        while more {
            scanner.peek()?;
            let name = scanner.at;
            let guessed = self.shapes[node].guess(before, &scanner.bytes[name..]);
            let place = match guessed {
                Some(place) => {
                    scanner.at += self.shapes[node].known[place].prefix.len();
                    place
                }
                None => {
                    let shape = self.shape(scanner, node)?;
                    self.shapes[node].learn(before, shape)
                }
            };
            before = place;
            let shape = &self.shapes[node].known[place];
            let (kind, meaning, brace) = (shape.kind, shape.meaning, name + shape.brace);
            let value = scanner.at;
            let mut form = match kind {
                Kind::Text => Form::Text,
                Kind::Number => Form::Number,
                Kind::Bytes => Form::Bytes,
                Kind::Null => Form::Null,
                Kind::Bool | Kind::Map | Kind::Other => Form::Nested,
            };
            let (mut start, mut end) = (value, value);
            match (kind, meaning.node) {
                (Kind::Text | Kind::Number | Kind::Bytes, _) => {
                    let inside = scanner.rest_of_string()?;
                    (start, end) = (inside.start, inside.end);
                    if inside.is_escaped && meaning.place.is_some() {
                        (start, end) = unescaped(scanner, inside, &mut cells.unescaped)?;
                        form = Form::Unescaped;
                    }
                }
                (Kind::Bool, _) => {
                    form = match scanner.token()? {
                        b"true" => Form::True,
                        b"false" => Form::False,
                        _ => return Err(Malformed(value)),
                    };
                }
                (Kind::Map, Some(inner)) => {
                    is_all_known &= self.map(scanner, inner, cells, first)? || meaning.is_known;
                }
                _ => scanner.skip()?,
            }
            scanner.expect(b'}')?;
            if form == Form::Nested {
                (start, end) = (brace, scanner.at);
            }
            if let Some(place) = meaning.place {
                cells.cells[first + place] = Cell { form, start, end };
            }
            is_all_known &=
                meaning.is_known || (meaning.node.is_some() && matches!(kind, Kind::Map));
            more = scanner.has_more(b'}')?;
        }
        Ok(is_all_known)
    }

    /// Reads what comes before a value.
    fn shape(&self, scanner: &mut Scanner<'_>, node: usize) -> Result<Shape, Malformed> {
        let start = scanner.at;
        let text = |scanner: &Scanner<'_>, inside: Inside| {
            let text = std::str::from_utf8(&scanner.bytes[inside.start..inside.end]);
            let text = text.map_err(|_| Malformed(inside.start))?;
            let mut out = String::new();
            unescape(text, &mut out).ok_or(Malformed(inside.start))?;
            Ok(out)
        };
        let name = scanner.string()?;
        let name = text(scanner, name)?;
        scanner.expect(b':')?;
        scanner.expect(b'{')?;
        let brace = scanner.at - 1 - start;
        let kind = scanner.string()?;
        let kind = match &scanner.bytes[kind.start..kind.end] {
            b"S" => Kind::Text,
            b"N" => Kind::Number,
            b"B" => Kind::Bytes,
            b"BOOL" => Kind::Bool,
            b"NULL" => Kind::Null,
            b"M" => Kind::Map,
            _ => Kind::Other,
        };
        scanner.expect(b':')?;
        if matches!(kind, Kind::Text | Kind::Number | Kind::Bytes) {
            scanner.expect(b'"')?;
        }
        Ok(Shape {
            prefix: scanner.bytes[start..scanner.at].to_vec(),
            brace,
            kind,
            meaning: self.layout.nodes[node].meaning(&name),
            next: [0, 0],
        })
    }
}

fn unescaped(
    scanner: &Scanner<'_>,
    inside: Inside,
    out: &mut String,
) -> Result<(usize, usize), Malformed> {
    let text = std::str::from_utf8(&scanner.bytes[inside.start..inside.end]);
    let start = out.len();
    let done = text.ok().and_then(|text| unescape(text, out));
    done.ok_or(Malformed(inside.start))?;
    Ok((start, out.len()))
}
