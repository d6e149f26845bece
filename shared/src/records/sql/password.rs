//! Passwords of databases: from Secrets Manager, or signed by the function's role.

use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_secretsmanager::Client;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use serde::Deserialize;

use crate::aws::CallError;

/// A user's name and password. The name is only in a secret that has one.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::records) struct Login {
    pub(in crate::records) user: Option<String>,
    pub(in crate::records) password: String,
}

/// The JSON of a secret of RDS, of which only these are used.
#[derive(Deserialize)]
struct RdsSecret {
    username: Option<String>,
    password: String,
}

impl Login {
    /// The login in a secret's text: JSON with `username` and `password`, or the password alone.
    fn parse(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(RdsSecret { username, password }) => Self {
                user: username,
                password,
            },
            Err(_) => Self {
                user: None,
                password: text.to_owned(),
            },
        }
    }
}

/// Reads a secret, in the region of its ARN.
pub(super) async fn secret(config: &SdkConfig, arn: &str) -> Result<Login, CallError> {
    let mut builder = aws_sdk_secretsmanager::Config::from(config).to_builder();
    if let Some(region) = arn.split(':').nth(3).filter(|region| !region.is_empty()) {
        builder = builder.region(Region::new(region.to_owned()));
    }
    let client = Client::from_conf(builder.build());
    let secret = client.get_secret_value().secret_id(arn).send().await;
    let secret = secret.map_err(|error| CallError::new("GetSecretValue", error))?;
    let text = secret
        .secret_string()
        .ok_or_else(|| CallError::with_code("GetSecretValue", "no text", "the secret is binary"))?;
    Ok(Login::parse(text))
}

/// How long a token of RDS is valid: 15 minutes, by RDS's documentation. Only the beginning of a connection needs one.
const TOKEN_VALID: Duration = Duration::from_secs(15 * 60);

/// A token for RDS's IAM authentication: a presigned address of `host`, without its scheme.
pub(super) async fn token(
    config: &SdkConfig,
    (host, port): (&str, u16),
    user: &str,
) -> Result<String, CallError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        CallError::with_code("SignToken", "not signed", error)
    };
    let (Some(provider), Some(region)) = (config.credentials_provider(), config.region()) else {
        return Err(failed("there are no credentials, or no region".into()));
    };
    let credentials = provider.provide_credentials().await;
    let identity = credentials.map_err(|error| failed(error.into()))?.into();
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(TOKEN_VALID);
    settings.signature_location = SignatureLocation::QueryParams;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name("rds-db")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| failed(error.into()))?;
    let user = percent_encoding::utf8_percent_encode(user, percent_encoding::NON_ALPHANUMERIC);
    let mut address = format!("{host}:{port}/?Action=connect&DBUser={user}");
    let url = format!("https://{address}");
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]));
    let signed = request.and_then(|request| sign(request, &parameters.into()));
    let (instructions, _) = signed.map_err(|error| failed(error.into()))?.into_parts();
    for (name, value) in instructions.params() {
        let value =
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        address.push_str(&format!("&{name}={value}"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;

    use super::*;

    #[test]
    fn a_secret_is_a_password_or_json_of_rds() {
        let login = |text| {
            let Login { user, password } = Login::parse(text);
            (user, password)
        };
        assert_eq!(login("hunter2"), (None, "hunter2".to_owned()));
        assert_eq!(login("12345"), (None, "12345".to_owned()));
        assert_eq!(
            login(r#"{"username": "app", "password": "p", "engine": "postgres", "host": "db"}"#),
            (Some("app".to_owned()), "p".to_owned())
        );
        assert_eq!(login(r#"{"password": "p"}"#), (None, "p".to_owned()));
    }

    #[tokio::test]
    async fn a_token_is_a_presigned_address_without_its_scheme() {
        let credentials = Credentials::new("AKID", "secret", Some("session".into()), None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let token = token(&config, ("db.example", 5432), "the app")
            .await
            .unwrap();
        let (address, query) = token.split_once("/?").unwrap();
        assert_eq!(address, "db.example:5432");
        let names: Vec<&str> = query
            .split('&')
            .map(|parameter| parameter.split_once('=').unwrap().0)
            .collect();
        for name in [
            "Action",
            "DBUser",
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "X-Amz-SignedHeaders",
        ] {
            assert!(names.contains(&name), "{name} in {query}");
        }
        assert!(query.contains("DBUser=the%20app&"), "{query}");
        assert!(
            query.contains("eu%2Dwest%2D1%2Frds%2Ddb%2Faws4%5Frequest"),
            "{query}"
        );
        assert!(query.contains("X-Amz-Expires=900"), "{query}");
    }
}
