//! Connects with streams that join rows ([`JoinedRows`]), encrypted or not.

use std::convert::Infallible;
use std::future::{Ready, ready};

use futures::future::BoxFuture;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Config, Socket};

use super::joined_rows::{JoinedRows, Joins};

/// Encrypts as `tls` does.
pub(super) struct Encrypted<T> {
    pub(super) tls: T,
    pub(super) joins: Joins,
}

impl<T> MakeTlsConnect<Socket> for Encrypted<T>
where
    T: MakeTlsConnect<Socket>,
    T::TlsConnect: TlsConnect<Socket, Future: Send + 'static, Error: 'static>,
{
    type Stream = JoinedRows<T::Stream>;
    type TlsConnect = Encrypted<T::TlsConnect>;
    type Error = T::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, Self::Error> {
        Ok(Encrypted {
            tls: self.tls.make_tls_connect(domain)?,
            joins: self.joins.clone(),
        })
    }
}

impl<T> TlsConnect<Socket> for Encrypted<T>
where
    T: TlsConnect<Socket, Future: Send + 'static, Error: 'static>,
{
    type Stream = JoinedRows<T::Stream>;
    type Error = T::Error;
    type Future = BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: Socket) -> Self::Future {
        let connected = self.tls.connect(stream);
        Box::pin(async {
            let stream = connected.await?;
            Ok(JoinedRows::new(
                stream,
                T::Stream::channel_binding,
                self.joins,
            ))
        })
    }
}

/// Encrypts nothing. `tokio_postgres` lets only an encrypted stream be wrapped.
#[derive(Clone)]
pub(super) struct Unencrypted {
    pub(super) joins: Joins,
}

impl Unencrypted {
    /// Makes `tokio_postgres` wrap each stream without a word to the server about encryption. Returns whether it can: a
    /// socket in the file system has no host's name, without which it does not.
    pub(super) fn prepare(config: &mut Config) -> bool {
        let hosts = config.get_hosts();
        let have_names = hosts.iter().all(|host| matches!(host, Host::Tcp(_)));
        if have_names {
            config.ssl_mode(SslMode::Require);
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        have_names
    }
}

impl MakeTlsConnect<Socket> for Unencrypted {
    type Stream = JoinedRows<Socket>;
    type TlsConnect = Self;
    type Error = Infallible;

    fn make_tls_connect(&mut self, _: &str) -> Result<Self, Infallible> {
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for Unencrypted {
    type Stream = JoinedRows<Socket>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Stream, Infallible>>;

    fn connect(self, stream: Socket) -> Self::Future {
        ready(Ok(JoinedRows::new(
            stream,
            |_| ChannelBinding::none(),
            self.joins,
        )))
    }
}
