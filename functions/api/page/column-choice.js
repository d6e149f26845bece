// The choice of a file's columns and their order, by mouse or keyboard, announced to screen readers.

import { announce, h, icon } from "./dom.js";
import { heading } from "./format.js";

/** The number of columns from which they can be searched. */
const MANY = 12;

export class ColumnChoice {
  #host;
  #live;
  #columns;
  #dragged = null;
  #isTouched = false;

  /**
   * `columns` are the catalog's: `{key, label, default}`; `default` columns are used when nothing is chosen. `before` are the keys
   * that were chosen last, if any. The element has a `change` event for each change, which bubbles.
   */
  constructor(host, columns, before, live) {
    this.#host = host;
    this.#live = live;
    this.#columns = columns;
    const { t } = host;
    const button = (name, act) => {
      const click = () => {
        act();
        // Unlike that of a box, this change has no event yet.
        this.element.dispatchEvent(new Event("change", { bubbles: true }));
      };
      return h("button", { type: "button", class: "link", on: { click } }, t(`export.columns-${name}`));
    };
    const several = (name, checked) =>
      button(name, () => {
        // Those that a search leaves.
        for (const input of this.#inputs()) if (!input.closest("li").hidden) input.checked = checked;
        this.#changed();
      });
    const find = ({ target }) => {
      const sought = target.value.trim().toLowerCase();
      for (const item of this.list.children) item.hidden = !item.textContent.toLowerCase().includes(sought);
    };
    const placeholder = t("export.columns-find");
    this.search = h("input", { type: "search", name: "columns-find", placeholder, "aria-label": placeholder, autocomplete: "off", hidden: columns.length < MANY });
    this.search.addEventListener("input", find);
    // Enter would start the export.
    this.search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    this.number = h("span", { class: "quiet" });
    this.list = h("ol", { class: "columns", on: { change: () => this.#changed() } });
    this.list.addEventListener("dragover", (event) => this.#over(event));
    this.element = h(
      "details",
      { class: "more-options" },
      h("summary", {}, icon("chevron"), h("span", {}, t("export.columns")), this.number),
      h("div", { class: "bar" }, button("usual", () => this.#reset()), several("all", true), several("none", false)),
      this.search,
      this.list,
    );
    this.#reset();
    this.#choose(before);
  }

  /** Chooses the columns with these keys, in their order, as far as there are such. */
  #choose(keys) {
    const known = (keys ?? []).filter((key) => this.#columns.some((column) => column.key === key));
    if (!known.length) return;
    const chosen = known.map((key) => this.list.querySelector(`input[value="${CSS.escape(key)}"]`).closest("li"));
    this.list.prepend(...chosen);
    for (const input of this.#inputs()) input.checked = known.includes(input.value);
    this.#changed("export.columns-as-before");
  }

  /** The keys of the chosen columns, in order; null if the default columns are used. */
  chosen() {
    return this.#isTouched ? this.#checked() : null;
  }

  /** How many columns the file will have. */
  get count() {
    return this.#checked().length;
  }

  #reset() {
    this.list.replaceChildren(...this.#columns.map((column) => this.#item(column)));
    this.#isTouched = false;
    this.number.textContent = this.#host.t("export.columns-usual-ones");
  }

  #checked() {
    const inputs = this.#inputs();
    return inputs.filter(({ checked }) => checked).map(({ value }) => value);
  }

  #inputs = () => [...this.list.querySelectorAll("input")];

  #changed(text = "export.columns-chosen") {
    this.#isTouched = true;
    this.number.textContent = this.#host.t(text, { count: this.count, total: this.#columns.length });
  }

  #item({ key, label, default: isUsual }) {
    const { t } = this.#host;
    const column = heading({ key, label });
    const move = (step, name) => {
      const click = ({ currentTarget }) => {
        const beside = step < 0 ? item.previousElementSibling : item.nextElementSibling;
        if (!beside) return;
        if (step < 0) beside.before(item);
        else beside.after(item);
        // At an end of the list, the button that would move the column further is not shown.
        const [up, down] = item.querySelectorAll("button");
        const shown = !item.previousElementSibling ? down : !item.nextElementSibling ? up : currentTarget;
        shown.focus();
        this.#moved(item, column);
      };
      const label = t(`export.column-${name}`, { column });
      return h("button", { type: "button", class: "button plain round", "aria-label": label, on: { click } }, icon(name));
    };
    const item = h(
      "li",
      { draggable: "true" },
      icon("grip"),
      h("label", {}, h("input", { type: "checkbox", value: key, checked: isUsual }), h("bdi", {}, column)),
      move(-1, "up"),
      move(1, "down"),
    );
    item.addEventListener("dragstart", (event) => {
      this.#dragged = item;
      event.dataTransfer.effectAllowed = "move";
      item.classList.add("dragged");
    });
    item.addEventListener("dragend", () => {
      item.classList.remove("dragged");
      this.#moved(item, column);
      this.#dragged = null;
    });
    return item;
  }

  #over(event) {
    const over = event.target.closest("li");
    if (!this.#dragged || !over) return;
    event.preventDefault();
    if (over === this.#dragged) return;
    const { top, height } = over.getBoundingClientRect();
    if (event.clientY < top + height / 2) over.before(this.#dragged);
    else over.after(this.#dragged);
  }

  #moved(item, column) {
    const place = [...this.list.children].indexOf(item) + 1;
    announce(this.#live, this.#host.t("export.column-moved", { column, place }));
    this.list.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
