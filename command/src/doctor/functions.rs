//! The functions, what invokes them, and how many of them may run.

use std::error::Error;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{EventSourceMappingConfiguration, LastUpdateStatus, State};
use waybill::aws::CallError;

use super::{Finding, Found};
use crate::stack::Stack;

/// The outputs with the functions' names.
const FUNCTIONS: [&str; 4] = [
    "ApiFunctionName",
    "GenerateFunctionName",
    "NotifyFunctionName",
    "SweepFunctionName",
];
/// The outputs of the functions that queues and streams invoke, and by how many each.
const MAPPED: [(&str, usize); 2] = [("GenerateFunctionName", 1), ("NotifyFunctionName", 2)];
/// The concurrent executions below which exports and requests soon stand in each other's way. A new account begins with 10.
const FEW_EXECUTIONS: i32 = 100;

pub(super) async fn look(stack: &Stack) -> Found {
    let lambda = Client::new(&stack.sdk);
    let mut found = Vec::new();
    for output in FUNCTIONS {
        let name = stack.output(output)?;
        found.extend(state(&lambda, name).await?);
        found.extend(reserved(&lambda, stack, name).await?);
    }
    for (output, count) in MAPPED {
        let name = stack.output(output)?;
        let mappings = lambda
            .list_event_source_mappings()
            .function_name(name)
            .send()
            .await;
        let mappings =
            mappings.map_err(|error| CallError::new("ListEventSourceMappings", error))?;
        found.extend(mapped(name, mappings.event_source_mappings(), count));
    }
    found.extend(quota(&lambda).await?);
    Ok(found)
}

/// Whether the function can be invoked.
async fn state(lambda: &Client, name: &str) -> Result<Option<Finding>, Box<dyn Error>> {
    let got = lambda
        .get_function_configuration()
        .function_name(name)
        .send()
        .await;
    let got = got.map_err(|error| CallError::new("GetFunctionConfiguration", error))?;
    let redeploy = "Deploy again; the function's page in Lambda says more.";
    if let Some(state @ (State::Failed | State::Inactive)) = got.state() {
        let why = got.state_reason().unwrap_or_default();
        return Ok(Some(Finding::wrong(
            format!("{name} is {state}. {why}"),
            redeploy,
        )));
    }
    Ok(match got.last_update_status() {
        Some(LastUpdateStatus::Failed) => {
            let why = got.last_update_status_reason().unwrap_or_default();
            Some(Finding::wrong(
                format!("The last update of {name} failed. {why}"),
                redeploy,
            ))
        }
        _ => None,
    })
}

/// Whether the executions that are reserved for the function leave it any.
async fn reserved(
    lambda: &Client,
    stack: &Stack,
    name: &str,
) -> Result<Option<Finding>, Box<dyn Error>> {
    let got = lambda
        .get_function_concurrency()
        .function_name(name)
        .send()
        .await;
    let got = got.map_err(|error| CallError::new("GetFunctionConcurrency", error))?;
    let Some(reserved) = got.reserved_concurrent_executions() else {
        return Ok(None);
    };
    if reserved == 0 {
        return Ok(Some(Finding::wrong(
            format!("{name} is switched off: its reserved concurrency is 0."),
            format!("aws lambda delete-function-concurrency --function-name {name}"),
        )));
    }
    let at_once = stack
        .parameter("MaximumConcurrency")
        .and_then(|text| text.parse().ok());
    let is_generate = stack.output("GenerateFunctionName")? == name;
    Ok(at_once.filter(|at_once| is_generate && reserved < *at_once).map(|at_once: i32| {
        Finding::wrong(
            format!("{name} has {reserved} reserved executions, but the queue invokes it up to {at_once} times at once."),
            "Raise GenerateReservedConcurrency, or lower MaximumConcurrency.",
        )
    }))
}

/// Whether what invokes the function is there and enabled.
fn mapped(name: &str, mappings: &[EventSourceMappingConfiguration], count: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    for mapping in mappings {
        let state = mapping.state().unwrap_or_default();
        if matches!(state, "Disabled" | "Disabling") {
            let (source, id) = (mapping.event_source_arn(), mapping.uuid());
            found.push(Finding::wrong(
                format!(
                    "{} no longer invokes {name}: the mapping is {state}.",
                    source.unwrap_or("A source")
                ),
                format!(
                    "aws lambda update-event-source-mapping --enabled --uuid {}",
                    id.unwrap_or_default()
                ),
            ));
        }
    }
    if mappings.len() < count {
        found.push(Finding::wrong(
            format!("{} of {count} sources invoke {name}.", mappings.len()),
            "Deploy again, so that CloudFormation makes the missing event source mappings.",
        ));
    }
    found
}

/// Whether the account lets enough functions run.
async fn quota(lambda: &Client) -> Result<Option<Finding>, Box<dyn Error>> {
    let got = lambda.get_account_settings().send().await;
    let got = got.map_err(|error| CallError::new("GetAccountSettings", error))?;
    let limit = got.account_limit();
    let limit = limit.and_then(|limit| limit.unreserved_concurrent_executions());
    Ok(limit.filter(|limit| *limit < FEW_EXECUTIONS).map(|limit| {
        Finding::note(
            format!("The account has {limit} unreserved concurrent executions for all its functions."),
            "Ask for more in Service Quotas (Lambda, Concurrent executions): a new account begins with few.",
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_and_a_missing_mapping_are_wrong() {
        let mapping = |state: &str| {
            EventSourceMappingConfiguration::builder()
                .event_source_arn("arn:aws:sqs:eu-west-1:1:queue")
                .uuid("7b1e")
                .state(state)
                .build()
        };
        let enabled = [mapping("Enabled"), mapping("Updating")];
        assert_eq!(mapped("notify", &enabled, 2), []);
        let found = mapped("notify", &[mapping("Disabled")], 2);
        assert_eq!(
            found,
            [
                Finding::wrong(
                    "arn:aws:sqs:eu-west-1:1:queue no longer invokes notify: the mapping is Disabled.",
                    "aws lambda update-event-source-mapping --enabled --uuid 7b1e",
                ),
                Finding::wrong(
                    "1 of 2 sources invoke notify.",
                    "Deploy again, so that CloudFormation makes the missing event source mappings.",
                ),
            ]
        );
    }
}
