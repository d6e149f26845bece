//! Answers of DynamoDB to queries as HTTP responses, since Waybill parses the bytes of such answers itself.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};

/// The HTTP response for this output.
pub fn query_answer(output: &QueryOutput) -> HttpResponse {
    let items: Vec<_> = output.items().iter().map(map).collect();
    let mut answer = json!({
        "Count": items.len(),
        "ScannedCount": output.scanned_count().max(items.len() as i32),
        "Items": items,
    });
    if let Some(key) = output.last_evaluated_key() {
        answer["LastEvaluatedKey"] = map(key);
    }
    if let Some(capacity) = output.consumed_capacity() {
        answer["ConsumedCapacity"] =
            json!({"TableName": "records", "CapacityUnits": capacity.capacity_units()});
    }
    HttpResponse::new(200.try_into().unwrap(), answer.to_string().into())
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>) -> Value {
    Value::Object(on_the_wire(entries))
}

/// An item in DynamoDB's wire format.
pub fn on_the_wire<'a>(
    entries: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>,
) -> Map<String, Value> {
    let entries = entries.into_iter();
    entries
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Null(flag) => json!({ "NULL": flag }),
        AttributeValue::L(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(entries) => json!({ "M": map(entries) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(digits) => json!({ "NS": digits }),
        // Any base64 will do for a binary key.
        AttributeValue::B(_) => json!({ "B": "eA==" }),
        other => panic!("unsupported attribute: {other:?}"),
    }
}
