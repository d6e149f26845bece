//! The command `waybill`, run for a deployed stack as an operator does.

use std::process::Command;

use crate::Stack;

/// What the command prints, and its exit code, with the credentials of an operator of the stack.
///
/// # Panics
/// Where the command cannot be compiled or run.
pub async fn waybill_command(stack: &Stack, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--bin", "waybill", "--"])
        .args(arguments)
        .current_dir(Stack::root())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", stack.output("region"))
        .env("AWS_ENDPOINT_URL", stack.output("endpoint_url"))
        .env("RECORDS_ENDPOINT_URL", stack.output("records_url"))
        .env("AWS_ENDPOINT_URL_SESV2", stack.output("mailbox_url"));
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.expect("the command runs");
    let output = output.expect("the command starts");
    let said = [output.stdout, output.stderr].concat();
    let code = output.status.code().expect("the command ends by itself");
    (
        code,
        String::from_utf8(said).expect("the command prints text"),
    )
}
