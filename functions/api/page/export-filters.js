// What narrows a list of exports: a search, people, types, statuses, and days.

import { dayFields, dayRanges } from "./day-ranges.js";
import { h, icon } from "./dom.js";
import { ZONE } from "./format.js";
import { oneOpen } from "./one-open.js";
import { searchField } from "./search-field.js";
import { describeRange } from "./selection.js";

/**
 * The attributes of a list that narrow it, which the page keeps in its address. `type` and `status` may have several values,
 * separated by spaces; `from` and `to` are days, `to` exclusive.
 */
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
      this.#several("status", STATUSES.map((status) => [status, t(`status.${status}`)])),
      this.#when(),
      this.days,
    );
    oneOpen(this.element, list.signal);
    this.show();
  }

  /** Adds the choice of a type, once the types are known. */
  name(types) {
    if (types.length < 2) return;
    const choice = this.#several("type", types.map(({ name, label }) => [name, label]));
    this.element.querySelector("[data-filter=status]").before(choice);
    this.#showSeveral();
  }

  get isNarrowed() {
    return NARROWING.some((name) => this.#of(name));
  }

  /** The query of the API for the list, with further pairs. */
  query(more) {
    const pairs = ["search", "user"].map((name) => [name, this.#of(name)]);
    for (const name of ["type", "status"]) pairs.push(...this.#valuesOf(name).map((value) => [name, value]));
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
  #valuesOf = (name) => this.#of(name)?.split(/\s+/).filter(Boolean) ?? [];

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
    this.#showSeveral();
    this.#showDays();
  }

  /** Shows the chosen types and statuses, in the boxes and in words. */
  #showSeveral() {
    const { t, format } = this.#list;
    for (const choice of this.element.querySelectorAll("[data-filter]")) {
      const name = choice.dataset.filter;
      const values = this.#valuesOf(name);
      const boxes = [...choice.querySelectorAll("input")];
      for (const box of boxes) box.checked = values.includes(box.value);
      const labels = boxes.filter(({ checked }) => checked).map((box) => box.nextSibling.textContent);
      choice.querySelector(".bar").hidden = !labels.length;
      choice.querySelector("summary bdi").textContent = labels.length ? format.or(labels) : t(`list.every-${name}`);
    }
  }

  #choice(name, values) {
    const { t } = this.#list;
    const options = [["", t(`list.every-${name}`)], ...values].map(([value, label]) => h("option", { value }, label));
    const change = ({ target }) => this.#set({ [name]: target.value });
    return h("select", { "aria-label": t(`list.${name}`), part: "select", name, on: { change } }, options);
  }

  /** A choice of several values, in a panel under its button. */
  #several(name, values) {
    const label = this.#list.t(`list.${name}`);
    const boxes = values.map(([value, text]) => h("label", {}, h("input", { type: "checkbox", name, value }), h("bdi", {}, text)));
    const change = ({ currentTarget }) => {
      const chosen = [...currentTarget.querySelectorAll("input:checked")].map(({ value }) => value);
      this.#set({ [name]: chosen.join(" ") });
    };
    const head = h("summary", { part: "select" }, h("span", { class: "unseen" }, label), h("bdi", {}), icon("chevron"));
    const empty = () => {
      this.#set({ [name]: null });
      // The button goes.
      head.focus();
    };
    const clear = h("button", { type: "button", class: "link", on: { click: empty } }, this.#list.t("filter.clear"));
    const panel = h("fieldset", { class: "panel", on: { change } }, h("legend", { class: "unseen" }, label), boxes, h("div", { class: "bar" }, clear));
    return h("details", { class: "several", "data-filter": name }, head, panel);
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
