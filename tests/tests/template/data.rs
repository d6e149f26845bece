//! Tests of the tables and the bucket.

use serde_json::{Value, json};

use crate::reading::{Template, refers_to};

const DAY: u64 = 86_400;

#[test]
fn tables_and_bucket_outlive_the_stack() {
    let template = Template::read();
    let tables = template.resources_of_type("AWS::DynamoDB::Table");
    let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "ExportsTable",
            "WorkTable",
            "EventsTable",
            "LimitsTable",
            "ApiKeysTable",
            "ParentsTable"
        ]
    );
    for name in names.into_iter().chain(["Bucket"]) {
        let resource = template.resource(name);
        assert_eq!(resource["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
    }
}

/// A restored table has no stream, no time to live and no backups. The deployment of the template sets what the import leaves
/// out, and only that.
#[test]
fn an_import_takes_over_what_outlives_the_stack() {
    let template = Template::read();
    let import = Template::of("infra/release/restore.yaml");
    let resources = import.at("/Resources").as_object().expect("resources");
    let names: Vec<&str> = resources.keys().map(String::as_str).collect();
    let tables = template.resources_of_type("AWS::DynamoDB::Table");
    let kept = tables.iter().map(|(name, _)| *name).chain(["Bucket"]);
    assert_eq!(names, kept.collect::<Vec<_>>());
    for (name, resource) in resources {
        let mut same = template.resource(name).clone();
        let properties = same["Properties"].as_object_mut().expect("properties");
        for later in [
            "PointInTimeRecoverySpecification",
            "StreamSpecification",
            "TimeToLiveSpecification",
        ] {
            properties.remove(later);
        }
        if name == "Bucket" {
            same.as_object_mut()
                .expect("a resource")
                .remove("Properties");
        } else {
            properties["DeletionProtectionEnabled"] = json!(false);
        }
        assert_eq!(resource, &same, "{name}");
    }
}

#[test]
fn tables_are_encrypted_restorable_and_on_demand() {
    for (name, table) in Template::read().resources_of_type("AWS::DynamoDB::Table") {
        assert_eq!(
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true,
            "{name}"
        );
        // DynamoDB's own key is the default, and free. `SSEEnabled` is a KMS key with a price per request.
        let encryption = &table["SSESpecification"]["Fn::If"];
        assert_eq!(
            (&encryption[0], &encryption[2]),
            (&json!("HasKmsKeyArn"), &json!({"Ref": "AWS::NoValue"})),
            "{name}"
        );
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{name}");
    }
}

/// A table's keys as `name:type`, in the order of hash and range.
fn keys(table: &Value, schema: &Value) -> Vec<String> {
    let defined = table["AttributeDefinitions"]
        .as_array()
        .expect("attributes are defined");
    let key = |part: &Value| {
        let name = part["AttributeName"].as_str().expect("a key has a name");
        let definition = defined
            .iter()
            .find(|definition| definition["AttributeName"] == name);
        let kind =
            definition.unwrap_or_else(|| panic!("{name} is not defined"))["AttributeType"].as_str();
        format!("{name}:{}", kind.expect("an attribute has a type"))
    };
    let parts = schema.as_array().expect("a key has parts");
    assert_eq!(parts[0]["KeyType"], "HASH");
    assert!(parts.iter().skip(1).all(|part| part["KeyType"] == "RANGE"));
    parts.iter().map(key).collect()
}

#[test]
fn tables_have_the_keys_and_indexes_that_the_functions_use() {
    let template = Template::read();
    let shape = |name: &str| {
        let table = template.properties(name);
        let indexes = table["GlobalSecondaryIndexes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let index = |index: &Value| {
            let keys = keys(table, &index["KeySchema"]);
            json!([
                index["IndexName"],
                keys,
                index["Projection"]["ProjectionType"]
            ])
        };
        json!([
            keys(table, &table["KeySchema"]),
            indexes.iter().map(index).collect::<Vec<_>>()
        ])
    };
    assert_eq!(
        shape("ExportsTable"),
        json!([
            ["id:N"],
            [
                [
                    "by_organization",
                    ["organization_id:S", "id:N"],
                    "KEYS_ONLY"
                ],
                ["by_parent", ["parent:S", "id:N"], "KEYS_ONLY"],
            ]
        ])
    );
    assert_eq!(
        shape("WorkTable"),
        json!([["id:S"], [["due", ["shard:N", "due:N"], "KEYS_ONLY"]]])
    );
    assert_eq!(
        shape("EventsTable"),
        json!([
            ["pk:S", "sk:S"],
            [["by_parent", ["parent:S", "sk:S"], "ALL"]]
        ])
    );
    assert_eq!(shape("LimitsTable"), json!([["key:S"], []]));
    assert_eq!(shape("ApiKeysTable"), json!([["id:S"], []]));
    assert_eq!(
        shape("ParentsTable"),
        json!([
            ["parent:S"],
            [[
                "by_organization",
                ["organization_id:S", "parent:S"],
                "INCLUDE"
            ]]
        ])
    );
}

#[test]
fn only_exports_has_a_stream_and_only_limits_has_a_time_to_live() {
    for (name, table) in Template::read().resources_of_type("AWS::DynamoDB::Table") {
        let view = &table["StreamSpecification"]["StreamViewType"];
        let expected = if name == "ExportsTable" {
            json!("NEW_AND_OLD_IMAGES")
        } else {
            Value::Null
        };
        assert_eq!(view, &expected, "{name}");

        let ttl = &table["TimeToLiveSpecification"];
        let expected = match name {
            "LimitsTable" => json!({"AttributeName": "expires_at", "Enabled": true}),
            _ => Value::Null,
        };
        assert_eq!(ttl, &expected, "{name}");
    }
}

#[test]
fn the_bucket_is_private_encrypted_and_requires_tls() {
    let template = Template::read();
    assert_eq!(template.resources_of_type("AWS::S3::Bucket").len(), 1);
    let bucket = template.properties("Bucket");
    let block = bucket["PublicAccessBlockConfiguration"]
        .as_object()
        .expect("public access is blocked");
    for rule in [
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    ] {
        assert_eq!(block[rule], true, "{rule}");
    }
    assert_eq!(
        bucket["OwnershipControls"]["Rules"],
        json!([{"ObjectOwnership": "BucketOwnerEnforced"}])
    );
    let encryption = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
    assert_eq!(
        encryption["ServerSideEncryptionByDefault"]["Fn::If"][2]["SSEAlgorithm"],
        "AES256"
    );

    let policy = template.properties("BucketPolicy");
    assert_eq!(refers_to(&policy["Bucket"]), Some("Bucket"));
    let statements = policy["PolicyDocument"]["Statement"]
        .as_array()
        .expect("statements");
    assert_eq!(statements.len(), 1, "the policy only denies");
    let statement = &statements[0];
    assert_eq!(
        (
            &statement["Effect"],
            &statement["Principal"],
            &statement["Action"]
        ),
        (&json!("Deny"), &json!("*"), &json!("s3:*"))
    );
    assert_eq!(
        statement["Condition"],
        json!({"Bool": {"aws:SecureTransport": "false"}})
    );
    let everything = json!([{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]);
    assert_eq!(statement["Resource"], everything);
}

#[test]
fn the_bucket_deletes_what_the_sweeper_missed() {
    let template = Template::read();
    let rules = template.properties("Bucket")["LifecycleConfiguration"]["Rules"]
        .as_array()
        .expect("rules");
    assert!(rules.iter().all(|rule| rule["Status"] == "Enabled"));
    let objects = rules
        .iter()
        .find(|rule| rule["Prefix"] == "exports/")
        .expect("a rule for objects");
    let kept = objects["ExpirationInDays"].as_u64().expect("days") * DAY;
    let uploads = rules
        .iter()
        .find(|rule| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 3);
    assert!(
        uploads.expect("a rule for uploads")["Prefix"].is_null(),
        "every upload"
    );

    // The bucket's rules must not delete a file before it expires, nor an upload that is still in progress. S3 counts an
    // object's age from the beginning of its upload.
    let building = waybill::work::WorkTiming::FINISH_WITHIN
        .unsigned_abs()
        .as_secs();
    assert!(building < 3 * DAY);
    let most = |name: &str| {
        template
            .at(&format!("/Parameters/{name}/MaxValue"))
            .as_u64()
            .expect("a maximum")
    };
    assert!(building + most("RetentionSeconds") + most("DeleteAfterSeconds") < kept);
}
