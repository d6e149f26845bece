//! Looks at a table of a database, and drafts its entry.

use std::error::Error;
use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;

use waybill::deployment_file::{DatabaseAddress, DeploymentFile, SqlEngine};
use waybill::env;
use waybill::records::{
    ColumnOverview, RecordsClients, RecordsError, RecordsOpener, SqlValues, TableOverview,
};
use waybill::similar::likeness;

use super::draft::{Draft, DraftRecords, FILL_IN, Guess};
use super::guess::{self, Asked, word};
use crate::outcome::Failure;

/// A database.
pub(super) struct Database {
    url: String,
    engine: SqlEngine,
    password_file: Option<PathBuf>,
}

impl Database {
    /// The database at this address, for a table.
    ///
    /// # Errors
    /// For an address that is none, and a table of PostgreSQL without its schema.
    pub(super) fn new(
        url: String,
        password_file: Option<PathBuf>,
        table: &str,
    ) -> Result<Self, Failure> {
        let engine = DatabaseAddress::of_operator(&url, None)?.server.engine();
        if engine == SqlEngine::Postgres && !table.contains('.') {
            return Err(format!("--table needs the schema: public.{table}").into());
        }
        Ok(Self {
            url,
            engine,
            password_file,
        })
    }

    /// The draft of an entry, and the parents of the rows that were looked at.
    ///
    /// # Errors
    /// When the table cannot be looked at, or has no such column as the parent's.
    pub(super) async fn draft(
        &self,
        asked: &Asked,
    ) -> Result<(Draft, Vec<String>), Box<dyn Error>> {
        let overview = self.look(&asked.table).await?;
        let draft = draft(&overview, asked, self.engine, &self.url)?;
        let parents = overview
            .columns
            .into_iter()
            .filter(|column| column.name == asked.parent);
        Ok((
            draft,
            parents
                .flat_map(|column| column.samples)
                .flatten()
                .collect(),
        ))
    }

    /// Looks at the table. A password is asked for only where the database wants one.
    async fn look(&self, table: &str) -> Result<TableOverview, Box<dyn Error>> {
        let mut password = self.password()?;
        loop {
            let refusal = match self.overview(table, password.clone()).await {
                Ok(Some(overview)) => return Ok(overview),
                Ok(None) => return Err(self.missing(table, password).await.into()),
                Err(RecordsError::Denied { table }) => {
                    return Err(format!(
                        "the user may not read the table {table}: GRANT SELECT ON {table} TO …"
                    )
                    .into());
                }
                Err(error) if is_about_password(&error) => error.to_string(),
                Err(error) => return Err(self.with_place(with_cause(&error)).into()),
            };
            let way = format!("in {}, or in a file with --password-file", self.variable());
            if password.is_some() {
                return Err(format!("{refusal}; the password was given {way}").into());
            }
            if !std::io::stdin().is_terminal() {
                return Err(format!(
                    "the server does not let the user sign in without a password: give the password {way}"
                )
                .into());
            }
            password = Some(rpassword::prompt_password("Password of the database: ")?);
        }
    }

    /// An error with the place of the server, if the server cannot be reached there.
    fn with_place(&self, error: String) -> String {
        let address = self.address(None).ok();
        let place = address.as_ref().and_then(|address| address.server.host());
        match place {
            Some((host, port)) if error.contains("cannot be reached") => {
                format!("{error}: check the server at {host}, port {port}, which --url names")
            }
            _ => error,
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
        table: &str,
        password: Option<String>,
    ) -> Result<Option<TableOverview>, RecordsError> {
        opener()
            .await
            .overview(self.address(password)?, table)
            .await
    }

    fn address(&self, password: Option<String>) -> Result<DatabaseAddress, RecordsError> {
        let address = DatabaseAddress::of_operator(&self.url, password);
        address.map_err(|problem| RecordsError::Unusable {
            database: "database".to_owned(),
            problem: format!("cannot be used: {problem}"),
        })
    }

    /// Says that there is no such table, and which there are of similar names.
    async fn missing(&self, table: &str, password: Option<String>) -> String {
        let grant = match self.engine {
            SqlEngine::Postgres => "use its schema: GRANT USAGE ON SCHEMA … TO …",
            SqlEngine::Mysql => "read it: GRANT SELECT ON … TO …",
        };
        let names = match self.address(password) {
            Ok(address) => opener().await.tables(address).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let similar = similar(table, &names);
        let meant = match similar.is_empty() {
            true => String::new(),
            false => format!("; did you mean {}?", similar.join(", ")),
        };
        format!("there is no table {table} (capitals count), or the user may not {grant}{meant}")
    }
}

/// How many tables of similar names are proposed.
const MOST_SIMILAR: usize = 3;

async fn opener() -> RecordsOpener {
    let config = waybill::aws::config().await;
    let clients = RecordsClients::new(&config, None);
    RecordsOpener::new(clients, DeploymentFile::default().into())
}

/// The names, of these, which differ only in schema, case, plural or in characters between words; where there are none, the
/// most similar ones.
fn similar(table: &str, names: &[String]) -> Vec<String> {
    let plain = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default().to_lowercase();
        let letters: String = last.chars().filter(|c| c.is_alphanumeric()).collect();
        letters.trim_end_matches('s').to_owned()
    };
    let wanted = plain(table);
    let same = names.iter().filter(|name| plain(name) == wanted);
    let same: Vec<String> = same.cloned().collect();
    if !same.is_empty() {
        return same;
    }
    let alike = names
        .iter()
        .filter_map(|name| Some((likeness(&plain(name), &wanted)?, name)));
    let mut alike: Vec<(f64, &String)> = alike.collect();
    alike.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    alike
        .into_iter()
        .take(MOST_SIMILAR)
        .map(|(_, name)| name.clone())
        .collect()
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

/// The draft of an entry.
///
/// # Errors
/// When there is no such column as the parent's, and when its values are no ids.
fn draft(
    table: &TableOverview,
    asked: &Asked,
    engine: SqlEngine,
    url: &str,
) -> Result<Draft, String> {
    let parent = column(table, &asked.parent)?;
    let id = match parent.values {
        SqlValues::Integers => "integer",
        SqlValues::Uuids => "uuid",
        SqlValues::Texts | SqlValues::Others => "text",
        SqlValues::Numbers
        | SqlValues::Booleans
        | SqlValues::Dates
        | SqlValues::Times
        | SqlValues::Bytes => {
            return Err(format!(
                "the column {} is {}, and the id of what records belong to is an integer, a uuid or a text: give the column with it, \
                 such as customer_id, as --parent",
                parent.name, parent.type_name
            ));
        }
    };
    let last = asked.table.rsplit('.').next().unwrap_or_default();
    Ok(guess::draft(
        table,
        asked,
        records(table, asked, engine, url),
        id,
        word(last),
    ))
}

fn records(table: &TableOverview, asked: &Asked, engine: SqlEngine, url: &str) -> DraftRecords {
    let key = key(table, asked, engine);
    let mut notes: Vec<(&str, String)> = key.why.map(|why| ("key", why)).into_iter().collect();
    let mut keys: Vec<(&str, toml::Value)> = vec![
        ("database", "main".into()),
        ("table", asked.table.clone().into()),
        ("parent", asked.parent.clone().into()),
        ("key", key.value.into()),
    ];
    if table.has_row_security {
        keys.push(("row_security", true.into()));
        let why =
            "row-level security hides rows from this user: `row_security` says that this is meant";
        notes.push(("row_security", why.to_owned()));
    }
    DraftRecords {
        engine: Some(engine),
        keys,
        notes,
        deployment: format!(
            "# Of another machine, `secret = \"arn:aws:secretsmanager:…\"` has the password (or `iam`, see docs/catalog.md).\n\
             databases.main = {{ url = {} }}\n",
            toml::Value::from(url)
        ),
    }
}

fn column<'t>(table: &'t TableOverview, name: &str) -> Result<&'t ColumnOverview, String> {
    let found = table.columns.iter().find(|column| column.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        format!(
            "the table has no column {name}; its columns are {}",
            names.join(", ")
        )
    })
}

/// The key: that of an index which begins with the parent, if it is unique with the primary key; or the primary key.
fn key(table: &TableOverview, asked: &Asked, engine: SqlEngine) -> Guess<Vec<String>> {
    let (name, parent) = (&asked.table, asked.parent.as_str());
    let created = guess::created(table).value;
    let without_parent = |columns: &Vec<String>| -> Vec<String> {
        columns
            .iter()
            .filter(|name| *name != parent)
            .cloned()
            .collect()
    };
    let unique: Vec<Vec<String>> = table
        .unique
        .iter()
        .map(without_parent)
        .filter(|columns| !columns.is_empty())
        .collect();
    let is_unique = |columns: &Vec<String>| {
        unique
            .iter()
            .any(|of_index| of_index.iter().all(|name| columns.contains(name)))
    };
    let by_parent = table
        .indexes
        .iter()
        .filter(|columns| columns.first().is_some_and(|first| first == parent))
        .map(without_parent)
        .filter(|columns| !columns.is_empty() && is_unique(columns));
    let by_time = |columns: &Vec<String>| {
        (
            columns.first().map(String::as_str) != created.as_deref(),
            columns.len(),
        )
    };
    if let Some(columns) = by_parent.min_by_key(by_time) {
        return Guess {
            value: columns,
            why: None,
        };
    }
    let Some(primary) = unique.first() else {
        let why = match table.is_unprovable {
            true => {
                "no index proves keys here: name columns that tell a parent's rows apart, and never change"
            }
            false => {
                "no unique index tells rows apart: name columns that do, and never change, and make one"
            }
        };
        return Guess {
            value: vec![FILL_IN.to_owned()],
            why: Some(why.to_owned()),
        };
    };
    let quoted = |name: &str| quoted(name, engine);
    let columns = [parent].into_iter();
    let columns = columns.chain(primary.iter().map(String::as_str));
    let columns: Vec<String> = columns.map(quoted).collect();
    let name: Vec<String> = name.split('.').map(quoted).collect();
    let create = match engine {
        SqlEngine::Postgres => "CREATE INDEX CONCURRENTLY",
        SqlEngine::Mysql => "CREATE INDEX waybill_order",
    };
    Guess {
        value: primary.clone(),
        why: Some(format!(
            "no index has a parent's rows in this order, so that each page may read the whole table: \
             {create} ON {} ({})",
            name.join("."),
            columns.join(", ")
        )),
    }
}

/// A name as SQL has it: in quotes, unless it is a plain one.
fn quoted(name: &str, engine: SqlEngine) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    match engine {
        _ if begins && name.chars().all(is_plain) => name.to_owned(),
        SqlEngine::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        SqlEngine::Mysql => format!("`{}`", name.replace('`', "``")),
    }
}

#[cfg(test)]
mod tests;
