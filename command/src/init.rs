//! `waybill init`: writes the first draft of a catalog for a table, with a comment for each guess.

mod database;
mod draft;
mod dynamodb;
mod guess;

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use waybill::catalog::Catalog;

use self::database::Database;
use self::draft::Draft;
use self::dynamodb::Fixed;
use self::guess::Asked;
use crate::outcome::{Failure, Outcome};

pub(crate) const USAGE: &str = "\
waybill init [--url URL] --table TABLE --parent COLUMN [--kind KIND] [--name NAME] [--fixed ATTRIBUTE=VALUE] [--password-file FILE] [--into FOLDER | --dry-run]
    Looks at a table (types, keys, indexes, comments, foreign keys, and values of 1,000 records), and writes catalog.toml with its
    entry and deployment.toml with the table's place, with a comment for each guess.
    Of PostgreSQL, MySQL and MariaDB, URL is postgres://user@host:5432/name or mysql://user@host:3306/name. The password is that of
    PGPASSWORD or MYSQL_PWD, or in FILE, or is asked for. TABLE in PostgreSQL has its schema, such as public.orders. COLUMN has the id of
    what records belong to, such as customer_id.
    Without URL, TABLE is a table of DynamoDB in the account and the region of the AWS credentials. COLUMN is the attribute with the id of
    what records belong to, or the partition key of the table or an index which has it, such as PK for CUSTOMER#7. --fixed chooses the type
    in a table with items of several, such as entity=order.
    KIND is what people call what records belong to; by default the column's name without `_id`. NAME is the type's; by default the table's.
    FOLDER is `waybill` by default; no file in it is replaced. With --dry-run nothing is written.";

/// The arguments.
struct Init {
    source: Source,
    asked: Asked,
    folder: PathBuf,
    writes: bool,
}

/// Where the table is.
enum Source {
    Database(Database),
    /// In DynamoDB; the items of the type have these values.
    Dynamodb(Vec<Fixed>),
}

/// Runs the command in these words.
pub(crate) async fn run(arguments: lexopt::Parser) -> Outcome {
    let init = parse(arguments)?;
    if init.writes {
        init.check_folder()?;
    }
    let (draft, parents) = init.draft().await?;
    let catalog = draft.catalog();
    if init.writes {
        init.write("catalog.toml", &catalog)?;
        init.write("deployment.toml", &draft.deployment())?;
    }
    for question in draft.questions() {
        println!("  {question}");
    }
    println!("  {}", guess::parents(&parents));
    if let Some(line) = draft::to_be_filled_in(&catalog) {
        println!("  to be filled in: {line}");
        return Ok(false);
    }
    match Catalog::parse_valid(&catalog) {
        Ok(checked) if checked.out_of_service().is_empty() => Ok(true),
        Ok(checked) => {
            for out in checked.out_of_service() {
                println!("  to be filled in: {}", out.reason);
            }
            Ok(false)
        }
        Err(error) => {
            println!("  to be filled in: {error}");
            Ok(false)
        }
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Init, Failure> {
    use lexopt::prelude::*;

    let (mut url, mut table, mut parent, mut kind, mut name) = (None, None, None, None, None);
    let (mut password_file, mut folder) = (None, PathBuf::from("waybill"));
    let (mut fixed, mut writes) = (Vec::new(), true);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("url") => url = Some(arguments.value()?.string()?),
            Long("table") => table = Some(arguments.value()?.string()?),
            Long("parent") => parent = Some(arguments.value()?.string()?),
            Long("kind") => kind = Some(arguments.value()?.string()?),
            Long("name") => name = Some(arguments.value()?.string()?),
            Long("fixed") => fixed.push(Fixed::parse(&arguments.value()?.string()?)?),
            Long("password-file") => password_file = Some(PathBuf::from(arguments.value()?)),
            Long("into") => folder = PathBuf::from(arguments.value()?),
            Long("dry-run") => writes = false,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let table: String = table.ok_or("--table is missing, such as public.orders")?;
    let parent = parent.ok_or(
        "--parent is missing: the column with the id of what records belong to, such as customer_id",
    )?;
    let source = match url {
        Some(_) if !fixed.is_empty() => {
            return Err(
                "--fixed is for tables of DynamoDB; of a database, add `fixed` to the entry".into(),
            );
        }
        Some(url) => Source::Database(Database::new(url, password_file, &table)?),
        None => Source::Dynamodb(fixed),
    };
    Ok(Init {
        source,
        asked: Asked {
            table,
            parent,
            kind,
            name,
        },
        folder,
        writes,
    })
}

impl Init {
    fn check_folder(&self) -> Result<(), Failure> {
        let files = ["catalog.toml", "deployment.toml"].map(|name| self.folder.join(name));
        match files.iter().find(|file| file.exists()) {
            Some(file) => {
                let file = file.display();
                Err(format!("{file} exists, and is not replaced: remove it, or give another folder with --into").into())
            }
            None => Ok(()),
        }
    }

    /// The draft, and the parents of the records that were looked at.
    async fn draft(&self) -> Result<(Draft, Vec<String>), Box<dyn Error>> {
        match &self.source {
            Source::Database(database) => database.draft(&self.asked).await,
            Source::Dynamodb(fixed) => dynamodb::draft(&self.asked, fixed).await,
        }
    }

    /// Writes a new file, and says so.
    fn write(&self, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(&self.folder)?;
        let path: &Path = &self.folder.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
        println!("Written: {}", path.display());
        Ok(())
    }
}
