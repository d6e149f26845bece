// Search and filters above a list of records, one pill for each.

import { h, icon } from "./dom.js";
import { panel } from "./filter-panel.js";
import { oneOpen } from "./one-open.js";
import { searchField } from "./search-field.js";
import { describeFilter, filterLabel, isFiltered } from "./selection.js";

/** The names of the searched columns. */
const searched = (type, t) => type.search.map((name) => filterLabel(type, name, t));

export class FilterBar {
  #page;
  #type;
  #selection;
  #changed;

  /** For a list of `type`, until `signal` aborts; calls `changed` with each new selection. */
  constructor(page, type, selection, signal, changed) {
    this.#page = page;
    this.#type = type;
    this.#changed = changed;
    const { t } = page;
    const fields = type.search.length ? t("filter.searches", { fields: searched(type, t).join(t("text.comma")) }) : "";
    const words = { placeholder: t("filter.search"), label: t("filter.search-about", { fields }), title: fields };
    const field = searchField(words, (search) => this.#sought(search));
    this.search = field.input;
    this.pills = h("div", { class: "pills" });
    this.element = h("div", { class: "filters" }, type.search.length ? field.element : null, this.pills);
    oneOpen(this.element, signal);
    this.show(selection);
  }

  /** Shows a selection from elsewhere, such as the address. */
  show(selection) {
    this.#selection = selection;
    if (this.search !== document.activeElement) this.search.value = selection.search ?? "";
    const open = this.pills.querySelector("details[open]")?.dataset.filter;
    const clear = h("button", { type: "button", class: "link", id: "clear-filters", on: { click: () => this.clear() } }, this.#page.t("filter.clear-all"));
    this.pills.replaceChildren(
      ...this.#type.filters.map((name) => this.#pill(name, name === open)),
      ...(isFiltered(selection) ? [clear] : []),
    );
  }

  #pill(name, isOpen) {
    const { t, format } = this.#page;
    const value = this.#selection.filters[name];
    const label = filterLabel(this.#type, name, t);
    const text = value ? describeFilter(name, value, this.#type, { t, format, zone: this.#selection.time_zone }) : label;
    const head = h("summary", { class: value ? "pill on" : "pill" }, h("span", {}, text), icon("chevron"));
    const known = this.#type.columns.find(({ key }) => key === name);
    const set = (next, how) => this.#set(name, next, how);
    const pill = h("details", { class: "filter", "data-filter": name, open: isOpen }, head);
    const inside = () => {
      if (pill.open && pill.childElementCount === 1) pill.append(panel({ name, label, value, column: known, set, page: this.#page }));
    };
    inside();
    pill.addEventListener("toggle", () => {
      inside();
      // On a phone, the pills are one line that scrolls.
      if (pill.open) head.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    return pill;
  }

  #set(name, value, { close = false } = {}) {
    const filters = { ...this.#selection.filters };
    if (value === null) delete filters[name];
    else filters[name] = value;
    const focus = document.activeElement?.closest("[data-filter]") && document.activeElement;
    const at = focus && [focus.tagName, focus.name, focus.value].join();
    if (close) for (const open of this.pills.querySelectorAll("details[open]")) open.open = false;
    this.#take({ ...this.#selection, filters });
    // The panel was rebuilt, so the focus is restored.
    if (!at) return;
    const fields = this.pills.querySelectorAll("details[open] :is(input, button)");
    const again = [...fields].find((field) => [field.tagName, field.name, field.value].join() === at);
    (again ?? this.pills.querySelector(`[data-filter="${name}"] summary`))?.focus();
  }

  #take(selection) {
    this.show(selection);
    this.#changed(selection);
  }

  #sought(search) {
    if (search !== (this.#selection.search ?? "")) this.#take({ ...this.#selection, search: search || null });
  }

  /** Takes every filter and the search away. */
  clear() {
    this.search.value = "";
    this.#take({ ...this.#selection, filters: {}, search: null });
    this.search.focus();
  }
}
