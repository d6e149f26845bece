//! `waybill catalog`: checks a catalog, and compares a table's records with their type's entry.

mod check;
mod report;
mod sample;
mod sort_keys;

use std::path::PathBuf;

use self::check::Check;
use self::sample::Sample;
use crate::outcome::{Failure, Outcome};

pub(crate) const USAGE: &str = "\
waybill catalog check [FILE] [--deployment FILE] [--without-databases]
    Checks a catalog: FILE, or else the one that CATALOG_PATH names, or else the built-in one. With a deployment file, which
    by default is deployment.toml beside FILE, also checks that it maps each name, and compares each type with its table where
    that is in a database: columns, types, keys, indexes, row-level security, connections. Prints everything that is wrong. The exit code is 1 if anything is.
waybill catalog sample TYPE PARENT [--catalog FILE] [--table NAME] [--endpoint-url URL] [--root ID] [--records N]
    Reads the first and the last N of a parent's records with any keys, and lists the differences from the catalog's
    entry: columns without values, values that are not of their column's kind or not listed, records that an export would
    leave out or count as undecided, and differences of the key. The output contains sort keys, but no other values of
    records. --root is the parent's root (such as its organization), which partitions with {root} need. The table is --table, or the one in
    the variable that the entry names. Region and credentials are those of
    the AWS CLI. The exit code is 1 if there are differences, and 2 if the comparison was not possible.";

/// The default number of sampled records.
const RECORDS: usize = 500;

enum Command {
    Check(Check),
    Sample(Sample),
}

/// Runs the command in these words.
pub(crate) async fn run(arguments: lexopt::Parser) -> Outcome {
    match parse(arguments)? {
        Command::Check(check) => Ok(check.run().await?),
        Command::Sample(sample) => Ok(sample.run().await?),
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Command, Failure> {
    use lexopt::prelude::*;

    let mut words = Vec::new();
    let (mut catalog, mut deployment, mut table, mut endpoint) = (None, None, None, None);
    let mut root = None;
    let mut records = RECORDS;
    let mut asks_databases = true;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("catalog") => catalog = Some(PathBuf::from(arguments.value()?)),
            Long("deployment") => deployment = Some(PathBuf::from(arguments.value()?)),
            Long("table") => table = Some(arguments.value()?.string()?),
            Long("endpoint-url") => endpoint = Some(arguments.value()?.string()?),
            Long("root") => root = Some(arguments.value()?.string()?),
            Long("without-databases") => asks_databases = false,
            Long("records") => records = arguments.value()?.parse()?,
            Value(word) => words.push(word),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let mut words = words.into_iter();
    let command = words.next().ok_or("the command is missing")?.string()?;
    let command = match command.as_str() {
        "check" => Command::Check(Check {
            catalog: words.next().map(PathBuf::from),
            deployment,
            asks_databases,
        }),
        "sample" => Command::Sample(Sample {
            type_name: words.next().ok_or("TYPE is missing")?.string()?,
            parent_id: words.next().ok_or("PARENT is missing")?.string()?,
            catalog,
            deployment,
            table,
            endpoint,
            root,
            records,
        }),
        other => return Err(format!("there is no command {other:?}").into()),
    };
    match words.next() {
        Some(word) => Err(Value(word).unexpected().into()),
        None => Ok(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let words = line.split_whitespace();
        parse(lexopt::Parser::from_args(words)).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn invalid_arguments_are_refused() {
        let Ok(Command::Sample(sample)) = parsed("sample leads web --table t --records 9") else {
            panic!("not parsed as the command `sample`")
        };
        assert_eq!(
            (sample.type_name.as_str(), sample.parent_id.as_str()),
            ("leads", "web")
        );
        assert_eq!((sample.table.as_deref(), sample.records), (Some("t"), 9));
        assert!(matches!(
            parsed("check a.toml"),
            Ok(Command::Check(Check {
                catalog: Some(_),
                deployment: None,
                asks_databases: true,
            }))
        ));
        for wrong in [
            "",
            "scan",
            "sample",
            "sample leads",
            "check a b",
            "check --all",
            "sample a b --records many",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn an_invalid_catalog_fails_the_check() {
        let check = async |catalog| {
            let check = Check {
                catalog,
                deployment: None,
                asks_databases: false,
            };
            check.run().await
        };
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let invalid = file("invalid.toml", "[[type]]\nname = 5\n");
        assert!(!check(Some(invalid)).await.unwrap());
        assert!(check(Some("/nowhere/catalog.toml".into())).await.is_err());
        assert!(check(None).await.unwrap());
        let built_in = include_str!("../../infra/catalog.toml");
        let renamed = file("renamed.toml", &built_in.replace("RECORDS_TABLE", "THINGS"));
        assert!(check(Some(renamed.clone())).await.unwrap());
        file(
            "deployment.toml",
            "[deployment]\ntables.OTHERS = \"prod-others\"\n",
        );
        assert!(!check(Some(renamed.clone())).await.unwrap());
        file(
            "deployment.toml",
            "[deployment]\ntables.THINGS = \"prod-things\"\n",
        );
        assert!(check(Some(renamed)).await.unwrap());
        let built_in = file("built_in.toml", built_in);
        assert!(check(Some(built_in)).await.unwrap());
    }
}
