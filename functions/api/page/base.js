// What Waybill's elements have in common: their look, their texts, and how they reach the API.

import { Client, parentOf } from "./api.js";
import { announce, h } from "./dom.js";
import { ENGLISH, formatter } from "./format.js";
import { texts } from "./messages.js";

// One sheet for all. It is fetched, since a host's policy that lets these modules in may forbid inline styles.
const sheet = new CSSStyleSheet();
/** What a page has been told already: `name id`. */
const told = new Set();
const sheetIsThere = fetch(new URL("./parts.css", import.meta.url))
  .then((response) => response.text())
  .then((text) => sheet.replace(text));

/**
 * An element with a shadow of its own. A host sets the attributes `api` (the API's address) and `locale`, and the
 * properties `getToken` (a function that gives a token, asked again with `{renew: true}` when one was refused) and
 * `messages` (texts instead of the English ones, by their keys).
 */
export class Element extends HTMLElement {
  #client = null;
  #getToken = null;
  #life = null;
  #begun = false;
  #early = [];

  static {
    // No field of the class: one would undo what a host has set before the class was there.
    this.prototype.messages = null;
  }

  constructor() {
    super();
    for (const name of this.constructor.properties) {
      if (!Object.hasOwn(this, name)) continue;
      this.#early.push([name, this[name]]);
      delete this[name];
    }
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.live = h("div", { class: "unseen", role: "status", "aria-live": "polite" });
  }

  connectedCallback() {
    for (const [name, value] of this.#early.splice(0)) this[name] = value;
    this.#begin();
  }

  disconnectedCallback() {
    this.#life?.abort();
    this.#begun = false;
  }

  /** A framework gives the same element another parent, or another language. */
  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    if (name === "api" && this.#getToken) this.#client = null;
    this.disconnectedCallback();
    this.#begin();
  }

  static properties = ["getToken", "client", "messages"];

  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    this.#client = null;
    this.#begin();
  }

  /** The client that several elements share; one of its own where nobody gave it one. */
  get client() {
    this.#client ??= this.#getToken && new Client(this.getAttribute("api"), async (how) => this.#getToken(how));
    return this.#client;
  }

  set client(client) {
    this.#client = client;
    this.#begin();
  }

  get parent() {
    return parentOf(this.getAttribute("parent"));
  }

  /** Ends when the element leaves the page. */
  get signal() {
    return this.#life.signal;
  }

  /** Tells the host: each element whoever listens to it, and the first of them whoever listens to the whole page. */
  tell(name, found) {
    const bubbles = !told.has(`${name} ${found?.id}`);
    if (found) told.add(`${name} ${found.id}`);
    this.dispatchEvent(new CustomEvent(name, { detail: { export: found }, bubbles, composed: true }));
  }

  say(text) {
    announce(this.live, text);
  }

  async #begin() {
    if (this.#begun || !this.isConnected || !this.client) return;
    this.#begun = true;
    this.#life = new AbortController();
    const { signal } = this;
    // What the host sets together with the token is set by then.
    await sheetIsThere;
    if (signal.aborted) return;
    const locale = this.getAttribute("locale");
    this.format = formatter(locale, this.messages ? locale : ENGLISH);
    this.t = texts(this.messages, this.format);
    // Those who listen hear English read as English, on a page in another language too.
    if (!this.messages && !this.lang) this.lang = ENGLISH;
    if (this.parent) return this.start();
    this.shadowRoot.replaceChildren(h("p", { class: "problem", role: "alert" }, this.t("problem.parent")));
  }
}

/** What to say of an error that may have no words of its own. */
export function saying(error, t) {
  if (error.status === 0) return t("problem.offline");
  if (error.status === 401) return t("problem.session");
  return error.message || t("problem.service", { status: error.status });
}
