//! TLS on loopback, as between a function and AWS: what it costs is measured by a server with and without it.

use std::cell::RefCell;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivatePkcs8KeyDer;

/// A certificate of `127.0.0.1`, signed by itself.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate, for the client.
    pub pem: String,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// A new certificate.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())?;
        Ok(Self {
            pem: made.cert.pem(),
            config: Arc::new(config),
        })
    }

    /// The server's side of a connection.
    ///
    /// # Errors
    /// When the certificate cannot be used.
    pub(crate) fn accept(&self, connection: TcpStream) -> io::Result<Encrypted> {
        let session = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        let stream = StreamOwned::new(session, connection);
        Ok(Encrypted(Rc::new(RefCell::new(stream))))
    }
}

/// An encrypted connection. Clones share it, so that one can read and the other write.
#[derive(Clone)]
pub(crate) struct Encrypted(Rc<RefCell<StreamOwned<ServerConnection, TcpStream>>>);

impl Read for Encrypted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl Write for Encrypted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}
