//! Tests of the limits of CloudFormation and Lambda, with a large deployment's values.

use serde_json::Value;

use crate::reading::{Template, text};

/// Limits of CloudFormation: parameters, characters of a parameter's value, resources, bytes of a template in S3.
const MOST_PARAMETERS: usize = 200;
const MOST_CHARACTERS: usize = 4_096;
const MOST_RESOURCES: usize = 500;
const MOST_BYTES: usize = 1_000_000;
/// Lambda's limit for the names and values of a function's variables, in bytes.
const MOST_OF_VARIABLES: usize = 4_096;

/// What a resource's name, URL or ARN in a variable is at most in a stack with a name of 30 characters.
const LONGEST_REFERENCE: usize = 110;

/// What a large company's deployment gives for the parameters whose values are long.
const LONG: [(&str, &str); 12] = [
    (
        "Issuer",
        "https://login.example-company.com/realms/customers-of-the-product-eu",
    ),
    (
        "Audience",
        "https://exports.example-company.com,https://app.example-company.com",
    ),
    ("ClientId", "0oa1b2c3d4e5f6g7h8i9-0oa1b2c3d4e5f6g7h8i9"),
    (
        "SignInOrigins",
        "https://cognito-idp.eu-central-1.amazonaws.com https://login.example-company.com",
    ),
    (
        "FrameAncestors",
        "https://app.example-company.com https://admin.example-company.com https://staging.example-company.com",
    ),
    (
        "GrantsFromClaims",
        "organization:{https://example-company.com/organization_id} project:{project_ids}",
    ),
    (
        "GrantsFunction",
        "arn:aws:lambda:eu-central-1:123456789012:function:product-production-permissions:live",
    ),
    ("PublicUrl", "https://exports.example-company.com"),
    (
        "CatalogUrl",
        "s3://example-company-production-configuration/waybill/production",
    ),
    (
        "RecordsRole",
        "arn:aws:iam::123456789012:role/applications/product/production-records-reader",
    ),
    (
        "LogoUrl",
        "https://static.example-company.com/mails/logo-of-the-product@2x.png",
    ),
    (
        "SupportAddress",
        "support-of-the-product@example-company.com",
    ),
];

#[test]
fn the_template_is_within_cloudformations_limits() {
    let template = Template::read();
    let count = |pointer: &str| template.at(pointer).as_object().unwrap().len();
    assert!(
        count("/Parameters") <= MOST_PARAMETERS / 2,
        "{} parameters",
        count("/Parameters")
    );
    // SAM adds some to each function.
    assert!(
        count("/Resources") <= MOST_RESOURCES / 2,
        "{} resources",
        count("/Resources")
    );
    assert!(text("template.yaml").len() <= MOST_BYTES / 2);
}

#[test]
fn twenty_tables_and_five_databases_fit_into_the_parameters() {
    let arns = |count: usize, arn: &str| vec![arn; count].join(",").len();
    let name = "a".repeat(80);
    for (count, arn) in [
        (
            20,
            format!("arn:aws:dynamodb:ap-southeast-1:123456789012:table/{name}"),
        ),
        (
            5,
            format!("arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:{name}-AbCdEf"),
        ),
        (
            5,
            format!(
                "arn:aws:rds-db:ap-southeast-1:123456789012:dbuser:cluster-ABCDEFGHIJKL0123456789/{name}"
            ),
        ),
        (
            25,
            "arn:aws:kms:ap-southeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                .to_owned(),
        ),
    ] {
        let length = arns(count, &arn);
        assert!(
            length <= MOST_CHARACTERS,
            "{count} of {arn}: {length} characters"
        );
    }
}

/// The number of tables and databases does not matter: variables name none of them.
#[test]
fn the_variables_of_each_function_fit() {
    let template = Template::read();
    let length = |value: &Value| -> usize {
        if let Some(text) = value.as_str() {
            return text.len();
        }
        // Of a choice, the parameter that is set.
        let value = value.pointer("/Fn::If/1").unwrap_or(value);
        let Some(parameter) = value["Ref"].as_str() else {
            return LONGEST_REFERENCE;
        };
        if let Some((_, long)) = LONG.iter().find(|(name, _)| *name == parameter) {
            return long.len();
        }
        let declared = template.at(&format!("/Parameters/{parameter}"));
        match declared.is_object() {
            // A word, an address or a number.
            true => 40,
            false => LONGEST_REFERENCE,
        }
    };
    for function in template.functions() {
        let variables = function.variables();
        let bytes: usize = variables
            .iter()
            .map(|(name, value)| name.len() + length(value))
            .sum();
        assert!(
            bytes <= MOST_OF_VARIABLES,
            "{}: {bytes} bytes",
            function.name
        );
    }
}
