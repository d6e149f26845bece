// Short messages at the edge of the window, above everything: what has happened, and what can be done about it.

import { sheet } from "./base.js";
import { h, icon } from "./dom.js";

/** How many are shown; older ones go. */
const MOST = 3;

class Toasts extends HTMLElement {
  constructor() {
    super();
    this.list = h("div", { class: "toasts", role: "status", "aria-live": "polite", "aria-relevant": "additions" });
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(this.list);
    this.popover = "manual";
  }

  add(message) {
    this.list.append(message);
    while (this.list.childElementCount > MOST) this.list.firstElementChild.remove();
    this.show();
  }

  /** Shows the messages above everything, or nothing of them behind a modal dialog, where they could not be pressed. */
  show() {
    if (this.matches(":popover-open")) this.hidePopover();
    const isBehind = [...dialogs].some(({ open, isConnected }) => open && isConnected);
    if (this.list.childElementCount && !isBehind) this.showPopover();
  }

  remove(message) {
    const isFocused = message.contains(this.shadowRoot.activeElement);
    const next = message.nextElementSibling ?? message.previousElementSibling;
    message.remove();
    if (!this.list.childElementCount) return this.hidePopover();
    if (isFocused) next.querySelector("button, a").focus();
  }
}

const NAME = "waybill-toasts";
if (!customElements.get(NAME)) customElements.define(NAME, Toasts);
let place = null;
/** The modal dialogs that were opened and not closed. */
const dialogs = new Set();

/** Opens a modal dialog. Messages wait until it is closed. */
export function openModal(dialog) {
  const show = () => place?.isConnected && place.show();
  dialog.showModal();
  dialogs.add(dialog);
  show();
  const closed = () => {
    dialogs.delete(dialog);
    show();
  };
  dialog.addEventListener("close", closed, { once: true });
}

/** Takes away the message with this key, if it is shown: what it says is over. */
export function dismiss(key) {
  const message = place?.isConnected && place.list.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (message) place.remove(message);
}

/**
 * Shows a message, `text` and below it `details`, until it is closed or its action has succeeded. `key` names it: a newer
 * message with the same key takes its place. `act` is what its button `label` does; `href` is where its link leads; `closed` is called when it goes.
 */
export function toast({ key, isGood, title, text, details, label, act, href, closed = () => {} }, { t, errorText }) {
  if (!place?.isConnected) document.body.append((place = new Toasts()));
  place.list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.remove();
  const close = () => {
    place.remove(message);
    closed();
  };
  const said = h("p", {}, text, details && [h("br"), details]);
  const click = async ({ currentTarget }) => {
    currentTarget.disabled = true;
    const error = await act().then(() => null, (error) => error);
    currentTarget.disabled = false;
    if (!error) return close();
    said.textContent = errorText(error, t);
    currentTarget.textContent = t("action.retry");
  };
  const message = h(
    "section",
    { class: `toast ${isGood ? "good" : "bad"}`, "data-key": key, part: "toast" },
    h("span", { class: "mark" }, icon(isGood ? "check" : "warning")),
    h("div", {}, h("strong", {}, title), said),
    h("button", { type: "button", class: "button plain round", "aria-label": t("action.close"), on: { click: close } }, icon("close")),
    h(
      "div",
      { class: "actions" },
      href && h("a", { class: "button small", part: "link", href, on: { click: close } }, t("action.open")),
      act && h("button", { type: "button", class: "button small primary", part: "button", on: { click } }, label),
    ),
  );
  place.add(message);
}
