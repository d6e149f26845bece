// Polling: soon after a change, less often while nothing changes, never in a hidden tab.

const FIRST_MS = 1500;
const LONGEST_MS = 15000;
/** An allowance for the user's clock being ahead of the service's. */
const LATE_MS = 1000;

/**
 * Calls `ask` until it returns `"done"` or `signal` is aborted: soon again after `"changed"`, otherwise with increasing
 * waits.
 */
export async function poll(ask, signal) {
  let wait = FIRST_MS;
  for (;;) {
    await pause(wait, signal);
    await visible(signal);
    if (signal.aborted) return;
    const answer = await ask();
    if (answer === "done" || signal.aborted) return;
    wait = answer === "changed" ? FIRST_MS : Math.min(wait * 1.5, LONGEST_MS);
  }
}

/** Calls `again` when the first file of `exports` has expired, unless `signal` is aborted before. */
export function atExpiry(exports, again, signal) {
  const ends = exports.filter(({ url }) => url).map(({ expires_at }) => Date.parse(expires_at));
  if (ends.length) pause(Math.max(Math.min(...ends) - Date.now(), 0) + LATE_MS, signal).then(() => signal.aborted || again());
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function visible(signal) {
  if (!document.hidden || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve, { once: true });
  });
}
