//! Profiles of parents in the table `parents`.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::queries::batch_get;
use super::{StoreError, from_item, to_item};
use crate::aws::Item;
use crate::parent::Parent;
use crate::parent::ParentKinds;
use crate::parent_profile::{NamedParent, ParentProfile};

/// The table `parents`.
#[derive(Debug, Clone)]
pub struct Parents {
    db: Client,
    table: String,
}

impl Parents {
    /// Access to this table.
    pub fn new(db: Client, table: String) -> Self {
        Self { db, table }
    }

    /// The profile of `parent`, which is of one of these kinds; the default profile where staff have not described it.
    ///
    /// # Errors
    /// When the table cannot be read, or the item is malformed.
    pub async fn get(
        &self,
        parent: &Parent,
        kinds: &ParentKinds,
    ) -> Result<ParentProfile, StoreError> {
        let key = AttributeValue::S(parent.to_string());
        let got = self
            .db
            .get_item()
            .table_name(&self.table)
            .key("parent", key)
            .consistent_read(true)
            .send()
            .await;
        match got
            .map_err(|e| StoreError::sdk("GetItem", &self.table, e))?
            .item
        {
            Some(item) => Ok(ParentProfile {
                kinds: kinds.stored_with(parent.kind()),
                ..from_item(&self.table, item)?
            }),
            None => Ok(ParentProfile::undescribed(parent.clone(), kinds)),
        }
    }

    /// The profiles of these parents, in order, and the number of unreadable ones, which are left out.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn all(
        &self,
        parents: &[Parent],
        kinds: &ParentKinds,
    ) -> Result<(Vec<ParentProfile>, usize), StoreError> {
        let key = |parent: &Parent| {
            Item::from([("parent".to_owned(), AttributeValue::S(parent.to_string()))])
        };
        let keys = parents.iter().map(key).collect();
        // By key, since the rest of an item may be unreadable.
        let mut known = HashMap::with_capacity(parents.len());
        for item in batch_get(&self.db, &self.table, keys).await? {
            let parent = item.get("parent").and_then(|parent| parent.as_s().ok());
            let parent = parent.cloned().unwrap_or_default();
            let profile = from_item::<ParentProfile>(&self.table, item).ok();
            let profile = profile.map(|profile| ParentProfile {
                kinds: kinds.stored_with(profile.parent.kind()),
                ..profile
            });
            known.insert(parent, profile);
        }
        let profiles: Vec<ParentProfile> = parents
            .iter()
            .filter_map(|parent| match known.remove(&parent.to_string()) {
                Some(known) => known,
                None => Some(ParentProfile::undescribed(parent.clone(), kinds)),
            })
            .collect();
        let unreadable = parents.len() - profiles.len();
        Ok((profiles, unreadable))
    }

    /// The parents that belong to a root, and the root itself if it is described, sorted by their texts, after `after`. Each has its text, and `None` if the rest of the item cannot be read. The index is
    /// eventually consistent.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of_root(
        &self,
        root_id: &str,
        kinds: &ParentKinds,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Option<NamedParent>)>, StoreError> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name("by_organization")
            .expression_attribute_values(":id", AttributeValue::S(root_id.to_owned()))
            .limit(limit as i32);
        let query = match after {
            None => query.key_condition_expression("organization_id = :id"),
            Some(after) => query
                .key_condition_expression("organization_id = :id AND parent > :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned())),
        };
        let answer = query
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", &self.table, e))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let members = items.filter_map(|item| {
            let text = item.get("parent")?.as_s().ok()?.clone();
            let named = from_item::<NamedParent>(&self.table, item).ok();
            let named = named.map(|named| NamedParent {
                kinds: kinds.stored_with(named.parent.kind()),
                ..named
            });
            Some((text, named))
        });
        Ok(members.collect())
    }

    /// Replaces the profile of a parent.
    pub async fn put(&self, profile: &ParentProfile) -> Result<(), StoreError> {
        let item = to_item(&self.table, profile)?;
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await;
        put.map_err(|e| StoreError::sdk("PutItem", &self.table, e))?;
        Ok(())
    }
}
