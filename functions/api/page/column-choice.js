// The choice of a file's columns and their order, by mouse or keyboard, announced to screen readers.

import { announce, h, icon } from "./dom.js";
import { heading } from "./format.js";

export class ColumnChoice {
  #host;
  #live;
  #columns;
  #dragged = null;
  #isTouched = false;

  /** `columns` are the catalog's: `{key, label, default}`; `default` columns are used when nothing is chosen. */
  constructor(host, columns, live) {
    this.#host = host;
    this.#live = live;
    this.#columns = columns;
    const { t } = host;
    const button = (name, click) => h("button", { type: "button", class: "link", on: { click } }, t(`export.columns-${name}`));
    const several = (name, checked) =>
      button(name, () => {
        for (const input of this.#inputs()) input.checked = checked;
        this.#changed();
      });
    this.number = h("span", { class: "quiet" });
    this.list = h("ol", { class: "columns", on: { change: () => this.#changed() } });
    this.list.addEventListener("dragover", (event) => this.#over(event));
    this.element = h(
      "details",
      { class: "more-options" },
      h("summary", {}, icon("chevron"), h("span", {}, t("export.columns")), this.number),
      h("div", { class: "bar" }, button("usual", () => this.#reset()), several("all", true), several("none", false)),
      this.list,
    );
    this.#reset();
  }

  /** The keys of the chosen columns, in order; null if the default columns are used. */
  chosen() {
    return this.#isTouched ? this.#checked() : null;
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

  #changed() {
    this.#isTouched = true;
    const count = this.#checked().length;
    this.number.textContent = this.#host.t("export.columns-chosen", { count, total: this.#columns.length });
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
        currentTarget.focus();
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
