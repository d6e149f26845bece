// Builds DOM elements. Data from outside becomes text or attribute values, never markup.

/** Creates an element with properties and children (elements or text); null and false are skipped. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Creates an SVG element. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const ICONS = {
  again: "M13 8A5 5 0 118 3h4M10 .8L12.3 3 10 5.2",
  check: "M3 8.5l3.2 3.2L13 5",
  chevron: "M4 6l4 4 4-4",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M8 3.5v9M4.5 9L8 12.5 11.5 9",
  download: "M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.5h10",
  grip: "M4 5.5h8M4 10.5h8",
  search: "M7 12A5 5 0 107 2a5 5 0 000 10zM10.6 10.6L14 14",
  table: "M2.5 3h11v10h-11zM2.5 6.5h11M6.5 6.5V13",
  up: "M8 12.5v-9M4.5 7L8 3.5 11.5 7",
  warning: "M8 2.5L14 13H2zM8 6.5v3M8 11.4v.1",
};

/** An icon beside a text with the same meaning. */
export const icon = (name) =>
  svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

/** A file name whose time and extension stay together at the end, in any script. */
export function fileName(name) {
  const [, what, rest] = /^(.+)-(\d{8}T\d{6}Z\.\w+)$/.exec(name) ?? [null, name];
  return h("span", { dir: "ltr" }, h("bdi", {}, what), rest && ["-", h("wbr"), h("bdi", { dir: "ltr" }, rest)]);
}

/** A message in place of a view: title, text and actions. */
export const blank = (title, text, ...actions) => stateMessage("h2", title, text, actions);

/** The same as the only content of the page. */
export const fullPage = (title, text, ...actions) => stateMessage("h1", title, text, actions);

const stateMessage = (heading, title, text, actions) =>
  h("div", { class: "blank" }, h(heading, {}, title), h("p", {}, text), h("div", { class: "actions" }, actions));

/** Placeholders with about the height of rows, so that the layout does not jump. */
export const loading = (label, rows = 6) =>
  h(
    "div",
    { class: "loading", role: "status" },
    h("span", { class: "unseen" }, label),
    Array.from({ length: rows }, () => h("div", { class: "line", "aria-hidden": "true" })),
  );

/** The place for an error message. */
export const errorPlace = () => h("p", { class: "problem", role: "alert", hidden: true });

/** Shows an error message in such a place, or clears it. */
export function showError(place, text) {
  place.replaceChildren(icon("warning"), h("span", {}, text || ""));
  place.hidden = !text;
}

/** Waits for `act`, and ignores further clicks meanwhile. The button is not disabled, since it would lose the focus. */
export async function whileBusy(button, act) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await act();
  } finally {
    button.setAttribute("aria-disabled", "false");
  }
}

/** Announces `text` to screen readers in the live region `region`. */
export function announce(region, text) {
  // A repeated text would be no change and would not be announced.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
}
