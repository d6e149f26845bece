//! Waiting for a condition, never for a time.

use std::time::Duration;

use tokio::time::Instant;

const POLL: Duration = Duration::from_millis(100);

/// How long a mail may take, on a slow machine, from its export's end to the mailbox.
pub const MAIL_WITHIN: Duration = Duration::from_secs(60);

/// Looks until `look` gives `Ok`, and returns that. What it gives as `Err` is what it saw instead.
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
