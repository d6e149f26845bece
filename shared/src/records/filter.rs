//! DynamoDB filter expressions.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::catalog::{Constant, Path, RecordsSpec};
use crate::selection::Condition;

/// A filter expression; no filter without terms.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    terms: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Filter {
    /// The filter for the fixed attributes of the type and the conditions of the selection.
    pub(super) fn new(spec: &RecordsSpec, conditions: &[Condition]) -> Self {
        let mut filter = Self::default();
        for (name, constant) in &spec.fixed {
            filter.fixed(&Path::new(name, []), constant);
        }
        // DynamoDB refuses a filter on the key's own attributes.
        let is_key = |path: &Path| {
            [&spec.partition_key, &spec.sort_key]
                .iter()
                .any(|key| path.root() == *key)
        };
        for condition in conditions {
            match condition {
                Condition::Exists(path) | Condition::OneOf(path, _) if is_key(path) => {}
                Condition::Exists(path) => {
                    let path = filter.path(path);
                    filter.terms.push(format!("attribute_exists({path})"));
                }
                Condition::OneOf(path, texts) => filter.one_of(path, texts),
            }
        }
        filter
    }

    /// Whether there is no filter.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Excludes values of the constant's type that differ from it. Values of other types stay in, since only the
    /// selection can decide whether they read the same.
    fn fixed(&mut self, path: &Path, constant: &Constant) {
        let (kind, value) = match constant {
            Constant::Text(text) => ("S", AttributeValue::S(text.clone())),
            Constant::Integer(number) => ("N", AttributeValue::N(number.to_string())),
            Constant::Boolean(flag) => ("BOOL", AttributeValue::Bool(*flag)),
        };
        let path = self.path(path);
        let value = self.value(value);
        let kind = self.value(AttributeValue::S(kind.into()));
        self.terms.push(format!(
            "({path} = {value} OR (attribute_exists({path}) AND NOT attribute_type({path}, {kind})))"
        ));
    }

    /// Excludes texts other than these. Values that are no texts stay in, since only the selection can compare them.
    fn one_of(&mut self, path: &Path, texts: &[String]) {
        let path = self.path(path);
        let text_type = self.value(AttributeValue::S("S".into()));
        let texts: Vec<_> = texts
            .iter()
            .map(|text| self.value(AttributeValue::S(text.clone())))
            .collect();
        self.terms.push(format!(
            "({path} IN ({}) OR (attribute_exists({path}) AND NOT attribute_type({path}, {text_type})))",
            texts.join(", ")
        ));
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

    /// Adds the filter to a query.
    pub(super) fn apply(&self, mut query: QueryFluentBuilder) -> QueryFluentBuilder {
        if self.is_empty() {
            return query;
        }
        for (placeholder, name) in &self.names {
            query = query.expression_attribute_names(placeholder, name);
        }
        for (placeholder, value) in &self.values {
            query = query.expression_attribute_values(placeholder, value.clone());
        }
        query.filter_expression(self.terms.join(" AND "))
    }
}
