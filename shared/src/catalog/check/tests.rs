use insta::assert_snapshot;
use jiff::Timestamp;

use crate::catalog::Path;
use crate::catalog::{
    Catalog, CatalogError, Column, Constant, Delivery, ExportType, FixedCondition,
};
use crate::value::{Kind, Stored};

const LEADS: &str = r#"
[[type]]
name      = "leads"
parent    = "source"
delivery  = "link"
records   = { engine = "dynamodb", table = "RECORDS_TABLE", partition = "leads#{parent}",
              partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_ms#id" }
created   = "created_at"
search    = ["name", "phone"]
filters   = ["status", "created_at", "attributes"]
columns   = [ { key = "name", kind = "text" }, { key = "phone", kind = "phone" },
              { key = "city", kind = "text", path = "address.city" },
              { key = "amount", kind = "decimal", from = "cents" },
              { key = "status", kind = "text", hidden = true } ]
custom    = true
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(LEADS.contains(from), "{from}");
    let error = Catalog::parse(&LEADS.replacen(from, to, 1)).unwrap_err();
    assert!(matches!(error, CatalogError::Invalid { .. }));
    error.to_string()
}

#[test]
fn the_built_in_catalog_is_valid() {
    let catalog = Catalog::built_in().unwrap();
    let orders = catalog.get("orders").unwrap();
    assert_eq!(orders.parent, *"project");
    assert_eq!(orders.delivery, Delivery::Attachment);
    let keys: Vec<_> = orders
        .default_columns()
        .iter()
        .map(|c| c.key.as_str())
        .collect();
    assert_eq!(
        keys.join(" "),
        "id reference status created_at updated_at delivered_at customer city state items amount freight \
             currency payment"
    );
    // People see labels, or the words of keys.
    let of_orders = orders.default_columns();
    let headings: Vec<String> = of_orders.iter().map(|column| column.heading()).collect();
    assert_eq!(headings[..4], ["ID", "Reference", "Status", "Created at"]);
    let odd = |key: &str| Column::new(key, Kind::Text, Path::new("x", [])).heading();
    assert_eq!(odd("emp.var-rate__x"), "Emp var rate x");
    assert_eq!(odd("élan"), "Élan");
    assert_eq!(odd("__"), "__");
    assert_eq!(partitions(orders, "42"), ["orders#42"]);
    assert!(
        orders
            .records
            .dynamodb()
            .unwrap()
            .sort_format
            .is_ordered_by_time()
    );
}

fn partitions(of: &ExportType, parent_id: &str) -> Vec<String> {
    let spec = of.records.dynamodb().unwrap();
    let groups = spec.groups(parent_id, None, None, Timestamp::UNIX_EPOCH);
    let groups = groups.unwrap().into_iter();
    groups.flat_map(|group| group.partitions).collect()
}

#[test]
fn every_part_of_a_type_is_read() {
    let catalog = Catalog::parse(LEADS).unwrap();
    let leads = catalog.get("leads").unwrap();
    assert_eq!(leads.label, "Leads");
    assert!(leads.custom);
    assert_eq!(
        leads
            .column("city")
            .unwrap()
            .origin
            .path()
            .unwrap()
            .to_string(),
        "address.city"
    );
    assert_eq!(leads.column("amount").unwrap().stored, Some(Stored::Cents));
    assert_eq!(leads.column("phone").unwrap().kind, Kind::Phone);
    let keys: Vec<_> = leads
        .default_columns()
        .iter()
        .map(|c| c.key.clone())
        .collect();
    assert_eq!(
        keys.join(" "),
        "name phone city amount created_at updated_at source_id"
    );
    assert!(catalog.get("orders").is_none());
}

#[test]
fn all_settings_of_a_hosts_table_are_read() {
    let role = "arn:aws:iam::123456789012:role/reader";
    let word = |text: &str| Constant::Text(text.into());
    for (text, named) in [(role, role), ("RECORDS_ROLE", "RECORDS_ROLE")] {
        let more = format!(
            r#"sort_key = "at", index = "by_time", region = "eu-central-1", role = "{text}",
                   fixed = {{ entity = "lead", version = 2, deleted = false, gone_at = {{ absent = true }},
                   state = ["new", "old"], test = {{ not = true }} }}"#
        );
        let catalog =
            Catalog::parse(&LEADS.replace(r#"sort_key = "sk""#, &more.replace('\n', " "))).unwrap();
        let records = catalog.types()[0].records.dynamodb().unwrap();
        assert_eq!(records.index.as_deref(), Some("by_time"));
        assert_eq!(records.region.as_deref(), Some("eu-central-1"));
        assert_eq!(records.role.as_deref(), Some(named));
        let fixed = [
            ("entity", word("lead").into()),
            ("version", Constant::Integer(2).into()),
            ("deleted", Constant::Boolean(false).into()),
            ("gone_at", FixedCondition::Absent { absent: true }),
            (
                "state",
                FixedCondition::OneOf {
                    one_of: vec![word("new"), word("old")],
                },
            ),
            (
                "test",
                FixedCondition::Not {
                    not: vec![Constant::Boolean(true)],
                },
            ),
        ];
        let mut found = records.fixed.clone();
        found.sort_by_key(|(name, _)| fixed.iter().position(|(known, _)| known == name));
        assert_eq!(
            found,
            fixed.map(|(name, condition)| (name.to_owned(), condition))
        );
    }
}

#[test]
fn a_type_is_added_without_rust() {
    let fifth = r#"
[[type]]
name     = "tickets"
parent   = "organization"
delivery = "link"
records  = { engine = "dynamodb", table = "TICKETS_TABLE", partition = "{parent}", partition_key = "tenant", sort_key = "opened", sort_format = "epoch_ms" }
created  = "opened"
search   = ["subject"]
filters  = ["priority", "created_at"]
columns  = [ { key = "id", kind = "text" }, { key = "subject", kind = "text", label = "What it is about" },
             { key = "priority", kind = "integer", values = ["1", "2"] }, { key = "opened", kind = "timestamp", from = "epoch_ms" } ]
"#;
    let built_in = super::super::BUILT_IN;
    let catalog = Catalog::parse(&format!("{built_in}{fifth}")).unwrap();
    assert_eq!(catalog.types().len(), 5);
    let tickets = catalog.get("tickets").unwrap();
    assert_eq!(tickets.column("subject").unwrap().label, "What it is about");
    assert_eq!(partitions(tickets, "acme"), ["acme"]);
}

#[test]
fn each_of_several_partitions_contains_the_parent() {
    let text = LEADS.replace(
        r#"partition = "leads#{parent}""#,
        r#"partitions = ["leads#{parent}#0", "leads#{parent}#1"]"#,
    );
    let catalog = Catalog::parse(&text).unwrap();
    assert_eq!(
        partitions(&catalog.types()[0], "web"),
        ["leads#web#0", "leads#web#1"]
    );
    let of = |count: usize| {
        let several: Vec<String> = (0..count)
            .map(|n| format!("leads#{{parent}}#{n}"))
            .collect();
        format!("partitions = {several:?}")
    };
    let one = r#"partition = "leads#{parent}""#;
    assert!(Catalog::parse(&LEADS.replace(one, &of(50))).is_ok());
    assert_snapshot!(refusal(one, &of(51)),
        @"the catalog is invalid in line 6: a type has at most 50 partitions, which are read in parallel");
}

#[test]
fn an_invalid_catalog_is_refused_with_the_line() {
    assert_snapshot!(refusal(r#""leads#{parent}""#, r#""leads""#),
            @"the catalog is invalid in line 6: a partition must contain {parent}, so that it has the records of only one parent");
    assert_snapshot!(refusal(r#""leads#{parent}""#, r#""leads#{parent}#{x}""#),
            @"the catalog is invalid in line 6: a partition can have only {parent}, {root}, {month} and {day} in braces");
    assert_snapshot!(refusal(r#""leads#{parent}""#, r#""leads#{parent}#{day}""#),
            @"the catalog is invalid in line 6: partitions with {month} or {day} need `since`, the day of the first record, such as \"2024-01-31\"");
    assert_snapshot!(refusal(r#"partition = "leads#{parent}""#, r#"partitions = ["{parent}#{day}", "{parent}"], since = "2024-01-31""#),
            @"the catalog is invalid in line 6: either all partitions of a type have {month}, or all have {day}, or none has either");
    assert_snapshot!(refusal(r#"partition = "leads#{parent}""#, r#"partition = "{parent}#{month}#{day}", since = 2024-01-31"#),
            @"the catalog is invalid in line 6: either all partitions of a type have {month}, or all have {day}, or none has either");
    assert_snapshot!(refusal(r#"partition = "leads#{parent}""#, r#"partition = "{parent}#{month}", since = "2024-1-31""#),
            @r#"the catalog is invalid in line 6: `since` must be a day, such as "2024-01-31": that of the first record"#);
    assert_snapshot!(refusal(r#"partition = "leads#{parent}""#, r#"scan = "workspaceId""#),
            @r#"the catalog is invalid in line 6: `scan`: invalid type: string "workspaceId", expected a table, such as { name = "value" }"#);
    assert_snapshot!(refusal(r#"sort_key = "sk""#, r#"sort_key = "sk", since = "2024-01-31""#),
            @"the catalog is invalid in line 7: `since` and `time_zone` are for partitions with {month} or {day}");
    assert_snapshot!(refusal(r#"partition_key = "pk""#, r#"partition_key = "pk", partition_type = "number""#),
            @"the catalog is invalid in line 6: a partition key that is a number can only be {parent}");
    assert_snapshot!(refusal(r#"sort_key = "sk","#, ""),
            @"the catalog is invalid in line 7: `sort_format` needs the attribute of the sort key in `sort_key`");
    assert_snapshot!(refusal(r#"partition = "leads#{parent}","#, ""),
            @"the catalog is invalid in line 6: give either `partition` or a list of `partitions`, not both");
    assert_snapshot!(refusal(r#"partition = "leads#{parent}""#, r#"partitions = ["{parent}", "{parent}"]"#),
            @"the catalog is invalid in line 6: this partition is listed twice; its records would be exported twice");
    assert_snapshot!(refusal("RECORDS_TABLE", "prod-records"),
            @"the catalog is invalid in line 6: `table` must be a name (a letter, then letters, digits and _) that the deployment file or an environment variable maps to the table's own");
    assert_snapshot!(refusal("dynamodb", "mongodb"),
            @"the catalog is invalid in line 6: `engine`: unknown value `mongodb`, expected one of `dynamodb`, `postgres`, `mysql`");
    assert_snapshot!(refusal(r#"sort_key = "sk""#, r#"sort_key = "sk", read_mb_per_s = 0"#), 
            @"the catalog is invalid in line 7: `read_mb_per_s` must be an integer of at least 1, in megabytes per second");
    assert_snapshot!(refusal("rfc3339_ms#id", "iso"),
            @"the catalog is invalid in line 7: `sort_format` has no placeholder; it must have one of {rfc3339_s}, {rfc3339_ms}, {rfc3339_us}, {rfc3339_ns}, {rfc3339_s_lower}, {rfc3339_ms_lower}, {rfc3339_us_lower}, {rfc3339_ns_lower}, {rfc3339}, {epoch_s}, {epoch_ms}, {date}, {ulid}, {ulid_lower}, {ksuid}, {uuid7}, {id} (one segment), {*} (everything to the end), such as ORDER#{rfc3339_ms}#{id}");
    assert_snapshot!(refusal(r#"sort_key = "sk""#, r#"sort_key = "pk""#),
            @"the catalog is invalid in line 7: the sort key and the partition key must be different attributes");
    assert_snapshot!(refusal(r#"name      = "leads""#, r#"name      = "Leads""#),
            @"the catalog is invalid in line 3: a type's name must have 1 to 64 of a-z, 0-9 and _, and begin with a letter");
    assert_snapshot!(refusal("delivery", "deliver"),
            @"the catalog is invalid in line 2: missing key `delivery`; in line 5: unknown key `deliver`; did you mean `delivery`?");
    assert_snapshot!(refusal(r#""source""#, r#""team""#),
            @"the catalog is invalid in line 4: `team` is no kind of parent; this catalog has organization, project, source (others need a [[parent]])");
    assert_snapshot!(refusal(r#"key = "phone", kind = "phone""#, r#"key = "name", kind = "phone""#),
            @"the catalog is invalid in line 11: the column `name` is defined twice");
    assert_snapshot!(refusal(r#"kind = "phone""#, r#"kind = "mobile""#),
            @"the catalog is invalid in line 11: `kind`: unknown value `mobile`, expected one of `text`, `integer`, `decimal`, `boolean`, `date`, `timestamp`, `email`, `phone`");
    assert_snapshot!(refusal(r#"kind = "decimal""#, r#"kind = "text""#),
            @"the catalog is invalid in line 13: this `from` gives a decimal; change the column's kind");
    assert_snapshot!(refusal("address.city", "address..city"),
            @"the catalog is invalid in line 12: a path must be attribute names separated by dots, such as address.city");
    assert_snapshot!(refusal(r#"search    = ["name""#, r#"search    = ["email""#),
            @"the catalog is invalid in line 9: this type has no column `email`");
    assert_snapshot!(refusal(r#"filters   = ["status""#, r#"filters   = ["created_at""#),
            @"the catalog is invalid in line 10: `created_at` is listed twice");
    assert_snapshot!(refusal(r#"filters   = ["status""#, r#"filters   = ["limit""#),
            @"the catalog is invalid in line 10: `limit` is another parameter of a list; give the column another key");
    assert_snapshot!(refusal(r#"created   = "created_at""#, r#"created   = "name""#),
            @"the catalog is invalid in line 8: the column `name` must be of kind timestamp");
    assert_snapshot!(refusal(r#"key = "city""#, r#"key = " ""#),
            @"the catalog is invalid in line 12: this value must not be empty");
    assert_snapshot!(refusal(r#"sort_key = "sk""#, r#"sort_key = "sk", fixed = { sk = "a" }"#),
            @"the catalog is invalid in line 7: an attribute of the key cannot be in `fixed`; `partition` determines the key");
    assert_snapshot!(refusal(r#"sort_key = "sk""#, r#"sort_key = "sk", fixed = { rate = 1.5 }"#),
            @"the catalog is invalid in line 7: a value in `fixed` must be a text, an integer, true or false, a list of these, { not = … } of one or a list, or { absent = true }");
    for wrong in [
        "{ not = [] }",
        "{ not = 1, absent = true }",
        "{ absent = 1 }",
        "[]",
        "{}",
    ] {
        let refused = refusal(
            r#"sort_key = "sk""#,
            &format!(r#"sort_key = "sk", fixed = {{ rate = {wrong} }}"#),
        );
        assert!(
            refused.to_string().contains("a value in `fixed` must be"),
            "{wrong}: {refused}"
        );
    }
    assert_snapshot!(refusal(r#"sort_key = "sk""#, r#"sort_key = "sk", role = "role/reader""#),
            @"the catalog is invalid in line 7: `role` must be the role's ARN, or a name (a letter, then letters, digits and _) that the deployment file or an environment variable maps to the ARN");
    assert_snapshot!(refusal(r#""source""#, r#""project""#),
            @"the catalog is invalid in line 15: projects have no custom fields; they would need `custom = true` in their [[parent]]");
    assert_snapshot!(refusal(r#"key = "name""#, r#"key = "other""#),
            @"the catalog is invalid in line 9: this type has no column `name`; in line 15: the key `other` is reserved for fields without a definition; give the column another key");
    assert_snapshot!(refusal("hidden = true", r#"values = ["a", "a"]"#),
            @"the catalog is invalid in line 14: the value `a` is listed twice");
}

#[test]
fn keys_that_do_not_fit_into_an_export_are_refused() {
    let long = format!(r#"key = "{}""#, "k".repeat(256));
    assert_snapshot!(refusal(r#"key = "phone""#, &long),
            @"the catalog is invalid in line 11: a column's key has at most 255 bytes; give the attribute's name in `path`");
    let many = (0..400).map(|n| format!(r#"{{ key = "{n:0>255}", kind = "text" }},"#));
    let many: String = many.collect();
    let error = refusal("columns   = [", &format!("columns   = [{many}"));
    assert!(
        error
            .to_string()
            .contains("the keys of the columns have 102"),
        "{error}"
    );
}

#[test]
fn two_types_with_the_same_name_are_refused() {
    let error = Catalog::parse(&format!("{LEADS}{LEADS}")).unwrap_err();
    assert_snapshot!(error, @"the catalog is invalid in line 18: the type `leads` is defined twice");
}

#[test]
fn a_catalog_without_types_is_refused() {
    assert_snapshot!(Catalog::parse("").unwrap_err(), @"the catalog is invalid in line 1: missing key `type`");
    assert_snapshot!(Catalog::parse("type = []").unwrap_err(),
            @"the catalog is invalid in line 1: the catalog has no type; add a [[type]]");
}

#[test]
fn the_error_of_a_missing_catalog_has_its_path() {
    let error = Catalog::read(std::path::Path::new("/nowhere/catalog.toml")).unwrap_err();
    assert_snapshot!(error,
            @"cannot read the catalog /nowhere/catalog.toml; CATALOG_PATH must name a readable UTF-8 file");
}

#[test]
fn every_mistake_of_a_type_is_listed_with_its_line() {
    let wrong = [
        ("name      = \"leads\"", "name      = \"Leads\""),
        ("partition = \"leads#{parent}\"", "partition = \"leads\""),
        ("partition_key = \"pk\",", "key = [\"id\"],"),
        ("path = \"address.city\"", "path = \"address.\""),
        ("from = \"cents\"", "from = \"epoch_s\""),
    ];
    let mut catalog = LEADS.to_owned();
    for (from, to) in wrong {
        assert!(catalog.contains(from), "{from}");
        catalog = catalog.replacen(from, to, 1);
    }
    assert_snapshot!(
        Catalog::parse(&catalog)
            .unwrap_err()
            .to_string()
            .replace("; in ", "\n")
    );
    let database = "[database.shop]\nengine = \"postgres\"\n[[type]]\nname = \"a\"\nparent = \"project\"\ndelivery = \"link\"\n\
        records = { database = \"shop\", engine = \"dynamodb\", key = [], sort_key = \"sk\", parent = \"\" }\n\
        created = \"at\"\nsearch = [\"a\", \"b\"]\ncolumns = [{ key = \"a\", kind = \"text\" }, { key = \"a\", kind = \"text\" }]\n";
    assert_snapshot!(
        Catalog::parse(database)
            .unwrap_err()
            .to_string()
            .replace("; in ", "\n")
    );
    let unknown = LEADS
        .replacen("delivery  =", "deliver   =", 1)
        .replacen("kind = \"phone\"", "kind = \"phone\", colour = \"red\"", 1)
        .replacen("sort_key = \"sk\"", "sort_key = \"sk\", sorted = true", 1)
        .replacen("path = \"address.city\"", "path = \"address.\"", 1);
    assert_snapshot!(
        Catalog::parse(&unknown)
            .unwrap_err()
            .to_string()
            .replace("; in ", "\n")
    );
    let unknown = unknown.replacen("deliver   =", "delivery  = \"link\"\nnote      =", 1);
    assert_snapshot!(
        Catalog::parse(&unknown)
            .unwrap_err()
            .to_string()
            .replace("; in ", "\n")
    );
    let lists = LEADS
        .replacen(
            "search    = [\"name\", \"phone\"]",
            "search    = [\"nam\", \"phone\", \"phone\"]",
            1,
        )
        .replacen("filters   = [\"status\"", "filters   = [\"stat\"", 1);
    assert_snapshot!(
        Catalog::parse(&lists)
            .unwrap_err()
            .to_string()
            .replace("; in ", "\n")
    );
}
