//! Connects to databases, with passwords that are read once and again where a database refuses them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use jiff::Timestamp;
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;

use super::error::{ConnectionError, EngineError};
use super::network::Network;
use super::password::{self, Login};
use super::tls;
use crate::aws::CallError;
use crate::deployment_file::{DatabaseAddress, Password};

/// What all connections of a function share.
#[derive(Clone)]
pub(in crate::records) struct Databases {
    /// For Secrets Manager and for tokens; `None` where no database has a password.
    sdk: Option<SdkConfig>,
    /// The logins that secrets have, by the secrets' ARNs.
    logins: Arc<Mutex<HashMap<String, Login>>>,
    /// What encrypts connections, by the authorities that may sign a server's certificate.
    tls: Arc<Mutex<HashMap<Vec<CertificateDer<'static>>, Arc<ClientConfig>>>>,
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

    fn tls(&self, address: &DatabaseAddress) -> Result<Option<Arc<ClientConfig>>, rustls::Error> {
        if !address.is_encrypted() {
            return Ok(None);
        }
        let mut made = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(&address.authorities) {
            return Ok(Some(made.clone()));
        }
        let config = Arc::new(tls::client_config(&address.authorities)?);
        made.insert(address.authorities.clone(), config.clone());
        Ok(Some(config))
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
    pub(in crate::records) fn largest_window(&self) -> Option<u32> {
        let network = self.network();
        network.map(|network| network.largest_window)
    }

    /// The network in place of TCP, if any.
    pub(in crate::records) fn network(&self) -> Option<&Network> {
        self.databases.network.as_ref()
    }

    /// The address of the database.
    pub(in crate::records) fn address(&self) -> &DatabaseAddress {
        &self.address
    }

    /// The instant that a standby must have reached; `None` if it does not matter.
    pub(in crate::records) fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// What encrypts a connection; `None` for one that is not encrypted.
    ///
    /// # Errors
    /// For an authority's certificate that cannot be read.
    pub(in crate::records) fn tls(&self) -> Result<Option<Arc<ClientConfig>>, rustls::Error> {
        self.databases.tls(&self.address)
    }

    /// A new connection, which `connect` makes with a login; without one for a database without passwords. A password that
    /// the database refuses is read anew once, since it may have been rotated.
    ///
    /// # Errors
    /// Those of `connect`, and where the password cannot be read.
    pub(in crate::records) async fn signed_in<C, E, F>(
        &self,
        connect: impl Fn(Option<Login>) -> F,
    ) -> Result<C, ConnectionError<E>>
    where
        E: EngineError,
        F: Future<Output = Result<C, ConnectionError<E>>>,
    {
        let arn = match &self.address.password {
            Password::Secret(arn) => arn,
            Password::None => return connect(None).await,
            Password::Iam => return connect(Some(self.token().await?)).await,
            Password::Given(password) => {
                let password = password.reveal().to_owned();
                let login = Login {
                    user: None,
                    password,
                };
                return connect(Some(login)).await;
            }
        };
        let (login, is_new) = self.databases.login(arn).await?;
        match connect(Some(login)).await {
            Err(error) if error.is_wrong_password() && !is_new => {
                self.databases.logins().remove(arn);
                let (login, _) = self.databases.login(arn).await?;
                connect(Some(login)).await
            }
            connected => connected,
        }
    }

    /// The login that the function's role signs.
    async fn token(&self) -> Result<Login, CallError> {
        let server = &self.address.server;
        let (host, port) = server.host().ok_or_else(|| {
            CallError::with_code("SignToken", "no host", "the address has no host's name")
        })?;
        let user = server.user().unwrap_or_default();
        let password = password::token(self.databases.sdk()?, (host, port), user).await?;
        Ok(Login {
            user: None,
            password,
        })
    }
}
