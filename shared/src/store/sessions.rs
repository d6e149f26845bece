//! Sessions that a host's backend asked for, and the codes that give one. Both end within an hour, and the table deletes
//! them some time later.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{StoreError, from_item, to_item};
use crate::bearer_secret::SecretHash;
use crate::export::User;

/// How long the code of a URL can be redeemed.
pub const CODE_VALIDITY: SignedDuration = SignedDuration::from_secs(60);

/// Whose session it is, what it may do, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The hash of the API key that it was asked for with.
    pub key_id: String,
    /// The person.
    pub user: User,
    /// The grants.
    pub grants: Vec<String>,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// The sessions in the table `limits`.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Client,
    table: String,
}

impl Sessions {
    /// The sessions in this table.
    pub fn new(db: Client, table: String) -> Self {
        Self { db, table }
    }

    /// Keeps a session under the hash of its token.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn add(&self, token: &SecretHash, session: &Session) -> Result<(), StoreError> {
        self.put(session_key(token), session, session.ends_at).await
    }

    /// Keeps a code, which gives this session once until `until`.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn add_code(
        &self,
        code: &SecretHash,
        session: &Session,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.put(code_key(code), session, until).await
    }

    async fn put(&self, key: String, session: &Session, end: Timestamp) -> Result<(), StoreError> {
        let mut item = to_item(&self.table, session)?;
        item.insert("key".to_owned(), AttributeValue::S(key));
        // DynamoDB deletes items some time after this second. Until then, the time is compared at each use.
        let end = AttributeValue::N(end.as_second().to_string());
        item.insert("expires_at".to_owned(), end);
        let put = self.db.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map_err(|error| StoreError::sdk("PutItem", &self.table, error))?;
        Ok(())
    }

    /// The session of a token, read consistently; `None` if there is none or it has ended.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn get(
        &self,
        token: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let get = self.db.get_item().table_name(&self.table);
        let get = get.key("key", AttributeValue::S(session_key(token)));
        let got = get.consistent_read(true).send().await;
        let got = got.map_err(|error| StoreError::sdk("GetItem", &self.table, error))?;
        let session: Option<Session> = got
            .item
            .map(|item| from_item(&self.table, item))
            .transpose()?;
        Ok(session.filter(|session| now < session.ends_at))
    }

    /// Ends the session of a token, if there is one.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn end(&self, token: &SecretHash, now: Timestamp) -> Result<(), StoreError> {
        let update = self.db.update_item().table_name(&self.table);
        let update = update.key("key", AttributeValue::S(session_key(token)));
        let updated = update
            .update_expression("SET #ends_at = :now")
            .condition_expression("attribute_exists(#ends_at)")
            .expression_attribute_names("#ends_at", "ends_at")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .send()
            .await;
        match updated {
            Err(error) if error.code() != Some("ConditionalCheckFailedException") => {
                Err(StoreError::sdk("UpdateItem", &self.table, error))
            }
            _ => Ok(()),
        }
    }

    /// Redeems a code: returns its session the first time, and `None` from then on, and once its time is over.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn redeem(
        &self,
        code: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let update = self.db.update_item().table_name(&self.table);
        let update = update.key("key", AttributeValue::S(code_key(code)));
        let updated = update
            .update_expression("SET #redeemed_at = :now")
            .condition_expression("attribute_not_exists(#redeemed_at) AND #expires_at > :second")
            .expression_attribute_names("#redeemed_at", "redeemed_at")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":second", AttributeValue::N(now.as_second().to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = match updated {
            Ok(updated) => updated.attributes,
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => None,
            Err(error) => return Err(StoreError::sdk("UpdateItem", &self.table, error)),
        };
        item.map(|item| from_item(&self.table, item)).transpose()
    }
}

fn session_key(token: &SecretHash) -> String {
    format!("session#{token}")
}

fn code_key(code: &SecretHash) -> String {
    format!("session_code#{code}")
}
