//! Answers to `Query`: pages of records, divided as by DynamoDB.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill_tests::COLUMNS;

use crate::orders::{Order, Stored};

/// The number of records of a page: about 1 MB of orders.
const PAGE: u64 = 1_800;
/// The read units of a page of 1 MB, read eventually consistently: half a unit per 4 KB.
const UNITS_OF_A_PAGE: f64 = 128.0;
/// The instant of the first record; each further one is a second later.
const FIRST: &str = "2016-01-01T00:00:00Z";
/// The length of an id, whose last characters are the record's number.
const ID: usize = 32;
const DIGITS: usize = 10;

/// The records of one endless partition; the caller sets their number.
#[derive(Debug)]
pub(crate) struct Pages {
    orders: Vec<Order>,
    first: Timestamp,
    /// The templates of records for each order, by the requested attributes.
    templates: Mutex<HashMap<Vec<String>, Arc<Vec<Template>>>>,
}

/// A record's JSON, and the offsets of the parts that differ between records.
#[derive(Debug)]
struct Template {
    json: Vec<u8>,
    /// The offsets of the record's instant.
    instants: Vec<usize>,
    /// The offsets of the record's number.
    numbers: Vec<usize>,
}

impl Pages {
    pub(crate) fn new(orders: Vec<Order>) -> Self {
        Self {
            orders,
            first: FIRST.parse().unwrap_or_default(),
            templates: Mutex::default(),
        }
    }

    /// Answers a query of a partition with `rows` records.
    pub(crate) fn answer(&self, question: &Value, rows: u64) -> Vec<u8> {
        let start = match question["ExclusiveStartKey"]["sk"]["S"].as_str() {
            Some(key) => number_of(key) + 1,
            None => 0,
        };
        // Waybill reads the last minute before the request separately; it has no records.
        let is_last_minute = question["ExpressionAttributeValues"].get(":from").is_some();
        let rows = if is_last_minute { 0 } else { rows };
        let end = rows.min(start + PAGE).max(start);
        let partition = partition(question);
        let templates = self.templates(asked(question), &partition);

        let mut body = Vec::with_capacity(PAGE as usize * 640);
        body.extend_from_slice(format!("{{\"Count\":{},\"Items\":[", end - start).as_bytes());
        for number in start..end {
            if number > start {
                body.push(b',');
            }
            let template = &templates[number as usize % templates.len()];
            template.write(number, &self.instant(number), &mut body);
        }
        let mut rest = json!({
            "ScannedCount": end - start,
            "ConsumedCapacity": {
                "CapacityUnits": UNITS_OF_A_PAGE * (end - start) as f64 / PAGE as f64,
                "TableName": question["TableName"],
            },
        });
        if end < rows {
            let last = end - 1;
            let id = id(&self.orders[last as usize % self.orders.len()], last);
            rest["LastEvaluatedKey"] = json!({
                "pk": {"S": partition},
                "sk": {"S": format!("{}#{id}", self.instant(last))},
            });
        }
        body.extend_from_slice(b"],");
        body.extend_from_slice(&rest.to_string().as_bytes()[1..]);
        body
    }

    fn instant(&self, number: u64) -> String {
        (self.first + SignedDuration::from_secs(number as i64)).to_string()
    }

    fn templates(&self, asked: Option<Vec<String>>, partition: &str) -> Arc<Vec<Template>> {
        let asked = asked.unwrap_or_else(|| {
            let all = COLUMNS.iter().chain(&["pk", "sk"]);
            all.map(|name| (*name).to_owned()).collect()
        });
        let mut known = self
            .templates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let templates = known.entry(asked).or_insert_with_key(|asked| {
            let orders = self.orders.iter();
            Arc::new(
                orders
                    .map(|order| Template::new(order, asked, partition))
                    .collect(),
            )
        });
        Arc::clone(templates)
    }
}

impl Template {
    fn new(order: &Order, asked: &[String], partition: &str) -> Self {
        let id = id(order, 0);
        let text = |text: &str| json!({"S": text}).to_string();
        let mut attributes = vec![
            ("pk", text(partition)),
            ("sk", text(&format!("{FIRST}#{id}"))),
        ];
        attributes.extend(order.iter().map(|(name, stored)| {
            let value = match (*name, stored) {
                ("id", _) => text(&id),
                ("created_at", _) => text(FIRST),
                (_, Stored::Text(value)) => text(value),
                (_, Stored::Number(value)) => json!({"N": value}).to_string(),
            };
            (*name, value)
        }));
        attributes.retain(|(name, _)| asked.iter().any(|asked| asked == name));
        // DynamoDB returns an item's attributes in its own order, which differs from that of the columns.
        attributes.sort_by_key(|(name, _)| crc32fast::hash(name.as_bytes()));

        let mut template = Self {
            json: vec![b'{'],
            instants: Vec::new(),
            numbers: Vec::new(),
        };
        for (name, value) in attributes {
            if template.json.len() > 1 {
                template.json.push(b',');
            }
            template
                .json
                .extend_from_slice(format!("\"{name}\":").as_bytes());
            let value_at = template.json.len() + r#"{"S":""#.len();
            template.json.extend_from_slice(value.as_bytes());
            let number_at = template.json.len() - r#""}"#.len() - DIGITS;
            if name == "sk" || name == "created_at" {
                template.instants.push(value_at);
            }
            if name == "sk" || name == "id" {
                template.numbers.push(number_at);
            }
        }
        template.json.push(b'}');
        template
    }

    fn write(&self, number: u64, instant: &str, body: &mut Vec<u8>) {
        let begin = body.len();
        body.extend_from_slice(&self.json);
        let record = &mut body[begin..];
        for &at in &self.instants {
            record[at..at + instant.len()].copy_from_slice(instant.as_bytes());
        }
        let digits = format!("{number:0DIGITS$}");
        for &at in &self.numbers {
            record[at..at + DIGITS].copy_from_slice(digits.as_bytes());
        }
    }
}

/// The id of the record with this number.
fn id(order: &Order, number: u64) -> String {
    let own = order.iter().find_map(|(name, stored)| match stored {
        Stored::Text(text) if *name == "id" => Some(text.as_str()),
        _ => None,
    });
    const OWN: usize = ID - DIGITS;
    format!("{:0<OWN$.OWN$}{number:0DIGITS$}", own.unwrap_or_default())
}

fn number_of(key: &str) -> u64 {
    let digits = key.len().saturating_sub(DIGITS);
    key.get(digits..)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn partition(question: &Value) -> String {
    let values = question["ExpressionAttributeValues"].as_object();
    let texts = values.into_iter().flat_map(|values| values.values());
    let mut texts = texts.filter_map(|value| value["S"].as_str());
    texts
        .find(|text| text.contains('#') && !text.contains('T'))
        .unwrap_or("orders#42")
        .to_owned()
}

/// The attributes in a projection, sorted by name; `None` for all.
fn asked(question: &Value) -> Option<Vec<String>> {
    let names = &question["ExpressionAttributeNames"];
    let projection = question["ProjectionExpression"].as_str()?;
    let mut asked: Vec<String> = projection
        .split(',')
        .map(|name| {
            let name = name.trim();
            names[name].as_str().unwrap_or(name).to_owned()
        })
        .collect();
    asked.sort_unstable();
    Some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::orders;

    fn ask(pages: &Pages, start: &Value, values: Value) -> Value {
        let question = json!({
            "TableName": "records", "ExclusiveStartKey": start, "ExpressionAttributeValues": values,
            "ProjectionExpression": "#0, #1, id", "ExpressionAttributeNames": {"#0": "sk", "#1": "amount"},
        });
        serde_json::from_slice(&pages.answer(&question, 2 * PAGE + 7)).unwrap()
    }

    #[test]
    fn pages_have_every_record_once_with_ascending_keys() {
        let pages = Pages::new(orders().0);
        let mut start = Value::Null;
        let mut keys = Vec::new();
        for count in [PAGE, PAGE, 7] {
            let page = ask(&pages, &start, json!({":p": {"S": "orders#42"}}));
            assert_eq!(page["Count"], count);
            for item in page["Items"].as_array().unwrap() {
                let (key, id) = (&item["sk"]["S"], &item["id"]["S"]);
                let (key, id) = (key.as_str().unwrap(), id.as_str().unwrap());
                assert!(key.ends_with(id), "{item}");
                keys.push(key.to_owned());
            }
            start = page["LastEvaluatedKey"].clone();
            assert!(start.is_null() || start["sk"]["S"] == *keys.last().unwrap());
        }
        assert_eq!(start, Value::Null);
        assert_eq!(keys.len() as u64, 2 * PAGE + 7);
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_last_minute_has_no_records() {
        let pages = Pages::new(orders().0);
        let page = ask(
            &pages,
            &Value::Null,
            json!({":from": {"S": "2026-01-01T00:00:00Z"}}),
        );
        assert_eq!(
            (&page["Count"], &page["LastEvaluatedKey"]),
            (&json!(0), &Value::Null)
        );
    }
}
