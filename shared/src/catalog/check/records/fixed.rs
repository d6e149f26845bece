//! Parses the conditions that every record of a type meets.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Wrong, not_empty, wrong};
use crate::catalog::{Constant, FixedCondition};

/// What every record of the type has, in a table with several types.
pub(super) fn fixed(
    raw: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
) -> Result<Vec<(String, FixedCondition)>, Wrong> {
    let mut found = Wrong::default();
    let mut conditions = Vec::new();
    for (name, value) in raw {
        let condition = fixed_condition(value.get_ref()).ok_or_else(|| {
            wrong(
                &value,
                "a value in `fixed` must be a text, an integer, true or false, a list of these, { not = … } of one or a list, \
                 or { absent = true }",
            )
        });
        let name = found.keep(not_empty(name));
        conditions.extend(name.zip(found.keep(condition)));
    }
    found.or(Some(conditions))
}

fn fixed_condition(value: &toml::Value) -> Option<FixedCondition> {
    let table = match value {
        toml::Value::Array(_) => {
            return Some(FixedCondition::OneOf {
                one_of: constants(value)?,
            });
        }
        toml::Value::Table(table) if table.len() == 1 => table,
        value => return constant(value).map(FixedCondition::Is),
    };
    let not = table.get("not").and_then(constants);
    let absent = table.get("absent").and_then(toml::Value::as_bool);
    not.map(|not| FixedCondition::Not { not })
        .or(absent.map(|absent| FixedCondition::Absent { absent }))
}

/// A constant, or a list of at least one.
fn constants(value: &toml::Value) -> Option<Vec<Constant>> {
    match value {
        toml::Value::Array(values) if values.is_empty() => None,
        toml::Value::Array(values) => values.iter().map(constant).collect(),
        value => Some(vec![constant(value)?]),
    }
}

fn constant(value: &toml::Value) -> Option<Constant> {
    match value {
        toml::Value::String(text) => Some(Constant::Text(text.clone())),
        toml::Value::Integer(number) => Some(Constant::Integer(*number)),
        toml::Value::Boolean(flag) => Some(Constant::Boolean(*flag)),
        _ => None,
    }
}
