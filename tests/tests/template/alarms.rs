//! Tests of the alarms, their metrics, and the log lines that the metrics count.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::reading::{Template, refers_to, string, text};
use crate::sources;

#[test]
fn every_alarm_is_sent_to_the_topic_if_there_is_one() {
    let template = Template::read();
    let alarms = template.resources_of_type("AWS::CloudWatch::Alarm");
    let names: Vec<&str> = alarms.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "DeadLettersAlarm",
            "ApiFailuresAlarm",
            "ExportsFailedAlarm",
            "MailsFailedAlarm",
            "ItemsUnreadableAlarm",
            "TypesOutOfServiceAlarm",
            "OtherParentsAlarm",
            "CatalogsChangedAlarm",
            "DueAgeAlarm"
        ]
    );
    for (name, alarm) in alarms {
        let action =
            json!([{"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]}]);
        assert_eq!(alarm["AlarmActions"], action, "{name}");
        // Also when it is over.
        assert_eq!(alarm["OKActions"], action, "{name}");
        assert!(
            alarm["AlarmDescription"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
}

/// `NumberOfMessagesSent` does not count messages that SQS moves to the dead-letter queue.
#[test]
fn dead_letters_are_counted_by_the_visible_messages() {
    let template = Template::read();
    let alarm = template.properties("DeadLettersAlarm");
    assert_eq!(alarm["Namespace"], "AWS/SQS");
    assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
    assert_eq!(
        refers_to(&alarm["Dimensions"][0]["Value"]),
        Some("DeadLetterQueue")
    );
    assert_eq!(alarm["Threshold"], 0);
    assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold");
}

/// The gateway counts its own failures too, such as a function that does not answer in time.
#[test]
fn failing_answers_of_the_api_are_counted_by_the_gateway() {
    let template = Template::read();
    let alarm = template.properties("ApiFailuresAlarm");
    assert_eq!(alarm["Namespace"], "AWS/ApiGateway");
    assert_eq!(alarm["MetricName"], "5xx");
    assert_eq!(
        alarm["Dimensions"],
        json!([{"Name": "ApiId", "Value": {"Ref": "Api"}}])
    );
    assert_eq!(alarm["TreatMissingData"], "notBreaching");
}

#[test]
fn missing_data_about_due_exports_triggers_the_alarm() {
    let template = Template::read();
    assert_eq!(
        template.properties("DueAgeAlarm")["TreatMissingData"],
        "breaching",
        "a sweeper that does not run"
    );
    for alarm in [
        "DeadLettersAlarm",
        "ExportsFailedAlarm",
        "MailsFailedAlarm",
        "ItemsUnreadableAlarm",
        "TypesOutOfServiceAlarm",
        "OtherParentsAlarm",
        "CatalogsChangedAlarm",
    ] {
        assert_eq!(
            template.properties(alarm)["TreatMissingData"],
            "notBreaching",
            "{alarm}"
        );
    }
}

#[test]
fn every_alarm_on_a_custom_metric_has_a_metric_filter() {
    let template = Template::read();
    let metric = |value: &Value, namespace: &str| {
        (
            string(&value[namespace]["Fn::Sub"]),
            string(&value["MetricName"]),
        )
    };
    let made: BTreeSet<_> = template
        .resources_of_type("AWS::Logs::MetricFilter")
        .iter()
        .map(|(_, filter)| metric(&filter["MetricTransformations"][0], "MetricNamespace"))
        .collect();
    let alarms = template.resources_of_type("AWS::CloudWatch::Alarm");
    let own = alarms
        .iter()
        .filter(|(_, alarm)| alarm["Namespace"].is_object());
    let watched: BTreeSet<_> = own.map(|(_, alarm)| metric(alarm, "Namespace")).collect();
    assert_eq!(watched, made);
}

/// The function's package, the message and the metric of each metric filter.
fn counted(template: &Template) -> BTreeSet<(String, String, String)> {
    let functions = template.functions();
    let filters = template.resources_of_type("AWS::Logs::MetricFilter");
    let filter = |(name, filter): &(&str, &Value)| {
        let group = refers_to(&filter["LogGroupName"])
            .unwrap_or_else(|| panic!("{name} counts no log group"));
        let function = functions
            .iter()
            .find(|function| function.log_group() == group);
        let function = function.unwrap_or_else(|| panic!("{name} counts the lines of no function"));
        let pattern = filter["FilterPattern"].as_str().expect("a pattern");
        let message = pattern
            .strip_prefix("{ $.fields.message = \"")
            .and_then(|rest| rest.split('"').next());
        let message =
            message.unwrap_or_else(|| panic!("{name} has a pattern without a message: {pattern}"));
        let metric = string(&filter["MetricTransformations"][0]["MetricName"]);
        (function.package().to_owned(), message.to_owned(), metric)
    };
    filters.iter().map(filter).collect()
}

#[test]
fn every_log_line_about_a_failure_is_counted_and_every_counted_line_exists() {
    let template = Template::read();
    let metrics = [
        ("export failed", "ExportsFailed"),
        ("mail delayed", "MailsFailed"),
        ("mail failed", "MailsFailed"),
        ("type out of service", "TypesOutOfService"),
        ("catalog refused", "TypesOutOfService"),
        ("kind of parents missing", "TypesOutOfService"),
        ("catalog changed", "CatalogsChanged"),
        ("rows of another parent", "OtherParents"),
        ("items unreadable", "ItemsUnreadable"),
        ("swept", "DueAgeSeconds"),
    ];
    let mut logged = BTreeSet::new();
    for function in template.functions() {
        let mut source = sources::package_source(function.package());
        if source.contains("LiveCatalog::load_and_report(") {
            source += &sources::without_tests(&text("shared/src/live_catalog.rs"));
            source += &sources::without_tests(&text("shared/src/live_catalog/s3.rs"));
        }
        if source.contains("RecordsOpener::new(") {
            source += &sources::without_tests(&text("shared/src/records/sql/reader.rs"));
        }
        for (message, metric) in metrics {
            if source.contains(&format!("\"{message}\"")) {
                logged.insert((
                    function.package().to_owned(),
                    message.to_owned(),
                    metric.to_owned(),
                ));
            }
        }
    }
    assert_eq!(counted(&template), logged);
}

/// A wrong address is not a fault of the deployment, nor is a single call that SES throttles: the mail is sent again.
#[test]
fn no_single_mail_triggers_an_alarm() {
    for (file, line) in [
        ("delivery_failures", "mail refused"),
        ("handler", "mail refused"),
        ("handler", "mail put off"),
    ] {
        let source = text(&format!("functions/notify/src/{file}.rs"));
        assert!(source.contains(&format!("\"{line}\"")), "{file}: {line}");
    }
    for (function, message, metric) in counted(&Template::read()) {
        assert_ne!(function, "notify", "{message} is counted as {metric}");
    }
}

#[test]
fn the_due_age_is_a_field_of_the_sweepers_log_line() {
    let template = Template::read();
    let filter = template.properties("SweepDueAge");
    let field = filter["MetricTransformations"][0]["MetricValue"]
        .as_str()
        .expect("a value");
    let field = field
        .strip_prefix("$.fields.")
        .expect("a field of the line");
    assert!(
        filter["FilterPattern"]
            .as_str()
            .expect("a pattern")
            .contains(&format!("$.fields.{field} = *"))
    );
    assert!(
        sources::package_source("sweep").contains(&format!("{field} = ")),
        "sweep logs no {field}"
    );
}
