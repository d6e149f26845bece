use std::collections::BTreeMap;

use waybill::catalog::Catalog;

use super::*;

fn column(name: &str, type_name: &str, values: SqlValues, samples: &[&str]) -> ColumnOverview {
    ColumnOverview {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        values,
        is_nullable: false,
        comment: None,
        samples: samples
            .iter()
            .cycle()
            .take(40)
            .map(|text| Some((*text).to_owned()))
            .collect(),
    }
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

fn orders() -> TableOverview {
    let text = "character varying(200)";
    let mut comment = column("note", "text", SqlValues::Texts, &["a", "b c d e f"]);
    comment.comment = Some("Said by\nthe customer".to_owned());
    TableOverview {
        columns: vec![
            column("id", "bigint", SqlValues::Integers, &["1", "2"]),
            column("customerId", "uuid", SqlValues::Uuids, &[]),
            column(
                "status",
                text,
                SqlValues::Texts,
                &["open", "paid", "in transit"],
            ),
            column("amount_cents", "integer", SqlValues::Integers, &["1"]),
            column("vat", "numeric(10,2)", SqlValues::Numbers, &["1.5"]),
            column(
                "contact_email",
                "citext",
                SqlValues::Texts,
                &["ana@example.com"],
            ),
            column("phone", text, SqlValues::Texts, &["+351 21 000 00 00"]),
            column("is_gift", "boolean", SqlValues::Booleans, &["true"]),
            column("due", "date", SqlValues::Dates, &["2026-01-01"]),
            column(
                "created_at",
                "timestamp without time zone",
                SqlValues::Times,
                &[],
            ),
            column(
                "updated_at",
                "timestamp with time zone",
                SqlValues::Times,
                &[],
            ),
            column("scan", "bytea", SqlValues::Bytes, &[]),
            column("api_token", text, SqlValues::Texts, &["x"]),
            column("info", "jsonb", SqlValues::Others, &["{}"]),
            comment,
            column("store_id", "integer", SqlValues::Integers, &["1"]),
        ],
        unique: vec![names(&["id"])],
        indexes: vec![names(&["id"]), names(&["customerId", "created_at", "id"])],
        references: BTreeMap::from([("store_id".to_owned(), "stores".to_owned())]),
        has_row_security: false,
        is_unprovable: false,
        sampled: 40,
    }
}

const URL: &str = "postgres://app@db.example:5432/shop";

fn drafted(table: &TableOverview, asked: &Asked) -> Draft {
    draft(table, asked, SqlEngine::Postgres, URL).unwrap()
}

fn asked() -> Asked {
    Asked {
        table: "public.Orders".to_owned(),
        parent: "customerId".to_owned(),
        kind: Some("customer".to_owned()),
        name: None,
    }
}

#[test]
fn a_draft_is_a_valid_catalog_with_a_comment_for_each_guess() {
    let draft = drafted(&orders(), &asked());
    let catalog = draft.catalog();
    insta::assert_snapshot!(catalog);
    let checked = Catalog::parse_valid(&catalog).unwrap();
    assert!(
        checked.out_of_service().is_empty(),
        "{:?}",
        checked.out_of_service()
    );
    insta::assert_snapshot!(draft.deployment());
}

#[test]
fn what_cannot_be_known_is_said() {
    let mut table = orders();
    table
        .columns
        .retain(|column| column.values != SqlValues::Times);
    (table.unique, table.indexes) = (Vec::new(), Vec::new());
    let timeless = drafted(&table, &asked());
    assert!(!timeless.catalog().contains("\ncreated "));
    let said = timeless.questions();
    assert!(
        said.iter()
            .any(|text| text.starts_with("key: no unique index")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|text| text.starts_with("created: no column is")),
        "{said:?}"
    );

    let mut table = orders();
    table.indexes.pop();
    let of_primary = drafted(&table, &asked());
    assert!(of_primary.catalog().contains("key = [\"id\"]"));
    let said = of_primary.questions();
    let create = r#"CREATE INDEX CONCURRENTLY ON public."Orders" ("customerId", id)"#;
    assert!(said[0].contains(create), "{said:?}");

    let other = Asked {
        parent: "customer_id".to_owned(),
        ..asked()
    };
    let refused = draft(&orders(), &other, SqlEngine::Postgres, URL).unwrap_err();
    assert!(
        refused.starts_with("the table has no column customer_id; its columns are id, customerId,"),
        "{refused}"
    );
    for column in ["created_at", "is_gift", "vat", "due"] {
        let other = Asked {
            parent: column.to_owned(),
            ..asked()
        };
        let refused = draft(&orders(), &other, SqlEngine::Postgres, URL).unwrap_err();
        let said = refused.contains("is an integer, a uuid or a text: give the column with it");
        assert!(said && refused.contains(column), "{refused}");
    }
}

#[test]
fn names_are_quoted_where_sql_needs_that() {
    let quoted = |name| [SqlEngine::Postgres, SqlEngine::Mysql].map(|of| quoted(name, of));
    assert_eq!(quoted("order_lines2"), ["order_lines2", "order_lines2"]);
    assert_eq!(quoted("Orders"), ["\"Orders\"", "`Orders`"]);
    assert_eq!(quoted("2nd"), ["\"2nd\"", "`2nd`"]);
    assert_eq!(quoted("a\"b`c"), ["\"a\"\"b`c\"", "`a\"b``c`"]);
}

#[test]
fn tables_of_similar_names_are_found() {
    let names = [
        "public.Order",
        "sales.orders",
        "public.order_lines",
        "orderlines",
    ]
    .map(str::to_owned);
    assert_eq!(
        similar("public.orders", &names),
        ["public.Order", "sales.orders"]
    );
    assert_eq!(
        similar("OrderLines", &names),
        ["public.order_lines", "orderlines"]
    );
    assert_eq!(
        similar("public.ordes", &names),
        ["public.Order", "sales.orders", "public.order_lines"]
    );
    assert!(similar("customers", &names).is_empty());
}
