//! The address of a database, and how a function signs in there.

use std::fmt;
use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// The address of a PostgreSQL database, without a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// Hosts, in the order in which they are tried, with ports, user and name of the database.
    pub config: Config,
    /// Where the password is from.
    pub password: Password,
    /// The certificates of the authorities that may sign the server's, in DER; empty for those of the machine.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Where a database's password is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// There is none. Only for a database on the same machine.
    None,
    /// The secret of this ARN in Secrets Manager: the password itself, or JSON with `password`, as RDS writes it.
    Secret(String),
    /// A token that the function's role signs: RDS's IAM authentication.
    Iam,
    /// What an operator has typed for a command. No deployment file has one.
    Given(GivenPassword),
}

/// A password, which no log may have.
#[derive(Clone, PartialEq, Eq)]
pub struct GivenPassword(String);

impl GivenPassword {
    /// The password, for signing in.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GivenPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenPassword(…)")
    }
}

/// Without hosts and user, which no log may have.
impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseAddress")
            .field("name", &self.config.get_dbname())
            .finish_non_exhaustive()
    }
}

/// An address in a deployment file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAddress {
    url: String,
    secret: Option<String>,
    iam: Option<String>,
    ca: Option<String>,
}

/// What is wrong with an address, without the address.
pub(super) struct WrongAddress(pub(super) String);

fn wrong<T>(message: impl Into<String>) -> Result<T, WrongAddress> {
    Err(WrongAddress(message.into()))
}

impl RawAddress {
    /// The checked address.
    pub(super) fn checked(self) -> Result<DatabaseAddress, WrongAddress> {
        let mut config = config(&self.url)?;
        let password = password(self.secret, self.iam)?;
        if password == Password::Iam && config.get_hosts().len() > 1 {
            return wrong("with `iam` the address has one host, which the token is signed for");
        }
        if config.get_user().is_none() && !matches!(password, Password::Secret(_)) {
            return wrong("the address has no user, as in postgres://user@host:5432/name");
        }
        if is_on_this_machine(&config) {
            if config.get_ssl_mode() != SslMode::Require {
                config.ssl_mode(SslMode::Disable);
            }
        } else {
            if config.get_ssl_mode() == SslMode::Disable {
                return wrong(
                    "a connection to another machine is always encrypted; remove `sslmode=disable`",
                );
            }
            if password == Password::None {
                return wrong(
                    "a database on another machine needs `secret` (an ARN in Secrets Manager) or `iam`",
                );
            }
            config.ssl_mode(SslMode::Require);
        }
        Ok(DatabaseAddress {
            config,
            password,
            authorities: self.ca.as_deref().map_or(Ok(Vec::new()), certificates)?,
        })
    }
}

impl DatabaseAddress {
    /// The address of a database for a command, with the password that an operator has given.
    ///
    /// # Errors
    /// What is wrong with the address, without the address.
    pub fn of_operator(url: &str, password: Option<String>) -> Result<Self, String> {
        let has_password = |config: Config| config.get_password().is_some();
        if url.parse().is_ok_and(has_password) {
            return Err(
                "the address has a password, which the list of processes shows; leave it out, and give it in PGPASSWORD, in a file, \
                 or when asked"
                    .to_owned(),
            );
        }
        let mut config = config(url).map_err(|WrongAddress(reason)| reason)?;
        if config.get_user().is_none() {
            return Err("the address has no user, as in postgres://user@host:5432/name".to_owned());
        }
        config.ssl_mode(match is_on_this_machine(&config) {
            true => SslMode::Disable,
            false => SslMode::Require,
        });
        Ok(Self {
            config,
            password: password.map_or(Password::None, |text| Password::Given(GivenPassword(text))),
            authorities: Vec::new(),
        })
    }

    /// Whether the connection is encrypted, and the server's certificate checked. Always, but on the same machine.
    pub fn is_encrypted(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }
}

/// The parts of an address. The parser's own error can contain the password.
fn config(url: &str) -> Result<Config, WrongAddress> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return wrong("`url` must be like postgres://user@host:5432/name");
    }
    // Certificates are always checked, with the host's name: PostgreSQL's `verify-full`, a word that the parser lacks.
    let url = url
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    let Ok(config) = url.parse::<Config>() else {
        return wrong("`url` is no address like postgres://user@host:5432/name");
    };
    if config.get_password().is_some() {
        return wrong(
            "the address has a password; store it in Secrets Manager, and give the ARN of that as `secret`",
        );
    }
    if config.get_hosts().is_empty() {
        return wrong("the address has no host, as in postgres://user@host:5432/name");
    }
    if config.get_dbname().is_none() {
        return wrong(
            "the address has no name of a database, as in postgres://user@host:5432/name",
        );
    }
    Ok(config)
}

fn password(secret: Option<String>, iam: Option<String>) -> Result<Password, WrongAddress> {
    match (secret, iam) {
        (None, None) => Ok(Password::None),
        (Some(_), Some(_)) => wrong("give either `secret` or `iam`"),
        (Some(arn), None) if arn.starts_with("arn:") && arn.contains(":secretsmanager:") => {
            Ok(Password::Secret(arn))
        }
        (Some(_), None) => wrong("`secret` must be the ARN of a secret in Secrets Manager"),
        (None, Some(id))
            if ["db-", "cluster-", "prx-"]
                .iter()
                .any(|kind| id.starts_with(kind)) =>
        {
            Ok(Password::Iam)
        }
        (None, Some(_)) => wrong(
            "`iam` must be the resource id of the instance (db-…), cluster (cluster-…) or proxy (prx-…), as in the ARN \
             that the role may connect to",
        ),
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, WrongAddress> {
    let certificates =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => wrong(
            "`ca` must be certificates in PEM: -----BEGIN CERTIFICATE----- and so on, in a text of several lines",
        ),
    }
}

/// Whether every host is this machine, so that nothing goes over a network. A `hostaddr` is where a connection goes, whatever
/// the host is called.
fn is_on_this_machine(config: &Config) -> bool {
    let mut addresses = config.get_hostaddrs().iter();
    addresses.all(IpAddr::is_loopback)
        && config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => true,
        })
}
