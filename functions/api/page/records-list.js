// A list of records with filters: what an export would contain, newest first.

import { pathOf } from "./api.js";
import { errorText } from "./base.js";
import { blank, showError, errorPlace, h, loading } from "./dom.js";
import { countOf } from "./expectation.js";
import { FilterBar } from "./filter-bar.js";
import { decimalsOf, heading, ZONE } from "./format.js";
import { fromQuery, isFiltered, toPairs, valueLabel } from "./selection.js";
import { keepHead } from "./table-head.js";

const LIMIT = 50;
/** How many empty pages are skipped automatically: a rare match may be far down a long table. */
const MOST_EMPTY = 20;

export class RecordsList extends HTMLElement {
  #selection = null;
  #records = [];
  #next = null;
  /** The number of records so far, `{value, exact}`. */
  #count = null;
  /** The number of all records, where it was counted apart from them. */
  #total = null;
  #reading = null;
  #counting = null;
  /** Aborted when the list is taken out of the page. */
  #shown = null;
  #moveHead = null;
  /** The current action of the button below the list. */
  #act = null;

  connectedCallback() {
    const { page, type, parent } = this;
    this.#selection = fromQuery(new URLSearchParams(location.search), type);
    this.#shown = new AbortController();
    this.bar = new FilterBar(page, type, this.#selection, this.#shown.signal, (selection) => this.#narrowed(selection));
    this.button = h("waybill-export-button", { type: type.name, parent: `${parent.kind}:${parent.id}` });
    this.button.client = page.client;
    this.count = h("p", { class: "count", role: "status" });
    this.place = h("div", { class: "place" });
    this.#moveHead = keepHead(this.place, this.#shown.signal);
    this.more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => this.#act?.() } });
    this.problem = errorPlace();
    this.replaceChildren(
      h("div", { class: "list-head" }, this.bar.element, this.button),
      this.count,
      this.place,
      h("div", { class: "more" }, this.problem, this.more),
    );
    // The columns defined for the parent are loaded in parallel, and are known when the records are shown.
    this.ownType = page.client.typeOf(parent, type.name).catch(() => type);
    this.#reload();
  }

  disconnectedCallback() {
    this.#reading?.abort();
    this.#counting?.abort();
    this.#shown?.abort();
  }

  #narrowed(selection) {
    this.#selection = selection;
    const query = new URLSearchParams(toPairs(selection));
    this.page.go(`${location.pathname}${query.size ? `?${query}` : ""}`, { replace: true });
    this.#reload();
  }

  #path() {
    const pairs = toPairs(this.#selection);
    // Times are shown in the user's time zone, whatever the time zone of the filters' days.
    if (!pairs.some(([name]) => name === "time_zone")) pairs.push(["time_zone", ZONE]);
    const query = new URLSearchParams([["limit", LIMIT], ...pairs]);
    if (this.#next) query.set("cursor", this.#next);
    return `${pathOf(this.parent)}/records/${this.type.name}?${query}`;
  }

  async #reload() {
    [this.#records, this.#next, this.#count, this.#total] = [[], null, null, null];
    this.#counting?.abort();
    const { signal } = (this.#counting = new AbortController());
    const { filters, search, time_zone: timeZone } = this.#selection;
    Object.assign(this.button, { filters, search, timeZone, count: null });
    this.#offer(null);
    // The old rows stay, greyed out, until the new ones are loaded, so that the layout does not jump.
    if (this.place.querySelector("table")) this.place.classList.add("stale");
    else this.place.replaceChildren(loading(this.page.t("records.loading"), 10));
    await this.#read();
    if (!signal.aborted && this.#records.length && !this.#count.exact) await this.#countAll(signal);
  }

  /** Counts what the first page does not hold: once for a selection, after it is shown. A failure changes nothing. */
  async #countAll(signal) {
    const total = await countOf(this.page.client, this.parent, this.type, this.#selection, signal);
    if (signal.aborted || !total) return;
    this.#total = total;
    this.#showCount();
  }

  async #older() {
    const before = this.#records.length;
    await this.#read();
    this.place.querySelectorAll("tbody tr")[before]?.querySelector("td")?.focus();
  }

  async #read() {
    this.#reading?.abort();
    const { signal } = (this.#reading = new AbortController());
    this.#rest();
    showError(this.problem, null);
    try {
      for (let empty = 0; empty < MOST_EMPTY; empty += 1) {
        const { records, meta } = await this.page.client.get(this.#path(), signal);
        this.#records.push(...records);
        this.#next = meta.next;
        this.#count = meta.count;
        if (records.length || !meta.next) break;
        if (empty === 0) this.#look();
      }
      this.type = (await this.ownType) ?? this.type;
      if (signal.aborted) return;
      this.#show();
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
  }

  /** Sets the action of the button below the list; without one, hides the button. */
  #offer(label, act = null) {
    this.more.hidden = !label;
    this.more.textContent = label ?? "";
    this.more.setAttribute("aria-disabled", "false");
    this.#act = act;
  }

  /** Shows that the action is running. The button is not disabled, since it would lose the focus. */
  #rest() {
    this.more.setAttribute("aria-disabled", "true");
    this.#act = null;
  }

  /** Announces once that a page had no match and the next one is being read, which can be stopped. */
  #look() {
    this.place.classList.remove("stale");
    this.#offer(this.page.t("records.stop"), () => this.#stop());
    if (this.#records.length) return void (this.count.textContent = this.page.t("records.shown-looking", { count: this.#count.value }));
    this.count.textContent = "";
    this.#state(this.page.t("records.looking"), this.page.t("records.looking-text"));
  }

  #stop() {
    this.#reading.abort();
    this.#show();
  }

  #show() {
    const { format, t } = this.page;
    this.place.classList.remove("stale");
    this.#showCount();
    const found = this.#records.length;
    if (this.#next) this.#offer(t(found ? "list.more" : "records.further"), () => this.#older());
    else this.#offer(null);
    if (found) {
      this.place.replaceChildren(this.#table());
      return this.#moveHead();
    }
    if (this.#next) return this.#state(t("records.none-so-far"), t("records.none-so-far-text"));
    if (isFiltered(this.#selection)) {
      const all = h("button", { type: "button", class: "button", on: { click: () => this.bar.clear() } }, t("records.clear"));
      return this.#state(t("records.none"), t("records.none-text"), all);
    }
    return this.#state(t("records.empty", { label: format.within(this.type.label) }), t("records.empty-text"));
  }

  #showCount() {
    this.button.count = (this.#count.exact ? null : this.#total) ?? this.#count;
    this.count.textContent = this.#countInWords();
  }

  /** How many records there are, as far as that is known, and how many of them are in the list. */
  #countInWords() {
    const { format, t } = this.page;
    const { value: shown, exact: isAll } = this.#count;
    if (!shown) return "";
    const all = isAll ? this.#count : this.#total;
    // What was found within the time for counting may be less than what the list has.
    const isKnown = all && (all.exact || all.value > shown);
    if (!isKnown) return t("records.shown", { count: shown });
    const words = { count: all.value, label: format.within(this.type.label) };
    const number = all.value === 1 ? t("records.single") : t(all.exact ? "records.count" : "records.at-least", words);
    return isAll ? number : `${number} · ${t("records.some", { count: shown })}`;
  }

  /** Shows and announces the state of a list without records, and what can be done. */
  #state(title, text, action) {
    this.place.replaceChildren(blank(title, text, action));
    this.page.say(title);
  }

  #table() {
    const keys = Object.keys(this.#records[0]);
    const columns = keys.map((key) => this.type.columns.find((column) => column.key === key) ?? { key, kind: "text" });
    const isNumber = ({ kind }) => kind === "integer" || kind === "decimal";
    const head = columns.map((column) => {
      return h("th", { scope: "col", class: isNumber(column) && "number" }, h("bdi", {}, heading(column)));
    });
    const decimals = new Map(columns.filter(isNumber).map(({ key }) => [key, Math.max(...this.#records.map((record) => decimalsOf(record[key])))]));
    // Room for the decimals that others have, so that the points are below each other.
    const room = (value, { key }) => {
      const [most, own] = [decimals.get(key) ?? 0, decimalsOf(value)];
      return own < most && h("span", { class: "room", "aria-hidden": "true" }, `${own ? "" : "."}${"0".repeat(most - own)}`);
    };
    const cell = (record, column) =>
      h("td", { tabindex: "-1", class: isNumber(column) && "number" }, this.#value(record[column.key], column), room(record[column.key], column));
    const rows = this.#records.map((record) => h("tr", {}, columns.map((column) => cell(record, column))));
    return h(
      "div",
      { class: "wide", role: "region", tabindex: "0", "aria-label": this.page.t("records.newest-first", { label: this.type.label }) },
      h("table", { class: "records" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
    );
  }

  #value(value, column) {
    const { kind, values } = column;
    if (value === null || value === undefined || value === "") {
      return h("span", { class: "quiet", role: "img", "aria-label": this.page.t("records.no-value") }, "–");
    }
    const { format } = this.page;
    if (kind === "timestamp" && !Number.isNaN(Date.parse(value))) {
      return h("time", { datetime: value, title: value }, format.time(value));
    }
    if (kind === "boolean" && typeof value === "boolean") return this.page.t(value ? "value.yes" : "value.no");
    const isNumber = kind === "integer" || kind === "decimal";
    const label = typeof value === "object" ? JSON.stringify(value) : valueLabel(column, value);
    const text = isNumber ? format.digits(label) : label;
    return h("bdi", values?.length ? { class: "tag" } : { title: text.length > 40 && text }, text);
  }

  #failed(error) {
    const { t } = this.page;
    const again = () => (this.#next ? this.#older() : this.#reload());
    this.place.classList.remove("stale");
    this.count.textContent = "";
    if (this.#records.length) {
      showError(this.problem, errorText(error, t));
      return this.#offer(t("action.retry"), again);
    }
    this.#offer(null);
    // What the API does not understand stays so, however often it is tried.
    const [label, click] = error.status === 422 ? ["records.clear", () => this.bar.clear()] : ["action.retry", again];
    const button = h("button", { type: "button", class: "button", on: { click } }, t(label));
    this.place.replaceChildren(blank(t("problem.title"), errorText(error, t), button));
  }
}
