//! The UUID in a download link: `GET /v1/downloads/{uuid}`.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::export::{Export, ExportId};

/// Creates the download UUID (RFC 9562, version 8) of a new export. It cannot be guessed.
///
/// The last 53 bits are the export's id, so that no index is needed for the lookup; the other 69 are random. The UUID
/// grants nothing by itself: every use is checked against the token's grants.
pub fn new_download(id: ExportId) -> Uuid {
    let random = Uuid::new_v4().as_u128();
    let bits = random & !((1 << ID_BITS) - 1) | u128::from(id.get());
    uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid()
}

/// The export id in a download UUID. The caller must then check the UUID with [`is_download_of`].
pub fn export_id_of(download: Uuid) -> Option<ExportId> {
    let id = download.as_u128() & ((1 << ID_BITS) - 1);
    ExportId::try_from(id as u64).ok()
}

/// Whether this is the export's download UUID. Compares in constant time.
pub fn is_download_of(export: &Export, download: Uuid) -> bool {
    export.download.as_bytes().ct_eq(download.as_bytes()).into()
}

const ID_BITS: u32 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_leads_to_its_export_and_is_another_each_time() {
        for id in [1, 42, (1 << 53) - 1] {
            let id = ExportId::try_from(id).unwrap();
            let (one, two) = (new_download(id), new_download(id));
            assert_eq!(export_id_of(one), Some(id));
            assert_ne!(one, two);
            assert_eq!(
                (one.get_version_num(), one.get_variant()),
                (8, uuid::Variant::RFC4122)
            );
        }
        assert_eq!(export_id_of(Uuid::nil()), None);
    }
}
