//! Tests of the functions: builds, timeouts, variables, logs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::reading::{Template, list, refers_to, root, string, text};
use crate::sources;

/// Variables that functions read and the template does not set: another catalog, and another endpoint.
const NOT_SET: [&str; 2] = ["CATALOG_PATH", "RECORDS_ENDPOINT_URL"];

#[test]
fn each_function_is_built_from_its_package() {
    let template = Template::read();
    let globals = template.at("/Globals/Function");
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Handler"], "bootstrap");
    assert_eq!(globals["CodeUri"], ".");
    assert_eq!(globals["Architectures"], json!([{"Ref": "Architecture"}]));

    let functions = template.functions();
    let packages: Vec<&str> = functions
        .iter()
        .map(|function| function.package())
        .collect();
    assert_eq!(packages, ["api", "generate", "notify", "sweep"]);
    for function in &functions {
        assert_eq!(
            template.resource(function.name)["Metadata"]["BuildMethod"],
            "rust-cargolambda",
            "{}",
            function.name
        );
        assert!(
            root()
                .join("functions")
                .join(function.package())
                .join("src/main.rs")
                .is_file(),
            "{}",
            function.name
        );
    }
}

#[test]
fn the_default_architecture_is_arm64() {
    let template = Template::read();
    assert_eq!(template.default("Architecture"), "arm64");
    assert_eq!(
        template.at("/Parameters/Architecture/AllowedValues"),
        &json!(["arm64", "x86_64"])
    );
}

#[test]
fn every_parameter_has_a_description_and_a_default_if_one_is_safe() {
    let template = Template::read();
    let parameters = template.at("/Parameters").as_object().expect("parameters");
    for (name, parameter) in parameters {
        assert!(
            parameter["Description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
    }
    let needed = parameters
        .iter()
        .filter(|(_, parameter)| parameter["Default"].is_null());
    assert_eq!(
        needed.map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["Issuer", "Audience", "Sender"]
    );
    for (name, value) in [
        ("RetentionSeconds", json!(604_800)),
        ("DeleteAfterSeconds", json!(3_600)),
        ("LeaseSeconds", json!(60)),
        ("RetrySeconds", json!(60)),
        ("GenerateTimeout", json!(900)),
        ("GrantsClaim", json!("scope")),
    ] {
        assert_eq!(template.default(name), &value, "{name}");
    }
}

/// If the template accepted a value that a function refuses, the deployed function could not start.
#[test]
fn the_template_accepts_no_number_of_seconds_that_a_function_refuses() {
    let template = Template::read();
    for function in template.functions() {
        for (variable, value) in function.variables() {
            if !variable.ends_with("_SECONDS") {
                continue;
            }
            let parameter = refers_to(&value).expect("a number of seconds is a parameter");
            let least = template
                .at(&format!("/Parameters/{parameter}/MinValue"))
                .as_u64();
            assert!(
                least.is_some_and(|least| least >= 1),
                "{parameter} may be {least:?}: {variable} is 1 s or more"
            );
        }
    }
}

/// Lambda's loop detection would otherwise stop a function that sends messages to its own queue after about 16
/// invocations.
#[test]
fn only_generate_may_send_itself_messages() {
    for function in Template::read().functions() {
        let expected = if function.name == "GenerateFunction" {
            json!("Allow")
        } else {
            Value::Null
        };
        assert_eq!(
            function.properties["RecursiveLoop"], expected,
            "{}",
            function.name
        );
    }
}

#[test]
fn no_function_runs_longer_than_its_caller_waits() {
    let template = Template::read();
    assert!(
        template.function("SweepFunction").timeout() < 60,
        "the next run comes after a minute"
    );
    assert_eq!(
        template.function("GenerateFunction").properties["Timeout"],
        json!({"Ref": "GenerateTimeout"})
    );

    // Otherwise a second mail could be sent while the first is still being sent.
    let notify = template.function("NotifyFunction").timeout();
    let source = sources::package_source("notify");
    let claim = source
        .split("const CLAIM: SignedDuration = SignedDuration::from_")
        .nth(1)
        .expect("notify has a CLAIM");
    let (unit, rest) = claim.split_once('(').expect("a duration");
    let number: u64 = rest
        .split(')')
        .next()
        .unwrap_or_default()
        .parse()
        .expect("a number");
    let seconds = match unit {
        "mins" => number * 60,
        "secs" => number,
        _ => panic!("CLAIM is in {unit}"),
    };
    assert!(
        notify < seconds,
        "a timeout of {notify} s with a claim of {seconds} s"
    );
}

/// The sweeper repeats its invocations itself; Lambda's retries would only duplicate them.
#[test]
fn lambda_does_not_retry_asynchronous_invocations() {
    let template = Template::read();
    for name in ["NotifyFunction", "SweepFunction"] {
        assert_eq!(
            template.function(name).properties["EventInvokeConfig"]["MaximumRetryAttempts"],
            0,
            "{name}"
        );
    }
    let schedule = template.properties("SweepSchedule");
    assert_eq!(schedule["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(
        schedule["Target"]["Arn"],
        json!({"Fn::GetAtt": ["SweepFunction", "Arn"]})
    );
    assert_eq!(schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 0);
}

#[test]
fn every_function_has_its_own_log_group_with_a_retention() {
    let template = Template::read();
    let functions = template.functions();
    let groups: BTreeSet<&str> = functions
        .iter()
        .map(|function| function.log_group())
        .collect();
    assert_eq!(groups.len(), functions.len());
    for function in &functions {
        assert_eq!(
            function.properties["LoggingConfig"]["LogFormat"], "JSON",
            "{}",
            function.name
        );
    }
    for (name, group) in template.resources_of_type("AWS::Logs::LogGroup") {
        assert_eq!(
            group["RetentionInDays"],
            json!({"Ref": "LogRetentionDays"}),
            "{name}"
        );
    }
}

#[test]
fn a_functions_variables_are_those_that_its_configuration_reads() {
    let template = Template::read();
    let globals = template
        .at("/Globals/Function/Environment/Variables")
        .as_object()
        .expect("variables");
    let common: BTreeSet<String> = globals.keys().cloned().collect();
    assert_eq!(common, sources::variables_of_all());

    for function in template.functions() {
        let own = &function.properties["Environment"]["Variables"];
        let set: BTreeSet<String> = own
            .as_object()
            .expect("variables")
            .keys()
            .cloned()
            .collect();
        let mut read = sources::variables_of_package(function.package());
        read.retain(|name| !NOT_SET.contains(&name.as_str()));
        assert_eq!(
            set, read,
            "{} (left: set by the template, right: read by its configuration)",
            function.name
        );
    }
}

#[test]
fn a_variable_has_the_same_value_in_every_function() {
    let template = Template::read();
    let mut seen = serde_json::Map::new();
    for function in template.functions() {
        for (name, value) in function.variables() {
            let first = seen.entry(&name).or_insert_with(|| value.clone());
            assert_eq!(first, &value, "{name} in {}", function.name);
        }
    }
    assert_eq!(refers_to(&seen["QUEUE_URL"]), Some("Queue"));
    assert_eq!(refers_to(&seen["BUCKET"]), Some("Bucket"));
    assert_eq!(refers_to(&seen["NOTIFY_FUNCTION"]), Some("NotifyFunction"));
    // An empty parameter means its documented default.
    let api_url = json!({"Fn::GetAtt": ["Api", "ApiEndpoint"]});
    assert_eq!(
        seen["PUBLIC_URL"],
        json!({"Fn::If": ["HasPublicUrl", {"Ref": "PublicUrl"}, api_url]})
    );
    assert_eq!(
        seen["CLIENT_ID"],
        json!({"Fn::If": ["HasClientId", {"Ref": "ClientId"}, {"Ref": "Audience"}]})
    );
}

/// A variable with a table's name is named after the table, so that a wrong one is noticed.
#[test]
fn the_variables_of_tables_have_the_right_tables() {
    for function in Template::read().functions() {
        for (name, value) in function.variables() {
            let Some(table) = name.strip_suffix("_TABLE") else {
                continue;
            };
            let resource = refers_to(&value)
                .expect("a table's name is a reference")
                .to_uppercase();
            assert_eq!(
                resource,
                format!("{}TABLE", table.replace('_', "")),
                "{name} in {}",
                function.name
            );
        }
    }
}

/// `make test` names each test target, so a target that it does not name would never run.
#[test]
fn every_test_target_is_run_by_make_test() {
    let makefile = text("Makefile");
    let recipes = makefile
        .split_once("\ntest-inside:")
        .and_then(|(_, rest)| rest.split_once("\ntables:"));
    let (recipes, _) = recipes.expect("the recipes of make test");
    let run: Vec<_> = recipes.split("--test ").skip(1).collect();
    for entry in std::fs::read_dir(root().join("tests/tests")).expect("the tests' folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let is_named = |run: &&str| {
            run.split_whitespace()
                .next()
                .is_some_and(|of| of.trim_matches('\'') == name)
        };
        assert!(run.iter().any(is_named), "make test does not run {name}");
    }
}

#[test]
fn the_workspaces_members_are_the_functions_and_the_shared_crates() {
    let manifest = text("Cargo.toml");
    assert!(manifest.contains(
        r#"members = ["shared", "shared/testing", "functions/*", "command", "tests", "tests/bench", "tests/fuzz"]"#
    ));
    let folders = std::fs::read_dir(root().join("functions")).expect("the functions' folder");
    let folders = folders.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name")
    });
    let folders: BTreeSet<String> = folders.collect();
    let template = Template::read();
    let packages: BTreeSet<String> = template
        .functions()
        .iter()
        .map(|function| function.package().to_owned())
        .collect();
    assert_eq!(folders, packages, "every function is deployed");
    let outputs = template.at("/Outputs").as_object().expect("outputs");
    for function in template.functions() {
        assert!(
            outputs
                .values()
                .any(|output| refers_to(&output["Value"]) == Some(function.name)),
            "{}",
            function.name
        );
    }
    let names = list(template.at("/Metadata/AWS::CloudFormation::Interface/ParameterGroups"));
    let grouped: BTreeSet<String> = names
        .iter()
        .flat_map(|group| list(&group["Parameters"]))
        .map(|p| string(&p))
        .collect();
    let parameters = template
        .at("/Parameters")
        .as_object()
        .expect("parameters")
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        grouped, parameters,
        "every parameter is in a group of the console's form"
    );
}
