//! The host's table of records, in memory: partitions in the order of their sort keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
use aws_smithy_mocks::{
    MockResponse, MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock,
};
use waybill::aws::Item;
use waybill_testing::query_answer;

use super::RECORDS;

/// The records by partition key and sort key.
#[derive(Clone, Default)]
pub(crate) struct Records {
    items: Arc<Mutex<BTreeMap<(String, String), Item>>>,
    /// The bytes that each record counts for.
    pub(crate) size: Arc<Mutex<u64>>,
    /// How many records each query examined.
    pub(crate) queries: Arc<Mutex<Vec<usize>>>,
    /// The code of the error that every query fails with.
    pub(crate) error: Arc<Mutex<Option<&'static str>>>,
}

impl Records {
    /// Adds an order of project 42 that was created at this instant, with these further attributes.
    pub(crate) fn add(&self, created_at: &str, id: &str, more: &[(&str, AttributeValue)]) {
        let s = |text: &str| AttributeValue::S(text.to_owned());
        let (pk, sk) = ("orders#42".to_owned(), format!("{created_at}#{id}"));
        let mut item = Item::from([
            ("pk".to_owned(), s(&pk)),
            ("sk".to_owned(), s(&sk)),
            ("id".to_owned(), s(id)),
            ("created_at".to_owned(), s(created_at)),
        ]);
        item.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        self.items.lock().unwrap().insert((pk, sk), item);
    }

    /// A client of this table.
    pub(super) fn client(&self) -> Client {
        let rules = MockResponseInterceptor::new()
            .rule_mode(RuleMode::MatchAny)
            .with_rule(&self.rule());
        let config = config!(aws_sdk_dynamodb, create_mock_http_client());
        Client::from_conf(config.interceptor(rules).build())
    }

    fn rule(&self) -> Rule {
        let records = self.clone();
        mock!(Client::query).then_compute_response(move |query| {
            if let Some(code) = *records.error.lock().unwrap() {
                let metadata = ErrorMetadata::builder().code(code).message("secret");
                return MockResponse::Error(QueryError::generic(metadata.build()));
            }
            MockResponse::Http(query_answer(&records.answer(query)))
        })
    }

    fn answer(&self, query: &QueryInput) -> QueryOutput {
        assert_eq!(query.table_name(), Some(RECORDS));
        let names = query.expression_attribute_names().unwrap();
        assert_eq!(
            (names["#partition"].as_str(), names["#sort"].as_str()),
            ("pk", "sk")
        );
        let bound = |name: &str| {
            let values = query.expression_attribute_values().unwrap();
            values.get(name).map(text)
        };
        let partition = bound(":partition").unwrap();
        let is_within = |sk: &str| match query.key_condition_expression().unwrap() {
            "#partition = :partition AND #sort < :until" => *sk < *bound(":until").unwrap(),
            "#partition = :partition AND #sort >= :from" => *sk >= *bound(":from").unwrap(),
            "#partition = :partition AND #sort BETWEEN :from AND :until" => {
                *sk >= *bound(":from").unwrap() && *sk <= *bound(":until").unwrap()
            }
            other => panic!("{other}"),
        };
        let items = self.items.lock().unwrap();
        let mut items: Vec<Item> = items
            .iter()
            .filter(|((pk, sk), _)| *pk == partition && is_within(sk))
            .map(|(_, item)| item.clone())
            .collect();
        assert_eq!(query.scan_index_forward(), Some(false));
        items.reverse();
        if let Some(start) = query.exclusive_start_key() {
            let start = text(&start["sk"]);
            assert!(is_within(&start), "a position outside of what is read");
            items.retain(|item| text(&item["sk"]) < start);
        }
        let limit = query.limit().unwrap() as usize;
        let last = (items.len() >= limit).then(|| items[limit - 1].clone());
        items.truncate(limit);
        self.queries.lock().unwrap().push(items.len());
        let bytes_of_a_unit = match query.consistent_read() {
            Some(true) => 4096.0,
            _ => 8192.0,
        };
        let bytes = *self.size.lock().unwrap() * items.len() as u64;
        let used = ConsumedCapacity::builder().capacity_units(bytes as f64 / bytes_of_a_unit);
        QueryOutput::builder()
            .set_items(Some(items))
            .set_last_evaluated_key(last.map(|mut item| {
                item.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
                item
            }))
            .consumed_capacity(used.build())
            .build()
    }
}

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        other => panic!("no key: {other:?}"),
    }
}
