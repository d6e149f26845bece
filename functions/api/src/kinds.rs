//! The kinds of parents that requests can name: those of the catalog, and those that something is stored of.

use std::sync::{Arc, PoisonError, RwLock};

use waybill::aws::best_effort;
use waybill::catalog::Catalog;
use waybill::parent::{ParentKind, ParentKinds};
use waybill::store::{KindsInUse, StoreError};

/// The kinds as they are now.
pub(crate) struct CurrentKinds {
    in_use: KindsInUse,
    current: RwLock<Current>,
}

struct Current {
    /// The catalog whose kinds these are; `None` until the stored ones have been read.
    of: Option<Arc<Catalog>>,
    kinds: Arc<ParentKinds>,
}

impl CurrentKinds {
    /// The kinds of a catalog, until [`CurrentKinds::refresh`] has read the stored ones.
    pub(crate) fn new(in_use: KindsInUse, catalog: &Catalog) -> Self {
        let kinds = Arc::new(catalog.kinds().clone());
        let current = RwLock::new(Current { of: None, kinds });
        Self { in_use, current }
    }

    /// Whether the stored kinds have been read. Before that, a catalog with another root could take its ids for those of the
    /// stored one.
    pub(crate) fn are_known(&self) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.of.is_some()
    }

    pub(crate) fn get(&self) -> Arc<ParentKinds> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.kinds.clone()
    }

    /// Takes the kinds of a catalog that has changed. A kind that it lacks, but that something is stored of, stays, and is
    /// logged. Without an answer of the table, the kinds stay as they are until the next request.
    pub(crate) async fn refresh(&self, catalog: &Arc<Catalog>) {
        if self.is_of(catalog) {
            return;
        }
        let stored = match best_effort(self.in_use.all()).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(error)) => return tracing::warn!(%error, "kinds of parents not refreshed"),
            Err(late) => return tracing::warn!(%late, "kinds of parents not refreshed"),
        };
        let kinds = catalog.kinds().with_stored(&stored);
        for kind in kinds.missing_in(catalog.kinds()) {
            // An alarm counts this line.
            tracing::error!(%kind, "kind of parents missing");
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current {
            of: Some(catalog.clone()),
            kinds: Arc::new(kinds),
        };
    }

    fn is_of(&self, catalog: &Arc<Catalog>) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let of = current.of.as_ref();
        of.is_some_and(|of| Arc::ptr_eq(of, catalog))
    }

    /// Stores that something is stored of this kind, and of the root, so that neither is lost with a later catalog.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) async fn keep(&self, kind: &ParentKind) -> Result<(), StoreError> {
        let kinds = self.get();
        self.in_use.keep(&[kinds.root(), kind]).await
    }
}
