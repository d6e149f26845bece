//! The function's configuration, read once from its environment.

use waybill::deployment;
use waybill::deployment_file::GrantTemplate;
use waybill::env::{self, EnvError};
use waybill::store::Tables;
use waybill::work::WorkTiming;

use crate::page::PageConfig;
use crate::tokens::{TokenConfig, Verifier};

/// The function's configuration.
pub struct Config {
    /// The tables of exports, work and events.
    pub tables: Tables,
    /// The table of rates, idempotency records, sessions and the secret for cursors.
    pub limits: String,
    /// The table of API keys.
    pub api_keys: String,
    /// The table of parents.
    pub parents: String,
    /// The queue of exports for `generate`.
    pub queue_url: String,
    /// The bucket for files.
    pub bucket: String,
    /// The time limits and waits.
    pub timing: WorkTiming,
    /// The URL of this API, without a trailing slash.
    pub public_url: String,
    /// How tokens are read.
    pub tokens: TokenConfig,
    /// The name or ARN of the host's grants function.
    pub grants_function: Option<String>,
    /// The configuration of the page.
    pub page: PageConfig,
}

impl Config {
    /// Reads the configuration from the environment.
    ///
    /// # Errors
    /// For the first variable that is missing or invalid.
    pub fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            tables: deployment::tables()?,
            limits: env::required("LIMITS_TABLE")?,
            api_keys: env::required("API_KEYS_TABLE")?,
            parents: env::required("PARENTS_TABLE")?,
            queue_url: env::required("QUEUE_URL")?,
            bucket: env::required("BUCKET")?,
            timing: deployment::timing()?,
            public_url: env::required("PUBLIC_URL")?
                .trim_end_matches('/')
                .to_owned(),
            tokens: tokens()?,
            grants_function: env::optional("GRANTS_FUNCTION"),
            page: PageConfig {
                issuer: env::optional("ISSUER"),
                sign_in_url: env::optional("SIGN_IN_URL"),
                client_id: env::optional("CLIENT_ID").unwrap_or_default(),
                scope: env::optional("SIGN_IN_SCOPE"),
                audience: env::optional("SIGN_IN_AUDIENCE"),
                // Some issuers have their token endpoint on another origin.
                sign_in_origins: env::optional("SIGN_IN_ORIGINS").unwrap_or_default(),
                frame_ancestors: env::optional("FRAME_ANCESTORS").unwrap_or_default(),
                product_name: env::required("PRODUCT_NAME")?,
                support_address: env::optional("SUPPORT_ADDRESS"),
            },
        })
    }
}

fn tokens() -> Result<TokenConfig, EnvError> {
    let invalid = |name: &str, value: &str, expected| EnvError::Invalid {
        name: name.to_owned(),
        value: value.to_owned(),
        expected,
    };
    let verifier = match env::optional("TOKEN_VERIFIER").as_deref() {
        None | Some("gateway") => Verifier::Gateway,
        Some("function") => Verifier::Function,
        Some(other) => return Err(invalid("TOKEN_VERIFIER", other, "gateway or function")),
    };
    let templates = env::optional("GRANTS_FROM_CLAIMS").unwrap_or_default();
    let template = |text: &str| {
        GrantTemplate::parse(text).ok_or_else(|| {
            invalid(
                "GRANTS_FROM_CLAIMS",
                text,
                "a grant with the name of a claim in braces, such as organization:{org_id}",
            )
        })
    };
    // Without an issuer, all people sign in by sessions, which the gateway lets through none of.
    let (issuer, audiences) = match (verifier, env::optional("ISSUER")) {
        (Verifier::Function, None) => (String::new(), String::new()),
        _ => (env::required("ISSUER")?, env::required("AUDIENCE")?),
    };
    let audiences = audiences.split(',').map(|text| text.trim().to_owned());
    Ok(TokenConfig {
        issuer,
        audiences: audiences.filter(|text| !text.is_empty()).collect(),
        verifier,
        grants: env::required("GRANTS_CLAIM")?,
        name: env::required("NAME_CLAIM")?,
        email: env::required("EMAIL_CLAIM")?,
        email_verified: env::required("EMAIL_VERIFIED_CLAIM")?,
        from_claims: templates
            .split_whitespace()
            .map(template)
            .collect::<Result<_, _>>()?,
    })
}
