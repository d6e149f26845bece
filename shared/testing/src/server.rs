//! What the database servers of tests share.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Database servers refuse to run as root, and are then run as this user, who owns nothing: `nobody` on Debian.
pub(crate) const NOBODY: u32 = 65_534;
/// How long the server may take to start.
pub(crate) const START: Duration = Duration::from_secs(60);

/// A certificate for `localhost`, and its authority.
pub(crate) struct Certificate {
    /// The authority's certificate, in PEM.
    pub(crate) authority: String,
    /// The files with the certificate and with its key.
    pub(crate) files: [PathBuf; 2],
}

impl Certificate {
    pub(crate) fn new(folder: &Path) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let server = server.signed_by(&key, &issuer).unwrap();
        let files = [folder.join("server.crt"), folder.join("server.key")];
        fs::write(&files[0], server.pem()).unwrap();
        fs::write(&files[1], key.serialize_pem()).unwrap();
        // Servers refuse a key that others may read.
        fs::set_permissions(&files[1], fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            authority: pem,
            files,
        }
    }
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

/// Waits until something listens on a port of this machine.
pub(crate) fn wait_for(port: u16) {
    let begun = Instant::now();
    while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(begun.elapsed() < START, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn signal(process: &Child, signal: &str) {
    let pid = process.id().to_string();
    let _ = Command::new("kill").args([signal, &pid]).status();
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
