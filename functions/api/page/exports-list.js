// <waybill-exports parent="organization:acme">: the exports of a parent, newest first, kept up to date.

import { isUnfinished, pathOf, ROOT } from "./api.js";
import { Element, errorText } from "./base.js";
import { blank, showError, errorPlace, h, loading, whileBusy } from "./dom.js";
import { words } from "./format.js";
import { follow, isFollowed } from "./follow.js";
import { atExpiry, poll } from "./poll.js";
import { ExportFilters, NARROWING } from "./export-filters.js";
import { actions, columnsOf, statusText } from "./export-row.js";
import { RateLimit } from "./rate-limit.js";
import { dismiss, toast } from "./toasts.js";

const LIMIT = 25;

/** The path of the first page of a parent's exports, as nothing narrows them. */
export const firstPage = (parent) => `${pathOf(parent)}/exports?limit=${LIMIT}`;
/** How often the times are said again, in milliseconds. */
const AGES_MS = 30_000;
/** How many empty pages are skipped at once: a search may match few of very many exports. */
const MOST_EMPTY = 5;

/** The key of the message that an action on an export has failed. */
const keyOf = ({ id }) => `action ${id}`;

export class ExportsList extends Element {
  #exports = [];
  #next = null;
  #etag = null;
  #rows = new Map();
  #types = new Map();
  #names = new Map();
  /** The number of unreadable exports: on the first page, and on later ones. */
  #unreadable = { first: 0, older: 0 };
  #reading = null;
  #expiring = null;
  /** Whether the last read failed; the next successful one clears its error. */
  #isUnread = false;
  #isNarrowing = false;
  /** Whether the last read was left out, since the list is not shown. */
  #isAsleep = false;
  static observedAttributes = ["api", "parent", "locale", ...NARROWING];

  start() {
    const { t } = this;
    [this.#exports, this.#next, this.#etag] = [[], null, null];
    this.#rows.clear();
    this.body = h("tbody");
    this.columns = columnsOf(this.parent.kind);
    const head = this.columns.map((c) => h("th", { scope: "col", role: "columnheader", class: c.class }, t(c.title)));
    this.table = h(
      "table",
      { class: this.#isOnKnownGround() ? "exports sticky" : "exports", part: "table", role: "table" },
      h("caption", { class: "unseen" }, t("list.caption")),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      this.body,
    );
    this.body.setAttribute("role", "rowgroup");
    this.frame = h("div", { class: "frame" }, this.table);
    this.more = h("button", { type: "button", class: "button", part: "button", on: { click: () => whileBusy(this.more, () => this.#older()) } }, t("list.more"));
    this.left = h("p", { class: "quiet" });
    this.#unreadable = { first: 0, older: 0 };
    this.problem = errorPlace();
    this.limit = new RateLimit(t, (text) => this.say(text), () => this.body.querySelectorAll("[data-does=again]"));
    this.place = h("div", { class: "place" });
    this.filters = new ExportFilters(this);
    this.shadowRoot.replaceChildren(this.filters.element, this.problem, this.limit.element, this.place, this.left, h("div", { class: "more" }, this.more), this.live);
    this.more.hidden = true;
    this.left.hidden = true;
    this.place.replaceChildren(loading(t("list.loading")));
    this.#nameTypes();
    this.#restart();
    // An end that is seen in the list needs no toast.
    const ended = (event) => {
      const { export: found } = event.detail;
      if (!this.#rows.has(found.id) || !this.checkVisibility()) return;
      event.preventDefault();
      this.say(t("list.changed", { file: found.file_name, status: statusText(found, t) }));
      this.add(found);
    };
    document.addEventListener("waybill-export-ended", ended, { signal: this.signal });
    const shown = new IntersectionObserver(() => this.#isAsleep && this.checkVisibility() && this.#restart());
    shown.observe(this);
    this.signal.addEventListener("abort", () => shown.disconnect(), { once: true });
    const ageing = setInterval(() => this.#age(), AGES_MS);
    this.signal.addEventListener("abort", () => clearInterval(ageing), { once: true });
  }

  /** Whether the color behind the list is known, which the head of the table has where it stays above the rows. */
  #isOnKnownGround() {
    return Boolean(getComputedStyle(this).getPropertyValue("--waybill-background").trim());
  }

  attributeChangedCallback(name, before, now) {
    if (!NARROWING.includes(name)) return super.attributeChangedCallback(name, before, now);
    if (before === now || !this.filters || this.#isNarrowing) return;
    // Several attributes may change at once.
    this.#isNarrowing = true;
    queueMicrotask(() => {
      this.#isNarrowing = false;
      if (!this.isConnected) return;
      this.filters.show();
      this.tell("waybill-exports-narrowed", null);
      this.#reload();
    });
  }

  /** Says again how long ago everything was. */
  #age() {
    for (const time of this.body.querySelectorAll("time")) time.textContent = this.format.ago(time.dateTime);
  }

  /** Shows the new state of an export, or a new export before any list contains it. */
  add(found) {
    if (!this.body) return;
    const isListed = this.#exports.some(({ id }) => id === found.id);
    this.#take(isListed ? this.#exports.map((one) => (one.id === found.id ? found : one)) : [found, ...this.#exports]);
    this.#restart();
  }

  async #nameTypes() {
    // Without labels, the types' names are shown.
    const { types, parents } = await this.client.catalog().catch(() => ({ types: [], parents: [] }));
    if (this.signal.aborted) return;
    for (const { kind, id, name } of parents) this.#names.set(`${kind}:${id}`, name);
    for (const type of types) this.#types.set(type.name, type);
    const mine = types.filter(({ parent }) => this.parent.kind === ROOT || parent === this.parent.kind);
    this.filters.name(mine);
    this.#rows.clear();
    this.#show();
  }

  #typeOf = (name) => this.#types.get(name) ?? { name, label: words(name), columns: [] };
  #label = (name) => this.#typeOf(name).label;
  #nameOf = ({ kind, id }) => this.#names.get(`${kind}:${id}`) ?? id;

  #query(more = {}) {
    return `${pathOf(this.parent)}/exports?${this.filters.query([["limit", LIMIT], ...Object.entries(more)])}`;
  }

  #reload() {
    [this.#exports, this.#next, this.#etag] = [[], null, null];
    this.#unreadable = { first: 0, older: 0 };
    this.#rows.clear();
    this.place.replaceChildren(loading(this.t("list.loading")));
    this.#restart();
  }

  /** Reads the first page now, and again and again: exports of others begin and end too. */
  async #restart() {
    this.#reading?.abort();
    const reading = (this.#reading = new AbortController());
    const signal = AbortSignal.any([this.signal, reading.signal]);
    if ((await this.#newest(signal)) !== "done") await poll(() => this.#newest(signal), signal);
  }

  /** Reads again when the next file expires, since that removes its button. */
  #atExpiry(signal) {
    this.#expiring?.abort();
    const expiring = (this.#expiring = new AbortController());
    atExpiry(this.#exports, () => this.#newest(signal), AbortSignal.any([signal, expiring.signal]));
  }

  async #newest(signal) {
    // Nobody sees a list that is not shown, such as one behind an export's page or on a host's other tab.
    this.#isAsleep = Boolean(this.#etag) && !this.checkVisibility();
    if (this.#isAsleep) return "quiet";
    try {
      const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
      const answer = await this.client.send(this.#query(), { headers, signal });
      if (this.#isUnread) this.#fail(null);
      this.#isUnread = false;
      if (answer.status === 304) return this.#isMoving() ? "same" : "quiet";
      this.#etag = answer.headers.get("ETag");
      const { exports: newest, meta } = answer.body;
      this.#unreadable.first = meta.unreadable ?? 0;
      const last = newest.at(-1)?.id ?? Infinity;
      const older = meta.next ? this.#exports.filter(({ id }) => id < last) : [];
      if (!older.length) this.#next = meta.next;
      const news = await this.#unlisted(newest, signal);
      this.#take([...news, ...newest, ...older]);
      if (!this.#exports.length && this.#next) await this.#further(signal);
      this.#atExpiry(signal);
      return this.#isMoving() ? "changed" : "quiet";
    } catch (error) {
      if (signal.aborted) return "done";
      this.#isUnread = true;
      this.#fail(error);
      return error.isPassing ? "same" : "done";
    }
  }

  /** Exports that were requested here and are not in the index yet. */
  async #unlisted(listed, signal) {
    const known = new Set(listed.map(({ id }) => id));
    const missing = this.client.createdOf(this.parent).filter(({ id }) => {
      // Older exports are on the next page.
      const isListed = known.has(id) || id < listed.at(-1)?.id;
      if (isListed) this.client.forget(id);
      return !isListed;
    });
    if (this.filters.isNarrowed) return [];
    return Promise.all(missing.map(({ id }) => this.client.get(`/v1/exports/${id}`, signal)));
  }

  #isMoving = () => this.#exports.some(isUnfinished);

  async #older() {
    try {
      const news = await this.#further(this.signal);
      this.#rows.get(news[0]?.id)?.row.querySelector("a")?.focus();
    } catch (error) {
      if (!this.signal.aborted) this.#fail(error);
    }
  }

  /** Reads older exports until there are some, or `MOST_EMPTY` pages have none. Returns the new ones. */
  async #further(signal) {
    const known = new Set(this.#exports.map(({ id }) => id));
    let news = [];
    for (let pages = 0; this.#next && !news.length && pages < MOST_EMPTY; pages += 1) {
      const { exports: older, meta } = await this.client.get(this.#query({ cursor: this.#next }), signal);
      this.#next = meta.next;
      this.#unreadable.older += meta.unreadable ?? 0;
      news = older.filter(({ id }) => !known.has(id));
    }
    this.#take([...this.#exports, ...news]);
    return news;
  }

  #take(exports) {
    const before = new Map(this.#exports.map((found) => [found.id, found]));
    const isChanged = ({ id, status }) => before.get(id)?.status !== status;
    if (before.size && exports.some(isChanged)) this.tell("waybill-exports-changed", null);
    this.#exports = exports;
    for (const found of exports) {
      const old = before.get(found.id);
      if (!old || old.status === found.status) continue;
      // The end of what was requested here is said by its follower.
      if (!isFollowed(found.id)) this.say(this.t("list.changed", { file: found.file_name, status: statusText(found, this.t) }));
      if (found.status === "succeeded") this.tell("waybill-export-ready", found);
    }
    this.#show();
  }

  #show() {
    if (!this.#etag && !this.#exports.length) return;
    this.more.hidden = !this.#next;
    const left = this.#unreadable.first + this.#unreadable.older;
    this.left.hidden = !left;
    this.left.textContent = left ? this.t("list.unreadable", { count: left }) : "";
    if (!this.#exports.length) return this.#showNothing();
    const focus = this.shadowRoot.activeElement?.dataset.focus;
    this.body.replaceChildren(...this.#exports.map((found) => this.#row(found)));
    if (this.frame.parentNode !== this.place) this.place.replaceChildren(this.frame);
    // A changed row is a new element, so the focus is restored.
    if (focus && !this.shadowRoot.activeElement) {
      const id = focus.split(" ")[1];
      const again = this.shadowRoot.querySelector(`[data-focus="${focus}"]`);
      (again ?? this.#rows.get(Number(id))?.row.querySelector("a"))?.focus();
    }
  }

  #showNothing() {
    const { t } = this;
    if (!this.filters.isNarrowed) return this.place.replaceChildren(blank(t("list.empty"), t("list.empty-text"), h("slot", { name: "empty" })));
    const button = h("button", { type: "button", class: "button", part: "button", on: { click: () => this.filters.clear() } }, t("list.clear"));
    // Only the newest exports were looked at if there are very many.
    this.place.replaceChildren(blank(t("list.none"), t(this.#next ? "list.none-so-far" : "list.none-text"), button));
  }

  #row(found) {
    const state = JSON.stringify([found.status, found.progress, found.size, found.expires_at, found.may]);
    const known = this.#rows.get(found.id);
    if (known?.state === state) return known.row;
    const context = { t: this.t, format: this.format, label: this.#label, typeOf: this.#typeOf, nameOf: this.#nameOf, client: this.client };
    const cells = this.columns.map((column) => {
      const content = column.cell(found, context);
      const more = column.isActions ? actions(found, context, this.#actionsOf(found)) : content;
      return h("td", { role: "cell", class: column.class }, more);
    });
    const row = h("tr", { role: "row", part: "row" }, cells);
    this.#rows.set(found.id, { state, row });
    return row;
  }

  #actionsOf(found) {
    const succeeded = (action) => async () => {
      await action();
      dismiss(keyOf(found));
    };
    return {
      download: succeeded(async () => {
        await this.client.download(found);
        this.tell("waybill-exports-changed", null);
      }),
      cancel: succeeded(async () => this.add(await this.client.cancel(found.id))),
      again: succeeded(() => this.#again(found)),
      failed: (error, act) => this.#failed(found, error, act),
    };
  }

  /** Says where the person is that an action has failed: its row may be far from the top of the list. */
  #failed(found, error, act) {
    if (this.limit.isIn(error)) return;
    const { t } = this;
    // A session that has ended comes back by signing in, and not by trying again.
    const again = error.status === 401 ? null : act;
    const message = { key: keyOf(found), title: t("toast.action-failed"), text: errorText(error, t), label: t("action.retry"), act: again };
    toast(message, { t, errorText });
  }

  async #again(found) {
    const created = await this.client.again(found);
    this.tell("waybill-export-created", created);
    this.say(this.t("action.started"));
    follow(created, this);
    this.add(created);
  }

  #fail(error) {
    if (error && this.limit.isIn(error)) return;
    const { t } = this;
    const isBare = error && !this.#exports.length;
    showError(this.problem, error && !isBare && errorText(error, t));
    if (!isBare) return;
    // What the API does not understand stays so, however often it is tried.
    const [label, click] = error.status === 422 ? ["list.clear", () => this.filters.clear()] : ["action.retry", () => this.#reload()];
    const button = h("button", { type: "button", class: "button", part: "button", on: { click } }, t(label));
    this.place.replaceChildren(blank(t("problem.title"), errorText(error, t), button));
  }
}
