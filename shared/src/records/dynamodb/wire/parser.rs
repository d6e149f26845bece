//! Parses the records of an answer in one pass over its bytes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::buffer_pool::BufferPool;
use super::kind::{Kind, kind};
use super::layout::{Layout, Meaning};
use super::scan::{Inside, Malformed, Scanner, unescape};

/// A value as its form and range in the answer. Small, since a page has tens of thousands of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ValueSpan {
    pub(super) form: Form,
    start: u32,
    end: u32,
}

impl ValueSpan {
    /// `range` is within an answer, which is never longer than [`MAX_BYTES`].
    #[inline]
    fn new(form: Form, range: Range<usize>) -> Self {
        Self {
            form,
            start: range.start as u32,
            end: range.end as u32,
        }
    }

    /// Whether the value is other than null and an empty text.
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

/// The maximum length of an answer. DynamoDB's are 1 MB of records, which is about 3 MB of JSON at most.
pub(super) const MAX_BYTES: usize = u32::MAX as usize;

/// The form of a value in the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Missing,
    Null,
    True,
    False,
    /// A number's digits.
    Number,
    /// A text without escapes.
    Text,
    /// A text in [`ValueSpans::unescaped`].
    Unescaped,
    /// Binary, in base64.
    Bytes,
    /// A list, a map or a set: `{"L":[…]}`.
    Nested,
    /// A whole record: `{"name":{"S":"…"}, …}`.
    Whole,
}

const MISSING: ValueSpan = ValueSpan {
    form: Form::Missing,
    start: 0,
    end: 0,
};

/// The records of an answer.
#[derive(Debug, Default)]
pub(super) struct ValueSpans {
    /// The values, row by row.
    pub(super) spans: Vec<ValueSpan>,
    pub(super) rows: usize,
    /// The unescaped texts, one after the other.
    pub(super) unescaped: String,
}

/// Parses records, and learns their shape: most have the same attributes in the same order. So the bytes before the
/// next value are compared with those at the same position of the record before, and parsed only if they differ.
#[derive(Debug)]
pub(in crate::records::dynamodb) struct RecordsParser {
    pub(super) layout: Arc<Layout>,
    pub(super) buffers: Arc<BufferPool>,
    /// By node of the layout.
    shapes: Vec<Shapes>,
}

/// The shapes learned at one level of records.
#[derive(Debug)]
struct Shapes {
    /// The first stands for the position before the first attribute.
    known: Vec<Shape>,
    by_lead: HashMap<Vec<u8>, usize>,
}

/// The bytes around an attribute's value.
#[derive(Debug, Clone, Default)]
struct Shape {
    /// The bytes between the end of a text and this attribute's value: `"},"name":{"S":"`. The attribute itself begins
    /// after [`LEAD`].
    lead: Vec<u8>,
    /// The distance from the opening brace of the value's type to the value.
    back: usize,
    kind: Kind,
    meaning: Meaning,
    /// The shapes that followed it, the latest first.
    next: [usize; 2],
}

/// The bytes that end a text and lead to the next attribute.
const LEAD: &[u8] = b"\"},";

/// The maximum number of shapes at a level; after it, learning begins anew. A table may contain maps whose names are
/// values.
const MAX_SHAPES: usize = 1_000;

impl Shapes {
    fn new() -> Self {
        Self {
            known: vec![Shape::default()],
            by_lead: HashMap::new(),
        }
    }

    /// A shape that has followed `before` and whose lead matches `rest`, and the length of the match. `passed` bytes of
    /// the lead are before `rest`: 0 at the end of a text, more at a name.
    #[inline]
    fn guess(&mut self, before: usize, rest: &[u8], passed: usize) -> Option<(usize, usize)> {
        let [first, second] = self.known[before].next;
        let length = |place: usize| {
            // Shape 0 stands for the beginning and has no lead.
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
                if self.known.len() > MAX_SHAPES {
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

impl RecordsParser {
    pub(in crate::records::dynamodb) fn new(layout: Arc<Layout>, buffers: Arc<BufferPool>) -> Self {
        let shapes = layout.nodes.iter().map(|_| Shapes::new()).collect();
        Self {
            layout,
            buffers,
            shapes,
        }
    }

    /// Parses the array of records at the scanner's position.
    pub(super) fn records(&mut self, scanner: &mut Scanner<'_>) -> Result<ValueSpans, Malformed> {
        let mut values = ValueSpans {
            spans: self.buffers.values(),
            ..ValueSpans::default()
        };
        let mut more = scanner.opens(b'[', b']')?;
        while more {
            let first = values.spans.len();
            values.spans.resize(first + self.layout.places, MISSING);
            scanner.peek()?;
            let start = scanner.at;
            let is_all_known = self.map(scanner, 0, &mut values, first)?;
            let is_all_shown = is_all_known && !self.layout.has_several(&values.spans[first..]);
            if let Some(place) = self.layout.whole.filter(|_| !is_all_shown) {
                values.spans[first + place] = ValueSpan::new(Form::Whole, start..scanner.at);
            }
            values.rows += 1;
            more = scanner.has_more(b']')?;
        }
        Ok(values)
    }

    /// Parses the attributes of a record or of a map in it. Returns whether columns have all of them.
    fn map(
        &mut self,
        scanner: &mut Scanner<'_>,
        node: usize,
        values: &mut ValueSpans,
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
            let (last, are_known) = self.texts(scanner, (node, place), values, first)?;
            is_all_known &= are_known;
            let shape = &self.shapes[node].known[last];
            if shape.kind.text().is_none() {
                let (kind, meaning, start) = (shape.kind, shape.meaning, scanner.at - shape.back);
                is_all_known &= self.other(scanner, (kind, meaning, start), values, first)?;
            }
            scanner.expect(b'}')?;
            more = scanner.has_more(b'}')?;
            before = last;
        }
        Ok(is_all_known)
    }

    /// Parses texts while their shapes follow each other as in the record before, which is usually up to the last text.
    /// Returns the shape of the last text, or of the value that is no text and comes next.
    #[inline]
    fn texts(
        &mut self,
        scanner: &mut Scanner<'_>,
        (node, mut place): (usize, usize),
        values: &mut ValueSpans,
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
                values.spans[first + to] = match inside.is_escaped {
                    false => ValueSpan::new(form, inside.start..inside.end),
                    true => unescaped(scanner, inside, &mut values.unescaped)?,
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

    /// Parses a value that is no text, and whose brace is at `start`. Returns whether columns have all of it.
    fn other(
        &mut self,
        scanner: &mut Scanner<'_>,
        (kind, meaning, start): (Kind, Meaning, usize),
        values: &mut ValueSpans,
        first: usize,
    ) -> Result<bool, Malformed> {
        let value = scanner.at;
        let mut is_known = meaning.is_known;
        let form = match (kind, meaning.node) {
            (Kind::Bool, _) => match scanner.token()? {
                b"true" => Form::True,
                b"false" => Form::False,
                _ => return Err(Malformed(value)),
            },
            (Kind::Map, Some(inner)) => {
                is_known |= self.map(scanner, inner, values, first)?;
                Form::Nested
            }
            (Kind::List, Some(inner)) => {
                is_known |= self.list(scanner, inner, values, first)?;
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
            // Including the closing brace.
            values.spans[first + to] = ValueSpan::new(form, start..scanner.at + 1);
        }
        Ok(is_known)
    }

    /// Parses a list, of which a column has elements: their names are their places. Returns whether columns have all of it.
    fn list(
        &mut self,
        scanner: &mut Scanner<'_>,
        node: usize,
        values: &mut ValueSpans,
        first: usize,
    ) -> Result<bool, Malformed> {
        let mut is_all_known = true;
        let mut more = scanner.opens(b'[', b']')?;
        let mut index = 0_usize;
        while more {
            let meaning = self.layout.nodes[node].meaning(itoa::Buffer::new().format(index));
            scanner.expect(b'{')?;
            let start = scanner.at - 1;
            let kind = kind(scanner)?;
            is_all_known &= match kind.text() {
                Some(form) => {
                    scanner.expect(b'"')?;
                    let inside = scanner.rest_of_string()?;
                    if let Some(to) = meaning.place {
                        values.spans[first + to] = match inside.is_escaped {
                            false => ValueSpan::new(form, inside.start..inside.end),
                            true => unescaped(scanner, inside, &mut values.unescaped)?,
                        };
                    }
                    meaning.is_known
                }
                None => {
                    scanner.peek()?;
                    self.other(scanner, (kind, meaning, start), values, first)?
                }
            };
            scanner.expect(b'}')?;
            more = scanner.has_more(b']')?;
            index += 1;
        }
        Ok(is_all_known)
    }

    /// Parses the bytes before a value.
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
        let kind = kind(scanner)?;
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

fn unescaped(
    scanner: &Scanner<'_>,
    inside: Inside,
    out: &mut String,
) -> Result<ValueSpan, Malformed> {
    let text = std::str::from_utf8(&scanner.bytes[inside.start..inside.end]);
    let start = out.len();
    let done = text.ok().and_then(|text| unescape(text, out));
    done.ok_or(Malformed(inside.start))?;
    Ok(ValueSpan::new(Form::Unescaped, start..out.len()))
}
