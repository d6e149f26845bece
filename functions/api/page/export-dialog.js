// The dialog that requests an export: contents, format, columns, and then the confirmation.

import { errorText } from "./base.js";
import { ColumnChoice } from "./column-choice.js";
import { announce, showError, errorPlace, h, icon } from "./dom.js";
import { RateLimit } from "./rate-limit.js";
import { describe } from "./selection.js";

export class ExportDialog {
  #host;
  /** The export that was requested, even if the button is removed. */
  #parent;
  #type;
  #selection;
  // One Idempotency-Key for the dialog, so that a repeated click after a lost answer requests no second export; a new
  // one when the request changes.
  #key = null;

  /** For `host`, the button with `parent`; `count` is the number of records, if the list knows it. */
  constructor(host, type, selection, count) {
    this.#host = host;
    this.#parent = host.parent;
    this.#type = type;
    this.#selection = selection;
    const { t } = host;
    const title = h("h2", { id: "title" }, t("export.title", { label: host.format.within(type.label) }));
    this.live = h("p", { class: "unseen", role: "status" });
    this.dialog = h("dialog", { class: "dialog", part: "dialog", "aria-labelledby": "title" });
    this.close = h(
      "button",
      { type: "button", class: "button plain round", "aria-label": t("action.close"), on: { click: () => this.dialog.close() } },
      icon("close"),
    );
    this.dialog.append(h("header", {}, title, this.close), this.#form(count), this.live);
    this.dialog.addEventListener("close", () => this.dialog.remove());
    // A click beside the dialog is on its backdrop, whose target is the dialog element.
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
  }

  show() {
    this.#host.shadowRoot.append(this.dialog);
    this.dialog.showModal();
    this.start.focus();
  }

  #form(count) {
    const { t, format } = this.#host;
    const number = count && t(count.exact ? "what.count" : "what.at-least", { count: count.value });
    const choice = (name, options) =>
      h(
        "fieldset",
        { class: "choice" },
        h("legend", {}, t(`export.${name}`)),
        options.map((value, n) =>
          h(
            "label",
            {},
            h("input", { type: "radio", name, value, checked: n === 0 }),
            h("span", {}, h("strong", {}, t(`export.${name}-${value}`)), h("small", {}, t(`export.${name}-${value}-about`))),
          ),
        ),
      );
    this.columns = new ColumnChoice(this.#host, this.#type.columns, this.live);
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
          h("span", { class: "quiet" }, [number, t("export.all")].filter(Boolean).join(" ")),
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
    const isCsv = new FormData(this.form).get("format") === "csv";
    // A workbook's cells have types, so no guard against formulas is needed.
    for (const input of this.form.elements.profile) input.disabled = !isCsv;
    this.form.elements.profile[0].closest("fieldset").hidden = !isCsv;
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
      host.created(created, (now) => this.#ended(now));
      this.#onItsWay(created);
    } catch (error) {
      this.start.disabled = false;
      if (this.limit.isIn(error)) return;
      const wrong = error.errors?.map(({ field, message }) => `${field}: ${message}`).join("; ");
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
    const done = h("button", { type: "submit", class: "button primary", part: "button" }, t("action.close"));
    this.mark = h("div", { class: "mark going" }, icon("table"));
    const form = h("form", { method: "dialog" }, h("div", { class: "done" }, this.mark, this.title, this.text));
    form.append(h("footer", {}, open, done));
    this.form.replaceWith(form);
    done.focus();
    announce(this.live, `${this.title.textContent}. ${this.text.textContent}`);
  }

  #ended(found) {
    if (!this.dialog.isConnected) return;
    const { t } = this.#host;
    const isReady = found.status === "succeeded";
    this.title.textContent = t(isReady ? "export.ready" : "export.failed");
    const failure = found.failure?.message ?? t(`status.${found.status}`);
    this.text.textContent = isReady ? t("export.ready-text", { count: found.rows, file: found.file_name }) : failure;
    this.mark.replaceChildren(icon(isReady ? "check" : "warning"));
    this.mark.className = `mark ${isReady ? "good" : "bad"}`;
    if (isReady) {
      const download = () => this.#host.client.download(found).catch((error) => (this.text.textContent = errorText(error, t)));
      const button = h("button", { type: "button", class: "button primary", part: "button", on: { click: download } });
      button.append(icon("download"), t("action.download"));
      this.dialog.querySelector("footer .primary").replaceWith(button);
      button.focus();
    }
    announce(this.live, `${this.title.textContent}. ${this.text.textContent}`);
  }
}
