// A field that searches a list: at once with Enter, or after a pause in typing.

import { h, icon } from "./dom.js";

/** The pause, in milliseconds. */
const PAUSE_MS = 500;

/** The field, `{element, input}`; calls `sought` with the text, which is empty for no search. */
export function searchField({ placeholder, label, title }, sought) {
  let timer = null;
  const seek = () => {
    clearTimeout(timer);
    sought(input.value.trim());
  };
  const typed = () => {
    clearTimeout(timer);
    timer = setTimeout(seek, PAUSE_MS);
  };
  const input = h("input", {
    type: "search",
    name: "search",
    part: "search",
    // The API's limit.
    maxlength: 200,
    placeholder,
    "aria-label": label,
    title,
    autocomplete: "off",
    dir: "auto",
    spellcheck: "false",
    on: { input: typed, search: seek },
  });
  const submit = (event) => {
    event.preventDefault();
    seek();
  };
  return { element: h("form", { class: "search", role: "search", on: { submit } }, icon("search"), input), input };
}
