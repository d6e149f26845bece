// The dialog that requests an export: contents, format, columns, and then the confirmation.

import { isUnfinished } from "./api.js";
import { errorText } from "./base.js";
import { ColumnChoice } from "./column-choice.js";
import { announce, showError, errorPlace, h, icon } from "./dom.js";
import { progress } from "./export-progress.js";
import { countOf, earlierFiles, estimate } from "./expectation.js";
import { remember, remembered } from "./memory.js";
import { RateLimit } from "./rate-limit.js";
import { describe } from "./selection.js";
import { openModal } from "./toasts.js";

export class ExportDialog {
  #host;
  /** The export that was requested, even if the button is removed. */
  #parent;
  #type;
  #selection;
  // One Idempotency-Key for the dialog, so that a repeated click after a lost answer requests no second export; a new
  // one when the request changes.
  #key = null;
  /** The number of records, `{value, exact}`; null while it is not known. */
  #count;
  #earlier = [];
  #isOver = false;

  /** For `host`, the button with `parent`; `count` is the number of records, if the list knows it. */
  constructor(host, type, selection, count) {
    this.#host = host;
    this.#parent = host.parent;
    this.#type = type;
    this.#selection = selection;
    this.#count = count;
    const { t } = host;
    const title = h("h2", { id: "title" }, t("export.title", { label: host.format.within(type.label) }));
    this.live = h("p", { class: "unseen", role: "status" });
    this.dialog = h("dialog", { class: "dialog", part: "dialog", "aria-labelledby": "title" });
    this.close = h(
      "button",
      { type: "button", class: "button plain round", "aria-label": t("action.close"), on: { click: () => this.dialog.close() } },
      icon("close"),
    );
    this.dialog.append(h("header", {}, title, this.close), this.#form(), this.live);
    this.dialog.addEventListener("close", () => this.dialog.remove());
    // A click beside the dialog is on its backdrop, whose target is the dialog element.
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
  }

  show() {
    this.#host.shadowRoot.append(this.dialog);
    openModal(this.dialog);
    this.start.focus();
    this.limit.resume();
    this.#expect();
  }

  /** Asks how many records there are, and what earlier files were like. */
  async #expect() {
    const { client } = this.#host;
    const [count, earlier] = await Promise.all([
      this.#count?.exact ? this.#count : countOf(client, this.#parent, this.#type, this.#selection),
      earlierFiles(client, this.#parent, this.#type),
    ]);
    [this.#count, this.#earlier] = [count ?? this.#count, earlier];
    this.#showExpected();
  }

  #showExpected() {
    const { t, format } = this.#host;
    const count = this.#count;
    const isNothing = count?.exact && count.value === 0;
    this.start.hidden = Boolean(isNothing);
    if (isNothing) return (this.expected.textContent = t("export.nothing"));
    const number = count && t(count.exact ? "what.count" : "what.at-least", { count: count.value });
    const file = count?.exact ? estimate(this.#earlier, new FormData(this.form).get("format"), count.value, this.columns.count) : null;
    const about = file && t("export.estimate", { size: format.size(file.size), time: format.seconds(Math.ceil(file.seconds)) });
    this.expected.textContent = [number, about ?? t("export.all")].filter(Boolean).join(" ");
  }

  #form() {
    const { t, format } = this.#host;
    this.expected = h("span", { class: "quiet", role: "status" });
    const before = remembered(this.#type.name);
    const choice = (name, options) =>
      h(
        "fieldset",
        { class: "choice" },
        h("legend", {}, t(`export.${name}`)),
        options.map((value, n) =>
          h(
            "label",
            {},
            h("input", { type: "radio", name, value, checked: options.includes(before[name]) ? value === before[name] : n === 0 }),
            h("span", {}, h("strong", {}, t(`export.${name}-${value}`)), h("small", {}, t(`export.${name}-${value}-about`))),
          ),
        ),
      );
    this.columns = new ColumnChoice(this.#host, this.#type.columns, before.columns, this.live);
    this.start = h("button", { type: "submit", class: "button primary", part: "button" }, t("export.start"));
    this.problem = errorPlace();
    this.limit = new RateLimit(t, (text) => announce(this.live, text), () => [this.start]);
    this.form = h(
      "form",
      { method: "dialog", on: { submit: (event) => this.#submit(event), change: () => this.#changed() } },
      h(
        "div",
        { class: "scroll" },
        h(
          "p",
          { class: "what" },
          h("bdi", {}, describe(this.#selection, this.#type, { t, format })),
          this.expected,
        ),
        choice("format", this.#type.formats),
        choice("profile", ["spreadsheet", "data"]),
        this.columns.element,
      ),
      h("footer", {}, this.problem, this.limit.element, this.start),
    );
    this.#changed();
    return this.form;
  }

  #changed() {
    this.#key = null;
    // What was wrong with the request may be right by now.
    showError(this.problem, null);
    const isCsv = new FormData(this.form).get("format") === "csv";
    // A workbook's cells have types, so no guard against formulas is needed.
    for (const input of this.form.elements.profile) input.disabled = !isCsv;
    this.form.elements.profile[0].closest("fieldset").hidden = !isCsv;
    this.#showExpected();
  }

  async #submit(event) {
    event.preventDefault();
    const host = this.#host;
    const { t } = host;
    const columns = this.columns.chosen();
    if (columns?.length === 0) return showError(this.problem, t("export.columns-needed"));
    const data = new FormData(this.form);
    const { filters, search, time_zone } = this.#selection;
    const request = { type: this.#type.name, format: data.get("format"), filters, search, columns, time_zone };
    request.profile = data.get("profile") ?? "spreadsheet";
    showError(this.problem, null);
    this.start.disabled = true;
    this.start.textContent = t("export.starting");
    try {
      this.#key ??= crypto.randomUUID();
      const created = await host.client.create(this.#parent, request, this.#key);
      remember(this.#type.name, { format: request.format, profile: request.profile, columns });
      this.#onItsWay(created);
      host.created(created, (now) => this.#show(now));
    } catch (error) {
      this.start.disabled = false;
      if (this.limit.isIn(error)) return;
      const wrong = error.errors?.map(({ field, message }) => `${field}: ${message}`).join(t("text.semicolon"));
      showError(this.problem, error.errors?.length > 1 ? wrong : errorText(error, t));
    } finally {
      this.start.textContent = t("export.start");
    }
  }

  #onItsWay(created) {
    const { t, client } = this.#host;
    const { email } = created.user;
    this.title = h("h3", {}, t("export.on-its-way"));
    this.text = h("p", {}, email ? t("export.mail-to", { email }) : t("export.no-mail"));
    const open = h("a", { class: "button", part: "link", href: client.pageOf(created.id) }, t("action.open"));
    open.addEventListener("click", () => this.dialog.close());
    this.done = h("button", { type: "submit", class: "button primary", part: "button" }, t("action.close"));
    this.cancel = h("button", { type: "button", class: "button plain cancel", part: "button", on: { click: () => this.#cancel(created) } }, t("action.cancel-export"));
    if (!created.may.cancel) this.#hideCancel();
    this.mark = h("div", { class: "mark going" }, icon("table"));
    // A place of its own, so that no button comes under a pointer that is about to press another.
    this.place = h("div", { class: "outcome" }, progress(created, this.#host));
    const form = h("form", { method: "dialog" }, h("div", { class: "done" }, this.mark, this.title, this.text, this.place));
    form.append(h("footer", {}, this.cancel, open, this.done));
    this.form.replaceWith(form);
    this.done.focus();
    this.#announce();
  }

  /** It keeps its room, so that the buttons beside it stay where they are. */
  #hideCancel() {
    this.cancel.style.visibility = "hidden";
  }

  async #cancel({ id }) {
    const { t, client } = this.#host;
    this.cancel.disabled = true;
    try {
      this.#show(await client.cancel(id));
    } catch (error) {
      this.cancel.disabled = false;
      // Where it has just ended, that is shown as soon as it is known.
      if (error.status === 409) return;
      this.text.textContent = errorText(error, t);
      announce(this.live, this.text.textContent);
    }
  }

  /** Shows how far the export is, or how it ended. Returns whether the dialog is still open. */
  #show(found) {
    if (!this.dialog.isConnected) return false;
    // An answer from before the end may come after it.
    if (this.#isOver) return true;
    if (isUnfinished(found)) this.place.replaceChildren(progress(found, this.#host));
    else this.#end(found);
    return true;
  }

  #end(found) {
    const { t } = this.#host;
    this.#isOver = true;
    // As high as it is, so that the buttons stay where they are; in a window of another size, as high as it needs.
    this.dialog.style.blockSize = `${this.dialog.getBoundingClientRect().height}px`;
    addEventListener("resize", () => (this.dialog.style.blockSize = ""), { once: true });
    const { status, failure, file_name: file } = found;
    const isReady = status === "succeeded";
    this.title.textContent = t(`toast.${status}`);
    this.text.textContent = isReady ? t("export.ready-text", { count: found.rows, file }) : (failure?.message ?? file);
    this.mark.replaceChildren(icon({ succeeded: "check", canceled: "close" }[status] ?? "warning"));
    this.mark.className = `mark ${{ succeeded: "good", canceled: "going" }[status] ?? "bad"}`;
    const download = isReady && this.#download(found);
    this.place.replaceChildren(download || "");
    if (download) this.done.classList.remove("primary");
    this.#focus(download || this.done);
    this.#hideCancel();
    this.#announce();
  }

  #download(found) {
    const { t, client } = this.#host;
    const click = () => client.download(found).catch((error) => (this.text.textContent = errorText(error, t)));
    return h("button", { type: "button", class: "button primary", part: "button", on: { click } }, icon("download"), t("action.download"));
  }

  /** Moves the focus to a button, unless the person has moved it to something else than what it was put on or is going. */
  #focus(button) {
    const { activeElement: now } = this.#host.shadowRoot;
    if ([null, this.dialog, this.done, this.cancel].includes(now)) button.focus();
  }

  #announce() {
    announce(this.live, `${this.title.textContent}. ${this.text.textContent}`);
  }
}
