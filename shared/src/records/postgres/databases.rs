//! Connects to databases, with passwords that are read once and again where a database refuses them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::Connection;
use super::error::ConnectionError;
use super::network::Network;
use super::password::{self, Login};
use super::tls;
use crate::aws::CallError;
use crate::deployment_file::{DatabaseAddress, Password};

/// PostgreSQL's port, where an address has none.
const PORT: u16 = 5432;

/// What all connections of a function share.
#[derive(Clone)]
pub(in crate::records) struct Databases {
    /// For Secrets Manager and for tokens; `None` where no database has a password.
    sdk: Option<SdkConfig>,
    /// The logins that secrets have, by the secrets' ARNs.
    logins: Arc<Mutex<HashMap<String, Login>>>,
    /// What encrypts connections, by the authorities that may sign a server's certificate.
    tls: Arc<Mutex<HashMap<Vec<CertificateDer<'static>>, MakeRustlsConnect>>>,
    /// `None` for TCP.
    network: Option<Network>,
}

/// Without logins, which no log may have.
impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").finish_non_exhaustive()
    }
}

/// Connects to one database.
#[derive(Debug)]
pub(in crate::records) struct Connector {
    databases: Databases,
    address: DatabaseAddress,
    /// The instant that a standby must have reached, at every connection; `None` if it does not matter.
    as_of: Option<Timestamp>,
}

impl Databases {
    /// Databases whose passwords are in AWS.
    pub(in crate::records) fn new(config: &SdkConfig) -> Self {
        Self {
            sdk: Some(config.clone()),
            ..Self::without_passwords()
        }
    }

    /// Databases without passwords.
    pub(in crate::records) fn without_passwords() -> Self {
        Self {
            sdk: None,
            logins: Arc::default(),
            tls: Arc::default(),
            network: None,
        }
    }

    /// Databases that are reached through this network.
    pub(in crate::records) fn through(network: Network) -> Self {
        Self {
            network: Some(network),
            ..Self::without_passwords()
        }
    }

    /// What connects to the database at this address.
    pub(in crate::records) fn connector(
        &self,
        address: DatabaseAddress,
        as_of: Option<Timestamp>,
    ) -> Connector {
        Connector {
            databases: self.clone(),
            address,
            as_of,
        }
    }

    fn logins(&self) -> MutexGuard<'_, HashMap<String, Login>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sdk(&self) -> Result<&SdkConfig, CallError> {
        let missing = || CallError::with_code("SignIn", "no AWS", "passwords are read from AWS");
        self.sdk.as_ref().ok_or_else(missing)
    }

    fn tls(&self, address: &DatabaseAddress) -> Result<Option<MakeRustlsConnect>, rustls::Error> {
        if !address.is_encrypted() {
            return Ok(None);
        }
        let mut made = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(&address.authorities) {
            return Ok(Some(made.clone()));
        }
        let connector = tls::connector(&address.authorities)?;
        made.insert(address.authorities.clone(), connector.clone());
        Ok(Some(connector))
    }

    /// The login in a secret, and whether it was just read.
    async fn login(&self, arn: &str) -> Result<(Login, bool), CallError> {
        if let Some(known) = self.logins().get(arn) {
            return Ok((known.clone(), false));
        }
        let login = password::secret(self.sdk()?, arn).await?;
        self.logins().insert(arn.to_owned(), login.clone());
        Ok((login, true))
    }
}

impl Connector {
    /// The most rows of a window; `None` for the engine's own limit.
    pub(super) fn largest_window(&self) -> Option<u32> {
        let network = self.databases.network.as_ref();
        network.map(|network| network.largest_window)
    }

    /// A new connection to a server that has everything from before the request.
    ///
    /// # Errors
    /// [`ConnectionError::Behind`] for a standby that does not, which another host may have given way to.
    pub(super) async fn connect(&self) -> Result<Connection, ConnectionError> {
        let connection = self.signed_in().await?;
        let is_behind = match self.as_of {
            None => false,
            Some(as_of) => connection.is_behind(as_of).await?,
        };
        match is_behind {
            false => Ok(connection),
            true => {
                connection.close().await;
                Err(ConnectionError::Behind)
            }
        }
    }

    /// A new connection. A password that the database refuses is read anew once, since it may have been rotated.
    async fn signed_in(&self) -> Result<Connection, ConnectionError> {
        let arn = match &self.address.password {
            Password::Secret(arn) => arn,
            Password::Given(password) => {
                let password = password.reveal().to_owned();
                let login = Login {
                    user: None,
                    password,
                };
                return self.connect_as(Some(login)).await;
            }
            Password::None | Password::Iam => {
                let login = self.token().await?;
                return self.connect_as(login).await;
            }
        };
        let (login, is_new) = self.databases.login(arn).await?;
        match self.connect_as(Some(login.clone())).await {
            Err(error) if error.is_wrong_password() && !is_new => {
                self.databases.logins().remove(arn);
                let (login, _) = self.databases.login(arn).await?;
                self.connect_as(Some(login)).await
            }
            connected => connected,
        }
    }

    /// The login that the function's role signs; `None` for a database without passwords.
    async fn token(&self) -> Result<Option<Login>, CallError> {
        let config = &self.address.config;
        let (Password::Iam, Some(Host::Tcp(host))) =
            (&self.address.password, config.get_hosts().first())
        else {
            return Ok(None);
        };
        let port = config.get_ports().first().copied().unwrap_or(PORT);
        let user = config.get_user().unwrap_or_default();
        let password = password::token(self.databases.sdk()?, (host, port), user).await?;
        Ok(Some(Login {
            user: None,
            password,
        }))
    }

    async fn connect_as(&self, login: Option<Login>) -> Result<Connection, ConnectionError> {
        let mut config = self.address.config.clone();
        if let Some(Login { user, password }) = login {
            // The address says who, where it does.
            if let (None, Some(user)) = (config.get_user(), user) {
                config.user(user);
            }
            config.password(password);
        }
        let tls = self.databases.tls(&self.address)?;
        Connection::open(&mut config, tls, self.databases.network.as_ref()).await
    }
}
