//! DynamoDB filter expressions.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::catalog::{Constant, DynamodbSpec, FixedCondition, Path};
use crate::selection::Condition;

/// DynamoDB's limit on the length of an expression in bytes (4 KB).
pub(super) const MAX_EXPRESSION: usize = 4_096;

/// A filter expression, empty for no filter. A term that does not fit into DynamoDB's limit is left out: a filter only
/// saves the transfer of records, and the selection decides about each of them anyway.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Filter {
    /// The filter for the fixed attributes of the type and the conditions of the selection; in a table that is read as a
    /// whole, also for the parent.
    pub(super) fn new(spec: &DynamodbSpec, parent_id: &str, conditions: &[Condition]) -> Self {
        let mut filter = Self::default();
        if let Some(attribute) = &spec.scan {
            filter.add(|filter| filter.parent(&Path::new(attribute, []), parent_id));
        }
        for (name, condition) in &spec.fixed {
            filter.add(|filter| filter.fixed(&Path::new(name, []), condition));
        }
        // DynamoDB refuses a filter on the key's own attributes.
        let is_key = |path: &Path| spec.key_names().any(|key| path.root() == key);
        // The name could be that of a list's element or of a map's.
        let is_element = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
        let is_left_out = |path: &Path| is_key(path) || path.names()[1..].iter().any(is_element);
        for condition in conditions {
            match condition {
                Condition::Exists(path)
                | Condition::OneOf(path, _)
                | Condition::Number(path, _)
                    if is_left_out(path) => {}
                // Some tables have numbers as texts.
                Condition::Exists(path) | Condition::Number(path, _) => {
                    filter.add(|filter| filter.exists(path))
                }
                Condition::OneOf(path, texts) => filter.add(|filter| filter.one_of(path, texts)),
            }
        }
        filter
    }

    /// Whether there is no filter.
    pub(super) fn is_empty(&self) -> bool {
        self.expression.is_empty()
    }

    /// Adds a term with its placeholders, if the expression has room for it.
    fn add(&mut self, term: impl FnOnce(&mut Self) -> String) {
        let mut longer = self.clone();
        let term = term(&mut longer);
        if !longer.is_empty() {
            longer.expression.push_str(" AND ");
        }
        longer.expression.push_str(&term);
        if longer.expression.len() <= MAX_EXPRESSION {
            *self = longer;
        }
    }

    /// The records of a parent, whose id is a text or a number. DynamoDB takes `042` for the number 42.
    fn parent(&mut self, path: &Path, id: &str) -> String {
        let path = self.path(path);
        let text = self.value(AttributeValue::S(id.to_owned()));
        match id.parse::<i64>() {
            Ok(number) if number.to_string() == id => {
                let number = self.value(AttributeValue::N(id.to_owned()));
                format!("{path} IN ({text}, {number})")
            }
            _ => format!("{path} = {text}"),
        }
    }

    fn exists(&mut self, path: &Path) -> String {
        format!("attribute_exists({})", self.path(path))
    }

    /// Excludes values that do not meet the condition. Values of other types than the constants' stay in, since only the
    /// selection can decide whether they read the same.
    fn fixed(&mut self, path: &Path, condition: &FixedCondition) -> String {
        let path = self.path(path);
        match condition {
            FixedCondition::Is(constant) => {
                let constant = std::slice::from_ref(constant);
                let value = self.constants(constant);
                let other_type = self.other_type(&path, constant);
                format!("({path} = {value} OR {other_type})")
            }
            FixedCondition::OneOf { one_of } => {
                let values = self.constants(one_of);
                let other_type = self.other_type(&path, one_of);
                format!("({path} IN ({values}) OR {other_type})")
            }
            FixedCondition::Not { not } => {
                let values = self.constants(not);
                format!("(attribute_not_exists({path}) OR NOT {path} IN ({values}))")
            }
            FixedCondition::Absent { absent: true } => {
                let null = self.value(AttributeValue::S("NULL".into()));
                format!("(attribute_not_exists({path}) OR attribute_type({path}, {null}))")
            }
            FixedCondition::Absent { absent: false } => format!("attribute_exists({path})"),
        }
    }

    /// The placeholders of constants.
    fn constants(&mut self, constants: &[Constant]) -> String {
        let values = constants.iter().map(|constant| {
            self.value(match constant {
                Constant::Text(text) => AttributeValue::S(text.clone()),
                Constant::Integer(number) => AttributeValue::N(number.to_string()),
                Constant::Boolean(flag) => AttributeValue::Bool(*flag),
            })
        });
        values.collect::<Vec<_>>().join(", ")
    }

    /// The term for values of other types than those of the constants.
    fn other_type(&mut self, path: &str, constants: &[Constant]) -> String {
        let types = constants.iter().map(|constant| match constant {
            Constant::Text(_) => "S",
            Constant::Integer(_) => "N",
            Constant::Boolean(_) => "BOOL",
        });
        let types: BTreeSet<_> = types.collect();
        let types = types.into_iter().map(|of| {
            let of = self.value(AttributeValue::S(of.into()));
            format!(" AND NOT attribute_type({path}, {of})")
        });
        let types: String = types.collect();
        format!("(attribute_exists({path}){types})")
    }

    /// Excludes texts other than these. Values that are no texts stay in, since only the selection can compare them.
    fn one_of(&mut self, path: &Path, texts: &[String]) -> String {
        let path = self.path(path);
        let text_type = self.value(AttributeValue::S("S".into()));
        let texts: Vec<_> = texts
            .iter()
            .map(|text| self.value(AttributeValue::S(text.clone())))
            .collect();
        format!(
            "({path} IN ({}) OR (attribute_exists({path}) AND NOT attribute_type({path}, {text_type})))",
            texts.join(", ")
        )
    }

    fn path(&mut self, path: &Path) -> String {
        let mut names = Vec::with_capacity(path.names().len());
        for name in path.names() {
            let placeholder = format!("#f{}", self.names.len());
            self.names.insert(placeholder.clone(), name.clone());
            names.push(placeholder);
        }
        names.join(".")
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":f{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Adds the filter to the expressions of a request.
    pub(super) fn add_to(&self, expressions: &mut Expressions) {
        if self.is_empty() {
            return;
        }
        expressions.names.extend(self.names.clone());
        expressions.values.extend(self.values.clone());
        expressions.filter = Some(self.expression.clone());
    }
}

/// The expressions of a request, and what their placeholders stand for.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
    /// The condition on the key, for a query.
    pub(super) key: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) projection: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalog::Catalog;

    fn filter(columns: usize, values: usize) -> Filter {
        let catalog = Catalog::built_in().unwrap();
        let spec = catalog.get("orders").unwrap().records.dynamodb().unwrap();
        let texts = |column: usize| (0..values).map(|n| format!("value {column} {n}")).collect();
        let conditions: Vec<_> = (0..columns)
            .map(|column| Condition::OneOf(Path::new(format!("c{column}"), []), texts(column)))
            .collect();
        Filter::new(spec, "42", &conditions)
    }

    /// Checks that the expression uses each placeholder: DynamoDB refuses a request with others.
    fn uses_all(filter: &Filter) {
        let used: HashSet<&str> = filter
            .expression
            .split(|c: char| !(c.is_alphanumeric() || c == '#' || c == ':'))
            .collect();
        for placeholder in filter.names.keys().chain(filter.values.keys()) {
            assert!(used.contains(placeholder.as_str()), "{placeholder}");
        }
    }

    #[test]
    fn every_fixed_condition_uses_its_placeholders() {
        for condition in [
            r#""paid""#,
            "true",
            r#"["a", 1]"#,
            r#"{ not = ["a", "b", 2, true] }"#,
            r#"{ not = "a" }"#,
            "{ absent = true }",
            "{ absent = false }",
        ] {
            let catalog = Catalog::parse(&format!(
                "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
                 records = {{ engine = \"dynamodb\", table = \"T\", partition = \"{{parent}}\", partition_key = \"pk\", \
                 fixed = {{ state = {condition}, kind = {condition} }} }}\n\
                 created = \"at\"\ncolumns = [ {{ key = \"id\", kind = \"text\" }} ]\n"
            ));
            let catalog = catalog.unwrap();
            let filter = Filter::new(catalog.types()[0].records.dynamodb().unwrap(), "42", &[]);
            assert!(!filter.is_empty());
            uses_all(&filter);
        }
    }

    /// DynamoDB refuses a longer expression, and a placeholder that no expression uses.
    #[test]
    fn a_term_that_does_not_fit_is_left_out_with_its_placeholders() {
        assert_eq!(filter(2, 100).values.len(), 2 * 101);
        let filter = filter(6, 100);
        assert!(filter.expression.len() <= MAX_EXPRESSION);
        uses_all(&filter);
        assert!(
            filter.values.len() >= 3 * 101,
            "{}",
            filter.expression.len()
        );
    }
}
