// Where the person was in each entry of the window's history, so that Back and Forward come to the same place and focus.

/** How many places are kept. */
const MOST = 50;

/** The element with the focus, also inside elements' shadows. */
function focused() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
}

/** Whether an element can have the focus: it is in the page, and shown. */
const isThere = (element) => element?.isConnected && element !== document.body && element.checkVisibility();

export class Places {
  #places = new Map();
  #key = null;

  /** The key of the current entry of the history. */
  get key() {
    return this.#key;
  }

  /** Begins with the current entry. */
  start() {
    history.scrollRestoration = "manual";
    if (!history.state?.key) history.replaceState({ key: crypto.randomUUID() }, "");
    this.#key = history.state.key;
  }

  /** Remembers the place in the current entry, which is about to be left. */
  leave() {
    const element = focused();
    this.#places.delete(this.#key);
    this.#places.set(this.#key, { scroll: scrollY, element, root: element?.getRootNode(), name: element?.dataset.focus });
    if (this.#places.size > MOST) this.#places.delete(this.#places.keys().next().value);
  }

  /** Adds an entry to the history, and goes to it. */
  push(path) {
    this.leave();
    this.#key = crypto.randomUUID();
    history.pushState({ key: this.#key }, "", path);
  }

  /** Comes back to an entry of the history, whose view `show` shows. */
  async comeBack(show) {
    this.leave();
    this.#key = history.state?.key ?? null;
    const place = this.#places.get(this.#key);
    await show();
    scrollTo(0, place?.scroll ?? 0);
    if (!place) return;
    // The element may have been made anew meanwhile, such as that of a row that has changed.
    const named = () => place.name && place.root.querySelector(`[data-focus="${CSS.escape(place.name)}"]`);
    const element = isThere(place.element) ? place.element : named();
    element?.focus({ preventScroll: true });
  }
}

/** Runs `show`, and moves the focus to `main` unless what has it is still there afterwards, such as a tab. */
export async function keepFocus(main, show) {
  const before = focused();
  await show();
  if (!isThere(before)) main.focus({ preventScroll: true });
}
