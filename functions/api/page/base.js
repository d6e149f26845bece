// The base class of Waybill's elements: styles, texts, and the API client.

import { Client, KINDS, parentOf, patiently, Problem } from "./api.js";
import { announce, h } from "./dom.js";
import { languageOf, localeOfToken, speak } from "./language.js";

/** How long a host may take to set `getToken`, in milliseconds. */
const PATIENCE_MS = 3000;

// One style sheet for all elements. It is fetched, since a host's Content Security Policy may forbid inline styles.
export const sheet = new CSSStyleSheet();
/** The events that the page has received: `name id`. */
const dispatched = new Set();
const sheetIsThere = patiently(async () => {
  const response = await fetch(new URL("./parts.css", import.meta.url));
  if (!response.ok) throw new Problem(response.status, "");
  await sheet.replace(await response.text());
  // Without styles the elements still work.
}).catch(() => {});

/**
 * An element with a shadow root. A host sets the attributes `api` (the API's URL) and `locale`, and the
 * properties `getToken` (a function that returns a token, called with `{renew: true}` after one was refused) and
 * `messages` (texts that replace those of the language, by key).
 */
export class Element extends HTMLElement {
  #client = null;
  #getToken = null;
  #life = null;
  #begun = false;
  #early = [];
  #missing = null;

  static {
    // Not a class field, which would overwrite a value that the host set before the class was defined.
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
    this.#missing = setTimeout(() => this.#tellWhatIsMissing(), PATIENCE_MS);
    for (const [name, value] of this.#early.splice(0)) this[name] = value;
    this.#begin();
  }

  disconnectedCallback() {
    clearTimeout(this.#missing);
    this.#life?.abort();
    this.#begun = false;
  }

  /** Without a token, the element would stay empty; whoever builds the page is told why. */
  #tellWhatIsMissing() {
    if (this.client || !this.isConnected) return;
    const said = `<${this.localName}> has no tokens: set its property getToken to a function that returns the person’s token.`;
    console.error(said);
    this.shadowRoot.replaceChildren(h("p", { class: "problem", role: "alert" }, said));
  }

  /** An attribute changed, such as when a framework reuses the element for another parent. */
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

  /** The API client, which the page sets for its elements; otherwise created here. */
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

  /** Aborted when the element is removed from the page. */
  get signal() {
    return this.#life.signal;
  }

  /** Dispatches an event to the host. Only the first element's event about an export bubbles to the page. */
  tell(name, found) {
    const bubbles = !dispatched.has(`${name} ${found?.id}`);
    if (found) dispatched.add(`${name} ${found.id}`);
    this.dispatchEvent(new CustomEvent(name, { detail: { export: found }, bubbles, composed: true }));
  }

  say(text) {
    announce(this.live, text);
  }

  /** The attribute's language, or else that of the person by the token, or the browser's. */
  async #language() {
    const own = this.getAttribute("locale");
    if (own) return languageOf(own);
    const token = await this.client.token().catch(() => null);
    return languageOf(localeOfToken(token));
  }

  async #begin() {
    if (this.#begun || !this.isConnected || !this.client) return;
    this.#begun = true;
    this.#life = new AbortController();
    const { signal } = this;
    // Deferred, so that the host can set further properties first.
    await sheetIsThere;
    if (signal.aborted) return;
    const spoken = await this.#language();
    const { language, direction, format, t } = await speak(spoken, this.messages);
    if (signal.aborted) return;
    this.client.locale = spoken.locale;
    Object.assign(this, { format, t });
    // Lets screen readers use the language of the texts, also on a page in another language.
    this.lang ||= language;
    this.dir ||= direction;
    if (this.parent) return this.start();
    this.shadowRoot.replaceChildren(h("p", { class: "problem", role: "alert" }, this.t("problem.parent", { kinds: this.format.or(KINDS.map(({ kind }) => `${kind}:ID`)) })));
  }
}

/** The text for an error, which may have no message of its own. */
export function errorText(error, t) {
  if (error.status === 0) return t("problem.offline");
  if (error.status === 401 && error.code !== "token_refused") return t("problem.session");
  return error.message || t("problem.service", { status: error.status });
}
