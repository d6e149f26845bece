//! The catalog and the deployment file on the machine.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{DEPLOYMENT, LiveCatalogError, Text, Texts};
use crate::catalog::CatalogError;

/// Reads the catalog, and the deployment file beside it if there is one.
pub(super) fn read(catalog: &Path) -> Result<Texts, LiveCatalogError> {
    let unreadable = |source| CatalogError::Unreadable {
        path: catalog.to_owned(),
        source,
    };
    let content = fs::read_to_string(catalog).map_err(unreadable)?;
    let deployment = match fs::read_to_string(catalog.with_file_name(DEPLOYMENT)) {
        Ok(content) => Some(Text {
            content,
            etag: None,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable(error).into()),
    };
    Ok(Texts {
        catalog: Some(Text {
            content,
            etag: None,
        }),
        deployment,
    })
}
