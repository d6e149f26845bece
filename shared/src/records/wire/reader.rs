//! The records of one answer, read in one pass over its bytes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::layout::{Layout, Meaning};
use super::scan::{Inside, Malformed, Scanner, unescape};
use super::spares::Spares;

/// A value, by where it is in the answer: in few bytes, since a page has tens of thousands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) form: Form,
    start: u32,
    end: u32,
}

impl Cell {
    /// The places are those of an answer, which is never longer than [`MOST_BYTES`].
    #[inline]
    fn new(form: Form, range: Range<usize>) -> Self {
        Self {
            form,
            start: range.start as u32,
            end: range.end as u32,
        }
    }

    /// Whether it has a value: neither nothing nor an empty text.
    #[inline]
    pub(super) fn is_filled(self) -> bool {
        match self.form {
            Form::Missing | Form::Null => false,
            Form::Text | Form::Unescaped => self.start < self.end,
            _ => true,
        }
    }

    #[inline]
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// An answer's bytes, at most: DynamoDB's are 1 MB of records, which JSON makes about three times as long at most.
pub(super) const MOST_BYTES: usize = u32::MAX as usize;

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
    pub(super) spares: Arc<Spares>,
    /// For each node of the layout.
    shapes: Vec<Shapes>,
}

/// What has been seen at one level of records.
#[derive(Debug)]
struct Shapes {
    /// The first is the place before the first attribute.
    known: Vec<Shape>,
    by_lead: HashMap<Vec<u8>, usize>,
}

/// An attribute as it is written.
#[derive(Debug, Clone, Default)]
struct Shape {
    /// What is between a text and this attribute's value: `"},"name":{"S":"`. The attribute itself begins at [`LEAD`].
    lead: Vec<u8>,
    /// How far before the value the brace of its type is.
    back: usize,
    kind: Kind,
    meaning: Meaning,
    /// What came after it, the latest first.
    next: [usize; 2],
}

#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    /// Between quotes.
    Text(Form),
    Bool,
    Null,
    Map,
    #[default]
    Other,
}

/// What ends a text and goes on to the next attribute.
const LEAD: &[u8] = b"\"},";

impl Kind {
    /// The form of a value between quotes.
    #[inline]
    fn text(self) -> Option<Form> {
        match self {
            Self::Text(form) => Some(form),
            _ => None,
        }
    }
}

/// A table may hold maps whose names are values. So many names are learned at a level; then it begins anew.
const MOST_SHAPES: usize = 1_000;

impl Shapes {
    fn new() -> Self {
        Self {
            known: vec![Shape::default()],
            by_lead: HashMap::new(),
        }
    }

    /// The shape that the next attribute has been seen in after `before`, if it begins so: `rest` begins at the end of a
    /// text, or at the name where so much of the lead is `passed`. Says also how long that is.
    #[inline]
    fn guess(&mut self, before: usize, rest: &[u8], passed: usize) -> Option<(usize, usize)> {
        let [first, second] = self.known[before].next;
        let length = |place: usize| {
            // Nothing is at 0, so that its lead is none.
            let lead = self.known[place].lead.get(passed..)?;
            (place > 0 && rest.starts_with(lead)).then_some(lead.len())
        };
        if let Some(length) = length(first) {
            return Some((first, length));
        }
        let length = length(second)?;
        self.known[before].next = [second, first];
        Some((second, length))
    }

    fn learn(&mut self, before: usize, shape: Shape) -> usize {
        let place = match self.by_lead.get(&shape.lead) {
            Some(place) => *place,
            None => {
                if self.known.len() > MOST_SHAPES {
                    *self = Self::new();
                }
                self.by_lead.insert(shape.lead.clone(), self.known.len());
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
    pub(in crate::records) fn new(layout: Arc<Layout>, spares: Arc<Spares>) -> Self {
        let shapes = layout.nodes.iter().map(|_| Shapes::new()).collect();
        Self {
            layout,
            spares,
            shapes,
        }
    }

    /// Reads the array of records at the scanner's place.
    pub(super) fn records(&mut self, scanner: &mut Scanner<'_>) -> Result<Cells, Malformed> {
        let mut cells = Cells {
            cells: self.spares.cells(),
            ..Cells::default()
        };
        let mut more = scanner.opens(b'[', b']')?;
        while more {
            let first = cells.cells.len();
            cells.cells.resize(first + self.layout.places, MISSING);
            scanner.peek()?;
            let start = scanner.at;
            let is_all_known = self.map(scanner, 0, &mut cells, first)?;
            let is_all_shown = is_all_known && !self.layout.has_several(&cells.cells[first..]);
            if let Some(place) = self.layout.whole.filter(|_| !is_all_shown) {
                cells.cells[first + place] = Cell::new(Form::Whole, start..scanner.at);
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
            let name = &scanner.bytes[scanner.at..];
            let guessed = self.shapes[node].guess(before, name, LEAD.len());
            let place = match guessed {
                Some((place, length)) => {
                    scanner.at += length;
                    place
                }
                None => {
                    let shape = self.shape(scanner, node)?;
                    self.shapes[node].learn(before, shape)
                }
            };
            let (last, are_known) = self.texts(scanner, (node, place), cells, first)?;
            is_all_known &= are_known;
            if self.shapes[node].known[last].kind.text().is_none() {
                is_all_known &= self.other(scanner, (node, last), cells, first)?;
            }
            scanner.expect(b'}')?;
            more = scanner.has_more(b'}')?;
            before = last;
        }
        Ok(is_all_known)
    }

    /// Reads texts for as long as they follow each other as they did in the record before, which is most of the time to
    /// its last one. Says what was come to: the shape of the last text, or of what is no text, whose value comes next.
    #[inline]
    fn texts(
        &mut self,
        scanner: &mut Scanner<'_>,
        (node, mut place): (usize, usize),
        cells: &mut Cells,
        first: usize,
    ) -> Result<(usize, bool), Malformed> {
        let shapes = &mut self.shapes[node];
        let mut are_known = true;
        while let shape = &shapes.known[place]
            && let Some(form) = shape.kind.text()
        {
            let inside = scanner.rest_of_string()?;
            are_known &= shape.meaning.is_known;
            if let Some(to) = shape.meaning.place {
                cells.cells[first + to] = match inside.is_escaped {
                    false => Cell::new(form, inside.start..inside.end),
                    true => unescaped(scanner, inside, &mut cells.unescaped)?,
                };
            }
            let rest = &scanner.bytes[inside.end..];
            let Some((next, length)) = shapes.guess(place, rest, 0) else {
                break;
            };
            scanner.at = inside.end + length;
            place = next;
        }
        Ok((place, are_known))
    }

    /// Reads a value that is no text. Says whether a column has it, or all that is in it.
    fn other(
        &mut self,
        scanner: &mut Scanner<'_>,
        (node, place): (usize, usize),
        cells: &mut Cells,
        first: usize,
    ) -> Result<bool, Malformed> {
        let shape = &self.shapes[node].known[place];
        let (kind, meaning) = (shape.kind, shape.meaning);
        let value = scanner.at;
        let start = value - shape.back;
        let mut is_known = meaning.is_known;
        let form = match (kind, meaning.node) {
            (Kind::Bool, _) => match scanner.token()? {
                b"true" => Form::True,
                b"false" => Form::False,
                _ => return Err(Malformed(value)),
            },
            (Kind::Map, Some(inner)) => {
                is_known |= self.map(scanner, inner, cells, first)?;
                Form::Nested
            }
            _ => {
                scanner.skip()?;
                if matches!(kind, Kind::Null) {
                    Form::Null
                } else {
                    Form::Nested
                }
            }
        };
        scanner.peek()?;
        if let Some(to) = meaning.place {
            // With the brace that closes it.
            cells.cells[first + to] = Cell::new(form, start..scanner.at + 1);
        }
        Ok(is_known)
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
        let brace = scanner.at - 1;
        let kind = scanner.string()?;
        let kind = match &scanner.bytes[kind.start..kind.end] {
            b"S" => Kind::Text(Form::Text),
            b"N" => Kind::Text(Form::Number),
            b"B" => Kind::Text(Form::Bytes),
            b"BOOL" => Kind::Bool,
            b"NULL" => Kind::Null,
            b"M" => Kind::Map,
            _ => Kind::Other,
        };
        scanner.expect(b':')?;
        if kind.text().is_some() {
            scanner.expect(b'"')?;
        }
        Ok(Shape {
            lead: [LEAD, &scanner.bytes[start..scanner.at]].concat(),
            back: scanner.at - brace,
            kind,
            meaning: self.layout.nodes[node].meaning(&name),
            next: [0, 0],
        })
    }
}

fn unescaped(scanner: &Scanner<'_>, inside: Inside, out: &mut String) -> Result<Cell, Malformed> {
    let text = std::str::from_utf8(&scanner.bytes[inside.start..inside.end]);
    let start = out.len();
    let done = text.ok().and_then(|text| unescape(text, out));
    done.ok_or(Malformed(inside.start))?;
    Ok(Cell::new(Form::Unescaped, start..out.len()))
}
