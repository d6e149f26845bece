//! `waybill smoke`: does the main job on a deployed stack once, and removes what it made.

mod api;
mod arguments;
mod leftovers;
mod records;
mod session;
mod steps;
mod subject;

use std::error::Error;

use self::arguments::{Smoke, parse};
use self::leftovers::Leftovers;
use self::steps::Steps;
use self::subject::Subject;
use crate::http;
use crate::outcome::Outcome;
use crate::stack::Stack;

pub(crate) use self::arguments::USAGE;

/// Runs the command in these words. Returns whether all went as it should.
pub(crate) async fn run(arguments: lexopt::Parser) -> Outcome {
    let smoke = parse(arguments)?;
    let stack = Stack::find(&smoke.stack)
        .await
        .map_err(Box::<dyn Error>::from)?;
    println!("{} in {} ({})", stack.name, stack.region, stack.account);
    let mut leftovers = Leftovers::default();
    let tried = try_out(&smoke, &stack, &mut leftovers).await;
    if let Err(reason) = &tried {
        println!("  failed   {reason}");
    }
    let removed = leftovers.remove(&stack).await;
    Ok(tried.is_ok() && removed)
}

/// The steps, each of which prints what it found.
///
/// # Errors
/// What differed from what it should be.
async fn try_out(
    smoke: &Smoke,
    stack: &Stack,
    leftovers: &mut Leftovers,
) -> Result<(), Box<dyn Error>> {
    let function = stack.function("ApiFunctionName").await?;
    let live = stack.catalog(&function).await?;
    let subject = Subject::choose(smoke, &live.current(), &function)?;
    let http = http::client(stack.output("PublicUrl")?)?;
    steps::anonymous(&http, stack.output("PublicUrl")?).await?;
    leftovers.records = subject.own_records();
    subject.write(&stack.records(None)).await?;
    println!("  ok       {subject}");
    leftovers.own_parent = subject.own_parent();
    let api = session::sign_in(smoke, &subject, stack, &function, &http, leftovers).await?;
    let steps = Steps {
        api: &api,
        http: &http,
        stack,
        subject: &subject,
    };
    let id = steps.request().await?;
    leftovers.export = Some(id);
    leftovers.has_file = true;
    let export = steps.finished(id).await?;
    steps.file(&export).await?;
    steps.mail(id).await?;
    steps.deleted(id, &export).await?;
    leftovers.has_file = false;
    Ok(())
}
