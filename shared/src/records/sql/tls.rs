//! Encrypted connections: the server's certificate is checked, with the host's name.

use std::error::Error;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The authorities of Amazon RDS, in PEM. No machine trusts them by itself.
const RDS: &str = include_str!("rds.pem");

/// What encrypts a connection. The certificate must be signed by one of these authorities; without any, by one of the
/// machine's or of Amazon RDS.
///
/// # Errors
/// For an authority's certificate that cannot be read.
pub(in crate::records) fn client_config(
    authorities: &[CertificateDer<'static>],
) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    match authorities {
        [] => {
            // Some of a machine's many certificates may be unreadable to rustls; none of these is trusted.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots.add_parsable_certificates(of_rds());
        }
        authorities => {
            for authority in authorities {
                roots.add(authority.clone())?;
            }
        }
    }
    // Named, since other dependencies could install another provider for the process.
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn of_rds() -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(RDS.as_bytes()).filter_map(Result::ok)
}

/// What is wrong with the server's certificate, if that is why a connection failed. The error's own text has names of hosts.
pub(in crate::records) fn wrong_certificate(error: &(dyn Error + 'static)) -> Option<&'static str> {
    tls_error(error).map(described)
}

/// Whether a connection failed because the server and this client do not understand each other: it speaks no TLS, or none of
/// the same versions and ciphers. Neither passes by itself, other than a connection that ends.
pub(in crate::records) fn is_misunderstood(error: &(dyn Error + 'static)) -> bool {
    tls_error(error).is_some_and(|error| !matches!(error, rustls::Error::InvalidCertificate(_)))
}

fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An error of a stream wraps the cause without having it as its source.
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref());
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(error) = inner.or_else(|| error.downcast_ref()) {
            return Some(error);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Three for each region: of RSA with 2048 and 4096 bits, and of elliptic curves.
    #[test]
    fn every_authority_of_rds_can_be_trusted() {
        let names = RDS.lines().filter(|line| line.starts_with("# Amazon RDS "));
        let regions: Vec<_> = names
            .map(|name| name.split(' ').nth(3).unwrap_or_default())
            .collect();
        assert!(regions.contains(&"eu-west-1") && regions.contains(&"us-east-1"));
        let mut roots = RootCertStore::empty();
        let added = roots.add_parsable_certificates(of_rds());
        assert_eq!(added, (regions.len(), 0));
        assert!(
            regions
                .chunks(3)
                .all(|three| three.iter().all(|region| *region == three[0]))
        );
    }
}
