//! One meaning of a filter: in a body and in a query string, for the file, the list of records and the count. A model that
//! shares no code says which orders match.

use std::env;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use waybill::catalog::Catalog;
use waybill_tests::{
    COLUMNS, Caller, Deployment, InProcess, exported, file_of, generated_orders, orders_csv,
    python_csv,
};

/// The random selections, unless `WAYBILL_SELECTIONS` says another number.
const SELECTIONS: u64 = 120;
const ORDERS: usize = 240;
const TYPE: &str = "/v1/projects/42/records/orders";
/// Texts to look for: parts of some values, in any case, and one of none.
const PIECES: [&str; 6] = ["CITY, 1", "stomer 2", "são", "o'brien", "r9", "nowhere"];

/// A filter, as a body has it and as a query string has it.
struct Filter {
    column: &'static str,
    json: Value,
    query: Vec<(String, String)>,
}

impl Filter {
    /// Conditions on a column: `{"min": "1"}`, and `min` of the query string.
    fn of(column: &'static str, conditions: &[(&str, Value)]) -> Self {
        let query = conditions.iter().flat_map(|(name, value)| {
            let values = match value {
                Value::Array(values) => values.clone(),
                one => vec![one.clone()],
            };
            let name = match *name {
                "" => column.to_owned(),
                name => format!("{column}.{name}"),
            };
            values.into_iter().map(move |value| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.clone(), text)
            })
        });
        let query = query.collect();
        let json = match conditions {
            [("", value)] => value.clone(),
            all => {
                let all = all
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()));
                Value::Object(all.collect::<Map<_, _>>())
            }
        };
        Self {
            column,
            json,
            query,
        }
    }

    fn random(random: &mut Rng, orders: &[Vec<String>]) -> Self {
        const TEXTS: [&str; 6] = [
            "status",
            "customer",
            "city",
            "state",
            "payment",
            "reference",
        ];
        let column = TEXTS[random.usize(..TEXTS.len())];
        let mut one_of = |column: &str| {
            let order = &orders[random.usize(..orders.len())];
            cell(order, column).to_owned()
        };
        let values = json!([one_of(column), one_of(column)]);
        let instant = one_of("created_at");
        let (low, high) = (one_of("amount"), one_of("amount"));
        let is_set = |value: &Value| value.as_array().unwrap().iter().all(|v| v != "");
        match random.u8(..9) {
            0 if is_set(&values) => Self::of(column, &[("", values)]),
            1 if is_set(&values) => Self::of(column, &[("not", values)]),
            2 => Self::of("state", &[("empty", json!(random.bool()))]),
            3 => Self::of(
                "customer",
                &[("contains", json!(random.choice(PIECES).unwrap()))],
            ),
            4 => Self::of(
                "city",
                &[("starts_with", json!(random.choice(PIECES).unwrap()))],
            ),
            5 => {
                let number = |text: &str| text.parse::<f64>().unwrap();
                let (min, max) = match number(&low) <= number(&high) {
                    true => (low, high),
                    false => (high, low),
                };
                Self::of(
                    "amount",
                    &[("min", json!(number(&min))), ("max", json!(number(&max)))],
                )
            }
            6 => Self::of("items", &[("min", json!(random.u8(1..9)))]),
            7 => Self::of("created_at", &[("from", json!(instant))]),
            8 => Self::of("delivered_at", &[("to", json!(instant))]),
            _ => Self::of("items", &[("", json!([random.u8(1..9), random.u8(1..9)]))]),
        }
    }

    /// Whether an order matches, by the rules of the API's documents.
    fn matches(&self, order: &[String]) -> bool {
        let found = cell(order, self.column);
        let is_number = matches!(self.column, "items" | "amount");
        let equal = |value: &Value| match value {
            Value::Number(number) => found.parse::<f64>().ok() == number.as_f64(),
            other => other == found,
        };
        let Value::Object(conditions) = &self.json else {
            return self.json.as_array().unwrap().iter().any(equal);
        };
        conditions.iter().all(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            match name.as_str() {
                "not" => !value.as_array().unwrap().iter().any(equal),
                "empty" => found.is_empty() == (*value == true),
                "contains" => found.to_lowercase().contains(&text.to_lowercase()),
                "starts_with" => found.to_lowercase().starts_with(&text.to_lowercase()),
                "min" if is_number => found.parse::<f64>().unwrap() >= value.as_f64().unwrap(),
                "max" if is_number => found.parse::<f64>().unwrap() <= value.as_f64().unwrap(),
                "from" => instant(found).is_some_and(|at| at >= instant(text).unwrap()),
                "to" => instant(found).is_some_and(|at| at < instant(text).unwrap()),
                other => panic!("the model does not know {other}"),
            }
        })
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn cell<'o>(order: &'o [String], column: &str) -> &'o str {
    let place = COLUMNS.iter().position(|known| *known == column).unwrap();
    &order[place]
}

/// The built-in catalog, whose orders can be filtered by every column.
fn catalog() -> Catalog {
    let built_in = include_str!("../../../infra/catalog.toml");
    let filters = r#"["status", "created_at", "state", "payment"]"#;
    assert!(built_in.contains(filters));
    let all = COLUMNS.iter().map(|name| format!("\"{name}\""));
    let all = format!("[{}]", all.collect::<Vec<_>>().join(", "));
    Catalog::parse(&built_in.replace(filters, &all)).unwrap()
}

/// The ids in the list of records, the newest first.
async fn listed(api: &Caller, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api
            .read(&format!("{TYPE}?limit=100&columns=id{query}{cursor}"))
            .await;
        let records = page["records"].as_array().unwrap().iter();
        ids.extend(records.map(|record| record["id"].as_str().unwrap().to_owned()));
        match page["meta"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn a_filter_means_the_same_in_the_file_the_list_and_the_count() {
    let process = InProcess::with_catalog(catalog());
    let deployment = Deployment::from(&process);
    let orders = generated_orders(ORDERS);
    deployment.load("orders", "42", orders_csv(&orders)).await;
    let selections = env::var("WAYBILL_SELECTIONS").map_or(SELECTIONS, |n| n.parse().unwrap());
    let mut found = 0;
    for seed in 0..selections {
        let mut random = Rng::with_seed(seed);
        let mut filters: Vec<Filter> = Vec::new();
        for _ in 0..random.usize(1..4) {
            let filter = Filter::random(&mut random, &orders);
            if filters.iter().all(|known| known.column != filter.column) {
                filters.push(filter);
            }
        }
        let matching = orders
            .iter()
            .filter(|order| filters.iter().all(|f| f.matches(order)));
        let expected: Vec<&str> = matching.map(|order| cell(order, "id")).collect();
        let query = filters
            .iter()
            .flat_map(|filter| &filter.query)
            .map(|(name, value)| {
                let value = percent_encoding::utf8_percent_encode(
                    value,
                    percent_encoding::NON_ALPHANUMERIC,
                );
                format!("&{name}={value}")
            });
        let query: String = query.collect();
        let body = filters
            .iter()
            .map(|filter| (filter.column.to_owned(), filter.json.clone()));
        let body = Value::Object(body.collect());

        let fields = json!({"sub": format!("u-{seed}"), "grants": "project:42"});
        let ana = process.caller(&fields);
        let asked = json!({"type": "orders", "format": "csv", "profile": "data", "columns": ["id"], "filters": body});
        let export = exported(&ana, "projects/42", asked).await;
        let rows = python_csv(&file_of(&deployment, &ana, &export).await);
        let file: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
        assert_eq!(file, expected, "seed {seed}: {body}");
        let mut list = listed(&ana, &query).await;
        list.reverse();
        assert_eq!(list, expected, "seed {seed}: {query}");
        process.pass(SignedDuration::from_secs(2));
        let count = ana.read(&format!("{TYPE}/count?{query}")).await;
        assert_eq!(
            count,
            json!({"value": expected.len(), "exact": true}),
            "seed {seed}: {query}"
        );
        found += usize::from(!expected.is_empty());
    }
    assert!(
        found as u64 * 4 > selections,
        "only {found} selections found anything"
    );
}
