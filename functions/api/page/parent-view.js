// The view of one parent (such as a project): its lists of records and its exports.

import { KINDS, parentOf, pathOf } from "./api.js";
import { fullPage, blank, h, icon } from "./dom.js";
import { words } from "./format.js";
import { RecordsList } from "./records-list.js";
import { summary } from "./summary.js";

customElements.define("waybill-records-list", RecordsList);

const labelOf = (kind) => KINDS.find((known) => known.kind === kind)?.label ?? words(kind);
/** The name of a parent, or else its kind and id. */
export const parentName = ({ kind, id, name }) => (name && name !== id ? name : `${labelOf(kind)} ${id}`);

/** The number of parents from which a search field is shown. */
const MANY = 12;

export class ParentView extends HTMLElement {
  #parent = null;

  /** Shows a list of a parent: its exports, or the records of a type. */
  open(parent, list) {
    const { parents, types } = this.page.known;
    const found = parents.find(({ kind, id }) => kind === parent.kind && id === parent.id) ?? { ...parent, name: parent.id };
    const mine = types.filter((type) => type.parent === parent.kind);
    const isReadable = parents.includes(found);
    const type = mine.find(({ name }) => name === list);
    this.#parent = found;
    const isStill = this.content && this.dataset.parent === `${parent.kind}:${parent.id}`;
    if (!isStill) this.#frame(found, isReadable ? mine : []);
    for (const tab of this.tabs.querySelectorAll("a")) {
      if (tab.dataset.list === list) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    if (list === "exports") return this.#exports(found);
    if (type && isReadable) return this.#records(found, type);
    this.page.title("Not found");
    this.content.replaceChildren(blank("No such list", this.page.t("problem.not-found"), h("a", { class: "button", href: `${pathOf(found, "")}/exports` }, "Go to the exports")));
  }

  /** A form for staff, who may see the exports of any parent and have no list of parents. */
  askForParent() {
    const kinds = KINDS.map(({ kind, label }) => h("option", { value: kind }, label));
    const submit = (event) => {
      event.preventDefault();
      const data = new FormData(event.target);
      const parent = parentOf(`${data.get("kind")}:${data.get("id").trim()}`);
      if (parent) this.page.go(`${pathOf(parent, "")}/exports`);
    };
    const form = h(
      "form",
      { class: "inline", on: { submit } },
      h("select", { name: "kind", "aria-label": "Kind" }, kinds),
      h("input", { name: "id", required: true, maxlength: 256, "aria-label": "Id", placeholder: "Id", autocomplete: "off" }),
      h("button", { class: "button primary" }, "Show exports"),
    );
    this.classList.add("alone");
    this.replaceChildren(this.#mistakes() ?? "", fullPage("Whose exports?", "Choose what they belong to, and enter its id.", form));
  }

  #frame(parent, types) {
    const { parents, outOfService = [] } = this.page.known;
    this.dataset.parent = `${parent.kind}:${parent.id}`;
    const tab = (list, label) => h("li", {}, h("a", { href: `${pathOf(parent, "")}/${list}`, "data-list": list }, label));
    this.tabs = h("ul", {}, tab("exports", "Exports"), types.map(({ name, label }) => tab(name, label)));
    this.content = h("div", { class: "content" });
    this.classList.toggle("alone", parents.length < 2);
    this.replaceChildren(
      parents.length > 1 ? this.#parents(parent) : "",
      h(
        "div",
        { class: "main" },
        h("h1", {}, h("bdi", {}, parentName(parent))),
        h("nav", { class: "tabs", "aria-label": "Lists" }, this.tabs),
        this.#mistakes() ?? (outOfService.length ? h("p", { class: "count" }, this.page.t("catalog.out-of-service", { names: outOfService.map(words).join(", ") })) : ""),
        this.content,
      ),
    );
  }

  /** What is wrong with the catalog, which the API tells staff alone; null if nothing is. */
  #mistakes() {
    const { mistakes = [] } = this.page.known;
    if (!mistakes.length) return null;
    const lines = mistakes.map((mistake) => h("li", {}, mistake));
    const title = h("h2", { id: "mistakes" }, icon("warning"), this.page.t("catalog.mistakes"));
    return h("section", { class: "card mistakes", "aria-labelledby": "mistakes" }, title, h("ul", {}, lines));
  }

  #parents(current) {
    const { parents } = this.page.known;
    const groups = KINDS.map(({ kind, plural }) => {
      const links = parents.filter((parent) => parent.kind === kind).map((parent) => this.#parentLink(parent, current));
      return links.length ? h("section", {}, h("h2", {}, words(plural)), h("ul", {}, links)) : null;
    });
    const find = ({ target }) => {
      const sought = target.value.trim().toLowerCase();
      for (const item of list.querySelectorAll("li")) item.hidden = !item.textContent.toLowerCase().includes(sought);
      for (const group of list.querySelectorAll("section")) group.hidden = !group.querySelector("li:not([hidden])");
    };
    const search = h("input", { type: "search", placeholder: "Find…", "aria-label": "Find by name", on: { input: find } });
    const list = h("nav", { "aria-label": words(KINDS.map(({ plural }) => plural).join(", ")) }, parents.length > MANY ? search : null, groups);
    const here = h("summary", {}, h("bdi", {}, parentName(current)), icon("chevron"));
    // Beside the content if there is room, else folded above it.
    const side = h("details", { class: "side" }, here, list);
    const wide = matchMedia("(min-width: 56rem)");
    const fold = () => (side.open = wide.matches);
    wide.addEventListener("change", fold);
    fold();
    return side;
  }

  #parentLink(parent, current) {
    const isCurrent = parent.kind === current.kind && parent.id === current.id;
    const link = h("a", { href: `${pathOf(parent, "")}/exports`, "aria-current": isCurrent && "true" }, h("bdi", {}, parent.name));
    return h("li", {}, link);
  }

  #exports(parent) {
    const { client, go, title } = this.page;
    title(`Exports · ${parentName(parent)}`);
    const query = new URLSearchParams(location.search);
    const list = h("waybill-exports", { parent: `${parent.kind}:${parent.id}` });
    for (const name of ["status", "type"]) if (query.get(name)) list.setAttribute(name, query.get(name));
    list.addEventListener("waybill-exports-narrowed", () => {
      const chosen = ["status", "type"].map((name) => [name, list.getAttribute(name)]).filter(([, value]) => value);
      go(`${location.pathname}${chosen.length ? `?${new URLSearchParams(chosen)}` : ""}`, { replace: true });
    });
    Object.assign(list, { client });
    this.content.replaceChildren(summary(this.page, parent), list);
  }

  #records(parent, type) {
    this.page.title(`${type.label} · ${parentName(parent)}`);
    const list = Object.assign(document.createElement("waybill-records-list"), { page: this.page, parent, type });
    this.content.replaceChildren(list);
  }
}
