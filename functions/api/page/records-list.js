// A list of records to narrow: what an export would hold, newest first.

import { pathOf } from "./api.js";
import { saying } from "./base.js";
import { blank, h, loading } from "./dom.js";
import { FilterBar } from "./filter-bar.js";
import { heading, ZONE } from "./format.js";
import { fromQuery, isNarrowed, toPairs } from "./selection.js";

const LIMIT = 50;
/** How many empty answers are followed by another call: a rare match may be far down a long table. */
const MOST_EMPTY = 20;

export class RecordsList extends HTMLElement {
  #selection = null;
  #records = [];
  #next = null;
  #count = null;
  #reading = null;

  connectedCallback() {
    const { page, type, parent } = this;
    this.#selection = fromQuery(new URLSearchParams(location.search), type);
    this.bar = new FilterBar(page, type, this.#selection, (selection) => this.#narrowed(selection));
    this.button = h("waybill-export-button", { type: type.name, parent: `${parent.kind}:${parent.id}` });
    this.button.client = page.client;
    this.count = h("p", { class: "count", role: "status" });
    this.place = h("div", { class: "place" });
    this.more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => this.#older() } }, "Show more");
    this.replaceChildren(
      h("div", { class: "list-head" }, this.bar.element, this.button),
      this.count,
      this.place,
      h("div", { class: "more" }, this.more),
    );
    // The parent's own columns come beside the records, and are known when these are shown.
    this.ownType = page.client.typeOf(parent, type.name).catch(() => type);
    this.#anew();
  }

  disconnectedCallback() {
    this.#reading?.abort();
    document.removeEventListener("click", this.bar.outside);
  }

  #narrowed(selection) {
    this.#selection = selection;
    const query = new URLSearchParams(toPairs(selection));
    this.page.go(`${location.pathname}${query.size ? `?${query}` : ""}`, { replace: true });
    this.#anew();
  }

  #path() {
    const pairs = toPairs(this.#selection);
    // Times are shown in the reader's zone, whatever zone the filters' days are in.
    if (!pairs.some(([name]) => name === "time_zone")) pairs.push(["time_zone", ZONE]);
    const query = new URLSearchParams([["limit", LIMIT], ...pairs]);
    if (this.#next) query.set("cursor", this.#next);
    return `${pathOf(this.parent)}/records/${this.type.name}?${query}`;
  }

  async #anew() {
    this.#reading?.abort();
    this.#reading = new AbortController();
    [this.#records, this.#next, this.#count] = [[], null, null];
    this.more.hidden = true;
    // What was there stays, pale, until what comes is known: nothing jumps.
    if (this.place.querySelector("table")) this.place.classList.add("stale");
    else this.place.replaceChildren(loading("Loading…", 10));
    await this.#read();
  }

  async #older() {
    const before = this.#records.length;
    await this.#read();
    this.place.querySelectorAll("tbody tr")[before]?.querySelector("td")?.focus();
  }

  async #read() {
    const { signal } = this.#reading;
    this.more.disabled = true;
    try {
      for (let empty = 0; empty < MOST_EMPTY; empty += 1) {
        const { records, meta } = await this.page.client.get(this.#path(), signal);
        this.#records.push(...records);
        this.#next = meta.next;
        this.#count = meta.count;
        if (records.length || !meta.next) break;
        this.count.textContent = "Searching…";
      }
      this.type = (await this.ownType) ?? this.type;
      if (signal.aborted) return;
      this.#show();
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    } finally {
      this.more.disabled = false;
    }
  }

  #show() {
    const { format, t } = this.page;
    this.place.classList.remove("stale");
    const { filters, search, time_zone: timeZone } = this.#selection;
    Object.assign(this.button, { filters, search, timeZone, count: this.#count });
    const { value, exact } = this.#count;
    this.count.textContent = !value ? "" : exact ? `${format.count(value)} in this list` : `${format.count(value)} shown, and there are more`;
    this.more.hidden = !this.#next;
    if (this.#records.length) return this.place.replaceChildren(this.#table());
    if (this.#next) {
      this.more.textContent = "Keep searching";
      return this.place.replaceChildren(blank("Nothing found so far", "The newest records hold no match. The search can go on."));
    }
    const isAll = !isNarrowed(this.#selection);
    const [title, text] = isAll
      ? [`No ${format.within(this.type.label)} yet`, "As soon as there are some, they are shown here."]
      : ["Nothing matches", "Take a filter away, or search for something else."];
    this.place.replaceChildren(blank(title, text));
  }

  #table() {
    const keys = Object.keys(this.#records[0]);
    const columns = keys.map((key) => this.type.columns.find((column) => column.key === key) ?? { key, kind: "text" });
    const isNumber = ({ kind }) => kind === "integer" || kind === "decimal";
    const head = columns.map((column) => {
      return h("th", { scope: "col", class: isNumber(column) && "number" }, h("bdi", {}, heading(column)));
    });
    const cell = (record, column) =>
      h("td", { tabindex: "-1", class: isNumber(column) && "number" }, this.#value(record[column.key], column));
    const rows = this.#records.map((record) => h("tr", {}, columns.map((column) => cell(record, column))));
    this.more.textContent = "Show more";
    return h(
      "div",
      { class: "wide", role: "region", tabindex: "0", "aria-label": `${this.type.label}, newest first` },
      h("table", { class: "records" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
    );
  }

  #value(value, { kind, values }) {
    if (value === null || value === undefined || value === "") return h("span", { class: "quiet", "aria-label": "empty" }, "–");
    const { format } = this.page;
    if (kind === "timestamp" && !Number.isNaN(Date.parse(value))) {
      return h("time", { datetime: value, title: value }, format.time(value));
    }
    if (kind === "boolean" && typeof value === "boolean") return value ? "Yes" : "No";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return h("bdi", values?.length ? { class: "tag" } : { title: text.length > 40 && text }, text);
  }

  #failed(error) {
    this.place.classList.remove("stale");
    this.count.textContent = "";
    const { t } = this.page;
    const again = h("button", { type: "button", class: "button", on: { click: () => this.#anew() } }, t("action.retry"));
    this.place.replaceChildren(blank(t("problem.title"), saying(error, t), again));
  }
}
