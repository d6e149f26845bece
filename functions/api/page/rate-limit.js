// Past the limit of exports a minute: how long to wait, counted down, while nothing that asks for one can be pressed.

import { h } from "./dom.js";

const LOOK_MS = 250;

export class RateLimit {
  #t;
  #say;
  #buttons;
  #timer = null;

  /** `say` tells those who listen; `buttons` gives those that ask for an export, whichever there are by then. */
  constructor(t, say, buttons) {
    this.#t = t;
    this.#say = say;
    this.#buttons = buttons;
    // No live region: the wait is said once, and not at every second.
    this.element = h("p", { class: "wait", hidden: true });
  }

  /** Whether it was the limit that refused an export; if so, the wait begins. */
  isIn({ status, retryAfter }) {
    // A gateway that is busy answers 429 as well, and does not say for how long.
    const isOver = status === 429 && retryAfter !== null;
    if (isOver) this.#wait(retryAfter);
    return isOver;
  }

  #wait(seconds) {
    const until = Date.now() + seconds * 1000;
    this.#say(this.#t("export.wait", { count: seconds }));
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(until), LOOK_MS);
    this.#look(until);
  }

  #look(until) {
    // Its view may have gone meanwhile.
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
