//! The parent whose rows are read, and the values of its rows.

use uuid::Uuid;

use super::Mysql;
use super::column_type::ColumnType;
use super::dialect::bytes;
use super::statement::Selected;
use crate::records::sql::{Decoding, Dialect, Form, Malformed, written_as};

/// The parent, in the type of the parent's column.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    /// The parent as the server sends it.
    raw: Vec<u8>,
    /// The literal in SQL.
    pub(super) literal: String,
    /// Whether zeros may be in front of the digits (`ZEROFILL`).
    is_integer: bool,
}

impl Parent {
    /// The parent with this id; `None` if the type cannot hold the id, so that there are no rows.
    pub(super) fn new(id: &str, column_type: ColumnType) -> Option<Self> {
        let (raw, literal) = match column_type {
            ColumnType::Integer { bits, is_signed } => {
                let number: i128 = written_as(id)?;
                let (least, most) = match is_signed {
                    true => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
                    false => (0, (1_i128 << bits) - 1),
                };
                let is_held = (least..=most).contains(&number);
                is_held.then(|| (id.as_bytes().to_vec(), id.to_owned()))?
            }
            ColumnType::Binary(_) => {
                let uuid: Uuid = written_as(id)?;
                (uuid.as_bytes().to_vec(), bytes(uuid.as_bytes()))
            }
            ColumnType::Uuid => {
                written_as::<Uuid>(id)?;
                (id.as_bytes().to_vec(), Mysql::literal(id))
            }
            _ => (id.as_bytes().to_vec(), Mysql::literal(id)),
        };
        Some(Self {
            raw,
            literal,
            is_integer: matches!(column_type, ColumnType::Integer { .. }),
        })
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
        let parent = &self.parent.raw;
        raw == parent.as_slice()
            || self.parent.is_integer
                && raw
                    .strip_suffix(parent.as_slice())
                    .is_some_and(|zeros| zeros.iter().all(|digit| *digit == b'0'))
    }

    #[inline]
    fn decode(&self, place: usize, raw: &[u8], out: &mut Vec<u8>) -> Result<Form, Malformed> {
        let zone = self.selected.zone.as_ref();
        self.selected.decoder(place).decode(raw, zone, out)
    }

    fn number(&self, raw: &[u8]) -> Option<u64> {
        std::str::from_utf8(raw).ok()?.parse().ok()
    }

    fn is_true(&self, raw: &[u8]) -> bool {
        raw == b"1"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_the_type_cannot_hold_has_no_rows() {
        let tiny = |is_signed| ColumnType::Integer { bits: 8, is_signed };
        for (id, column_type, is_held) in [
            ("127", tiny(true), true),
            ("128", tiny(true), false),
            ("-128", tiny(true), true),
            ("255", tiny(false), true),
            ("-1", tiny(false), false),
            ("042", tiny(true), false),
            ("auth0|5f7c", tiny(true), false),
            ("auth0|5f7c", ColumnType::Text, true),
            ("auth0|5f7c", ColumnType::Uuid, false),
            (
                "8c1d9d40-6a5c-4a53-8e0e-0d5c7a1b2c3d",
                ColumnType::Binary(16),
                true,
            ),
            (
                "8C1D9D40-6A5C-4A53-8E0E-0D5C7A1B2C3D",
                ColumnType::Binary(16),
                false,
            ),
        ] {
            assert_eq!(Parent::new(id, column_type).is_some(), is_held, "{id}");
        }
    }
}
