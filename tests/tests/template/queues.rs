//! Tests of the event sources: the queues and the stream.

use serde_json::{Value, json};

use crate::reading::{Template, refers_to};

const DAY: u64 = 86_400;

/// AWS refuses an event source mapping if the queue's visibility timeout is shorter than the function's timeout, and
/// recommends six times that.
#[test]
fn the_visibility_timeout_is_six_times_the_functions_timeout() {
    let template = Template::read();
    let visibility = &template.properties("Queue")["VisibilityTimeout"];
    assert_eq!(
        visibility["Fn::FindInMap"],
        json!(["QueueVisibility", {"Ref": "GenerateTimeout"}, "Seconds"])
    );

    let timeouts = template
        .at("/Parameters/GenerateTimeout/AllowedValues")
        .as_array()
        .expect("values are listed");
    assert!(timeouts.contains(template.default("GenerateTimeout")));
    let mapping = template
        .at("/Mappings/QueueVisibility")
        .as_object()
        .expect("a mapping");
    assert_eq!(mapping.len(), timeouts.len());
    for timeout in timeouts {
        let seconds = timeout.as_u64().expect("a number of seconds");
        assert!(seconds <= 900, "Lambda ends an invocation after 15 minutes");
        let hidden = mapping[&seconds.to_string()]["Seconds"]
            .as_u64()
            .expect("a number of seconds");
        assert_eq!(hidden, 6 * seconds, "for a timeout of {seconds} s");
        assert!(
            hidden <= DAY / 2,
            "SQS hides a message for 12 hours at most"
        );
    }
}

#[test]
fn a_message_that_cannot_be_handled_is_kept_as_a_dead_letter() {
    let template = Template::read();
    for queue in ["Queue", "MailEventsQueue"] {
        let redrive = &template.properties(queue)["RedrivePolicy"];
        assert_eq!(
            refers_to(&redrive["deadLetterTargetArn"]),
            Some("DeadLetterQueue")
        );
        assert!(
            redrive["maxReceiveCount"].as_u64() >= Some(5),
            "AWS advises five receives or more, or throttling loses it"
        );
    }

    // The age of a dead letter counts from the first sending of the message.
    let kept = |name: &str| {
        template.properties(name)["MessageRetentionPeriod"]
            .as_u64()
            .expect("a retention")
    };
    assert!(kept("DeadLetterQueue") > kept("Queue"));
    assert!(kept("DeadLetterQueue") > kept("MailEventsQueue"));
    assert!(kept("DeadLetterQueue") <= 14 * DAY);
    for queue in ["Queue", "MailEventsQueue", "DeadLetterQueue"] {
        assert_eq!(
            template.properties(queue)["SqsManagedSseEnabled"],
            json!({"Fn::If": ["HasKmsKeyArn", {"Ref": "AWS::NoValue"}, true]}),
            "{queue}"
        );
    }
}

#[test]
fn the_queue_feeds_generate_one_message_at_a_time() {
    let template = Template::read();
    let mapping = template.properties("GenerateQueueMapping");
    assert_eq!(
        refers_to(&mapping["FunctionName"]),
        Some("GenerateFunction")
    );
    assert_eq!(refers_to(&mapping["EventSourceArn"]), Some("Queue"));
    assert_eq!(mapping["BatchSize"], 1);
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    assert_eq!(
        mapping["ScalingConfig"],
        json!({"MaximumConcurrency": {"Ref": "MaximumConcurrency"}})
    );
    // The range that Lambda accepts.
    assert_eq!(template.at("/Parameters/MaximumConcurrency/MinValue"), 2);
    assert_eq!(template.at("/Parameters/MaximumConcurrency/MaxValue"), 1000);
}

/// A failing record would otherwise block its shard for a day.
#[test]
fn the_stream_sends_final_exports_to_notify_and_continues_after_a_failure() {
    let template = Template::read();
    let mapping = template.properties("NotifyStreamMapping");
    assert_eq!(refers_to(&mapping["FunctionName"]), Some("NotifyFunction"));
    assert_eq!(
        mapping["EventSourceArn"],
        json!({"Fn::GetAtt": ["ExportsTable", "StreamArn"]})
    );
    assert_eq!(
        mapping["StartingPosition"], "TRIM_HORIZON",
        "LATEST may miss records that are written while the mapping is created"
    );
    assert!(
        mapping["MaximumRetryAttempts"]
            .as_u64()
            .is_some_and(|tries| tries <= 10)
    );
    assert!(
        mapping["MaximumRecordAgeInSeconds"]
            .as_u64()
            .is_some_and(|age| (60..=3_600).contains(&age))
    );
    assert_eq!(mapping["BisectBatchOnFunctionError"], true);
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );

    let filters = mapping["FilterCriteria"]["Filters"]
        .as_array()
        .expect("filters");
    let patterns = filters
        .iter()
        .map(|filter| filter["Pattern"].as_str().expect("a pattern is text"));
    let patterns: Vec<Value> = patterns
        .map(|text| serde_json::from_str(text).expect("a pattern is JSON"))
        .collect();
    let image =
        json!({"status": {"S": ["succeeded", "failed", "canceled"]}, "mail": {"S": ["pending"]}});
    assert_eq!(patterns, [json!({"dynamodb": {"NewImage": image}})]);
}

/// SES publishes later events about a mail to the topic, from which they reach `notify`.
#[test]
fn events_of_ses_about_a_mail_reach_notify() {
    let template = Template::read();
    let destination = template.properties("MailEventDestination");
    assert_eq!(
        refers_to(&destination["ConfigurationSetName"]),
        Some("MailConfigurationSet")
    );
    assert_eq!(
        destination["EventDestination"],
        json!({
            "Enabled": true,
            "MatchingEventTypes": ["bounce", "complaint", "reject"],
            "SnsDestination": {"TopicARN": {"Ref": "MailEventsTopic"}},
        })
    );
    assert_eq!(
        template.resource("MailEventDestination")["DependsOn"],
        "MailEventsTopicPolicy"
    );
    assert_eq!(
        template.properties("MailEventsSubscription"),
        &json!({
            "TopicArn": {"Ref": "MailEventsTopic"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["MailEventsQueue", "Arn"]},
            "RawMessageDelivery": true,
        })
    );
    let mapping = template.properties("NotifyMailEventsMapping");
    assert_eq!(refers_to(&mapping["FunctionName"]), Some("NotifyFunction"));
    assert_eq!(
        refers_to(&mapping["EventSourceArn"]),
        Some("MailEventsQueue")
    );
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    let hidden = template.properties("MailEventsQueue")["VisibilityTimeout"].as_u64();
    let longest = template.function("NotifyFunction").timeout();
    assert_eq!(hidden, Some(6 * longest));
}

/// The topic accepts only events of this stack's configuration set, and the queue only those of the topic.
#[test]
fn only_ses_can_publish_events_about_mails() {
    let template = Template::read();
    let set = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/${MailConfigurationSet}";
    for (policy, expected) in [
        (
            "MailEventsTopicPolicy",
            json!([{
                "Sid": "MailEvents",
                "Effect": "Allow",
                "Principal": {"Service": "ses.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": {"Ref": "MailEventsTopic"},
                "Condition": {"StringEquals": {
                    "aws:SourceAccount": {"Ref": "AWS::AccountId"},
                    "aws:SourceArn": {"Fn::Sub": set},
                }},
            }]),
        ),
        (
            "MailEventsQueuePolicy",
            json!([{
                "Sid": "MailEvents",
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": {"Fn::GetAtt": ["MailEventsQueue", "Arn"]},
                "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "MailEventsTopic"}}},
            }]),
        ),
    ] {
        let statement = &template.properties(policy)["PolicyDocument"]["Statement"];
        assert_eq!(statement, &expected, "{policy}");
    }
}
