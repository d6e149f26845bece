//! `waybill doctor`: looks at a deployed stack for what would keep it from working, and says what to do. Changes nothing.

mod finding;
mod functions;
mod keys;
mod mail;
mod permissions;
mod records;
mod sign_in;
mod storage;

use std::error::Error;

use self::finding::Finding;
use crate::outcome::{Failure, Outcome};
use crate::stack::Stack;

pub(crate) const USAGE: &str = "\
waybill doctor STACK
    Looks at the deployed stack STACK for what would keep it from working, and says what to do: functions and what invokes
    them, permissions (simulated), keys and secrets, the catalog and its tables, SES, the bucket and Waybill's own tables, the
    sign-in. Changes nothing. The exit code is 1 if something is wrong.
    Region and credentials are those of the AWS CLI; ReadOnlyAccess and iam:SimulatePrincipalPolicy are enough.";

/// What is said of one part of the stack.
type Found = Result<Vec<Finding>, Box<dyn Error>>;

/// Runs the command in these words. Returns whether nothing is wrong.
pub(crate) async fn run(mut arguments: lexopt::Parser) -> Outcome {
    use lexopt::prelude::*;

    let name = match arguments.next()? {
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected().into()),
        None => return Err(Failure::from("STACK is missing")),
    };
    if let Some(other) = arguments.next()? {
        return Err(other.unexpected().into());
    }
    let stack = Stack::find(&name).await.map_err(Box::<dyn Error>::from)?;
    println!("{name} in {} ({})", stack.region, stack.account);
    let parts = [
        ("stack", stack_status(&stack)),
        ("functions", functions::look(&stack).await),
        ("permissions", permissions::look(&stack).await),
        ("keys and secrets", keys::look(&stack).await),
        ("records", records::look(&stack).await),
        ("mail", mail::look(&stack).await),
        ("storage", storage::look(&stack).await),
        ("sign-in", sign_in::look(&stack).await),
    ];
    let mut is_well = true;
    for (part, found) in parts {
        is_well &= finding::print(part, &found);
    }
    Ok(is_well)
}

/// Whether the last deployment of the stack came to its end.
fn stack_status(stack: &Stack) -> Found {
    let status = stack.status.as_str();
    let is_complete = [
        "CREATE_COMPLETE",
        "IMPORT_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
    ];
    let in_progress = status.ends_with("_IN_PROGRESS");
    Ok(match is_complete.contains(&status) {
        true if status.starts_with("UPDATE_ROLLBACK") => vec![Finding::note(
            "The last deployment failed, and the one before it is in place.",
            "The stack's events in CloudFormation say why; deploy again.",
        )],
        true => Vec::new(),
        false if in_progress => vec![Finding::note(
            format!("The stack is being changed ({status})."),
            "Wait for the end of the deployment, and look again.",
        )],
        false => vec![Finding::wrong(
            format!("The stack is in the status {status}."),
            "The stack's events in CloudFormation say why; deploy again, or continue the rollback.",
        )],
    })
}
