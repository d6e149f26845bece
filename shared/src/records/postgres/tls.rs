//! Encrypted connections: the server's certificate is checked, with the host's name.

use std::error::Error;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What encrypts a connection. The certificate must be signed by one of these authorities; without any, by one of the
/// machine's.
///
/// # Errors
/// For an authority's certificate that cannot be read.
pub(super) fn connector(
    authorities: &[CertificateDer<'static>],
) -> Result<MakeRustlsConnect, rustls::Error> {
    let mut roots = RootCertStore::empty();
    match authorities {
        [] => {
            // Some of a machine's many certificates may be unreadable to rustls; none of these is trusted.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        authorities => {
            for authority in authorities {
                roots.add(authority.clone())?;
            }
        }
    }
    // Named, since other dependencies could install another provider for the process.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What is wrong with the server's certificate, if that is why a connection failed. The error's own text has names of hosts.
pub(super) fn wrong_certificate(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An error of a stream wraps the cause without having it as its source.
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref());
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(error) = inner.or_else(|| error.downcast_ref()) {
            return Some(described(error));
        }
        cause = error.source();
    }
    None
}

fn described(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the server's certificate is for another name than the address has",
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "the server's certificate is not signed by an authority that is known; the deployment file names one with `ca`"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the server's certificate has expired",
        rustls::Error::InvalidCertificate(_) => "the server's certificate is invalid",
        _ => "TLS failed",
    }
}
