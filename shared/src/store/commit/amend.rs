//! Changes of an export whose work has been deleted.

use aws_sdk_dynamodb::types::{AttributeValue, Put};

use super::{CommitError, write};
use crate::lifecycle::Amendment;
use crate::store::{Exports, StoreError, to_item};

impl Exports {
    /// Writes `amendment` in one transaction.
    ///
    /// No worker has such an export, and its work is never created again, so conditions on its status and its mail are
    /// enough.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] where these have changed: by another amendment, or by an earlier try of this one
    /// whose answer was lost. A caller that reads the export again then finds nothing left to amend.
    pub async fn amend(&self, amendment: &Amendment) -> Result<(), CommitError> {
        let Amendment {
            before,
            after,
            events,
        } = amendment;
        let table = &self.tables.exports;
        let mail = serde_dynamo::to_attribute_value(before.mail)
            .map_err(|error| StoreError::malformed(table, error))?;
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(to_item(table, after)?))
            .condition_expression("#status = :status AND #mail = :mail")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#mail", "mail")
            .expression_attribute_values(
                ":status",
                AttributeValue::S(before.status.as_str().into()),
            )
            .expression_attribute_values(":mail", mail);
        let mut items = vec![write(put.build())?];
        for event in events {
            let put = Put::builder()
                .table_name(&self.tables.events)
                .set_item(Some(self.event_item(event)?));
            items.push(write(put.build())?);
        }
        match self.write_with_retries(&items).await? {
            true => Ok(()),
            false => Err(CommitError::Conflict),
        }
    }
}
