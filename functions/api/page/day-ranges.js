// Ranges of days that people often ask for, such as the last 7 days.

import { h } from "./dom.js";
import { addDays, isDay } from "./selection.js";

function today() {
  const now = new Date();
  return new Date(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate())).toISOString().slice(0, 10);
}

/** The ranges, `{name, from, to}`: days in the user's time zone, the last one exclusive, as in the API. */
export function dayRanges() {
  const now = today();
  const tomorrow = addDays(now, 1);
  const [year, month] = [now.slice(0, 4), now.slice(0, 7)];
  const lastMonth = addDays(`${month}-01`, -1).slice(0, 7);
  return [
    { name: "today", from: now, to: tomorrow },
    { name: "last-7", from: addDays(now, -6), to: tomorrow },
    { name: "last-30", from: addDays(now, -29), to: tomorrow },
    { name: "this-month", from: `${month}-01`, to: tomorrow },
    { name: "last-month", from: `${lastMonth}-01`, to: `${month}-01` },
    { name: "this-year", from: `${year}-01-01`, to: tomorrow },
  ];
}

/** How many months can be chosen by their names: two years and the current one. */
const MONTHS = 25;

/** The last months, `{from, to}`, the current one first; `to` is exclusive. */
export function months() {
  const [year, month] = today().split("-").map(Number);
  const begin = (ago) => new Date(Date.UTC(year, month - 1 - ago, 1)).toISOString().slice(0, 10);
  return Array.from({ length: MONTHS }, (_, ago) => ({ from: begin(ago), to: begin(ago - 1) }));
}

/**
 * Two fields for the first and the last day, both inclusive, with a button; calls `take` with `{from, to}`, where `to` is
 * exclusive and both may be missing.
 */
export function dayFields({ from, to }, take, { t }) {
  const first = h("input", { type: "date", name: "from", value: isDay(from) ? from : "" });
  const last = h("input", { type: "date", name: "to", value: isDay(to) ? addDays(to, -1) : "" });
  const submit = (event) => {
    event.preventDefault();
    last.setCustomValidity(first.value && last.value && last.value < first.value ? t("days.reversed") : "");
    if (last.reportValidity()) take({ from: first.value || null, to: last.value ? addDays(last.value, 1) : null });
  };
  // A corrected range is judged anew, since a field with an error keeps its form from being submitted.
  const input = () => last.setCustomValidity("");
  return h(
    "form",
    { class: "stack", on: { submit, input } },
    h("label", {}, h("span", {}, t("days.from")), first),
    h("label", {}, h("span", {}, t("days.to")), last),
    h("button", { class: "button" }, t("days.apply")),
  );
}
