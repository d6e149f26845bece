//! The address of a database, and how a function signs in there.

mod server;

pub use self::server::{MysqlServer, ServerAddress, SqlEngine};

use std::fmt;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

/// The address of a database, without a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// The server, the user, and the name of the database.
    pub server: ServerAddress,
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
            .field("name", &self.server.database())
            .finish_non_exhaustive()
    }
}

/// An address in a deployment file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::deployment_file) struct RawAddress {
    url: String,
    secret: Option<String>,
    iam: Option<String>,
    ca: Option<String>,
}

/// What is wrong with an address, without the address.
pub(in crate::deployment_file) struct WrongAddress(pub(in crate::deployment_file) String);

fn wrong<T>(message: impl Into<String>) -> Result<T, WrongAddress> {
    Err(WrongAddress(message.into()))
}

impl RawAddress {
    /// The checked address.
    pub(in crate::deployment_file) fn checked(self) -> Result<DatabaseAddress, WrongAddress> {
        let mut server = ServerAddress::parse(&self.url)?;
        let password = password(self.secret, self.iam)?;
        if password == Password::Iam && server.host().is_none() {
            return wrong("with `iam` the address has one host, which the token is signed for");
        }
        if server.user().is_none() && !matches!(password, Password::Secret(_)) {
            return wrong(no_user(&server));
        }
        if !server.is_on_this_machine() {
            if server.encryption() == Some(false) {
                return wrong(
                    "a connection to another machine is always encrypted; remove the parameter that switches it off",
                );
            }
            if password == Password::None {
                return wrong(
                    "a database on another machine needs `secret` (an ARN in Secrets Manager) or `iam`",
                );
            }
        }
        server.settle_encryption();
        Ok(DatabaseAddress {
            server,
            password,
            authorities: self.ca.as_deref().map_or(Ok(Vec::new()), certificates)?,
        })
    }
}

fn no_user(server: &ServerAddress) -> String {
    format!("the address has no user, as in {}", server.example())
}

impl DatabaseAddress {
    /// The address of a database for a command, with the password that an operator has given.
    ///
    /// # Errors
    /// What is wrong with the address, without the address.
    pub fn of_operator(url: &str, password: Option<String>) -> Result<Self, String> {
        if ServerAddress::has_password(url) {
            return Err(
                "the address has a password, which the list of processes shows; leave it out, and give it in the environment, in a \
                 file, or when asked"
                    .to_owned(),
            );
        }
        let mut server = ServerAddress::parse(url).map_err(|WrongAddress(reason)| reason)?;
        if server.user().is_none() {
            return Err(no_user(&server));
        }
        server.settle_encryption();
        Ok(Self {
            server,
            password: password.map_or(Password::None, |text| Password::Given(GivenPassword(text))),
            authorities: Vec::new(),
        })
    }

    /// Whether the connection is encrypted, and the server's certificate checked. Always, but on the same machine.
    pub fn is_encrypted(&self) -> bool {
        self.server.encryption() == Some(true)
    }
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
