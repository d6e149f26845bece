//! The arguments of the command.

use waybill::env;
use waybill::grant_patterns::GrantPatterns;

use crate::outcome::Failure;

pub(crate) const USAGE: &str = "\
waybill keys create NAME GRANTS... [--table TABLE]
    Makes a key and prints it; it is stored nowhere. NAME, such as `backend`, has small letters, digits and hyphens. It names
    the issuer of the key's sessions (`waybill:NAME`), so that a new key of the same name can replace one. GRANTS are what its
    sessions may have at most: project:42, project:* or * for all parents; `service` to start exports for a person, and
    `staff` to describe parents.
waybill keys list [--table TABLE]
    Lists all keys, with what each may give and when it was last used.
waybill keys revoke ID [--table TABLE]
    Revokes a key. Its sessions end within 30 seconds, and open no download from then on.

TABLE is the output ApiKeysTableName of the stack, or what API_KEYS_TABLE has. Region and credentials are those of the AWS CLI.";

/// The longest name of a key.
const MAX_NAME: usize = 40;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Command {
    pub(super) table: String,
    pub(super) action: Action,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Create { name: String, grants: GrantPatterns },
    List,
    Revoke { id: String },
}

/// Parses the arguments.
pub(super) fn parse(mut arguments: lexopt::Parser) -> Result<Command, Failure> {
    use lexopt::prelude::*;

    let mut words = Vec::new();
    let mut table = env::optional("API_KEYS_TABLE");
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("table") => table = Some(arguments.value()?.string()?),
            Value(word) => words.push(word.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let mut words = words.into_iter();
    let action = match words.next().as_deref() {
        None => return Err("the command is missing".into()),
        Some("create") => Action::Create {
            name: name(words.next())?,
            grants: grants(words.by_ref())?,
        },
        Some("list") => Action::List,
        Some("revoke") => Action::Revoke {
            id: words.next().ok_or("ID is missing")?,
        },
        Some(other) => return Err(format!("there is no command {other:?}").into()),
    };
    if let Some(word) = words.next() {
        return Err(format!("there is no place for {word:?}").into());
    }
    let table = table.ok_or("the table is missing: --table, or API_KEYS_TABLE")?;
    Ok(Command { table, action })
}

fn name(word: Option<String>) -> Result<String, String> {
    let name = word.ok_or("NAME is missing")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match name.len() <= MAX_NAME && !name.is_empty() && name.chars().all(is_plain) {
        true => Ok(name),
        false => Err(format!(
            "the name has 1 to {MAX_NAME} small letters, digits and hyphens"
        )),
    }
}

fn grants(words: impl Iterator<Item = String>) -> Result<GrantPatterns, String> {
    let words: Vec<String> = words.collect();
    // Several in quotes are as good as several words.
    let words = words.iter().flat_map(|word| word.split_whitespace());
    let words: Vec<&str> = words.collect();
    let is_grant =
        |word: &&str| ["*", "staff", "service"].contains(word) || word.split(':').count() >= 2;
    if let Some(wrong) = words.iter().find(|word| !is_grant(word)) {
        return Err(format!(
            "{wrong:?} is no grant: give project:42, project:*, *, service or staff"
        ));
    }
    let patterns = words.into_iter().map(str::to_owned);
    GrantPatterns::new(patterns).ok_or_else(|| {
        "GRANTS are missing, or have a `*` in another place than project:* and *: give project:42, project:* or *"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        let words = words.iter().chain(&["--table", "t"]);
        parse(lexopt::Parser::from_args(words)).map_err(|failure| match failure {
            Failure::Usage(reason) => reason,
            Failure::Failed(error) => error.to_string(),
        })
    }

    #[test]
    fn grants_are_words_or_a_text() {
        let expected = Action::Create {
            name: "backend".to_owned(),
            grants: GrantPatterns::parse("organization:* service"),
        };
        for words in [
            &["create", "backend", "organization:*", "service"][..],
            &["create", "backend", "organization:* service"],
        ] {
            let command = parsed(words).unwrap();
            assert_eq!(
                (command.action, command.table.as_str()),
                (expected.clone(), "t")
            );
        }
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for (words, says) in [
            (&[][..], "the command is missing"),
            (&["make"], "there is no command \"make\""),
            (&["create"], "NAME is missing"),
            (&["create", "My key", "*"], "the name has 1 to 40"),
            (&["create", "backend"], "GRANTS are missing"),
            (
                &["create", "backend", "everything"],
                "\"everything\" is no grant",
            ),
            (
                &["create", "backend", "*:42"],
                "GRANTS are missing, or have a `*`",
            ),
            (&["revoke"], "ID is missing"),
            (&["list", "all"], "there is no place for \"all\""),
            (&["list", "--all"], "invalid option '--all'"),
        ] {
            let error = parsed(words).unwrap_err();
            assert!(error.starts_with(says), "{words:?}: {error}");
        }
    }
}
