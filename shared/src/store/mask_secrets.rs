//! The secret of the mask `hash`, in the table `work`.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::secret::SecretItem;
use super::{Exports, StoreError};
use crate::selection::{MaskSecret, Projection};

/// The partition key of the item. That of an export is its id, and that of a type's entry has a `#`.
const KEY: &str = "mask-secret";

/// The secret that all functions of the deployment share. Clones share a cache.
#[derive(Debug, Clone)]
pub struct MaskSecrets {
    exports: Exports,
    secret: Arc<OnceCell<MaskSecret>>,
}

impl MaskSecrets {
    /// The secret in the table of these exports' work.
    pub fn new(exports: Exports) -> Self {
        Self {
            exports,
            secret: Arc::default(),
        }
    }

    /// Gives a projection the secret, if one of its columns needs it.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn complete(&self, projection: Projection) -> Result<Projection, StoreError> {
        if !projection.needs_secret() {
            return Ok(projection);
        }
        let secret = self.secret.get_or_try_init(|| self.read()).await?;
        Ok(projection.with_secret(secret.clone()))
    }

    async fn read(&self) -> Result<MaskSecret, StoreError> {
        let item = SecretItem {
            db: self.exports.client(),
            table: &self.exports.tables().work,
            key_name: "id",
            key: KEY,
        };
        let secret = item.get_or_create().await?;
        MaskSecret::new(&secret).map_err(|e| StoreError::malformed(item.table, e))
    }
}
