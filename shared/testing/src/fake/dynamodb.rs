//! A fake of DynamoDB: tables with indexes, conditional writes, transactions, and queries whose pages end at random.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Bound, RangeInclusive};

use serde_json::{Map, Value, json};

use super::expression::{Condition, Placeholders};
use super::wire::{Answer, Call};

/// An item in the wire format: `{"id": {"S": "a"}}`.
pub type Item = Map<String, Value>;

/// A value of a key, in DynamoDB's order: numbers by value, texts by bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPart {
    /// The key has no such part.
    None,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// An item's key: partition key and sort key.
pub type Key = (KeyPart, KeyPart);

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    key: KeyNames,
    indexes: HashMap<&'static str, KeyNames>,
    /// The items by key.
    pub items: BTreeMap<Key, Item>,
}

#[derive(Debug, Clone, Copy, Default)]
struct KeyNames {
    partition: &'static str,
    sort: Option<&'static str>,
}

/// A write: a record of the tables' streams.
#[derive(Debug)]
pub struct Write {
    /// The name of the table.
    pub table: String,
    /// The item before.
    pub before: Option<Item>,
    /// The item after.
    pub after: Option<Item>,
}

/// The tables.
pub struct DynamoDb {
    /// The tables by name.
    pub tables: HashMap<&'static str, Table>,
    /// The writes that have not been taken yet.
    pub stream: Vec<Write>,
    /// The number of items that a query examines per page.
    pub page: RangeInclusive<usize>,
    /// The number of queries so far, by table.
    pub queries: HashMap<String, usize>,
    done: HashSet<String>,
    random: fastrand::Rng,
}

/// The value as a part of a key.
pub(super) fn order(value: &Value) -> KeyPart {
    match (value["S"].as_str(), value["N"].as_str()) {
        (Some(text), _) => KeyPart::Text(text.to_owned()),
        (_, Some(number)) => KeyPart::Number(number.parse().expect("whole numbers as keys")),
        _ => panic!("invalid value of a key: {value}"),
    }
}

impl KeyNames {
    fn of_item(self, item: &Item) -> Option<Key> {
        let sort = match self.sort {
            None => KeyPart::None,
            Some(name) => order(item.get(name)?),
        };
        Some((order(item.get(self.partition)?), sort))
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        [Some(self.partition), self.sort].into_iter().flatten()
    }
}

impl Table {
    /// An empty table with this partition key and sort key.
    pub fn new(partition: &'static str, sort: Option<&'static str>) -> Self {
        Self {
            key: KeyNames { partition, sort },
            ..Self::default()
        }
    }

    /// Adds an index.
    pub fn index(
        mut self,
        name: &'static str,
        partition: &'static str,
        sort: &'static str,
    ) -> Self {
        let sort = Some(sort);
        self.indexes.insert(name, KeyNames { partition, sort });
        self
    }

    /// Puts an item, and returns the previous one.
    pub fn put(&mut self, item: Item) -> Option<Item> {
        self.items.insert(self.key.of_item(&item).unwrap(), item)
    }
}

impl DynamoDb {
    pub(super) fn new(tables: impl IntoIterator<Item = (&'static str, Table)>, seed: u64) -> Self {
        Self {
            tables: tables.into_iter().collect(),
            stream: Vec::new(),
            page: 1..=50,
            queries: HashMap::new(),
            done: HashSet::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn table(&mut self, request: &Value) -> &mut Table {
        let name = request["TableName"].as_str().unwrap();
        self.tables
            .get_mut(name)
            .unwrap_or_else(|| panic!("no table {name}"))
    }

    pub(super) fn answer(&mut self, operation: &str, call: &Call) -> Answer {
        let request = call.json();
        if let Some(unused) = unused_placeholder(&request) {
            panic!("DynamoDB refuses a placeholder that no expression uses: {unused} in {request}");
        }
        match operation {
            "GetItem" => {
                let table = self.table(&request);
                let key = table
                    .key
                    .of_item(request["Key"].as_object().unwrap())
                    .unwrap();
                match table.items.get(&key) {
                    Some(item) => Answer::json(200, &json!({"Item": item})),
                    None => Answer::json(200, &json!({})),
                }
            }
            "BatchGetItem" => self.batch_get(&request),
            "Query" => self.query(&request),
            "PutItem" | "DeleteItem" => {
                if !self.holds(&request) {
                    return Answer::error(call, 400, "ConditionalCheckFailedException");
                }
                let old = match operation {
                    "PutItem" => self.write(&request, |_| request["Item"].as_object().cloned()),
                    _ => self.write(&request, |_| None),
                };
                match old.filter(|_| request["ReturnValues"] == "ALL_OLD") {
                    Some(old) => Answer::json(200, &json!({"Attributes": old})),
                    None => Answer::json(200, &json!({})),
                }
            }
            "UpdateItem" => {
                if !self.holds(&request) {
                    return Answer::error(call, 400, "ConditionalCheckFailedException");
                }
                let mut after = None;
                self.write(&request, |before| {
                    after = Some(updated(&request, before));
                    after.clone()
                });
                match after.filter(|_| request["ReturnValues"] == "ALL_NEW") {
                    Some(after) => Answer::json(200, &json!({"Attributes": after})),
                    None => Answer::json(200, &json!({})),
                }
            }
            "TransactWriteItems" => self.transact(&request),
            _ => panic!("unsupported operation of DynamoDB: {operation}"),
        }
    }

    /// Whether the condition of a write is true.
    fn holds(&mut self, write: &Value) -> bool {
        let Some(text) = write["ConditionExpression"].as_str() else {
            return true;
        };
        let condition = Placeholders::new(write).condition(text);
        let table = self.table(write);
        let key = key_of(table, write);
        condition.holds(table.items.get(&key))
    }

    /// Replaces an item by the result of `change`, and returns the previous one.
    fn write(
        &mut self,
        write: &Value,
        change: impl FnOnce(Option<&Item>) -> Option<Item>,
    ) -> Option<Item> {
        let table = self.table(write);
        let key = key_of(table, write);
        let before = table.items.remove(&key);
        let after = change(before.as_ref());
        if let Some(item) = &after {
            table.items.insert(key, item.clone());
        }
        self.stream.push(Write {
            table: write["TableName"].as_str().unwrap().to_owned(),
            before: before.clone(),
            after,
        });
        before
    }

    fn transact(&mut self, request: &Value) -> Answer {
        let token = request["ClientRequestToken"].as_str().unwrap_or_default();
        // The SDK sends the same token with every attempt, and DynamoDB executes only one of them.
        if self.done.contains(token) {
            return Answer::json(200, &json!({}));
        }
        let writes: Vec<(&str, &Value)> = request["TransactItems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|write| {
                let (kind, write) = write.as_object().unwrap().iter().next().unwrap();
                (kind.as_str(), write)
            })
            .collect();
        let holds: Vec<bool> = writes.iter().map(|(_, write)| self.holds(write)).collect();
        if holds.contains(&false) {
            let code = |holds: &bool| match holds {
                true => "None",
                false => "ConditionalCheckFailed",
            };
            return canceled(holds.iter().map(code));
        }
        for (kind, write) in writes {
            self.write(write, |before| match kind {
                "Put" => write["Item"].as_object().cloned(),
                "Delete" => None,
                "Update" => Some(updated(write, before)),
                _ => panic!("unsupported write of DynamoDB: {kind}"),
            });
        }
        self.done.insert(token.to_owned());
        Answer::json(200, &json!({}))
    }

    fn batch_get(&mut self, request: &Value) -> Answer {
        let asked = request["RequestItems"].as_object().unwrap();
        let mut responses = Map::new();
        for (name, asked) in asked {
            let table = &self.tables[name.as_str()];
            let keys = asked["Keys"].as_array().unwrap().iter();
            let found = keys.filter_map(|key| {
                let key = table.key.of_item(key.as_object().unwrap()).unwrap();
                table.items.get(&key).cloned().map(Value::Object)
            });
            responses.insert(name.clone(), Value::Array(found.collect()));
        }
        Answer::json(200, &json!({"Responses": responses, "UnprocessedKeys": {}}))
    }

    fn query(&mut self, request: &Value) -> Answer {
        let name = request["TableName"].as_str().unwrap();
        *self.queries.entry(name.to_owned()).or_default() += 1;
        let page = self.random.usize(self.page.clone());
        let limit = request["Limit"]
            .as_u64()
            .map_or(usize::MAX, |limit| limit as usize);
        let most = page.min(limit);
        // After a full page, DynamoDB may return a `LastEvaluatedKey` without checking whether there is more.
        let looks_no_further = limit <= page || self.random.bool();
        let placeholders = Placeholders::new(request);
        let within = placeholders.condition(request["KeyConditionExpression"].as_str().unwrap());
        let filter = request["FilterExpression"]
            .as_str()
            .map(|text| placeholders.condition(text));
        let projection = request["ProjectionExpression"]
            .as_str()
            .map(|text| placeholders.projection(text));
        let table = &self.tables[name];
        let index = request["IndexName"].as_str();
        let start = request["ExclusiveStartKey"].as_object();
        let is_backward = request["ScanIndexForward"] == false;
        let rest = match index {
            None => table.ordered(&within, start, is_backward),
            Some(index) => table.ordered_by(index, &within, start, is_backward),
        };
        let mut rest = rest.peekable();
        let looked_at: Vec<&Item> = rest.by_ref().take(most).collect();
        let is_more = looked_at.len() == most && (looks_no_further || rest.peek().is_some());
        let items: Vec<Item> = looked_at
            .iter()
            .filter(|item| {
                filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(Some(item)))
            })
            .map(|item| match &projection {
                None => (*item).clone(),
                Some(names) => names
                    .iter()
                    .filter_map(|name| Some((name.clone(), item.get(name)?.clone())))
                    .collect(),
            })
            .collect();
        let bytes: usize = looked_at.iter().map(|item| item.len() * 24).sum();
        let units = bytes.div_ceil(4096).max(1) as f64;
        let units = if request["ConsistentRead"] == true {
            units
        } else {
            units / 2.0
        };
        let mut answer = json!({
            "Count": items.len(),
            "Items": items,
            "ScannedCount": looked_at.len(),
            "ConsumedCapacity": {"TableName": name, "CapacityUnits": units},
        });
        if let Some(last) = looked_at.last().filter(|_| is_more) {
            let names = index.map(|index| table.indexes[index]);
            let names = table
                .key
                .names()
                .chain(names.into_iter().flat_map(KeyNames::names));
            let key = names.map(|name| (name.to_owned(), last[name].clone()));
            answer["LastEvaluatedKey"] = Value::Object(key.collect());
        }
        Answer::json(200, &answer)
    }
}

impl Table {
    /// The items that match a key condition, after `start`, in ascending or descending order.
    fn ordered<'a>(
        &'a self,
        within: &'a Condition,
        start: Option<&Item>,
        is_backward: bool,
    ) -> Box<dyn Iterator<Item = &'a Item> + 'a> {
        let start = match start {
            None => Bound::Unbounded,
            Some(start) => Bound::Excluded(self.key.of_item(start).unwrap()),
        };
        let holds = move |item: &&Item| within.holds(Some(item));
        if is_backward {
            let rest = self.items.range((Bound::Unbounded, start)).rev();
            return Box::new(rest.map(|(_, item)| item).filter(holds));
        }
        let rest = self.items.range((start, Bound::Unbounded));
        Box::new(rest.map(|(_, item)| item).filter(holds))
    }

    /// As [`Table::ordered`], for an index.
    fn ordered_by<'a>(
        &'a self,
        index: &str,
        within: &Condition,
        start: Option<&Item>,
        is_backward: bool,
    ) -> Box<dyn Iterator<Item = &'a Item> + 'a> {
        let names = self.indexes[index];
        let place = |item: &Item| Some((names.of_item(item)?, self.key.of_item(item)?));
        let start = start.and_then(place);
        let is_after = |place: &(Key, Key)| match (&start, is_backward) {
            (None, _) => true,
            (Some(start), false) => place > start,
            (Some(start), true) => place < start,
        };
        let mut found: Vec<_> = self
            .items
            .values()
            .filter_map(|item| Some((place(item)?, item)))
            .filter(|(place, item)| within.holds(Some(item)) && is_after(place))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        if is_backward {
            found.reverse();
        }
        Box::new(found.into_iter().map(|(_, item)| item))
    }
}

fn key_of(table: &Table, write: &Value) -> Key {
    let item = write.get("Key").or_else(|| write.get("Item"));
    table
        .key
        .of_item(item.unwrap().as_object().unwrap())
        .unwrap()
}

/// A placeholder for which DynamoDB would refuse the request.
fn unused_placeholder(request: &Value) -> Option<&str> {
    let request = request.as_object()?;
    let expressions = request
        .iter()
        .filter(|(name, _)| name.ends_with("Expression"));
    let used: HashSet<&str> = expressions
        .flat_map(|(_, text)| text.as_str().unwrap_or_default().split(is_outside_names))
        .collect();
    let given = ["ExpressionAttributeNames", "ExpressionAttributeValues"];
    let given = given
        .iter()
        .filter_map(|name| request.get(*name)?.as_object());
    let mut names = given.flat_map(Map::keys);
    names
        .find(|name| !used.contains(name.as_str()))
        .map(String::as_str)
}

fn is_outside_names(c: char) -> bool {
    !(c.is_alphanumeric() || matches!(c, '#' | ':' | '_'))
}

/// An item after an update.
fn updated(update: &Value, before: Option<&Item>) -> Item {
    let key = update["Key"].as_object().unwrap();
    let mut item = before.unwrap_or(key).clone();
    let text = update["UpdateExpression"].as_str().unwrap();
    Placeholders::new(update).update(text, &mut item);
    item
}

fn canceled<'a>(codes: impl Iterator<Item = &'a str>) -> Answer {
    let reasons: Vec<Value> = codes.map(|code| json!({"Code": code})).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    Answer::json(400, &body)
}

/// DynamoDB's answer to a transaction that conflicts with another one.
pub fn conflict(call: &Call) -> Answer {
    match call.operation.as_str() {
        "DynamoDB.TransactWriteItems" => canceled(["TransactionConflict"].into_iter()),
        _ => Answer::error(call, 400, "TransactionConflictException"),
    }
}

/// An item as plain JSON.
pub fn plain(item: &Item) -> Value {
    let plain = |(name, value): (&String, &Value)| (name.clone(), plain_value(value));
    Value::Object(item.iter().map(plain).collect())
}

fn plain_value(value: &Value) -> Value {
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), inner) {
        ("NULL", _) => Value::Null,
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap(),
        ("L", Value::Array(list)) => list.iter().map(plain_value).collect(),
        ("M", Value::Object(map)) => plain(map),
        _ => inner.clone(),
    }
}
