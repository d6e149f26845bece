//! The server of a database, in an address like `postgres://user@host:5432/name`.

use std::fmt;
use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use url::Url;

use super::{WrongAddress, wrong};

/// A server, a user, and the name of a database there.
#[derive(Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// PostgreSQL. Hosts are tried in their order.
    Postgres(Box<Config>),
    /// MySQL or MariaDB.
    Mysql(MysqlServer),
}

/// The engine of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlEngine {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

/// The word for the engine in the catalog.
impl fmt::Display for SqlEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        })
    }
}

/// A server that speaks MySQL's protocol.
#[derive(Clone, PartialEq, Eq)]
pub struct MysqlServer {
    /// The host's name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user; `None` where the secret names it.
    pub user: Option<String>,
    /// The name of the database.
    pub database: String,
    /// Whether the connection is encrypted; `None` until it is settled.
    encryption: Option<bool>,
}

/// PostgreSQL's port, where an address has none.
const POSTGRES_PORT: u16 = 5432;
/// MySQL's port, where an address has none.
const MYSQL_PORT: u16 = 3306;
/// The schemes of addresses of MySQL and MariaDB.
const MYSQL: [&str; 2] = ["mysql", "mariadb"];

const POSTGRES_EXAMPLE: &str = "postgres://user@host:5432/name";
const MYSQL_EXAMPLE: &str = "mysql://user@host:3306/name";
const POSTGRES_PARAMETERS: &str = "known are `sslmode`, `connect_timeout`, `options`, `hostaddr`, \
     `target_session_attrs` and `load_balance_hosts`; certificates are `ca` of the deployment file";
const HAS_PASSWORD: &str =
    "the address has a password; store it in Secrets Manager, and give the ARN of that as `secret`";

impl ServerAddress {
    /// The parts of an address. No error has a part of it.
    pub(super) fn parse(url: &str) -> Result<Self, WrongAddress> {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => postgres(url).map(Box::new).map(Self::Postgres),
            Some(scheme) if MYSQL.contains(&scheme) => MysqlServer::parse(url).map(Self::Mysql),
            _ => wrong(format!(
                "`url` must be like {POSTGRES_EXAMPLE} or {MYSQL_EXAMPLE}"
            )),
        }
    }

    /// Whether an address has a password.
    pub(super) fn has_password(url: &str) -> bool {
        let of_postgres = url.parse::<Config>().ok();
        of_postgres.is_some_and(|config| config.get_password().is_some())
            || Url::parse(url).is_ok_and(|url| url.password().is_some())
    }

    /// An address of the same engine.
    pub(super) fn example(&self) -> &'static str {
        match self {
            Self::Postgres(_) => POSTGRES_EXAMPLE,
            Self::Mysql(_) => MYSQL_EXAMPLE,
        }
    }

    /// The engine.
    pub fn engine(&self) -> SqlEngine {
        match self {
            Self::Postgres(_) => SqlEngine::Postgres,
            Self::Mysql(_) => SqlEngine::Mysql,
        }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        match self {
            Self::Postgres(config) => config.get_dbname().unwrap_or_default(),
            Self::Mysql(server) => &server.database,
        }
    }

    /// The user; `None` where the secret names it.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Postgres(config) => config.get_user(),
            Self::Mysql(server) => server.user.as_deref(),
        }
    }

    /// The host's name and port; `None` where there are several, or a socket in the file system.
    pub fn host(&self) -> Option<(&str, u16)> {
        match self {
            Self::Postgres(config) => match config.get_hosts() {
                [Host::Tcp(host)] => {
                    let port = config.get_ports().first().copied();
                    Some((host, port.unwrap_or(POSTGRES_PORT)))
                }
                _ => None,
            },
            Self::Mysql(server) => Some((&server.host, server.port)),
        }
    }

    /// Whether every host is this machine, so that nothing goes over a network. A `hostaddr` is where a connection goes,
    /// whatever the host is called.
    pub(super) fn is_on_this_machine(&self) -> bool {
        match self {
            Self::Postgres(config) => {
                let mut addresses = config.get_hostaddrs().iter();
                addresses.all(IpAddr::is_loopback)
                    && config.get_hosts().iter().all(|host| match host {
                        Host::Tcp(name) => is_this_machine(name),
                        Host::Unix(_) => true,
                    })
            }
            Self::Mysql(server) => is_this_machine(&server.host),
        }
    }

    /// Whether connections are encrypted; `None` where the address does not say.
    pub(super) fn encryption(&self) -> Option<bool> {
        match self {
            Self::Postgres(config) => match config.get_ssl_mode() {
                SslMode::Require => Some(true),
                SslMode::Disable => Some(false),
                _ => None,
            },
            Self::Mysql(server) => server.encryption,
        }
    }

    /// Encrypts connections to other machines, and to this one where the address says so.
    pub(super) fn settle_encryption(&mut self) {
        let is_encrypted = !self.is_on_this_machine() || self.encryption() == Some(true);
        match self {
            Self::Postgres(config) => {
                config.ssl_mode(match is_encrypted {
                    true => SslMode::Require,
                    false => SslMode::Disable,
                });
            }
            Self::Mysql(server) => server.encryption = Some(is_encrypted),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}

/// The parts of an address of PostgreSQL. The parser's own error can contain the password.
fn postgres(url: &str) -> Result<Config, WrongAddress> {
    // Certificates are always checked, with the host's name: PostgreSQL's `verify-full`, a word that the parser lacks.
    let url = url
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    let Ok(config) = url.parse::<Config>() else {
        return wrong(match url.contains('?') {
            // Without the parameter's name: what stands behind a `?` can be a part of the password.
            true => format!(
                "`url` is no address like {POSTGRES_EXAMPLE}, or has a parameter that is unknown or has no such value; \
                 {POSTGRES_PARAMETERS}"
            ),
            false => format!("`url` is no address like {POSTGRES_EXAMPLE}"),
        });
    };
    if config.get_password().is_some() {
        return wrong(HAS_PASSWORD);
    }
    if config.get_hosts().is_empty() {
        return wrong(no_host(POSTGRES_EXAMPLE));
    }
    if config.get_dbname().is_none() {
        return wrong(no_name(POSTGRES_EXAMPLE));
    }
    Ok(config)
}

fn no_host(example: &str) -> String {
    format!("the address has no host, as in {example}")
}

fn no_name(example: &str) -> String {
    format!("the address has no name of a database, as in {example}")
}

impl MysqlServer {
    /// The parts of an address of MySQL or MariaDB.
    fn parse(url: &str) -> Result<Self, WrongAddress> {
        let decoded = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.map(|text| text.into_owned())
        };
        let Ok(url) = Url::parse(url) else {
            return wrong(format!("`url` is no address like {MYSQL_EXAMPLE}"));
        };
        if url.password().is_some() {
            return wrong(HAS_PASSWORD);
        }
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return wrong(no_host(MYSQL_EXAMPLE));
        };
        let path = url.path().trim_start_matches('/');
        let (Ok(user), Ok(database)) = (decoded(url.username()), decoded(path)) else {
            return wrong(format!("`url` is no address like {MYSQL_EXAMPLE}"));
        };
        if database.is_empty() || database.contains('/') {
            return wrong(no_name(MYSQL_EXAMPLE));
        }
        let mut encryption = None;
        for (name, value) in url.query_pairs() {
            encryption = match (&*name, value.to_ascii_lowercase().as_str()) {
                ("ssl-mode", "disabled") => Some(false),
                ("ssl-mode", "required" | "verify_ca" | "verify_identity") => Some(true),
                _ => {
                    return wrong(
                        "the only parameter of the address is `ssl-mode`: `required` or, for this machine, `disabled`",
                    );
                }
            };
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(MYSQL_PORT),
            user: (!user.is_empty()).then_some(user),
            database,
            encryption,
        })
    }
}
