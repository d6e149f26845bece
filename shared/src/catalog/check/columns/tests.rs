use jiff::tz::TimeZone;

use super::*;
use crate::catalog::{Catalog, CatalogError, StoredForm};

fn parsed(column: &str) -> Result<Catalog, CatalogError> {
    Catalog::parse(&format!(
        "[[type]]\nname = \"things\"\nparent = \"project\"\ndelivery = \"link\"\n\
         records = {{ engine = \"dynamodb\", table = \"T\", partition = \"{{parent}}\", partition_key = \"pk\" }}\n\
         created = \"at\"\ncolumns = [ {{ key = \"id\", kind = \"text\" }},\n{{ key = \"c\", {column} }} ]\n"
    ))
}

fn column(text: &str) -> Column {
    let catalog = parsed(text).unwrap();
    catalog.types()[0].column("c").unwrap().clone()
}

fn form(text: &str) -> Option<StoredForm> {
    column(text).conversion.form
}

#[test]
fn values_may_be_stored_in_other_forms() {
    let words = |yes: &str, no: &str| Some(StoredForm::Booleans(yes.into(), no.into()));
    assert_eq!(form(r#"kind = "boolean", true = "Y""#), words("Y", "N"));
    assert_eq!(form(r#"kind = "boolean", true = 1"#), words("1", "0"));
    assert_eq!(
        form(r#"kind = "boolean", true = "active", false = "closed""#),
        words("active", "closed")
    );
    assert_eq!(
        form(r#"kind = "text", as = "uuid""#),
        Some(StoredForm::Uuid)
    );
    assert_eq!(
        form(r#"kind = "text", as = "base64""#),
        Some(StoredForm::Base64)
    );
    let zone = TimeZone::get("Europe/Lisbon").unwrap();
    assert_eq!(
        form(r#"kind = "timestamp", time_zone = "Europe/Lisbon""#),
        Some(StoredForm::LocalTime(zone))
    );
    assert_eq!(
        column(r#"kind = "email", mask = "email""#).conversion.mask,
        Some(Mask::Email)
    );
}

#[test]
fn a_column_may_have_a_constant_or_labels() {
    let constant = column(r#"kind = "text", constant = "EUR""#);
    assert_eq!(constant.origin.paths(), []);
    let labeled = column(r#"kind = "text", values = { P = "Pending", D = "Done" }"#);
    assert_eq!(labeled.values, ["P", "D"]);
    assert_eq!(labeled.labels["P"], "Pending");
}

/// Entries of exports are stored, and read by later releases.
#[test]
fn a_stored_column_is_read_as_it_was() {
    for text in [
        r#"kind = "text""#,
        r#"kind = "boolean", true = "Y""#,
        r#"kind = "timestamp", time_zone = "Europe/Lisbon""#,
        r#"kind = "text", as = "uuid", mask = "last4""#,
        r#"kind = "text", values = { P = "Pending" }"#,
    ] {
        let column = column(text);
        let stored = serde_json::to_string(&column).unwrap();
        assert_eq!(
            serde_json::from_str::<Column>(&stored).unwrap(),
            column,
            "{stored}"
        );
    }
    let plain = serde_json::to_string(&column(r#"kind = "text""#)).unwrap();
    assert!(
        !plain.contains("conversion") && !plain.contains("labels"),
        "{plain}"
    );
}

#[test]
fn a_column_that_cannot_be_meant_is_refused() {
    let refused = |text: &str| parsed(text).unwrap_err().to_string();
    for (text, problem) in [
        (
            r#"kind = "text", true = "Y""#,
            "`true` is for columns of kind boolean",
        ),
        (r#"kind = "boolean", false = "N""#, "`false` needs a `true`"),
        (
            r#"kind = "boolean", true = "active""#,
            "say also what stands for `false`",
        ),
        (
            r#"kind = "boolean", true = "Y", false = "Y""#,
            "must differ",
        ),
        (
            r#"kind = "boolean", true = 1.5"#,
            "must be a text or a whole number",
        ),
        (
            r#"kind = "integer", as = "uuid""#,
            "bytes with an `as` are texts",
        ),
        (
            r#"kind = "text", as = "hex""#,
            "unknown value `hex`, expected `base64` or `uuid`",
        ),
        (
            r#"kind = "date", time_zone = "UTC""#,
            "`time_zone` is for columns of kind timestamp",
        ),
        (
            r#"kind = "timestamp", time_zone = "Lisbon""#,
            "must be a zone's IANA name",
        ),
        (
            r#"kind = "timestamp", from = "epoch_s", time_zone = "UTC""#,
            "stored as a number has no `time_zone`",
        ),
        (
            r#"kind = "integer", mask = "last4""#,
            "what this `mask` shows is of kind text or phone",
        ),
        (
            r#"kind = "email", mask = "last4""#,
            "what this `mask` shows is of kind text or phone",
        ),
        (
            r#"kind = "phone", mask = "email""#,
            "what this `mask` shows is of kind text or email",
        ),
        (
            r#"kind = "email", mask = "hash""#,
            "what this `mask` shows is of kind text;",
        ),
        (
            r#"kind = "text", mask = "last4", values = ["a"]"#,
            "no value has this text once it is masked",
        ),
        (
            r#"kind = "text", values = []"#,
            "`values` must list a value",
        ),
        (
            r#"kind = "text", constant = "EUR", path = "a""#,
            "reads nothing from records",
        ),
        (r#"kind = "text", constant = """#, "must not be empty"),
        (
            r#"kind = "text", path = "items[0].sku""#,
            "an element of a list has a dot and its place",
        ),
        (
            r#"kind = "text", values = "a""#,
            "`values` must be a list of texts, or a table",
        ),
        (
            r#"kind = "text", values = ["a", ""]"#,
            "each value must be a text that is not empty",
        ),
        (
            r#"kind = "text", values = { a = 1 }"#,
            "each value must be a text that is not empty",
        ),
        (
            r#"kind = "integer", values = { 1 = "one" }"#,
            "only the values of a column of kind text have labels",
        ),
    ] {
        let refused = refused(text);
        assert!(
            refused.contains(problem) && refused.contains("line 8"),
            "{text}: {refused}"
        );
    }
}

#[test]
fn all_mistakes_of_a_column_are_named_at_once() {
    let refused = parsed(
        r#"kind = "integer", path = "a..b", from = "cents", as = "uuid", true = "Y", mask = "hash", values = [""]"#,
    );
    let refused = refused.unwrap_err().to_string();
    for problem in [
        "this `from` gives a decimal",
        "bytes with an `as` are texts",
        "`true` is for columns of kind boolean",
        "what this `mask` shows is of kind text",
        "a path must be attribute names",
        "each value must be a text",
    ] {
        assert_eq!(refused.matches(problem).count(), 1, "{problem}: {refused}");
    }
}

#[test]
fn no_other_column_shows_what_a_mask_hides() {
    for (other, is_refused) in [
        (r#"kind = "text""#, false),
        (
            r#"kind = "text", path = "address.city", mask = "hash""#,
            false,
        ),
        (r#"kind = "text", path = "address.street""#, false),
        (r#"kind = "text", path = "address.city""#, true),
        (r#"kind = "text", path = "address", hidden = true"#, true),
    ] {
        let masked = format!(
            r#"{other} }}, {{ key = "city", kind = "text", path = "address.city", mask = "last4""#
        );
        let parsed = parsed(&masked);
        assert_eq!(parsed.is_err(), is_refused, "{other}");
        if let Err(refused) = parsed {
            let hides = "line 8: this column shows what the mask of `city` hides";
            assert!(refused.to_string().contains(hides), "{refused}");
        }
    }
}
