// <waybill-export-button type="orders" parent="project:42">: requests an export of a list's selection.

import { isUnfinished } from "./api.js";
import { Element, errorText } from "./base.js";
import { showError, errorPlace, h, icon } from "./dom.js";
import { ExportDialog } from "./export-dialog.js";
import { ZONE } from "./format.js";
import { poll } from "./poll.js";

export class ExportButton extends Element {
  /** The filters of the list, in the form of the API's requests. */
  filters = {};
  /** The search text of the list. */
  search = null;
  /** The IANA name of the time zone in which the filters' days begin. */
  timeZone = ZONE;
  /** The number of records, as far as the list knows it: `{value, exact}`. */
  count = null;

  static properties = [...Element.properties, "filters", "search", "timeZone", "count"];
  static observedAttributes = ["api", "locale"];

  start() {
    const open = () => this.open().catch((error) => this.#fail(error));
    this.button = h(
      "button",
      { type: "button", class: "button primary", part: "button", "aria-haspopup": "dialog", on: { click: open } },
      icon("download"),
      this.t("export.button"),
    );
    this.problem = errorPlace();
    this.shadowRoot.replaceChildren(this.button, this.problem, this.live);
  }

  /** Opens the dialog; a host can call this from its own menu. */
  async open() {
    showError(this.problem, null);
    this.button.disabled = true;
    try {
      const name = this.getAttribute("type");
      const type = await this.client.typeOf(this.parent, name);
      if (!type) throw new Error(this.t("problem.not-found"));
      const { filters, search, count, timeZone: time_zone } = this;
      const dialog = new ExportDialog(this, type, { filters: filters ?? {}, search: search || null, time_zone }, count);
      dialog.show();
    } finally {
      this.button.disabled = false;
    }
  }

  /** Called by the dialog with the new export, which is polled until it has ended, even if the dialog is closed. */
  created(found, changed) {
    this.tell("waybill-export-created", found);
    poll(async () => {
      try {
        const now = await this.client.get(`/v1/exports/${found.id}`, this.signal);
        if (isUnfinished(now)) return "same";
        if (now.status === "succeeded") this.tell("waybill-export-ready", now);
        changed(now);
        return "done";
      } catch (error) {
        return error.isPassing ? "same" : "done";
      }
    }, this.signal);
  }

  #fail(error) {
    if (this.signal.aborted) return;
    showError(this.problem, errorText(error, this.t));
  }
}
