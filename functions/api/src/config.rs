//! The function's configuration, read once from its environment.

use waybill::deployment;
use waybill::env::{self, EnvError};
use waybill::store::Tables;
use waybill::work::WorkTiming;

use crate::http::requester::TokenClaims;
use crate::page::PageConfig;

/// The function's configuration.
pub struct Config {
    /// The tables of exports, work and events.
    pub tables: Tables,
    /// The table of rates, idempotency records and the secret for cursors.
    pub limits: String,
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
    pub claims: TokenClaims,
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
            parents: env::required("PARENTS_TABLE")?,
            queue_url: env::required("QUEUE_URL")?,
            bucket: env::required("BUCKET")?,
            timing: deployment::timing()?,
            public_url: env::required("PUBLIC_URL")?
                .trim_end_matches('/')
                .to_owned(),
            claims: TokenClaims {
                issuer: env::required("ISSUER")?.into(),
                grants: env::required("GRANTS_CLAIM")?.into(),
                name: env::required("NAME_CLAIM")?.into(),
                email: env::required("EMAIL_CLAIM")?.into(),
                email_verified: env::required("EMAIL_VERIFIED_CLAIM")?.into(),
            },
            grants_function: env::optional("GRANTS_FUNCTION"),
            page: PageConfig {
                issuer: env::required("ISSUER")?,
                client_id: env::required("CLIENT_ID")?,
                // Some issuers have their token endpoint on another origin.
                sign_in_origins: env::optional("SIGN_IN_ORIGINS").unwrap_or_default(),
                frame_ancestors: env::optional("FRAME_ANCESTORS").unwrap_or_default(),
                product_name: env::required("PRODUCT_NAME")?,
                support_address: env::optional("SUPPORT_ADDRESS"),
            },
        })
    }
}
