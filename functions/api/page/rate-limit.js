// The countdown after the rate limit was reached, during which buttons that request an export are disabled.

import { h } from "./dom.js";

const LOOK_MS = 250;
/** When the next export can be requested, in milliseconds since 1970: also after the dialog was closed. */
let until = 0;

export class RateLimit {
  #t;
  #say;
  #buttons;
  #timer = null;

  /** `say` announces a text; `buttons` returns the current buttons that request an export. */
  constructor(t, say, buttons) {
    this.#t = t;
    this.#say = say;
    this.#buttons = buttons;
    // Not a live region, so that the wait is announced only once.
    this.element = h("p", { class: "wait", hidden: true });
  }

  /** Returns whether the rate limit refused an export; if so, starts the countdown. */
  isIn({ status, retryAfter }) {
    // A throttled gateway also answers 429, but without `Retry-After`.
    const isOver = status === 429 && retryAfter !== null;
    if (isOver) this.#wait(retryAfter);
    return isOver;
  }

  /** Goes on with a countdown that has not ended, such as that of a dialog that was closed. */
  resume() {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    if (seconds > 0) this.#wait(seconds);
  }

  #wait(seconds) {
    until = Date.now() + seconds * 1000;
    this.#say(this.#t("export.wait", { count: seconds }));
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  #look() {
    // The view may have been removed meanwhile.
    if (!this.element.isConnected) return clearInterval(this.#timer);
    const left = Math.ceil((until - Date.now()) / 1000);
    const isWaiting = left > 0;
    for (const button of this.#buttons()) button.disabled = isWaiting;
    this.element.hidden = !isWaiting;
    if (isWaiting) return void (this.element.textContent = this.#t("export.wait", { count: left }));
    clearInterval(this.#timer);
    this.#say(this.#t("export.wait-over"));
  }
}
