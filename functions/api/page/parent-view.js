// The view of one parent (such as a project): its lists of records and its exports.

import { KINDS, parentOf, pathOf } from "./api.js";
import { fullPage, blank, h, icon } from "./dom.js";
import { NARROWING } from "./export-filters.js";
import { words } from "./format.js";
import { RecordsList } from "./records-list.js";
import { isKnown } from "./selection.js";
import { Summary } from "./summary.js";

customElements.define("waybill-records-list", RecordsList);

const labelOf = (kind) => KINDS.find((known) => known.kind === kind)?.label ?? words(kind);
/** The name of a parent, or else its kind and id. */
export const parentName = ({ kind, id, name }) => (name && name !== id ? name : `${labelOf(kind)} ${id}`);

/** How many contents are kept for Back and Forward. */
const KEPT = 5;
/** The number of parents from which a search field is shown. */
const MANY = 12;

export class ParentView extends HTMLElement {
  #parent = null;
  /** The contents by their keys in the window's history, the last shown one last. */
  #contents = new Map();
  #life = null;

  connectedCallback() {
    const { news } = this.page;
    this.#life = new AbortController();
    const { signal } = this.#life;
    news.addEventListener("change", () => this.#showEnded(), { signal });
    document.addEventListener("visibilitychange", () => this.#see(), { signal });
  }

  disconnectedCallback() {
    this.#life.abort();
  }

  /** What has ended is seen as soon as its list is. */
  #see() {
    if (!document.hidden && this.checkVisibility() && this.dataset.list === "exports") this.page.news.see();
  }

  /** The number of exports that have ended unseen, on the tab of the exports. */
  #showEnded() {
    const { count } = this.page.news;
    if (!this.ended) return;
    this.ended.hidden = !count;
    this.ended.replaceChildren(this.page.format.count(count), h("span", { class: "unseen" }, ` ${this.page.t("list.ended", { count })}`));
  }

  /** Shows a list of a parent: its exports, or the records of a type. */
  open(parent, list) {
    const { parents, types } = this.page.known;
    const isBack = this.#contents.has(this.page.places.key);
    const found = parents.find(({ kind, id }) => kind === parent.kind && id === parent.id) ?? { ...parent, name: parent.id };
    const mine = types.filter((type) => type.parent === parent.kind);
    const isReadable = parents.includes(found);
    const type = mine.find(({ name }) => name === list);
    this.#parent = found;
    const isStill = this.tabs && this.dataset.parent === `${parent.kind}:${parent.id}`;
    if (!isStill) this.#frame(found, isReadable ? mine : []);
    this.#takeContent();
    for (const tab of this.tabs.querySelectorAll("a")) {
      if (tab.dataset.list === list) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    this.dataset.list = list;
    this.#see();
    if (isBack) return this.page.title(`${type?.label ?? this.page.t("page.exports")} · ${parentName(found)}`);
    if (list === "exports") return this.#exports(found, isReadable ? mine : []);
    if (type && isReadable) return this.#records(found, type);
    this.page.title(this.page.t("page.not-found"));
    this.content.replaceChildren(blank(this.page.t("page.no-list"), this.page.t("problem.not-found"), this.#wayOn(found)));
  }

  /** Where somebody can go on from a list that there is not: to what is theirs, if the parent is not. */
  #wayOn(parent) {
    const { known, t } = this.page;
    const isTheirs = known.parents.includes(parent) || !known.parents.length;
    const [href, label] = isTheirs ? [`${pathOf(parent, "")}/exports`, "page.to-exports"] : ["/", "page.to-own"];
    return h("a", { class: "button", href }, t(label));
  }

  /** A form for staff, who may see the exports of any parent and have no list of parents. */
  askForParent() {
    const { t } = this.page;
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
      h("select", { name: "kind", "aria-label": t("page.kind") }, kinds),
      h("input", { name: "id", required: true, maxlength: 256, "aria-label": t("page.id"), placeholder: t("page.id"), autocomplete: "off" }),
      h("button", { class: "button primary" }, t("page.show-exports")),
    );
    this.classList.add("alone");
    this.main = null;
    this.replaceChildren(this.#mistakes() ?? "", fullPage(t("page.whose"), t("page.whose-text"), form));
  }

  #frame(parent, types) {
    const { parents, outOfService = [] } = this.page.known;
    this.dataset.parent = `${parent.kind}:${parent.id}`;
    const tab = (list, label, more) => h("li", {}, h("a", { href: `${pathOf(parent, "")}/${list}`, "data-list": list }, label, more));
    this.ended = h("span", { class: "ended", hidden: true });
    this.tabs = h("ul", {}, tab("exports", this.page.t("page.exports"), this.ended), types.map(({ name, label }) => tab(name, label)));
    this.#showEnded();
    this.classList.toggle("alone", parents.length < 2);
    const wrong = this.#mistakes() ?? (outOfService.length ? h("p", { class: "count" }, this.page.t("catalog.out-of-service", { names: outOfService.map(words).join(this.page.t("text.comma")) })) : "");
    const head = h("div", { class: "head" }, h("h1", {}, h("bdi", {}, parentName(parent))), h("nav", { class: "tabs", "aria-label": this.page.t("page.lists") }, this.tabs), wrong);
    const side = parents.length > 1 ? this.#parents(parent) : h("div", { hidden: true });
    // The contents stay in their place: whatever is taken out of the page begins anew.
    if (!this.main) {
      this.main = h("div", { class: "main" }, head);
      return this.replaceChildren(side, this.main);
    }
    this.firstElementChild.replaceWith(side);
    this.main.firstElementChild.replaceWith(head);
  }

  /** The content of the current entry of the history: a new one, or the one of before. Older ones go in the end. */
  #takeContent() {
    const { key } = this.page.places;
    this.content = this.#contents.get(key) ?? h("div", { class: "content", tabindex: "-1" });
    for (const other of this.#contents.values()) other.hidden = other !== this.content;
    this.#contents.delete(key);
    this.#contents.set(key, this.content);
    if (!this.content.isConnected) this.main.firstElementChild.after(this.content);
    if (this.#contents.size <= KEPT) return;
    const [[oldest, content]] = this.#contents;
    content.remove();
    this.#contents.delete(oldest);
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
    const search = h("input", { type: "search", placeholder: this.page.t("page.find"), "aria-label": this.page.t("page.find-about"), on: { input: find } });
    const list = h("nav", { "aria-label": words(KINDS.map(({ plural }) => plural).join(this.page.t("text.comma"))) }, parents.length > MANY ? search : null, groups);
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

  #exports(parent, types) {
    const { client, go, title } = this.page;
    title(`${this.page.t("page.exports")} · ${parentName(parent)}`);
    if (this.#refuses((name) => NARROWING.includes(name))) return;
    const query = new URLSearchParams(location.search);
    const list = h("waybill-exports", { parent: `${parent.kind}:${parent.id}` });
    for (const name of NARROWING) if (query.get(name)) list.setAttribute(name, query.get(name));
    list.addEventListener("waybill-exports-narrowed", () => {
      const chosen = NARROWING.map((name) => [name, list.getAttribute(name)]).filter(([, value]) => value);
      go(`${location.pathname}${chosen.length ? `?${new URLSearchParams(chosen)}` : ""}`, { replace: true });
    });
    Object.assign(list, { client });
    // Where there are no exports yet, the list leads to the first of what can be exported.
    const [first] = types;
    if (first) list.append(h("a", { slot: "empty", class: "button primary", href: `${pathOf(parent, "")}/${first.name}` }, this.page.t("list.open", { label: first.label })));
    const summary = new Summary(this.page, parent);
    list.addEventListener("waybill-exports-changed", () => summary.refresh());
    this.content.replaceChildren(summary.element, list);
  }

  #records(parent, type) {
    this.page.title(`${type.label} · ${parentName(parent)}`);
    if (this.#refuses((name) => isKnown(name, type))) return;
    const list = Object.assign(document.createElement("waybill-records-list"), { page: this.page, parent, type });
    this.content.replaceChildren(list);
  }

  /** Whether the address has filters that are not known. Then that is shown in place of the list, whose rows would look like the result. */
  #refuses(isKnownName) {
    const { format, say, t } = this.page;
    const query = new URLSearchParams(location.search);
    const unknown = [...new Set(query.keys())].filter((name) => !isKnownName(name));
    if (!unknown.length) return false;
    for (const name of unknown) query.delete(name);
    const rest = h("a", { class: "button primary", href: `${location.pathname}${query.size ? `?${query}` : ""}` }, t("filter.without"));
    const title = t("filter.unknown");
    this.content.replaceChildren(blank(title, t("filter.unknown-text", { names: format.or(unknown) }), rest));
    say(title);
    return true;
  }
}
