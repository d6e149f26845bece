// The page of one export, the target of a mail's link: state, file, contents, receipt and history.

import { isUnfinished, parentOfExport, pathOf } from "./api.js";
import { errorText } from "./base.js";
import { fullPage, showError, errorPlace, fileName, h, icon, loading, whileBusy } from "./dom.js";
import { card, contents, file, making, moment, request, warnings } from "./export-cards.js";
import { history } from "./export-history.js";
import { progress } from "./export-progress.js";
import { badge, statusText } from "./export-row.js";
import { words } from "./format.js";
import { parentName } from "./parent-view.js";
import { follow } from "./follow.js";
import { atExpiry, poll } from "./poll.js";
import { RateLimit } from "./rate-limit.js";
import { toPairs } from "./selection.js";
import { openModal } from "./toasts.js";

/** The events that end an export. */
const ENDS = new Set(["succeeded", "failed", "canceled"]);

/** What is said of an export above its file. */
function lead(found, { t }) {
  if (found.failure) return found.failure.message;
  const { status, deleted_by: deleter, user } = found;
  if (deleter) return t("detail.deleted", { person: deleter.name ?? deleter.id });
  const coming = isUnfinished(found) && t(user.email ? "detail.mail-comes" : "detail.no-mail-comes");
  return [status !== "failed" && t(`detail.${status}`), coming].filter(Boolean).join(" ");
}

export class ExportDetail extends HTMLElement {
  #life = new AbortController();
  #type = null;
  #found = null;
  #shown = null;

  async connectedCallback() {
    const { page } = this;
    page.title(page.t("detail.title"));
    this.limit = new RateLimit(page.t, page.say, () => this.querySelectorAll("#again"));
    this.replaceChildren(loading(page.t("detail.loading")));
    const catalog = await page.client.catalog().catch(() => ({ types: [] }));
    this.types = catalog.types;
    const { signal } = this.#life;
    const ended = (event) => event.detail.export.id === Number(this.exportId) && event.preventDefault();
    document.addEventListener("waybill-export-ended", ended, { signal });
    page.news.see(Number(this.exportId));
    if ((await this.#read()) !== "done") await poll(() => this.#read(), signal);
    if (this.#found) atExpiry([this.#found], () => this.#read(), signal);
  }

  disconnectedCallback() {
    this.#life.abort();
  }

  async #read() {
    const { page, exportId } = this;
    const { signal } = this.#life;
    try {
      const before = this.#found;
      const found = await page.client.get(`/v1/exports/${exportId}`, signal);
      const events = isUnfinished(found) && before ? this.events : await this.#events(signal);
      // The export has ended between the two answers, which must not contradict each other.
      if (isUnfinished(found) && events.some(({ event }) => ENDS.has(event))) return this.#read();
      this.#show(found, events);
      if (before && before.status !== found.status) page.say(`${found.file_name}: ${statusText(found, page.t)}`);
      if (found.mail === "pending" || isUnfinished(found)) return JSON.stringify(before) === JSON.stringify(found) ? "same" : "changed";
      return "done";
    } catch (error) {
      if (signal.aborted) return "done";
      if (error.status === 404) return this.#notFound();
      if (this.#found) return this.#fail(error), error.isPassing ? "same" : "done";
      const again = h("button", { type: "button", class: "button", on: { click: () => this.connectedCallback() } }, page.t("action.retry"));
      this.replaceChildren(fullPage(page.t("problem.title"), errorText(error, page.t), again));
      return "done";
    }
  }

  async #events(signal) {
    const answer = await this.page.client.get(`/v1/exports/${this.exportId}/events?limit=100`, signal);
    return answer.events;
  }

  #notFound() {
    const other = h("button", { type: "button", class: "button", id: "sign-in", on: { click: () => this.page.signIn() } }, this.page.t("sign-in.as-other"));
    const home = h("a", { class: "button", href: "/" }, this.page.t("page.to-own"));
    this.replaceChildren(fullPage(this.page.t("page.not-found"), this.page.t("detail.not-found"), home, this.page.canSignIn && other));
    this.page.title(this.page.t("page.not-found"));
    return "done";
  }

  #show(found, events) {
    this.#found = found;
    this.events = events;
    const state = JSON.stringify([found, events]);
    if (state === this.#shown) return;
    this.#shown = state;
    const { page } = this;
    const { t } = page;
    this.#type = this.types.find(({ name }) => name === found.type) ?? { name: found.type, label: words(found.type), columns: [] };
    page.title(`${found.file_name} · ${statusText(found, t)}`);
    const focus = this.contains(document.activeElement) && document.activeElement.id;
    const parent = parentOfExport(found);
    const known = page.known.parents.find((one) => one.kind === parent.kind && one.id === parent.id);
    this.problem = errorPlace();
    this.replaceChildren(
      h("p", { class: "back" }, h("a", { href: `${pathOf(parent, "")}/exports` }, icon("chevron"), h("bdi", {}, t("detail.back", { parent: parentName(known ?? parent) })))),
      h(
        "header",
        { class: "detail-head" },
        h("div", {}, h("h1", { id: "title", tabindex: "-1" }, fileName(found.file_name)), h("p", { id: "status" }, badge(found, t), this.#brief(found)), h("p", { id: "message", class: found.status === "failed" ? "lead bad" : "lead" }, lead(found, page))),
        h("div", { class: "actions" }, this.#actions(found)),
      ),
      this.problem,
      this.limit.element,
      isUnfinished(found) ? progress(found, page) : "",
      this.#support(found) ?? "",
      this.#cards(found, events),
    );
    if (focus) (document.getElementById(focus) ?? this.querySelector("h1")).focus();
  }

  #actions(found) {
    const { client, t } = this.page;
    const button = (id, label, act, style = "", picture = null) => {
      const click = ({ currentTarget }) => {
        showError(this.problem, null);
        return whileBusy(currentTarget, () => act().catch((error) => this.#fail(error)));
      };
      return h("button", { type: "button", id, class: `button ${style}`, on: { click } }, picture && icon(picture), label);
    };
    const { may, url } = found;
    // Also where it has ended meanwhile, and cannot be canceled any more.
    const cancel = () => client.cancel(found.id).finally(() => this.#read());
    if (isUnfinished(found)) return may.cancel && button("cancel", t("action.cancel"), cancel);
    // Whoever may not download a file has no use for another one.
    if (!url) return may.download && button("again", t("action.again"), () => this.#again(), "primary");
    return [
      may.delete && button("delete", t("action.delete"), () => this.#delete(found)),
      may.download && button("again", t("action.again"), () => this.#again()),
      may.download && button("download", t("action.download"), () => this.#download(), "primary", "download"),
    ];
  }

  async #download() {
    await this.page.client.download(this.#found);
    // The history now has the download.
    this.#show(this.#found, await this.#events(this.#life.signal));
  }

  /** Asks, and deletes the file if the answer is yes. */
  async #delete(found) {
    const { client, t } = this.page;
    const answer = (id, label, style) => h("button", { id, value: id, class: `button ${style}` }, label);
    const dialog = h(
      "dialog",
      { id: "deleting", class: "dialog", "aria-labelledby": "deleting-title" },
      h("form", { method: "dialog" },
        h("div", { class: "done" },
          h("h2", { id: "deleting-title" }, t("delete.title")),
          h("p", {}, fileName(found.file_name)),
          h("p", {}, t("delete.text"))),
        h("footer", {}, answer("keep", t("delete.keep"), ""), answer("really-delete", t("delete.delete"), "danger"))),
    );
    // Not in this element, whose contents change while the export does.
    document.body.append(dialog);
    this.#life.signal.addEventListener("abort", () => dialog.close(), { once: true });
    openModal(dialog);
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    dialog.remove();
    if (dialog.returnValue !== "really-delete") return;
    await client.deleteFile(found.id);
    await this.#read();
  }

  async #again() {
    const { client, go } = this.page;
    const created = await client.again(this.#found);
    follow(created, this.page);
    go(`/exports/${created.id}`);
  }

  #fail(error) {
    if (!this.limit.isIn(error)) showError(this.problem, errorText(error, this.page.t));
  }

  /** The file at a glance. */
  #brief(found) {
    const { t, format } = this.page;
    if (found.rows === null) return null;
    const size = h("span", { title: t("file.bytes", { count: found.size }) }, format.size(found.size));
    const until = found.url && ` · ${t("export.until", { time: format.time(found.expires_at) })}`;
    return h("span", { class: "quiet" }, t("list.row-count", { count: found.rows }), " · ", size, until);
  }

  #support(found) {
    const address = this.page.support;
    const isUntold = found.user.email && (found.mail === "failed" || found.mail === "refused");
    if (!address || (found.status !== "failed" && !isUntold)) return null;
    const subject = encodeURIComponent(this.page.t("detail.subject", { id: String(found.id) }));
    const link = h("a", { href: `mailto:${address}?subject=${subject}` }, address);
    const key = found.status === "failed" ? "detail.support" : "detail.untold";
    return h("p", { class: "lead" }, this.page.t.nodes(key, { address: link, id: String(found.id) }));
  }

  /** The address of the list of the same records; null where the person has no such list. */
  #listOf(found) {
    const parent = parentOfExport(found);
    const isMine = this.page.known.parents.some(({ kind, id }) => kind === parent.kind && id === parent.id);
    if (!isMine || !this.types.includes(this.#type)) return null;
    const pairs = toPairs({ filters: found.filters ?? {}, search: found.search, time_zone: found.time_zone });
    return `${pathOf(parent, "")}/${found.type}${pairs.length ? `?${new URLSearchParams(pairs)}` : ""}`;
  }

  #cards(found, events) {
    const { page } = this;
    const folded = this.querySelector("#making:not([open])") || !this.querySelector("#making");
    const made = making(found, page);
    made?.toggleAttribute("open", !folded);
    const past = card(page.t("history.title"), "history", history(events, page, (instant) => moment(instant, page)));
    const first = [found.rows === null ? null : file(found, events, page), warnings(found, this.#type, page)];
    return h("div", { class: "cards" }, h("div", {}, first, contents(found, this.#type, page, this.#listOf(found)), made), h("div", {}, request(found, page), past));
  }
}
