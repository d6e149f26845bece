//! Secrets of the deployment, each an item of a table. The first caller creates a secret, so that none needs to be
//! configured.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::{StoreError, VERSION, version};

/// Where a secret is stored.
pub(super) struct SecretItem<'a> {
    pub(super) db: &'a Client,
    pub(super) table: &'a str,
    /// The name of the table's partition key.
    pub(super) key_name: &'a str,
    /// The item's key.
    pub(super) key: &'a str,
}

impl SecretItem<'_> {
    /// The secret: 32 random bytes, which are created at the first call.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(super) async fn get_or_create(&self) -> Result<Vec<u8>, StoreError> {
        if let Some(secret) = self.get().await? {
            return Ok(secret);
        }
        let secret = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        let put = self
            .db
            .put_item()
            .table_name(self.table)
            .item(self.key_name, AttributeValue::S(self.key.to_owned()))
            .item("secret", AttributeValue::B(Blob::new(secret.clone())))
            .item(VERSION, version())
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", self.key_name)
            .send()
            .await;
        let error = match put {
            Ok(_) => return Ok(secret),
            Err(error) => error,
        };
        // Another instance created the secret first, so that one is used.
        if error.code() == Some("ConditionalCheckFailedException")
            && let Some(secret) = self.get().await?
        {
            return Ok(secret);
        }
        Err(StoreError::sdk("PutItem", self.table, error))
    }

    async fn get(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let got = self
            .db
            .get_item()
            .table_name(self.table)
            .key(self.key_name, AttributeValue::S(self.key.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        let got = got.map_err(|error| StoreError::sdk("GetItem", self.table, error))?;
        let secret = got.item.and_then(|mut item| item.remove("secret"));
        Ok(secret.and_then(|value| match value {
            AttributeValue::B(blob) => Some(blob.into_inner()),
            _ => None,
        }))
    }
}
