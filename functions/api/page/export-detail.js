// The page of one export, the target of a mail's link: state, file, contents, receipt and history.

import { isUnfinished, parentOfExport, pathOf, requestOf } from "./api.js";
import { errorText } from "./base.js";
import { fullPage, showError, errorPlace, fileName, h, icon, loading } from "./dom.js";
import { history } from "./export-history.js";
import { badge } from "./export-row.js";
import { words } from "./format.js";
import { parentName } from "./parent-view.js";
import { atExpiry, poll } from "./poll.js";
import { RateLimit } from "./rate-limit.js";
import { describe, narrowings } from "./selection.js";

const SENTENCES = {
  waiting: "The export will begin in a moment.",
  processing: "The file is being created.",
  succeeded: "The file is ready.",
  failed: "",
  canceled: "The export was canceled; there is no file.",
  expired: "The file has expired and was removed. Start the export again for a new one.",
};
/** What becomes of a file that is still to come. */
const coming = ({ user }) =>
  user.email ? "You can leave this page: an email tells you when it is ready." : "You can leave this page: the file will be here when it is ready.";
/** What is said of an export above its file. */
const lead = (found) => found.failure?.message ?? [deleted(found) ?? SENTENCES[found.status], isUnfinished(found) && coming(found)].filter(Boolean).join(" ");
/** What is said of a file that a person has deleted; undefined if nobody has. */
const deleted = ({ deleted_by }) => deleted_by && `${deleted_by.name ?? deleted_by.id} deleted the file. Start the export again for a new one.`;
/** Warnings that count records, not cells. */
const RECORD_WARNINGS = new Set(["undated", "undecided", "blank_row"]);
const WARNINGS = {
  number_as_text: "numbers with more digits than a spreadsheet keeps were written as text",
  time_as_text: "dates and times that a spreadsheet cannot hold, such as before 1900, were written as text",
  characters_dropped: "characters that a spreadsheet cannot hold were left out",
  bytes_replaced: "bytes that are no text were replaced by \ufffd",
  cell_cut: "texts longer than a spreadsheet's cell were cut",
  time_cut: "times finer than a millisecond were cut",
  other_kind: "values that are not of the column's kind were written as they are",
  undecided: "records may or may not belong in the file, because a value could not be interpreted",
  blank_row: "records have none of the file's columns; their rows are empty",
};
/** A record without a time is in the file unless there is a filter on the time. */
const undated = ({ filters }) =>
  `records without a creation time are ${filters?.created_at ? "not " : ""}in the file`;

export class ExportDetail extends HTMLElement {
  #life = new AbortController();
  #type = null;
  #found = null;
  #shown = null;

  async connectedCallback() {
    const { page } = this;
    page.title("Export");
    this.limit = new RateLimit(page.t, page.say, () => this.querySelectorAll("#again"));
    this.replaceChildren(loading("Loading the export…"));
    const catalog = await page.client.catalog().catch(() => ({ types: [] }));
    this.types = catalog.types;
    const { signal } = this.#life;
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
      this.#show(found, events);
      if (before && before.status !== found.status) page.say(`${found.file_name}: ${page.t(`status.${found.status}`)}`);
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
    const other = h("button", { type: "button", class: "button", id: "sign-in", on: { click: () => this.page.signIn() } }, "Sign in as someone else");
    const home = h("a", { class: "button", href: "/" }, "Go to your exports");
    this.replaceChildren(fullPage("Not found", "This export was not found, or you may not see it.", home, this.page.canSignIn && other));
    this.page.title("Not found");
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
    page.title(`${found.file_name} · ${t(`status.${found.status}`)}`);
    const focus = this.contains(document.activeElement) && document.activeElement.id;
    const parent = parentOfExport(found);
    const known = page.known.parents.find((one) => one.kind === parent.kind && one.id === parent.id);
    this.problem = errorPlace();
    this.replaceChildren(
      h("p", { class: "back" }, h("a", { href: `${pathOf(parent, "")}/exports` }, icon("chevron"), h("bdi", {}, `Exports of ${parentName(known ?? parent)}`))),
      h(
        "header",
        { class: "detail-head" },
        h("div", {}, h("h1", { id: "title" }, fileName(found.file_name)), h("span", { id: "status" }, badge(found.status, t))),
        h("div", { class: "actions" }, this.#actions(found)),
      ),
      h("p", { id: "message", class: "lead" }, lead(found)),
      this.problem,
      this.limit.element,
      this.#progress(found) ?? "",
      this.#support(found) ?? "",
      h("div", { class: "cards" }, this.#facts(found), this.#contents(found), this.#warnings(found), this.#receipt(found), this.#history(events)),
    );
    if (focus) (document.getElementById(focus) ?? this.querySelector("h1")).focus();
  }

  #actions(found) {
    const { client, t } = this.page;
    const button = (id, label, act, style = "", picture = null) => {
      const click = async ({ currentTarget }) => {
        currentTarget.disabled = true;
        showError(this.problem, null);
        const error = await act().then(() => null, (error) => error);
        currentTarget.disabled = false;
        if (error) this.#fail(error);
      };
      return h("button", { type: "button", id, class: `button ${style}`, on: { click } }, picture && icon(picture), label);
    };
    const { may, url } = found;
    const cancel = () => client.cancel(found.id).then(() => this.#read());
    if (isUnfinished(found)) return may.cancel && button("cancel", t("action.cancel"), cancel);
    // Whoever may not download a file has no use for another one.
    if (!url) return may.download && button("again", t("action.again"), () => this.#again(), "primary");
    return [
      may.delete && button("delete", t("action.delete"), () => this.#delete(found)),
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
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    dialog.remove();
    if (dialog.returnValue !== "really-delete") return;
    await client.deleteFile(found.id);
    await this.#read();
  }

  async #again() {
    const { client, go } = this.page;
    const created = await client.create(parentOfExport(this.#found), requestOf(this.#found), crypto.randomUUID());
    go(`/exports/${created.id}`);
  }

  #fail(error) {
    if (!this.limit.isIn(error)) showError(this.problem, errorText(error, this.page.t));
  }

  #progress(found) {
    if (!isUnfinished(found)) return null;
    const { t } = this.page;
    const rows = found.progress?.rows;
    return h(
      "div",
      { class: "progress" },
      h("progress", { id: "progress", "aria-label": t(`status.${found.status}`) }),
      rows ? h("span", { class: "quiet" }, `${this.page.format.count(rows)} rows so far`) : null,
    );
  }

  #support(found) {
    const address = this.page.support;
    const isUntold = found.user.email && (found.mail === "failed" || found.mail === "refused");
    if (!address || (found.status !== "failed" && !isUntold)) return null;
    const subject = encodeURIComponent(`Export ${found.id}`);
    const link = h("a", { href: `mailto:${address}?subject=${subject}` }, address);
    return h("p", { class: "lead" }, "If it happens again, write to ", link, ` and name the export ${found.id}.`);
  }

  #card(title, id, ...content) {
    return h("section", { id, class: "card" }, h("h2", {}, title), content);
  }

  #list(facts) {
    const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return h("dl", {}, shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  #time(instant) {
    const { format } = this.page;
    return instant && h("time", { datetime: instant, title: instant }, format.instant(instant));
  }

  #facts(found) {
    const { format } = this.page;
    const undelivered = !found.user.email ? "There is no address to send one to." : found.url ? "It could not be delivered; the file is here." : "It could not be delivered.";
    const refused = found.url ? "It was sent, but not accepted; the file is here." : "It was sent, but not accepted.";
    const mail = { failed: undelivered, pending: "On its way", refused, sent: "Sent" }[found.mail];
    return this.#card("The export", "export", this.#list([
      ["What", `${this.#type.label}, as ${this.page.t(`export.format-${found.format}`)}`],
      ["Requested by", h("bdi", {}, found.user.name ?? found.user.email ?? found.user.id)],
      ["Requested", this.#time(found.created_at)],
      ["Completed", this.#time(found.completed_at)],
      [found.deleted_by ? "Deleted" : found.status === "expired" ? "Expired" : "Available until", this.#time(found.expires_at)],
      ["Rows", found.rows === null ? null : format.count(found.rows)],
      ["Size", found.size === null ? null : h("span", { title: `${format.count(found.size)} bytes` }, format.size(found.size))],
      ["Email", mail],
    ]));
  }

  #contents(found) {
    const { t, format } = this.page;
    const filters = narrowings(found, this.#type, { t, format });
    const chips = (texts) => h("ul", { class: "chips" }, texts.map((text) => h("li", { class: "tag" }, h("bdi", {}, text))));
    return this.#card("What is in it", "contents",
      filters.length ? chips(filters) : h("p", {}, describe(found, this.#type, { t, format })),
      this.#list([
        ["For", found.format === "csv" ? t(`export.profile-${found.profile}`) : null],
        ["Times in", found.time_zone],
      ]),
      h("details", { class: "more-options" },
        h("summary", {}, icon("chevron"), h("span", {}, t("export.columns")), h("span", { class: "quiet" }, format.count(found.columns.length))),
        chips(found.columns)),
    );
  }

  #warnings(found) {
    if (!found.warnings.length) return null;
    const { format } = this.page;
    const texts = found.warnings.map(({ code, column, attribute, count, example }) => {
      // A file with very many warnings has their sums at the end.
      const about = column ?? attribute ?? (RECORD_WARNINGS.has(code) ? null : "Other columns");
      const what = code === "undated" ? undated(found) : WARNINGS[code] ?? code;
      return h("li", {},
        about ? h("bdi", {}, about) : null,
        `${about ? ": " : ""}${format.count(count)} ${what}`,
        example ? h("span", { class: "quiet" }, ", such as ", h("bdi", {}, example)) : null);
    });
    return this.#card("Worth knowing", "warnings", h("ul", {}, texts));
  }

  #receipt(found) {
    const { receipt } = found;
    if (!receipt) return null;
    const { format } = this.page;
    return this.#card("Receipt", "receipt", this.#list([
      ["Records read", format.count(receipt.read)],
      ["Matched", format.count(receipt.matched)],
      ["Rows written", format.count(receipt.written)],
      ["As of", this.#time(receipt.as_of)],
      ["Consistency", receipt.consistency],
      ["Created in", format.seconds(receipt.seconds)],
      ["Attempts", format.count(receipt.attempts)],
      ["Estimated cost", format.money(receipt.estimated_cost_usd)],
      ["SHA-256", h("code", {}, receipt.sha256)],
    ]));
  }

  #history(events) {
    return this.#card("History", "history", history(events, this.page, (instant) => this.#time(instant)));
  }
}
