//! Waiting for a condition, never for a time.

use std::time::Duration;

use tokio::time::Instant;

use crate::in_process::InProcess;

const POLL: Duration = Duration::from_millis(100);

/// How long a mail may take, on a slow machine, from its export's end to the mailbox.
pub const MAIL_WITHIN: Duration = Duration::from_secs(60);

/// Waits for a condition of the functions in `process`, or of a deployed stack without one.
///
/// # Panics
/// After `within`, with `what` and the last `Err`.
pub(crate) async fn until<T>(
    process: Option<&InProcess>,
    what: &str,
    within: Duration,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    match process {
        Some(process) => process.until(what, within, look).await,
        None => wait_until(what, within, look).await,
    }
}

/// Calls `look` until it returns `Ok`, and returns that value. Its `Err` describes what it saw instead.
///
/// # Panics
/// After `within`, saying what was awaited and what was last seen.
pub async fn wait_until<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + within;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => {
                assert!(
                    Instant::now() < end,
                    "waited {} s for {what}; last seen: {seen}",
                    within.as_secs()
                );
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
