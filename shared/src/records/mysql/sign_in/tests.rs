//! Signing in to a scripted server, which checks what it receives by MySQL's documentation of its plugins. No server of MySQL
//! can be installed where these tests run, and MariaDB has no `caching_sha2_password`.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::deployment_file::{DatabaseAddress, ServerAddress};

const PASSWORD: &str = "hunter2 é";
/// What the server challenges with. No byte is 0, as in MySQL.
const NONCE: &[u8; 20] = b"abcdefgh12345678ijkl";
const OTHER_NONCE: &[u8; 20] = b"zyxwvuts98765432rqpo";
const SHA2: &str = "caching_sha2_password";
const NATIVE: &str = "mysql_native_password";

/// The capabilities of MySQL 8.0 without and with `CLIENT_SSL`, and what these tests look at of those of a client.
const OFFERED: u32 = 0xDFFF_F7FF;
const SSL: u32 = 0x0800;

/// The server's side of a connection.
struct Server<S> {
    stream: S,
    number: u8,
}

/// What a client signs in with.
struct Given {
    user: String,
    answer: Vec<u8>,
    database: String,
    plugin: String,
}

impl<S: AsyncReadExt + AsyncWriteExt + Unpin> Server<S> {
    fn new(stream: S) -> Self {
        Self { stream, number: 0 }
    }

    async fn send(&mut self, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let header = [size[0], size[1], size[2], self.number];
        self.number += 1;
        self.stream.write_all(&header).await.unwrap();
        self.stream.write_all(payload).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn receive(&mut self) -> Vec<u8> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).await.unwrap();
        assert_eq!(header[3], self.number, "the number of the packet");
        self.number += 1;
        let size = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let mut payload = vec![0; size as usize];
        self.stream.read_exact(&mut payload).await.unwrap();
        payload
    }

    /// The greeting, version 10 of the protocol.
    async fn greet(&mut self, capabilities: u32, plugin: &str) {
        let [low, high] = [capabilities as u16, (capabilities >> 16) as u16].map(u16::to_le_bytes);
        let greeting = [
            b"\x0A8.4.2\0".as_slice(),
            &7_u32.to_le_bytes(),
            &NONCE[..8],
            b"\0",
            &low,
            &[255],
            &2_u16.to_le_bytes(),
            &high,
            &[21],
            &[0; 10],
            &NONCE[8..],
            b"\0",
            plugin.as_bytes(),
            b"\0",
        ];
        self.send(&greeting.concat()).await;
    }

    /// What the client signs in with: `HandshakeResponse41`.
    async fn given(&mut self) -> Given {
        let packet = self.receive().await;
        let mut rest = &packet[32..];
        let user = text(&mut rest);
        let answer = bytes(&mut rest);
        Given {
            user,
            answer,
            database: text(&mut rest),
            plugin: text(&mut rest),
        }
    }

    async fn switch(&mut self, plugin: &str, nonce: &[u8]) {
        let request = [b"\xFE", plugin.as_bytes(), b"\0", nonce, b"\0"];
        self.send(&request.concat()).await;
    }

    async fn accept(&mut self) {
        self.send(&[0, 0, 0, 2, 0, 0, 0]).await;
    }
}

/// A text that ends with a zero byte.
fn text(rest: &mut &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == 0).unwrap();
    let text = String::from_utf8(rest[..end].to_vec()).unwrap();
    *rest = &rest[end + 1..];
    text
}

/// Bytes after their length.
fn bytes(rest: &mut &[u8]) -> Vec<u8> {
    let (size, after) = rest.split_first().unwrap();
    let (bytes, after) = after.split_at(usize::from(*size));
    *rest = after;
    bytes.to_vec()
}

/// `XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce))`, of the documentation of `caching_sha2_password`.
fn scrambled(password: &str, nonce: &[u8]) -> Vec<u8> {
    let once = Sha256::digest(password);
    let twice = Sha256::digest(once);
    let challenged = Sha256::digest([&twice[..], nonce].concat());
    let pairs = once.iter().zip(challenged);
    pairs.map(|(left, right)| left ^ right).collect()
}

fn login(password: &str) -> Login {
    Login {
        user: None,
        password: password.to_owned(),
    }
}

/// Signs in as `ana` on a stream that the other end answers.
async fn signed_in(
    stream: DuplexStream,
    tls: Option<Arc<ClientConfig>>,
    password: &str,
) -> Result<String, ConnectionError> {
    let address = "mysql://ana@localhost/shop";
    let address = DatabaseAddress::of_operator(address, None).unwrap();
    let ServerAddress::Mysql(server) = address.server else {
        panic!("{address:?}");
    };
    let signed_in = sign_in(Box::new(stream), tls, &server, Some(&login(password))).await;
    signed_in.map(|(_, version)| version)
}

/// Signs in over a connection that is not encrypted, to what `serve` does. Returns the server's version.
async fn plainly<F: Future<Output = ()>>(
    password: &str,
    serve: impl FnOnce(Server<DuplexStream>) -> F,
) -> Result<String, ConnectionError> {
    let (here, there) = tokio::io::duplex(4_096);
    let (result, ()) = tokio::join!(signed_in(here, None, password), serve(Server::new(there)));
    result
}

#[tokio::test]
async fn a_password_that_the_server_knows_is_only_proved() {
    let version = plainly(PASSWORD, async |mut server| {
        server.greet(OFFERED, SHA2).await;
        let given = server.given().await;
        assert_eq!((&*given.user, &*given.database), ("ana", "shop"));
        assert_eq!(given.plugin, SHA2);
        assert_eq!(given.answer, scrambled(PASSWORD, NONCE));
        server.send(&[MORE, 3]).await;
        server.accept().await;
    });
    assert_eq!(version.await.unwrap(), "8.4.2");
}

#[tokio::test]
async fn another_plugin_is_switched_to_with_its_own_challenge() {
    let version = plainly(PASSWORD, async |mut server| {
        server.greet(OFFERED, NATIVE).await;
        let given = server.given().await;
        assert_eq!((&*given.plugin, given.answer.len()), (NATIVE, 20));
        server.switch(SHA2, OTHER_NONCE).await;
        assert_eq!(server.receive().await, scrambled(PASSWORD, OTHER_NONCE));
        server.send(&[MORE, 3]).await;
        server.accept().await;
    });
    assert_eq!(version.await.unwrap(), "8.4.2");
}

#[tokio::test]
async fn a_user_without_a_password_sends_none() {
    let version = plainly("", async |mut server| {
        server.greet(OFFERED, SHA2).await;
        assert_eq!(server.given().await.answer, b"");
        server.accept().await;
    });
    version.await.unwrap();
}

/// On the machine itself, the only place where Waybill connects without encryption.
#[tokio::test]
async fn without_encryption_the_password_is_encrypted_with_the_servers_key() {
    let version = plainly(PASSWORD, async |mut server| {
        server.greet(OFFERED, SHA2).await;
        server.given().await;
        server.send(&[MORE, 4]).await;
        assert_eq!(server.receive().await, [2]);

        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let public = STANDARD.encode(public.as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n");
        server.send(&[&[MORE], pem.as_bytes()].concat()).await;

        let encrypted = server.receive().await;
        let key = OaepPrivateDecryptingKey::new(key).unwrap();
        let mut room = vec![0; key.min_output_size()];
        let hidden = key.decrypt(&OAEP_SHA1_MGF1SHA1, &encrypted, &mut room, None);
        let password = hidden.unwrap().iter().zip(NONCE.iter().cycle());
        let password: Vec<u8> = password.map(|(byte, with)| byte ^ with).collect();
        assert_eq!(password, format!("{PASSWORD}\0").as_bytes());
        server.accept().await;
    });
    version.await.unwrap();
}

#[tokio::test]
async fn over_an_encrypted_connection_the_server_gets_the_password_it_does_not_know() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();

    let (here, there) = tokio::io::duplex(4_096);
    let serve = async {
        let mut server = Server::new(there);
        server.greet(OFFERED | SSL, SHA2).await;
        let request = server.receive().await;
        let wanted = u32::from_le_bytes(*request.first_chunk().unwrap());
        assert_ne!(wanted & SSL, 0);
        // Nothing of who signs in may come before the encryption.
        assert_eq!(request.len(), 32);
        let number = server.number;
        let stream = TlsAcceptor::from(Arc::new(tls)).accept(server.stream);
        let mut server = Server {
            stream: stream.await.unwrap(),
            number,
        };
        let given = server.given().await;
        assert_eq!(given.answer, scrambled(PASSWORD, NONCE));
        server.send(&[MORE, 4]).await;
        assert_eq!(server.receive().await, format!("{PASSWORD}\0").as_bytes());
        server.accept().await;
    };
    let client = Some(Arc::new(client));
    let (version, ()) = tokio::join!(signed_in(here, client, PASSWORD), serve);
    assert_eq!(version.unwrap(), "8.4.2");
}

#[tokio::test]
async fn what_a_server_refuses_or_asks_besides_is_an_error() {
    let denied = plainly(PASSWORD, async |mut server| {
        server.greet(OFFERED, SHA2).await;
        server.given().await;
        server.send(b"\xFF\x15\x04#28000Access denied").await;
    });
    let denied = denied.await.unwrap_err();
    let ConnectionError::Engine(Error::Server { code: 1045, .. }) = denied else {
        panic!("{denied:?}");
    };

    for plugin in [
        "sha256_password",
        "client_ed25519",
        "authentication_kerberos_client",
    ] {
        let unknown = plainly(PASSWORD, async |mut server| {
            // The server's default may be unknown, as long as the user's plugin is not.
            server.greet(OFFERED, plugin).await;
            assert_eq!(server.given().await.answer, b"");
            server.switch(plugin, NONCE).await;
        });
        let unknown = unknown.await.unwrap_err();
        assert!(
            matches!(&unknown, ConnectionError::Misconfigured(text) if text.contains(SHA2)),
            "{plugin}: {unknown:?}"
        );
    }

    // A password never goes over a connection that is not encrypted as it is, whoever asks for it.
    let asked = plainly(PASSWORD, async |mut server| {
        server.greet(OFFERED, NATIVE).await;
        server.given().await;
        server.switch("mysql_clear_password", NONCE).await;
    });
    let asked = asked.await.unwrap_err();
    assert!(
        matches!(asked, ConnectionError::Misconfigured(_)),
        "{asked:?}"
    );
}
