//! `catalog check`: says everything that is wrong with a catalog, and with the tables of databases that it names.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use waybill::catalog::{Catalog, ExportType, RecordsSpec};
use waybill::deployment_file::DeploymentFile;
use waybill::env;
use waybill::records::{Finding, RecordsClients, RecordsError, RecordsOpener};

/// The arguments of `catalog check`.
pub(crate) struct Check {
    /// The catalog's file; `None` for the functions' catalog.
    pub(crate) catalog: Option<PathBuf>,
    /// The deployment file; `None` for the one beside the catalog, if there is one.
    pub(crate) deployment: Option<PathBuf>,
    /// Whether databases are asked about their tables.
    pub(crate) asks_databases: bool,
}

impl Check {
    /// Prints what is wrong. Returns whether nothing is.
    pub(crate) async fn run(self) -> Result<bool, Box<dyn Error>> {
        let path = self
            .catalog
            .or_else(|| env::optional("CATALOG_PATH").map(PathBuf::from));
        let name = path
            .as_ref()
            .map_or(String::new(), |path| format!("{}: ", path.display()));
        let catalog = match &path {
            Some(path) => Catalog::parse_valid(&fs::read_to_string(path)?),
            None => Catalog::built_in(),
        };
        let catalog = match catalog {
            Ok(catalog) => catalog,
            Err(error) => {
                eprintln!("{name}{error}");
                return Ok(false);
            }
        };
        let mut is_valid = true;
        for out in catalog.out_of_service() {
            eprintln!("{name}{}: {}", out.name, out.reason);
            is_valid = false;
        }
        if let Some(deployment) = deployment_file(self.deployment, path.as_deref()) {
            let deployment = DeploymentFile::parse(&fs::read_to_string(&deployment)?)?;
            let config = waybill::aws::config().await;
            let clients = RecordsClients::from_env(&config);
            let opener = RecordsOpener::new(clients, deployment.into());
            for export_type in catalog.types() {
                if let Some(error) = unmapped(&opener, export_type) {
                    eprintln!("{name}{}: {error}", export_type.name);
                    is_valid = false;
                } else if self.asks_databases {
                    is_valid &= compare(&opener, export_type).await;
                }
            }
        }
        if is_valid {
            let types = catalog.types().iter();
            let types: Vec<_> = types
                .map(|t| format!("{} ({})", t.name, t.parent.as_str()))
                .collect();
            println!("{name}valid: {}", types.join(", "));
        }
        Ok(is_valid)
    }
}

pub(crate) fn deployment_file(named: Option<PathBuf>, catalog: Option<&Path>) -> Option<PathBuf> {
    let beside = || catalog.map(|path| path.with_file_name("deployment.toml"));
    named.or_else(|| beside().filter(|path| path.exists()))
}

/// The names that the template's own parameters map.
const OF_THE_TEMPLATE: [&str; 2] = ["RECORDS_TABLE", "RECORDS_ROLE"];

/// What a type needs, and the deployment does not map.
fn unmapped(opener: &RecordsOpener, export_type: &ExportType) -> Option<RecordsError> {
    match opener.locate(&export_type.records) {
        Err(RecordsError::Unmapped { name, .. }) if OF_THE_TEMPLATE.contains(&&*name) => None,
        located => located.err(),
    }
}

/// Compares a type with its table, if that is in a database.
async fn compare(opener: &RecordsOpener, export_type: &ExportType) -> bool {
    let (RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec)) = &export_type.records else {
        return true;
    };
    match opener.check(export_type).await {
        Err(error) => {
            let cause = error
                .source()
                .map_or(String::new(), |cause| format!(": {cause}"));
            eprintln!("{}: {error}{cause}", export_type.name);
            false
        }
        Ok(findings) => {
            for finding in &findings {
                println!("{}: {finding}", export_type.name);
            }
            let is_wrong = findings
                .iter()
                .any(|finding| matches!(finding, Finding::Error(_)));
            if !is_wrong {
                println!(
                    "{}: the table {} is as the entry says",
                    export_type.name, spec.table
                );
            }
            !is_wrong
        }
    }
}
