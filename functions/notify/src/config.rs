//! The function's configuration, read once from its environment.

use notify::{Address, Letterhead};
use waybill::deployment;
use waybill::env::{self, EnvError};
use waybill::store::Tables;

/// The configuration of `notify`.
pub(crate) struct Config {
    pub(crate) tables: Tables,
    pub(crate) bucket: String,
    /// The address that the mails are from.
    pub(crate) sender: Address,
    /// The address for replies, if not the sender's.
    pub(crate) reply_to: Option<Address>,
    /// The name of SES's configuration set.
    pub(crate) configuration_set: String,
    /// Name or ARN of the host's grants function.
    pub(crate) grants_function: Option<String>,
    pub(crate) letterhead: Letterhead,
}

impl Config {
    /// Reads the environment. Addresses are parsed here, because SES reports an invalid sender like an invalid recipient.
    pub(crate) fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            tables: deployment::tables()?,
            bucket: env::required("BUCKET")?,
            sender: address("SENDER", env::required("SENDER")?)?,
            reply_to: env::optional("REPLY_TO")
                .map(|text| address("REPLY_TO", text))
                .transpose()?,
            configuration_set: env::required("CONFIGURATION_SET")?,
            grants_function: env::optional("GRANTS_FUNCTION"),
            letterhead: Letterhead {
                product: env::required("PRODUCT_NAME")?,
                public_url: env::required("PUBLIC_URL")?
                    .trim_end_matches('/')
                    .to_owned(),
                support: env::optional("SUPPORT_ADDRESS"),
                logo: env::optional("LOGO_URL").map(logo).transpose()?,
            },
        })
    }
}

/// Many mail programs load pictures only by `https`.
fn logo(value: String) -> Result<String, EnvError> {
    if value.starts_with("https://") && value.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(value);
    }
    Err(EnvError::Invalid {
        name: "LOGO_URL".to_owned(),
        value,
        expected: "an https URL of a picture",
    })
}

fn address(name: &str, value: String) -> Result<Address, EnvError> {
    let expected = "one address such as a@example.com";
    Address::parse(&value).map_err(|_| EnvError::Invalid {
        name: name.to_owned(),
        value,
        expected,
    })
}
