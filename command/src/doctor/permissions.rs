//! What each function's role may do, by IAM's simulation: the template's policies, cut by a permissions boundary and by the
//! organization's policies, and the policies for tables, secrets and keys that parameters ask for.

mod needs;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::error::Error;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use waybill::aws::CallError;

use self::needs::Need;
use super::{Finding, Found};
use crate::stack::{Function, Stack};

pub(super) async fn look(stack: &Stack) -> Found {
    let iam = Client::new(&stack.sdk);
    let mut found = Vec::new();
    for name in ["Api", "Generate", "Notify", "Sweep"] {
        let function = stack.function(&format!("{name}FunctionName")).await?;
        for need in needs::of(stack, name)? {
            found.extend(denied(&iam, &function, &need).await?);
        }
    }
    Ok(found)
}

/// The actions that the simulation does not allow.
async fn denied(
    iam: &Client,
    function: &Function,
    need: &Need,
) -> Result<Option<Finding>, Box<dyn Error>> {
    let mut simulate = iam
        .simulate_principal_policy()
        .policy_source_arn(&function.role)
        .set_action_names(Some(need.actions.iter().map(ToString::to_string).collect()))
        .resource_arns(&need.resource);
    if let Some((key, value)) = &need.context {
        let entry = ContextEntry::builder()
            .context_key_name(*key)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(value);
        simulate = simulate.context_entries(entry.build());
    }
    let simulated = simulate.send().await;
    let simulated = simulated.map_err(|error| CallError::new("SimulatePrincipalPolicy", error))?;
    let mut denied = BTreeSet::new();
    let mut by_boundary = false;
    for result in simulated.evaluation_results() {
        if *result.eval_decision() != PolicyEvaluationDecisionType::Allowed {
            denied.insert(result.eval_action_name().to_owned());
            let boundary = result.permissions_boundary_decision_detail();
            by_boundary |=
                boundary.is_some_and(|boundary| !boundary.allowed_by_permissions_boundary());
        }
    }
    if denied.is_empty() {
        return Ok(None);
    }
    let actions: Vec<String> = denied.into_iter().collect();
    let remedy = match by_boundary {
        true => "The policy in PermissionsBoundary does not allow this: extend it.",
        false => {
            "Deploy again, which restores the role's own policies; otherwise an explicit Deny, or a policy of the organization, \
             forbids this."
        }
    };
    Ok(Some(Finding::wrong(
        format!(
            "{} may not {} on {}.",
            function.name,
            actions.join(", "),
            need.resource
        ),
        remedy,
    )))
}
