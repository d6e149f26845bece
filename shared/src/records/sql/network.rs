//! A network other than TCP, such as a simulated one.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::DuplexStream;

/// Opens streams to databases in place of TCP.
#[derive(Clone)]
pub struct Network {
    open: Arc<dyn Fn() -> BoxFuture<'static, Option<DuplexStream>> + Send + Sync>,
    /// The most rows of a window, so that a small table has many.
    pub(super) largest_window: u32,
}

impl Network {
    /// The network whose streams `open` opens, or `None` for a database that cannot be reached. A window of records has at most
    /// `largest_window` rows.
    pub fn new(
        largest_window: u32,
        open: impl Fn() -> BoxFuture<'static, Option<DuplexStream>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            open: Arc::new(open),
            largest_window,
        }
    }

    pub(in crate::records) async fn stream(&self) -> Option<DuplexStream> {
        (self.open)().await
    }
}
