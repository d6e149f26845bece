// What narrows a list of exports: a search, people, types, statuses, and days.

import { dayFields, dayRanges } from "./day-ranges.js";
import { h } from "./dom.js";
import { ZONE } from "./format.js";
import { searchField } from "./search-field.js";
import { describeRange } from "./selection.js";

/** The attributes of a list that narrow it, which the page keeps in its address. `from` and `to` are days, `to` exclusive. */
export const NARROWING = ["search", "user", "type", "status", "from", "to"];
const STATUSES = ["waiting", "processing", "succeeded", "failed", "canceled", "expired"];

export class ExportFilters {
  #list;

  /** For `list`, whose attributes hold the values. */
  constructor(list) {
    this.#list = list;
    const { t } = list;
    const search = searchField({ placeholder: t("list.search"), label: t("list.search-about") }, (text) => this.#sought(text));
    this.search = search.input;
    this.days = h("div", { class: "other-days", hidden: true });
    this.element = h(
      "div",
      { class: "toolbar", part: "toolbar" },
      search.element,
      this.#choice("user", [["me", t("list.user-me")]]),
      this.#choice("status", STATUSES.map((status) => [status, t(`status.${status}`)])),
      this.#when(),
      this.days,
    );
    this.show();
  }

  /** Adds the choice of a type, once the types are known. */
  name(types) {
    if (types.length < 2) return;
    const choice = this.#choice("type", types.map(({ name, label }) => [name, label]));
    choice.value = this.#of("type") ?? "";
    this.element.querySelector("[name=status]").before(choice);
  }

  get isNarrowed() {
    return NARROWING.some((name) => this.#of(name));
  }

  /** The query of the API for the list, with further pairs. */
  query(more) {
    const pairs = ["search", "user", "type", "status"].map((name) => [name, this.#of(name)]);
    const [from, to] = [this.#of("from"), this.#of("to")];
    pairs.push(["created_at.from", from], ["created_at.to", to], ["time_zone", (from || to) && ZONE]);
    return new URLSearchParams([...more, ...pairs.filter(([, value]) => value)]);
  }

  clear() {
    this.#set(Object.fromEntries(NARROWING.map((name) => [name, null])));
    this.search.value = "";
    this.search.focus();
  }

  #of = (name) => this.#list.getAttribute(name);

  #set(values) {
    for (const [name, value] of Object.entries(values)) {
      if (value) this.#list.setAttribute(name, value);
      else this.#list.removeAttribute(name);
    }
  }

  /** Shows the values of the list's attributes. */
  show() {
    if (!this.search.matches(":focus")) this.search.value = this.#of("search") ?? "";
    for (const select of this.element.querySelectorAll("select:not([name=when])")) select.value = this.#of(select.name) ?? "";
    this.#showDays();
  }

  #choice(name, values) {
    const { t } = this.#list;
    const options = [["", t(`list.every-${name}`)], ...values].map(([value, label]) => h("option", { value }, label));
    const change = ({ target }) => this.#set({ [name]: target.value });
    return h("select", { "aria-label": t(`list.${name}`), part: "select", name, on: { change } }, options);
  }

  #when() {
    const { t } = this.#list;
    const options = [["", "every-time"], ...dayRanges().map(({ name }) => [name, name]), ["other", "chosen"]];
    const change = ({ target }) => {
      this.days.hidden = target.value !== "other";
      if (!this.days.hidden) return this.days.querySelector("input").focus();
      const { from, to } = dayRanges().find(({ name }) => name === target.value) ?? {};
      this.#set({ from, to });
    };
    const choices = options.map(([value, name]) => h("option", { value }, t(`days.${name}`)));
    this.when = h("select", { "aria-label": t("list.created"), part: "select", name: "when", on: { change } }, choices);
    return this.when;
  }

  #showDays() {
    const { t, format } = this.#list;
    const [from, to] = [this.#of("from"), this.#of("to")];
    const known = dayRanges().find((range) => range.from === from && range.to === to);
    const other = this.when.querySelector("[value=other]");
    const isOther = !known && Boolean(from || to);
    other.textContent = isOther ? describeRange({ from, to }, t("list.created"), ZONE, { t, format }) : t("days.chosen");
    this.when.value = isOther ? "other" : (known?.name ?? "");
    this.days.hidden = !isOther;
    this.days.replaceChildren(dayFields({ from, to }, (range) => this.#set(range), { t }));
  }

  #sought(search) {
    if (search !== (this.#of("search") ?? "")) this.#set({ search });
  }
}
