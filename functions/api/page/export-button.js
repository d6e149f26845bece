// <waybill-export-button type="orders" parent="project:42">: requests an export of a list's selection.

import { Element, errorText } from "./base.js";
import { showError, errorPlace, h, icon, whileBusy } from "./dom.js";
import { ExportDialog } from "./export-dialog.js";
import { follow } from "./follow.js";
import { ZONE } from "./format.js";
import { openModal } from "./toasts.js";

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
    // A framework may move the element while its dialog is open, which takes the dialog out of the top layer.
    const dialog = this.shadowRoot.querySelector("dialog[open]");
    this.shadowRoot.replaceChildren(this.button, this.problem, this.live);
    if (!dialog) return;
    dialog.removeAttribute("open");
    this.shadowRoot.append(dialog);
    openModal(dialog);
  }

  /** Opens the dialog; a host can call this from its own menu. */
  async open() {
    showError(this.problem, null);
    await whileBusy(this.button, async () => {
      const name = this.getAttribute("type");
      const type = await this.client.typeOf(this.parent, name);
      if (!type) throw new Error(this.t("problem.not-found"));
      const { filters, search, count, timeZone: time_zone } = this;
      const dialog = new ExportDialog(this, type, { filters: filters ?? {}, search: search || null, time_zone }, count);
      dialog.show();
    });
  }

  /** Called by the dialog with the new export; `changed` gets its later states, and returns whether it shows them. */
  created(found, changed) {
    this.tell("waybill-export-created", found);
    follow(found, this, (now) => {
      if (now.status === "succeeded") this.tell("waybill-export-ready", now);
      return changed(now);
    });
  }

  #fail(error) {
    if (this.signal.aborted) return;
    showError(this.problem, errorText(error, this.t));
  }
}
