//! An issuer for tests: keys of every kind, tokens that they sign, and a server that has the keys.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key, and the algorithm of its tokens.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) algorithm: &'static str,
    pair: Pair,
}

impl Key {
    pub(super) fn new(algorithm: &'static str, id: &str) -> Self {
        let pair = match algorithm {
            "ES256" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            "ES384" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
            "EdDSA" => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self {
            id: id.to_owned(),
            algorithm,
            pair,
        }
    }

    /// A key of each algorithm.
    pub(super) fn all() -> Vec<Self> {
        let algorithms = [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
        ];
        algorithms
            .map(|algorithm| Self::new(algorithm, algorithm))
            .into()
    }

    /// Another key with the same id.
    pub(super) fn like(other: &Self) -> Self {
        Self::new(other.algorithm, &other.id)
    }

    /// The public key (RFC 7517).
    pub(super) fn public(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({"kty": "RSA", "n": base64(n), "e": base64(e)})
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": base64(x), "y": base64(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key().as_ref())})
            }
        };
        for (name, value) in [
            ("kid", self.id.as_str()),
            ("alg", self.algorithm),
            ("use", "sig"),
        ] {
            key[name] = json!(value);
        }
        key
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm, "typ": "JWT", "kid": self.id});
        self.signed(&header, claims)
    }

    /// A token with this header, signed as the key signs.
    pub(super) fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let bytes = message.as_bytes();
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match self.algorithm {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, bytes, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(bytes).as_ref().to_vec(),
        };
        format!("{message}.{}", base64(signature))
    }

    /// A token with this header and without a signature.
    pub(super) fn unsigned(&self, header: &Value, claims: &Value) -> String {
        format!("{}.", message(header, claims))
    }

    /// A token with an HMAC, whose secret is the public key.
    pub(super) fn signed_with_its_public_key(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let secret = self.public().to_string();
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let mac = mac.chain_update(message.as_bytes()).finalize().into_bytes();
        format!("{message}.{}", base64(mac))
    }
}

fn message(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        base64(header.to_string()),
        base64(claims.to_string())
    )
}

/// A server with keys and an OpenID configuration.
pub(super) struct KeyServer {
    pub(super) url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    keys: Mutex<Vec<Value>>,
    issuer: Mutex<String>,
    url: Mutex<String>,
    asked: AtomicUsize,
    fails: AtomicBool,
}

impl KeyServer {
    pub(super) async fn start(keys: impl IntoIterator<Item = Value>) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let server = Self {
            url: url.clone(),
            shared: shared.clone(),
        };
        server.has(keys);
        server.calls_itself(&url);
        *shared.url.lock().unwrap() = url;
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys_of))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    /// From now on, the server has these keys, and one of a kind that nobody knows.
    pub(super) fn has(&self, keys: impl IntoIterator<Item = Value>) {
        let unknown =
            json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "bitcoin"});
        *self.shared.keys.lock().unwrap() = [unknown].into_iter().chain(keys).collect();
    }

    pub(super) fn calls_itself(&self, issuer: &str) {
        *self.shared.issuer.lock().unwrap() = issuer.to_owned();
    }

    pub(super) fn fails(&self, fails: bool) {
        self.shared.fails.store(fails, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

async fn configuration(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, StatusCode> {
    let keys = format!("{}/keys", shared.url.lock().unwrap());
    let issuer = shared.issuer.lock().unwrap().clone();
    answer(&shared, json!({"issuer": issuer, "jwks_uri": keys}))
}

async fn keys_of(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, StatusCode> {
    let keys = shared.keys.lock().unwrap().clone();
    answer(&shared, json!({"keys": keys}))
}

fn answer(shared: &Shared, body: Value) -> Result<Json<Value>, StatusCode> {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    match shared.fails.load(Ordering::Relaxed) {
        true => Err(StatusCode::INTERNAL_SERVER_ERROR),
        false => Ok(Json(body)),
    }
}
