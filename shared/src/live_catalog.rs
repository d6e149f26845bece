//! The catalog and the deployment file as they are now: loaded at start, and again where they have changed.
//!
//! Both files are on the machine beside each other (`CATALOG_PATH` names the catalog), or else in a folder of S3
//! (`CATALOG_URL`). Without either, the catalog is the built-in one. A new text that cannot be used changes nothing, and is
//! logged.

mod files;
mod s3;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_config::SdkConfig;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::s3::Folder;
use crate::aws::{self, CallError, best_effort};
use crate::catalog::{Catalog, CatalogError, ExportType, RecordsSpec};
use crate::deployment_file::{DeploymentError, DeploymentFile};
use crate::env;
use crate::hash::hex;

/// The name of the catalog in a folder.
const CATALOG: &str = "catalog.toml";
/// The name of the deployment file in a folder.
const DEPLOYMENT: &str = "deployment.toml";
/// What is said where files cannot be used.
const NOT_USED: &str = "The newest catalog is not used, and the one before it still is";
/// How long a catalog of S3 is used without a look at its ETag, in seconds, where `CATALOG_FRESH_SECONDS` does not say.
const FRESH_SECONDS: u64 = 60;

/// The catalog and the deployment file as they are now. Clones share them.
#[derive(Debug, Clone)]
pub struct LiveCatalog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    source: Source,
    /// Whether types without records are out of service, and logged so.
    reports: bool,
    current: RwLock<Arc<CatalogVersion>>,
    /// Why the newest files are not used; `None` where they are.
    refused: RwLock<Option<String>>,
    looked_at: Mutex<Instant>,
    fresh_for: Duration,
}

/// A catalog with its deployment file, both checked.
#[derive(Debug)]
pub struct CatalogVersion {
    /// The types, without those that the deployment file does not map.
    pub catalog: Arc<Catalog>,
    /// What the catalog's names stand for.
    pub deployment: DeploymentFile,
    texts: Texts,
}

/// Where the files are.
#[derive(Debug)]
enum Source {
    /// They never change.
    Fixed,
    /// The path of the catalog; the deployment file is beside it.
    Files(PathBuf),
    S3(Folder),
}

/// The contents of both files; `None` for a file that is not there. Without a catalog, the built-in one is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Texts {
    catalog: Option<Text>,
    deployment: Option<Text>,
}

/// The content of a file, with its ETag in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    content: String,
    etag: Option<String>,
}

/// What a look at the files found.
#[derive(Debug, Default)]
struct Look {
    /// The version to use from now on; `None` where it is the one in use.
    version: Option<CatalogVersion>,
    /// Why the newest files are not used; `None` where they are.
    refused: Option<LiveCatalogError>,
}

/// Why a catalog cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LiveCatalogError {
    /// The catalog is invalid, or its file cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The deployment file is invalid.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// S3 has not answered, or refused.
    #[error(transparent)]
    S3(#[from] CallError),
    /// `CATALOG_URL` is no folder of S3.
    #[error("CATALOG_URL must be a folder of S3, such as s3://bucket/waybill")]
    Url,
    /// A file is not text.
    #[error("{0} must be UTF-8")]
    Encoding(&'static str),
    /// The folder of S3 has no catalog.
    #[error("there is no {CATALOG} at CATALOG_URL")]
    Missing,
}

impl Source {
    /// The folder of S3 at this address, or the built-in catalog.
    fn in_s3(config: &SdkConfig, url: Option<&str>) -> Result<Self, LiveCatalogError> {
        Ok(match url {
            Some(url) => Self::S3(Folder::new(aws::s3(config), url)?),
            None => Self::Fixed,
        })
    }
}

impl LiveCatalog {
    /// Loads the catalog that the environment names, for the function that serves types. Those that are invalid, or that the
    /// deployment file does not map, are out of service, and logged so.
    ///
    /// # Errors
    /// When a file cannot be read, or no version of it can be used.
    pub async fn load_and_report(config: &SdkConfig) -> Result<Self, LiveCatalogError> {
        Self::load_for(config, true).await
    }

    /// Loads the same catalog, for a function that works on what was requested.
    ///
    /// # Errors
    /// As [`LiveCatalog::load_and_report`].
    pub async fn load(config: &SdkConfig) -> Result<Self, LiveCatalogError> {
        Self::load_for(config, false).await
    }

    /// Loads the catalog of functions whose `CATALOG_URL` is this folder of S3; without one, the built-in catalog. Types that
    /// the deployment file does not map stay in it, since the functions' own variables may map them.
    ///
    /// # Errors
    /// As [`LiveCatalog::load_and_report`].
    pub async fn load_of(config: &SdkConfig, url: Option<&str>) -> Result<Self, LiveCatalogError> {
        Self::load_from(Source::in_s3(config, url)?, false).await
    }

    async fn load_for(config: &SdkConfig, reports: bool) -> Result<Self, LiveCatalogError> {
        let source = match env::optional("CATALOG_PATH") {
            Some(path) => Source::Files(path.into()),
            None => Source::in_s3(config, env::optional("CATALOG_URL").as_deref())?,
        };
        Self::load_from(source, reports).await
    }

    async fn load_from(source: Source, reports: bool) -> Result<Self, LiveCatalogError> {
        let mut refused = None;
        let version = match &source {
            Source::S3(folder) => {
                let look = folder.newest_valid(&Texts::default(), reports).await;
                let look = look.unwrap_or_default();
                match look.version {
                    Some(version) => {
                        refused = look.refused;
                        version
                    }
                    // The newest is used after all, without its invalid types.
                    None => {
                        look.refused.iter().for_each(log_refused);
                        folder.newest(reports).await?
                    }
                }
            }
            Source::Files(path) => CatalogVersion::new(files::read(path)?, reports)?,
            Source::Fixed => CatalogVersion::new(Texts::default(), reports)?,
        };
        version.log("catalog loaded", reports);
        let live = Self::new(source, version, reports);
        live.keep_refused(refused);
        Ok(live)
    }

    /// A catalog that never changes.
    pub fn fixed(catalog: Catalog, deployment: DeploymentFile) -> Self {
        let version = CatalogVersion {
            catalog: Arc::new(catalog),
            deployment,
            texts: Texts::default(),
        };
        Self::new(Source::Fixed, version, true)
    }

    fn new(source: Source, version: CatalogVersion, reports: bool) -> Self {
        Self(Arc::new(Shared {
            source,
            reports,
            current: RwLock::new(Arc::new(version)),
            refused: RwLock::default(),
            looked_at: Mutex::new(Instant::now()),
            fresh_for: fresh_for(),
        }))
    }

    /// The catalog and the deployment file, as they were last loaded.
    pub fn current(&self) -> Arc<CatalogVersion> {
        self.0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Loads what has changed: from files at once, from S3 where the last look is a minute ago. What cannot be loaded or
    /// used is logged, and everything stays as it was.
    pub async fn refresh(&self) {
        let (current, reports) = (self.current(), self.0.reports);
        let look = match &self.0.source {
            Source::Fixed => return,
            Source::Files(path) => Look::at_files(path, &current.texts, reports),
            Source::S3(_) if !self.is_due() => return,
            // A slow answer of S3 must not hold up what the function is called for.
            Source::S3(folder) => {
                match best_effort(folder.newest_valid(&current.texts, reports)).await {
                    Ok(look) => look,
                    Err(late) => return tracing::warn!(%late, "catalog not refreshed"),
                }
            }
        };
        match look {
            Ok(look) => {
                self.keep_refused(look.refused);
                if let Some(version) = look.version {
                    version.log("catalog changed", reports);
                    let current = self.0.current.write();
                    *current.unwrap_or_else(PoisonError::into_inner) = Arc::new(version);
                }
            }
            Err(error) => tracing::warn!(%error, "catalog not refreshed"),
        }
    }

    /// What is wrong with the newest files, for the operator: why they are not used, and why types are out of service.
    pub fn mistakes(&self) -> Vec<String> {
        let refused = self.0.refused.read();
        let refused = refused.unwrap_or_else(PoisonError::into_inner).clone();
        let refused = refused.map(|error| format!("{NOT_USED}: {error}"));
        let current = self.current();
        let out = current.catalog.out_of_service().iter();
        let out = out.map(|out| format!("{} is out of service: {}", out.name, out.reason));
        refused.into_iter().chain(out).collect()
    }

    /// Logs why the newest files are not used, and keeps it for [`LiveCatalog::mistakes`].
    fn keep_refused(&self, refused: Option<LiveCatalogError>) {
        refused.iter().for_each(log_refused);
        let kept = self.0.refused.write();
        *kept.unwrap_or_else(PoisonError::into_inner) = refused.map(|error| error.to_string());
    }

    /// Whether it is time to look, which then counts as done, so that concurrent requests do not look too.
    fn is_due(&self) -> bool {
        let mut looked_at = self
            .0
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_due = looked_at.elapsed() >= self.0.fresh_for;
        if is_due {
            *looked_at = Instant::now();
        }
        is_due
    }
}

/// `CATALOG_FRESH_SECONDS`, which a local stack sets to 0.
fn fresh_for() -> Duration {
    let seconds = env::optional("CATALOG_FRESH_SECONDS").and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(FRESH_SECONDS))
}

/// What a deployment file maps, without types, such as for the entries of tests.
impl From<DeploymentFile> for LiveCatalog {
    fn from(deployment: DeploymentFile) -> Self {
        Self::fixed(Catalog::default(), deployment)
    }
}

fn log_refused(error: &LiveCatalogError) {
    // An alarm counts this line.
    tracing::error!(%error, "catalog refused");
}

impl Look {
    /// Looks at files on the machine, of which these are known.
    fn at_files(path: &Path, known: &Texts, reports: bool) -> Result<Self, LiveCatalogError> {
        let texts = files::read(path)?;
        if texts == *known {
            return Ok(Self::default());
        }
        Ok(match CatalogVersion::checked(texts, reports) {
            Ok(version) => Self::new(version),
            Err(error) => Self::refused(error),
        })
    }

    /// These files are used from now on.
    fn new(version: CatalogVersion) -> Self {
        Self {
            version: Some(version),
            refused: None,
        }
    }

    /// These files are not used; everything stays as it is.
    fn refused(error: LiveCatalogError) -> Self {
        Self {
            version: None,
            refused: Some(error),
        }
    }
}

impl CatalogVersion {
    /// The version with these texts, if all of the catalog is valid.
    fn checked(texts: Texts, reports: bool) -> Result<Self, LiveCatalogError> {
        if let Some(text) = &texts.catalog {
            Catalog::parse(&text.content)?;
        }
        Self::new(texts, reports)
    }

    /// The version with these texts. Invalid types are out of service.
    fn new(texts: Texts, reports: bool) -> Result<Self, LiveCatalogError> {
        let mut catalog = match &texts.catalog {
            Some(text) => Catalog::parse_valid(&text.content)?,
            None => Catalog::built_in()?,
        };
        let deployment = match &texts.deployment {
            Some(text) => DeploymentFile::parse(&text.content)?,
            None => DeploymentFile::default(),
        };
        if reports {
            catalog.take_out_of_service(|export_type| unmapped(export_type, &deployment));
        }
        Ok(Self {
            catalog: Arc::new(catalog),
            deployment,
            texts,
        })
    }

    /// Logs which version is in use, and each type that is out of service.
    fn log(&self, message: &str, reports: bool) {
        let digest = |text: &Option<Text>| {
            let digest = text
                .as_ref()
                .map(|text| hex(&Sha256::digest(&text.content)));
            digest.unwrap_or_else(|| "none".to_owned())
        };
        tracing::info!(
            catalog.sha256 = digest(&self.texts.catalog),
            deployment.sha256 = digest(&self.texts.deployment),
            types = self.catalog.types().len(),
            "{message}"
        );
        if !reports {
            return;
        }
        for out in self.catalog.out_of_service() {
            // An alarm counts this line.
            tracing::error!(
                type_name = out.name,
                reason = out.reason,
                "type out of service"
            );
        }
    }
}

/// Why the deployment has no records of a type; `None` where it has.
fn unmapped(export_type: &ExportType, deployment: &DeploymentFile) -> Option<String> {
    match &export_type.records {
        RecordsSpec::Dynamodb(spec) => deployment.table(&spec.table).is_none().then(|| {
            format!(
                "the deployment has no table {name}: neither `tables.{name}` in {DEPLOYMENT}, nor the environment variable",
                name = spec.table
            )
        }),
        RecordsSpec::Postgres(spec) | RecordsSpec::Mysql(spec) => {
            let name = &spec.database.name;
            let is_missing = deployment.database(name).is_none();
            is_missing.then(|| {
                format!("the deployment has no database {name}: `databases.{name}` in {DEPLOYMENT}")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TYPE: &str = include_str!("../../infra/local/shop.toml");

    fn live(folder: &std::path::Path) -> LiveCatalog {
        let path = folder.join(CATALOG);
        let version = CatalogVersion::new(files::read(&path).unwrap(), true).unwrap();
        LiveCatalog::new(Source::Files(path), version, true)
    }

    #[tokio::test]
    async fn a_changed_file_is_used_at_once_and_an_invalid_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(CATALOG, TYPE);
        let live = live(folder.path());
        let out_of_service = || live.current().catalog.out_of_service().to_vec();
        let reason = &out_of_service()[0].reason;
        assert_eq!(
            reason,
            "the deployment has no database shop: `databases.shop` in deployment.toml"
        );

        write(
            DEPLOYMENT,
            "[deployment]\ndatabases.shop = { url = \"postgres://a@localhost/shop\" }",
        );
        live.refresh().await;
        assert_eq!(out_of_service(), []);
        assert_eq!(live.current().catalog.types().len(), 1);

        write(
            DEPLOYMENT,
            "[deployment]\ndatabases.shop = { url = \"nothing\" }",
        );
        live.refresh().await;
        assert_eq!(live.current().catalog.types().len(), 1);
        assert!(live.current().deployment.database("shop").is_some());
        let mistakes = live.mistakes();
        let refused = "The newest catalog is not used, and the one before it still is: the deployment file is invalid in line 2: ";
        assert!(mistakes[0].starts_with(refused), "{mistakes:?}");
        assert_eq!(mistakes.len(), 1);

        write(CATALOG, &TYPE.replace("Shop purchases", "Sales"));
        fs::remove_file(folder.path().join(DEPLOYMENT)).unwrap();
        live.refresh().await;
        assert_eq!(out_of_service().len(), 1);
        assert_eq!(
            live.mistakes(),
            [
                "shop_purchases is out of service: the deployment has no database shop: `databases.shop` in deployment.toml"
            ]
        );
    }

    #[test]
    fn a_function_that_works_on_requests_keeps_types_without_records() {
        let texts = || Texts {
            catalog: Some(Text {
                content: TYPE.to_owned(),
                etag: None,
            }),
            deployment: None,
        };
        let types = |reports| {
            let version = CatalogVersion::new(texts(), reports).unwrap();
            version.catalog.types().len()
        };
        assert_eq!((types(true), types(false)), (0, 1));
    }
}
