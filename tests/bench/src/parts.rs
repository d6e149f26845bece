//! Rows for the benchmarks of single parts.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use waybill::catalog::{Catalog, CatalogError, Column, ExportType};
use waybill::file::{FileOptions, Profile};
use waybill::value::Value;

use crate::orders::{Order, Stored, orders};

/// Rows of the catalog's type `orders`, and the options to write them.
#[derive(Debug)]
pub struct Parts {
    orders: Vec<Order>,
    /// The type.
    pub export_type: ExportType,
}

impl Parts {
    /// Creates the rows.
    ///
    /// # Errors
    /// When the catalog has no type `orders`.
    pub fn new() -> Result<Self, CatalogError> {
        let catalog = Catalog::built_in()?;
        let orders_type = catalog.types().iter().find(|t| t.name == "orders");
        Ok(Self {
            orders: orders().0,
            export_type: orders_type.unwrap_or(&catalog.types()[0]).clone(),
        })
    }

    /// The columns of a file.
    pub fn columns(&self) -> Vec<&Column> {
        self.export_type.default_columns()
    }

    /// The options of a file with the profile `spreadsheet`, in UTC.
    pub fn options(&self) -> FileOptions {
        FileOptions {
            profile: Profile::Spreadsheet,
            time_zone: TimeZone::UTC,
            columns: self.columns().into_iter().cloned().collect(),
            created_at: Timestamp::UNIX_EPOCH,
            headers: waybill::file::Headers::Keys,
            label: "Orders".into(),
        }
    }

    /// The values of each row, in the order of the columns.
    pub fn rows(&self) -> Vec<Vec<Value<'_>>> {
        let row = |order| {
            let value = |column: &Column| value(order, &column.key);
            self.columns().into_iter().map(value).collect()
        };
        self.orders.iter().map(row).collect()
    }
}

fn value<'a>(order: &'a Order, key: &str) -> Value<'a> {
    match order.iter().find(|(name, _)| *name == key) {
        None => Value::Missing,
        Some((_, Stored::Text(text))) => Value::Text(text.as_str().into()),
        Some((_, Stored::Number(digits))) => Value::Number(digits.as_str().into()),
    }
}
