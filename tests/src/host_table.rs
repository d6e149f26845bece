//! A host's own tables of DynamoDB.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, Put, ScalarAttributeType, TransactWriteItem,
};

use crate::unique;

/// An item: its attributes by name.
pub type HostItem = Vec<(&'static str, AttributeValue)>;

/// The attributes of a key with their types, `S` or `N`: the partition key, and the sort key if there is one.
pub type HostKey = &'static [(&'static str, &'static str)];

/// A table of the host's with at most one index, `by_index`.
#[derive(Debug, Clone, Copy)]
pub struct HostTable {
    /// The key of the table.
    pub key: HostKey,
    /// The key of the index; empty for none.
    pub index: HostKey,
}

impl HostTable {
    /// Creates the table under a new name, and puts these items into it. Returns the name.
    pub async fn create(&self, db: &Client, items: &[HostItem]) -> String {
        let name = format!("host-{}", unique());
        let mut attributes: Vec<AttributeDefinition> = Vec::new();
        for (name, kind) in self.key.iter().chain(self.index) {
            if !attributes
                .iter()
                .any(|known| known.attribute_name() == *name)
            {
                let definition = AttributeDefinition::builder()
                    .attribute_name(*name)
                    .attribute_type(ScalarAttributeType::from(*kind));
                attributes.push(definition.build().unwrap());
            }
        }
        let index = (!self.index.is_empty()).then(|| {
            let all = Projection::builder().projection_type(ProjectionType::All);
            let index = GlobalSecondaryIndex::builder()
                .index_name("by_index")
                .set_key_schema(Some(schema(self.index)))
                .projection(all.build());
            vec![index.build().unwrap()]
        });
        db.create_table()
            .table_name(&name)
            .set_key_schema(Some(schema(self.key)))
            .set_attribute_definitions(Some(attributes))
            .set_global_secondary_indexes(index)
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
        put_items(db, &name, items).await;
        name
    }
}

fn schema(key: HostKey) -> Vec<KeySchemaElement> {
    let roles = [KeyType::Hash, KeyType::Range];
    let elements = key.iter().zip(roles).map(|((name, _), role)| {
        let element = KeySchemaElement::builder().attribute_name(*name);
        element.key_type(role).build().unwrap()
    });
    elements.collect()
}

/// Puts items into a table.
pub async fn put_items(db: &Client, table: &str, items: &[HostItem]) {
    for items in items.chunks(100) {
        let puts = items.iter().map(|item| {
            let attributes = item
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()));
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(attributes.collect()));
            TransactWriteItem::builder()
                .put(put.build().unwrap())
                .build()
        });
        let written = db
            .transact_write_items()
            .set_transact_items(Some(puts.collect()));
        written.send().await.unwrap();
    }
}

/// A text.
pub fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number.
pub fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
