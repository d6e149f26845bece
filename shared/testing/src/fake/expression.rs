//! DynamoDB's expressions, as far as Waybill uses them.

use serde_json::{Map, Value};

use super::dynamodb::{Item, order};

/// The names and values of an expression's placeholders.
pub(super) struct Placeholders<'a> {
    names: Option<&'a Map<String, Value>>,
    values: Option<&'a Map<String, Value>>,
}

/// A condition on an item.
#[derive(Debug)]
pub(super) enum Condition {
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Vec<String>, String, Value),
    Between(Vec<String>, Value, Value),
    In(Vec<String>, Vec<Value>),
    Exists(Vec<String>),
    HasType(Vec<String>, String),
}

impl<'a> Placeholders<'a> {
    /// The placeholders of a request or of a part of it.
    pub(super) fn new(request: &'a Value) -> Self {
        Self {
            names: request["ExpressionAttributeNames"].as_object(),
            values: request["ExpressionAttributeValues"].as_object(),
        }
    }

    fn name(&self, text: &str) -> String {
        match text.starts_with('#') {
            true => self.names.unwrap()[text].as_str().unwrap().to_owned(),
            false => text.to_owned(),
        }
    }

    fn path(&self, text: &str) -> Vec<String> {
        text.split('.').map(|name| self.name(name)).collect()
    }

    fn value(&self, text: &str) -> Value {
        self.values.unwrap()[text].clone()
    }

    /// Parses a projection into attribute names.
    pub(super) fn projection(&self, text: &str) -> Vec<String> {
        text.split(", ").map(|name| self.name(name)).collect()
    }

    /// Parses a condition.
    pub(super) fn condition(&self, text: &str) -> Condition {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace(',', " ");
        let mut words = Words {
            words: spaced.split_whitespace().collect(),
            at: 0,
            placeholders: self,
        };
        let condition = words.either();
        assert_eq!(words.peek(), None, "the end of {text}");
        condition
    }

    /// Applies `SET a = :a, … ADD b :b, …` to an item.
    pub(super) fn update(&self, text: &str, item: &mut Item) {
        let (set, add) = text.split_once(" ADD ").unwrap_or((text, ""));
        let set = set
            .strip_prefix("SET ")
            .expect("an update that begins with SET");
        for one in set.split(", ") {
            let (name, value) = one.split_once(" = ").unwrap();
            item.insert(self.name(name), self.value(value));
        }
        for one in add.split(", ").filter(|one| !one.is_empty()) {
            let (name, value) = one.split_once(' ').unwrap();
            let number = |value: &Value| value["N"].as_str().unwrap().parse::<i64>().unwrap();
            let name = self.name(name);
            let sum = number(&self.value(value)) + item.get(&name).map_or(0, number);
            item.insert(name, serde_json::json!({"N": sum.to_string()}));
        }
    }
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
    placeholders: &'a Placeholders<'a>,
}

impl Words<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.words[self.at - 1].to_owned()
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, word: &str) {
        assert!(self.take(word), "{word} in {:?}", self.words);
    }

    fn either(&mut self) -> Condition {
        let mut condition = self.both();
        while self.take("OR") {
            condition = Condition::Either(Box::new(condition), Box::new(self.both()));
        }
        condition
    }

    fn both(&mut self) -> Condition {
        let mut condition = self.one();
        while self.take("AND") {
            condition = Condition::Both(Box::new(condition), Box::new(self.one()));
        }
        condition
    }

    fn one(&mut self) -> Condition {
        if self.take("NOT") {
            return Condition::Not(Box::new(self.one()));
        }
        if self.take("(") {
            let condition = self.either();
            self.expect(")");
            return condition;
        }
        let word = self.next();
        if self.take("(") {
            let argument = self.next();
            let path = self.placeholders.path(&argument);
            let condition = match word.as_str() {
                "attribute_exists" => Condition::Exists(path),
                "attribute_not_exists" => Condition::Not(Box::new(Condition::Exists(path))),
                "attribute_type" => {
                    let name = self.next();
                    let name = self.placeholders.value(&name);
                    Condition::HasType(path, name["S"].as_str().unwrap().to_owned())
                }
                _ => panic!("unsupported function: {word}"),
            };
            self.expect(")");
            return condition;
        }
        let path = self.placeholders.path(&word);
        let operator = self.next();
        match operator.as_str() {
            "BETWEEN" => {
                let from = self.value();
                self.expect("AND");
                Condition::Between(path, from, self.value())
            }
            "IN" => {
                self.expect("(");
                let mut values = Vec::new();
                while !self.take(")") {
                    values.push(self.value());
                }
                Condition::In(path, values)
            }
            "=" | "<" | "<=" | ">" | ">=" => {
                let value = self.value();
                Condition::Compare(path, operator, value)
            }
            _ => panic!("unsupported operator: {operator}"),
        }
    }

    fn value(&mut self) -> Value {
        let word = self.next();
        self.placeholders.value(&word)
    }
}

impl Condition {
    /// Whether the condition is true for an item, or for an absent one.
    pub(super) fn holds(&self, item: Option<&Item>) -> bool {
        match self {
            Self::Both(a, b) => a.holds(item) && b.holds(item),
            Self::Either(a, b) => a.holds(item) || b.holds(item),
            Self::Not(condition) => !condition.holds(item),
            Self::Exists(path) => found(item, path).is_some(),
            Self::HasType(path, name) => {
                found(item, path).is_some_and(|value| value.get(name).is_some())
            }
            Self::In(path, values) => found(item, path).is_some_and(|found| values.contains(found)),
            Self::Between(path, from, to) => found(item, path)
                .is_some_and(|found| order(found) >= order(from) && order(found) <= order(to)),
            Self::Compare(path, operator, value) => found(item, path).is_some_and(|found| {
                let order = order(found).cmp(&order(value));
                match operator.as_str() {
                    "=" => found == value,
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }
            }),
        }
    }
}

fn found<'a>(item: Option<&'a Item>, path: &[String]) -> Option<&'a Value> {
    let (root, rest) = path.split_first()?;
    let value = item?.get(root)?;
    rest.iter()
        .try_fold(value, |value, name| value.get("M")?.get(name))
}
