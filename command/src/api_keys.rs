//! `waybill keys`: makes, lists and revokes the API keys of a deployment.

mod arguments;

use std::error::Error;

use jiff::Timestamp;
use waybill::aws;
use waybill::bearer_secret::{BearerSecret, SecretKind};
use waybill::grant_patterns::GrantPatterns;
use waybill::store::{ApiKey, ApiKeys};

pub(crate) use self::arguments::USAGE;
use self::arguments::{Action, Command, parse};
use crate::outcome::Outcome;

/// Runs the command in these words.
pub(crate) async fn run(arguments: lexopt::Parser) -> Outcome {
    let Command { table, action } = parse(arguments)?;
    let sdk = aws::config().await;
    let keys = ApiKeys::new(aws_sdk_dynamodb::Client::new(&sdk), table);
    match action {
        Action::Create { name, grants } => create(&keys, name, grants).await?,
        Action::List => list(&keys).await?,
        Action::Revoke { id } => revoke(&keys, &id).await?,
    }
    Ok(true)
}

/// Prints the key, and nothing else, so that a script can put it where it belongs.
async fn create(keys: &ApiKeys, name: String, grants: GrantPatterns) -> Result<(), Box<dyn Error>> {
    let secret = BearerSecret::random(SecretKind::ApiKey)?;
    let key = ApiKey {
        id: secret.hash().to_string(),
        name,
        grants,
        created_at: Timestamp::now(),
        last_used_at: None,
        revoked_at: None,
    };
    keys.add(&key).await?;
    println!("{}", secret.reveal());
    let id = shortened(&key.id);
    eprintln!("This is the only time that the key is shown. Its id is {id}.");
    Ok(())
}

async fn list(keys: &ApiKeys) -> Result<(), Box<dyn Error>> {
    let header = ["ID", "NAME", "CREATED", "LAST USED", "REVOKED", "GRANTS"].map(str::to_owned);
    let shown = |at: Option<Timestamp>| at.map_or("-".to_owned(), minute);
    let all = keys.list().await?;
    let rows = all.iter().map(|key| {
        [
            shortened(&key.id).to_owned(),
            key.name.clone(),
            minute(key.created_at),
            shown(key.last_used_at),
            shown(key.revoked_at),
            key.grants.to_string(),
        ]
    });
    for [id, name, created, used, revoked, grants] in std::iter::once(header).chain(rows) {
        println!("{id:12}  {name:20}  {created:17}  {used:17}  {revoked:17}  {grants}");
    }
    Ok(())
}

async fn revoke(keys: &ApiKeys, id: &str) -> Result<(), Box<dyn Error>> {
    let all = keys.list().await?;
    let mut of_id = all.iter().filter(|key| key.id.starts_with(id));
    let (Some(key), None) = (of_id.next(), of_id.next()) else {
        return Err(format!("no single key has the id {id}; see `waybill keys list`").into());
    };
    if let Some(at) = key.revoked_at {
        return Err(format!("the key {id} was revoked at {}", minute(at)).into());
    }
    keys.revoke(&key.id, Timestamp::now()).await?;
    println!("Revoked {} ({id}).", key.name);
    Ok(())
}

/// Enough of an id to tell keys apart.
fn shortened(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%MZ").to_string()
}
