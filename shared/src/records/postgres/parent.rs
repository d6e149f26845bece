//! The parent whose rows are read, and the values of its rows.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::column_type::ColumnType;
use super::decode::{self, Decoder};
use super::statement::Selected;
use crate::records::sql::{Decoding, Form, Malformed, written_as};

/// The parent whose rows are read, in the type of the parent's column.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    raw: Vec<u8>,
    /// How the column's values are compared: by their text.
    decoder: Decoder,
    text: String,
}

impl Parent {
    /// The parent with this id; `None` if the type cannot hold the id, so that there are no rows.
    pub(super) fn new(id: &str, column_type: &ColumnType) -> Option<Self> {
        let raw = match column_type.base {
            Type::INT2 => written_as::<i16>(id)?.to_be_bytes().to_vec(),
            Type::INT4 => written_as::<i32>(id)?.to_be_bytes().to_vec(),
            Type::INT8 => written_as::<i64>(id)?.to_be_bytes().to_vec(),
            Type::UUID => written_as::<Uuid>(id)?.into_bytes().to_vec(),
            _ => id.as_bytes().to_vec(),
        };
        Some(Self {
            raw,
            decoder: column_type.decoder().unwrap_or(Decoder::Text),
            text: id.to_owned(),
        })
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether a value of the parent's column is this parent. The database's `=` can also find others: `Acme` for `acme`
    /// under a collation without case.
    fn is(&self, raw: &[u8]) -> bool {
        if raw == self.raw {
            return true;
        }
        let mut text = Vec::new();
        self.decoder.decode(raw, &mut text).is_ok() && String::from_utf8_lossy(&text) == self.text
    }
}

/// How the values of one read are decoded.
pub(super) struct Values<'a> {
    pub(super) selected: &'a Selected,
    pub(super) parent: &'a Parent,
}

impl Decoding for Values<'_> {
    #[inline]
    fn is_parent(&self, raw: &[u8]) -> bool {
        self.parent.is(raw)
    }

    #[inline]
    fn decode(&self, place: usize, raw: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
        let decoder = self.selected.decoder(place);
        if let (Decoder::Timestamp, Some(zone)) = (decoder, &self.selected.zone)
            && let Some(zoned) = decode::zoned(zone, raw)
        {
            return decoder.decode(&zoned, out);
        }
        decoder.decode(raw, out)
    }

    fn number(&self, raw: &[u8]) -> Option<u64> {
        Some(i64::from_be_bytes(raw.try_into().ok()?).unsigned_abs())
    }

    fn is_true(&self, raw: &[u8]) -> bool {
        raw == [1]
    }
}
