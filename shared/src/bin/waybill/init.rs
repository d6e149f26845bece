//! `waybill init`: writes the first draft of a catalog for a table, with a comment for each guess.

mod draft;
mod guess;

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use waybill::catalog::Catalog;
use waybill::deployment_file::{DatabaseAddress, DeploymentFile, SqlEngine};
use waybill::env;
use waybill::records::{RecordsClients, RecordsError, RecordsOpener, TableOverview};

use self::guess::Asked;
use crate::{Failure, Outcome};

pub(crate) const USAGE: &str = "\
waybill init --url URL --table TABLE --parent COLUMN [--kind KIND] [--name NAME] [--password-file FILE] [--into FOLDER | --dry-run]
    Looks at a table in PostgreSQL, MySQL or MariaDB (types, keys, indexes, comments, foreign keys, and values of 1,000 rows), and
    writes catalog.toml with its entry and deployment.toml with the database's address, with a comment for each guess. URL is
    postgres://user@host:5432/name or mysql://user@host:3306/name. The password is that of PGPASSWORD or MYSQL_PWD, or in FILE, or is
    asked for. TABLE in PostgreSQL has its schema, such as public.orders. COLUMN has the id of what records belong to, such as customer_id. KIND is what people call that; by default the
    column's name without `_id`. NAME is the type's; by default the table's. FOLDER is `waybill` by default; no file in it is
    replaced. With --dry-run nothing is written.";

/// The arguments.
struct Init {
    url: String,
    engine: SqlEngine,
    table: String,
    parent: String,
    kind: Option<String>,
    name: Option<String>,
    password_file: Option<PathBuf>,
    folder: PathBuf,
    writes: bool,
}

/// Runs the command in these words.
pub(crate) async fn run(arguments: lexopt::Parser) -> Outcome {
    let init = parse(arguments)?;
    if init.writes {
        init.check_folder()?;
    }
    let overview = init.look().await?;
    let asked = Asked {
        engine: init.engine,
        table: init.table.clone(),
        parent: init.parent.clone(),
        kind: init.kind.clone(),
        name: init.name.clone(),
    };
    let draft = guess::draft(&overview, asked)?;
    let catalog = draft.catalog();
    if init.writes {
        init.write("catalog.toml", &catalog)?;
        init.write("deployment.toml", &draft.deployment(&init.url))?;
    }
    for question in draft.questions() {
        println!("  {question}");
    }
    println!("  {}", guess::parents(&overview, &init.parent));
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
    let mut writes = true;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("url") => url = Some(arguments.value()?.string()?),
            Long("table") => table = Some(arguments.value()?.string()?),
            Long("parent") => parent = Some(arguments.value()?.string()?),
            Long("kind") => kind = Some(arguments.value()?.string()?),
            Long("name") => name = Some(arguments.value()?.string()?),
            Long("password-file") => password_file = Some(PathBuf::from(arguments.value()?)),
            Long("into") => folder = PathBuf::from(arguments.value()?),
            Long("dry-run") => writes = false,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let table: String = table.ok_or("--table is missing, such as public.orders")?;
    let missing =
        "--url is missing, such as postgres://user@host:5432/name or mysql://user@host:3306/name";
    let url: String = url.ok_or(missing)?;
    let engine = DatabaseAddress::of_operator(&url, None)?.server.engine();
    if engine == SqlEngine::Postgres && !table.contains('.') {
        return Err(format!("--table needs the schema: public.{table}").into());
    }
    Ok(Init {
        url,
        engine,
        table,
        parent: parent.ok_or(
            "--parent is missing: the column with the id of what records belong to, such as customer_id",
        )?,
        kind,
        name,
        password_file,
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

    /// Looks at the table. A password is asked for only where the database wants one.
    async fn look(&self) -> Result<TableOverview, Box<dyn Error>> {
        let mut password = self.password()?;
        loop {
            let wants_password = match self.overview(password.clone()).await {
                Ok(Some(overview)) => return Ok(overview),
                Ok(None) => {
                    let grant = match self.engine {
                        SqlEngine::Postgres => "use its schema: GRANT USAGE ON SCHEMA … TO …",
                        SqlEngine::Mysql => "read it: GRANT SELECT ON … TO …",
                    };
                    return Err(format!(
                        "there is no table {} (capitals count), or the user may not {grant}",
                        self.table
                    )
                    .into());
                }
                Err(error) => match is_about_password(&error) {
                    true => error.to_string(),
                    false => return Err(with_cause(&error).into()),
                },
            };
            if password.is_some() || !std::io::stdin().is_terminal() {
                return Err(format!(
                    "{wants_password}: give the password in {}, or in a file with --password-file",
                    self.variable()
                )
                .into());
            }
            password = Some(rpassword::prompt_password("Password of the database: ")?);
        }
    }

    /// The variable with the password, as the engine's own programs have it.
    fn variable(&self) -> &'static str {
        match self.engine {
            SqlEngine::Postgres => "PGPASSWORD",
            SqlEngine::Mysql => "MYSQL_PWD",
        }
    }

    fn password(&self) -> Result<Option<String>, Box<dyn Error>> {
        let Some(file) = &self.password_file else {
            return Ok(env::optional(self.variable()));
        };
        let text = fs::read_to_string(file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn overview(
        &self,
        password: Option<String>,
    ) -> Result<Option<TableOverview>, RecordsError> {
        let address = DatabaseAddress::of_operator(&self.url, password);
        let address = address.map_err(|problem| RecordsError::Unusable {
            database: "database".to_owned(),
            problem: format!("cannot be used: {problem}"),
        })?;
        let config = waybill::aws::config().await;
        let clients = RecordsClients::new(&config, None);
        let opener = RecordsOpener::new(clients, DeploymentFile::default().into());
        opener.overview(address, &self.table).await
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

fn is_about_password(error: &RecordsError) -> bool {
    with_cause(error).contains("password")
}

fn with_cause(error: &RecordsError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
