// What has ended and was not seen yet: a count for the tab of the exports, and for the window's title.

export class News extends EventTarget {
  #unseen = new Set();
  #title = "";

  constructor() {
    super();
    document.addEventListener("waybill-export-ended", (event) => {
      // Where it is on the screen already, it is news only while nobody looks.
      const isSeen = (event.defaultPrevented || event.detail.isShown) && !document.hidden;
      if (!isSeen) this.#change(() => this.#unseen.add(event.detail.export.id));
    });
    document.addEventListener("waybill-export-seen", ({ detail }) => this.see(detail.export.id));
  }

  get count() {
    return this.#unseen.size;
  }

  /** The export with this id, or all of them, have been seen. */
  see(id) {
    this.#change(() => (id === undefined ? this.#unseen.clear() : this.#unseen.delete(id)));
  }

  /** Sets the window's title, which begins with the count. */
  title(text) {
    this.#title = text;
    document.title = this.count ? `(${this.count}) ${text}` : text;
  }

  #change(act) {
    act();
    this.title(this.#title);
    this.dispatchEvent(new Event("change"));
  }
}
