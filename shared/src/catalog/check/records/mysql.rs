//! What is different in MySQL and MariaDB: a `boolean` is a `tinyint(1)`, whose values are the numbers 1 and 0.

use crate::catalog::{Column, Constant, FixedCondition, SqlSpec, StoredForm};
use crate::value::Kind;

/// The records with numbers in place of true and false in `fixed`.
pub(super) fn with_numbers(mut records: SqlSpec) -> SqlSpec {
    for (_, condition) in &mut records.fixed {
        let constants = match condition {
            FixedCondition::Is(constant) => std::slice::from_mut(constant),
            FixedCondition::OneOf { one_of } => one_of,
            FixedCondition::Not { not } => not,
            FixedCondition::Absent { .. } => &mut [],
        };
        for constant in constants {
            if let Constant::Boolean(flag) = constant {
                *constant = Constant::Integer((*flag).into());
            }
        }
    }
    records
}

/// Reads 1 and 0 as true and false in columns of that kind that do not say what stands for these.
pub(in crate::catalog::check) fn read_numbers(columns: &mut [Column]) {
    for column in columns {
        if column.kind == Kind::Boolean && column.conversion.form.is_none() {
            column.conversion.form = Some(StoredForm::Booleans("1".to_owned(), "0".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;

    const CATALOG: &str = r#"
[database.shop]
engine = "mysql"

[[type]]
name = "orders"
parent = "organization"
delivery = "link"
records = { database = "shop", table = "orders", parent = "shop_id", key = ["id"], fixed = { live = true, kind = { not = ["x"] } } }
search = []
filters = []
columns = [{ key = "paid", kind = "boolean" }, { key = "vip", kind = "boolean", true = "Y" }, { key = "name", kind = "text" }]
"#;

    #[test]
    fn true_and_false_are_one_and_zero_where_the_entry_says_nothing_else() {
        let catalog = Catalog::parse(CATALOG).unwrap();
        let orders = serde_json::to_value(&catalog.types()[0]).unwrap();
        let form = |n: usize| orders["columns"][n]["conversion"]["form"]["booleans"].clone();
        assert_eq!(form(0), serde_json::json!(["1", "0"]));
        assert_eq!(form(1)[0], "Y");
        assert!(form(2).is_null());
        assert_eq!(orders["records"]["engine"], "mysql");
        let fixed = catalog.types()[0].records.fixed();
        assert_eq!(fixed[0].1.to_string(), "anything but the text \"x\"");
        assert_eq!(fixed[1].1.to_string(), "the number 1");
    }

    #[test]
    fn row_security_is_postgresqls() {
        let text = CATALOG.replace("fixed =", "row_security = true, fixed =");
        let refused = Catalog::parse(&text).unwrap_err().to_string();
        assert!(
            refused.contains("records in MySQL have no `row_security`"),
            "{refused}"
        );
    }
}
