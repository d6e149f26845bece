// Keeps the head of a table in the window. CSS does so only within what scrolls, which is here the frame that scrolls sideways.

/** Does so for the table that is in `place`, until `signal` aborts. Returns what to call where the table is a new one. */
export function keepHead(place, signal) {
  const move = () => {
    const head = place.querySelector("thead");
    if (!head) return;
    const { top, bottom } = head.parentNode.getBoundingClientRect();
    const most = bottom - top - head.offsetHeight;
    head.style.transform = top < 0 ? `translateY(${Math.min(-top, most)}px)` : "";
  };
  addEventListener("scroll", move, { passive: true, signal });
  // What is above the table may become higher, and the window wider.
  const observer = new ResizeObserver(move);
  observer.observe(document.body);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  return move;
}
