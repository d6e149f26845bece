//! The deployment file: what the names in the catalog stand for in this deployment.
//!
//! ```toml
//! [deployment]
//! tables.orders = "prod-orders"
//! roles.warehouse = "arn:aws:iam::123456789012:role/reader"
//! databases.shop = { url = "postgres://app@db.example:5432/shop", secret = "arn:aws:secretsmanager:…" }
//! ```

mod address;
mod issuer;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub use self::address::{
    DatabaseAddress, GivenPassword, MysqlServer, Password, ServerAddress, SqlEngine,
};
use self::address::{RawAddress, WrongAddress};
pub use self::issuer::{ClaimNames, GrantTemplate, Issuer};
use self::issuer::{RawIssuer, WrongIssuer};
use crate::env;
use crate::toml_error::explained;

/// What the names in the catalog stand for in this deployment. A table or a role that the file does not name is looked up
/// in the environment, since an entry of an older request may have names that only the environment still has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentFile {
    tables: BTreeMap<String, String>,
    roles: BTreeMap<String, String>,
    databases: BTreeMap<String, DatabaseAddress>,
    issuers: Vec<Issuer>,
}

/// A deployment file that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deployment file is invalid in line {line}: {message}")]
pub struct DeploymentError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right. It contains no address.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    deployment: RawDeployment,
    #[serde(default, rename = "issuer")]
    issuers: Vec<RawIssuer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDeployment {
    #[serde(default)]
    tables: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    #[serde(default)]
    databases: BTreeMap<String, Spanned<RawAddress>>,
}

impl DeploymentFile {
    /// Parses and checks a deployment file.
    ///
    /// # Errors
    /// For an unknown key, and for an address that is none, has a password, or whose TLS certificate could not be checked.
    pub fn parse(text: &str) -> Result<Self, DeploymentError> {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let raw: RawFile = toml::from_str(text).map_err(|error| DeploymentError {
            line: line(error.span().unwrap_or_default().start),
            message: explained(&error, text),
        })?;
        let RawDeployment {
            tables,
            roles,
            databases,
        } = raw.deployment;
        let address = |(name, raw): (String, Spanned<RawAddress>)| {
            let at = raw.span().start;
            match raw.into_inner().checked() {
                Ok(address) => Ok((name, address)),
                Err(WrongAddress(message)) => Err(DeploymentError {
                    line: line(at),
                    message: format!("databases.{name}: {message}"),
                }),
            }
        };
        let databases = databases.into_iter().map(address);
        let issuer = |raw: RawIssuer| {
            raw.checked()
                .map_err(|WrongIssuer(at, message)| DeploymentError {
                    line: line(at),
                    message,
                })
        };
        let issuers = raw.issuers.into_iter().map(issuer);
        Ok(Self {
            tables,
            roles,
            databases: databases.collect::<Result<_, _>>()?,
            issuers: issuers.collect::<Result<_, _>>()?,
        })
    }

    /// A deployment with one table of DynamoDB, for tests and tools.
    pub fn of_table(name: &str, table: &str) -> Self {
        Self {
            tables: BTreeMap::from([(name.to_owned(), table.to_owned())]),
            ..Self::default()
        }
    }

    /// The name of the DynamoDB table that the catalog calls `name`.
    pub fn table(&self, name: &str) -> Option<String> {
        self.tables
            .get(name)
            .cloned()
            .or_else(|| env::optional(name))
    }

    /// The ARN of the role that the catalog calls `name`.
    pub fn role(&self, name: &str) -> Option<String> {
        self.roles
            .get(name)
            .cloned()
            .or_else(|| env::optional(name))
    }

    /// The issuers of tokens besides the deployment's own.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The address of the database that the catalog calls `name`.
    pub fn database(&self, name: &str) -> Option<&DatabaseAddress> {
        self.databases.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf";

    fn wrong(text: &str) -> String {
        DeploymentFile::parse(text).unwrap_err().to_string()
    }

    fn wrong_address(address: &str) -> String {
        let text = format!("[deployment]\ndatabases.shop = {{ {address} }}\n");
        let message = wrong(&text);
        let start = "the deployment file is invalid in line 2: databases.shop: ";
        message.strip_prefix(start).expect(&message).to_owned()
    }

    #[test]
    fn names_are_mapped() {
        let text = format!(
            "[deployment]\ntables.orders = \"prod-orders\"\nroles.warehouse = \"arn:aws:iam::1:role/reader\"\n\
             databases.shop = {{ url = \"postgres://app@db.example:5432/shop?sslmode=verify-full\", secret = \"{SECRET}\" }}\n\
             databases.cluster = {{ url = \"postgres://app@db.example/shop\", iam = \"cluster-ABC\" }}\n\
             databases.local = {{ url = \"postgres://app@localhost/shop\" }}\n"
        );
        let deployment = DeploymentFile::parse(&text).unwrap();
        assert_eq!(deployment.table("orders").as_deref(), Some("prod-orders"));
        assert_eq!(
            deployment.role("warehouse").as_deref(),
            Some("arn:aws:iam::1:role/reader")
        );
        assert_eq!(deployment.table("clients"), None);
        assert_eq!(deployment.role("orders"), None);
        let shop = deployment.database("shop").unwrap();
        assert_eq!(shop.server.database(), "shop");
        assert_eq!(shop.password, Password::Secret(SECRET.to_owned()));
        assert!(shop.is_encrypted());
        assert!(deployment.database("cluster").unwrap().is_encrypted());
        assert!(!deployment.database("local").unwrap().is_encrypted());
        assert_eq!(deployment.database("other"), None);
    }

    #[test]
    fn an_issuer_that_cannot_be_meant_is_refused_with_its_line() {
        let issuer = |lines: &str| {
            let usual = [
                ("url", "\"https://issuer.example/\""),
                ("audiences", "[\"app\"]"),
                ("grants", "[\"project:*\"]"),
            ];
            let left = usual.iter().filter(|(name, _)| !lines.starts_with(name));
            let left: String = left
                .map(|(name, value)| format!("{name} = {value}\n"))
                .collect();
            DeploymentFile::parse(&format!("[deployment]\n[[issuer]]\n{lines}\n{left}"))
        };
        let file = issuer("from_claims = [\"organization:{org_id}\"]").unwrap();
        assert_eq!(file.issuers()[0].audiences, ["app"]);
        for (lines, problem) in [
            (
                "url = \"http://issuer.example\"",
                "must be an address with https://",
            ),
            (
                "url = \"https://issuer.example?a\"",
                "must be an address with https://",
            ),
            (
                "keys = \"ftp://issuer.example\"",
                "must be an address with https://",
            ),
            ("audiences = []", "must name an audience"),
            (
                "grants = []",
                "must list what tokens of this issuer may give",
            ),
            ("grants = [\"project:* staff\"]", "must list what tokens"),
            (
                "from_claims = [\"organization\"]",
                "the name of a claim in braces",
            ),
            ("grant = []", "unknown key `grant`"),
        ] {
            let wrong = issuer(lines).unwrap_err();
            assert_eq!(wrong.line, 3, "{wrong}");
            assert!(wrong.message.contains(problem), "{lines}: {wrong}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_without_the_address() {
        assert!(wrong("").contains("line 1: missing key `deployment`"));
        assert!(wrong("[deployment]\ntable.orders = 1").contains("line 2: unknown key `table`"));
        assert!(
            wrong_address("url = \"postgres://app:hunter2@db/shop\"")
                .starts_with("the address has a password; store it in Secrets Manager")
        );
        assert!(
            wrong_address("url = \"oracle://app@db/shop\"").contains("mysql://user@host:3306/name")
        );
        assert!(wrong_address("url = \"postgres://db:port/shop\"").contains("is no address"));
        let unknown = wrong_address("url = \"postgres://app@db/shop?sslrootcert=rds.pem\"");
        assert!(unknown.contains("known are `sslmode`, "), "{unknown}");
        assert!(
            unknown.contains("certificates are `ca` of the deployment file"),
            "{unknown}"
        );
        assert!(wrong_address("url = \"postgres:///shop\"").contains("has no host"));
        assert!(wrong_address("url = \"postgres://app@db\"").contains("has no name of a database"));
        assert!(
            wrong_address("url = \"postgres://app@db/shop?sslmode=disable\"").contains("encrypted")
        );
        assert!(wrong_address("url = \"postgres://app@db/shop\"").contains("needs `secret`"));
        let elsewhere = wrong_address("url = \"postgres://app@localhost/shop?hostaddr=10.0.0.1\"");
        assert!(elsewhere.contains("needs `secret`"), "{elsewhere}");
        let both =
            format!("url = \"postgres://app@db/shop\", secret = \"{SECRET}\", iam = \"db-A\"");
        assert!(wrong_address(&both).contains("either"));
        assert!(
            wrong_address("url = \"postgres://app@db/shop\", secret = \"hunter2\"")
                .contains("`secret` must be the ARN")
        );
        assert!(
            wrong_address("url = \"postgres://app@db/shop\", iam = \"shop\"")
                .contains("`iam` must be")
        );
        assert!(
            wrong_address("url = \"postgres://app@a,b/shop\", iam = \"db-A\"").contains("one host")
        );
        let ca =
            format!("url = \"postgres://app@db/shop\", secret = \"{SECRET}\", ca = \"rds.pem\"");
        assert!(wrong_address(&ca).contains("`ca` must be certificates"));
        for message in [
            wrong_address(&ca),
            wrong_address("url = \"postgres://app:hunter2@db/shop\""),
        ] {
            assert!(
                !message.contains("hunter2") && !message.contains("db/"),
                "{message}"
            );
        }
    }
}
