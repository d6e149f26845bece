//! The kinds of parents that requests can name: those of the catalog, and those that something is stored of.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use waybill::aws::best_effort;
use waybill::catalog::Catalog;
use waybill::parent::{ParentKind, ParentKinds};
use waybill::store::{KindsInUse, StoreError};

/// How long the first reading of the stored kinds may take: no request is answered before it, and a page that misses one of its
/// files stays blank. Far less than the function's timeout.
const FIRST_READING: Duration = Duration::from_secs(10);

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
        let stored = match self.read().await {
            Some(Ok(stored)) => stored,
            Some(Err(error)) => return tracing::warn!(%error, "kinds of parents not refreshed"),
            None => return tracing::warn!("kinds of parents not refreshed: no answer in time"),
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

    /// The stored kinds; `None` without an answer in time. Kinds that are known already are used meanwhile.
    async fn read(&self) -> Option<Result<Vec<ParentKind>, StoreError>> {
        let stored = self.in_use.all();
        match self.are_known() {
            true => best_effort(stored).await.ok(),
            false => tokio::time::timeout(FIRST_READING, stored).await.ok(),
        }
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

#[cfg(test)]
mod tests {
    use waybill_testing::FakeTables;
    use waybill_testing::fake::{Call, Carried, Wire};

    use super::*;

    /// Tables that answer late.
    struct Slow(FakeTables, Duration);

    impl Wire for Slow {
        fn carry(&self, call: Call) -> Carried {
            let (answer, late) = (self.0.carry(call), self.1);
            Box::pin(async move {
                tokio::time::sleep(late).await;
                answer.await
            })
        }
    }

    async fn are_known_after(seconds: u64) -> bool {
        let tables = FakeTables::default();
        let wire = Slow(tables.clone(), Duration::from_secs(seconds));
        let catalog = Arc::new(Catalog::built_in().unwrap());
        let kinds = CurrentKinds::new(
            KindsInUse::new(tables.exports_over(Arc::new(wire))),
            &catalog,
        );
        kinds.refresh(&catalog).await;
        kinds.are_known()
    }

    /// As when many instances begin at once.
    #[tokio::test(start_paused = true)]
    async fn the_first_reading_may_take_seconds() {
        assert!(are_known_after(4).await);
        assert!(!are_known_after(12).await);
    }
}
