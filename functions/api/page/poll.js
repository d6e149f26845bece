// Polling: soon after a change, less often while nothing changes, and at once when somebody comes back.

/** The first wait and the longest one, in milliseconds, while something is under way. */
const BUSY = { first: 1500, longest: 15_000 };
/** The same while nothing is under way, and only others may begin something. */
const QUIET = { first: 8000, longest: 60_000 };
const GROWTH = 1.5;
/** An allowance for the user's clock being ahead of the service's. */
const LATE_MS = 1000;

/**
 * Calls `ask` until it returns `"done"` or `signal` is aborted: soon again after `"changed"`, with increasing waits after
 * `"same"`, and with longer ones after `"quiet"`. A hidden window waits until it is shown, unless `isInHidden`.
 */
export async function poll(ask, signal, { isInHidden = false } = {}) {
  let [wait, waits] = [BUSY.first, BUSY];
  for (;;) {
    await pauseOrReturn(wait, signal);
    if (!isInHidden) await visible(signal);
    if (signal.aborted) return;
    const answer = await ask();
    if (answer === "done" || signal.aborted) return;
    const next = answer === "quiet" ? QUIET : BUSY;
    const isFirst = answer === "changed" || next !== waits;
    wait = isFirst ? next.first : Math.min(wait * GROWTH, next.longest);
    waits = next;
  }
}

/** Calls `again` when the first file of `exports` has expired, unless `signal` is aborted before. */
export function atExpiry(exports, again, signal) {
  const ends = exports.filter(({ url }) => url).map(({ expires_at }) => Date.parse(expires_at));
  if (ends.length) pause(Math.max(Math.min(...ends) - Date.now(), 0) + LATE_MS, signal).then(() => signal.aborted || again());
}

/** A pause that ends early when somebody comes back to the window, or the connection does. */
async function pauseOrReturn(milliseconds, signal) {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  for (const event of ["focus", "online"]) addEventListener(event, () => over.abort(), { signal: either });
  await pause(milliseconds, either);
  over.abort();
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
