// The cards of an export's page: its file, what is in it, what is worth knowing, and how it was made.

import { h, icon } from "./dom.js";
import { describe, narrowings } from "./selection.js";

/** Warnings that count records, not cells. */
const RECORD_WARNINGS = new Set(["undated", "undecided", "blank_row"]);
const WARNINGS = {
  number_as_text: "numbers with more digits than a spreadsheet keeps were written as text",
  time_as_text: "dates and times that a spreadsheet cannot hold, such as before 1900, were written as text",
  characters_dropped: "characters that a spreadsheet cannot hold were left out",
  bytes_replaced: "bytes that are no text were replaced by \ufffd",
  cell_cut: "texts longer than a spreadsheet's cell were cut",
  time_cut: "times finer than a millisecond were cut",
  other_kind: "values that are not of the column's kind were written as they are",
  undecided: "records may or may not belong in the file, because a value could not be interpreted",
  blank_row: "records have none of the file's columns; their rows are empty",
};
/** A record without a time is in the file unless there is a filter on the time. */
const undated = ({ filters }) => `records without a creation time are ${filters?.created_at ? "not " : ""}in the file`;

export const card = (title, id, ...content) => h("section", { id, class: "card" }, h("h2", {}, title), content);

/** An instant to the second. */
export const moment = (instant, { format }) => instant && h("time", { datetime: instant, title: instant }, format.instant(instant));

function list(facts) {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", {}, shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** The file: how large it is, until when it is there, and its digest. */
export function file(found, type, page) {
  const { t, format } = page;
  const size = found.size === null ? null : h("span", { title: `${format.count(found.size)} bytes` }, format.size(found.size));
  return card("The file", "file", list([
    ["Rows", found.rows === null ? null : format.count(found.rows)],
    ["Size", size],
    [found.deleted_by ? "Deleted" : found.status === "expired" ? "Expired" : "Available until", moment(found.expires_at, page)],
    ["Format", t(`export.format-${found.format}`)],
    ["For", found.format === "csv" ? t(`export.profile-${found.profile}`) : null],
    ["SHA-256", found.receipt && digest(found.receipt.sha256, page)],
  ]));
}

function digest(sha256, { t, say }) {
  const copy = async ({ currentTarget }) => {
    await navigator.clipboard.writeText(sha256);
    say(t("action.copied"));
    currentTarget.replaceChildren(icon("check"), t("action.copied"));
  };
  const label = t("action.copy-digest");
  return h("div", { class: "digest" }, h("code", {}, sha256), h("button", { type: "button", id: "copy", class: "button small", title: label, on: { click: copy } }, t("action.copy")));
}

/** What narrowed the export, and its columns. */
export function contents(found, type, { t, format }) {
  const filters = narrowings(found, type, { t, format });
  const chips = (texts) => h("ul", { class: "chips" }, texts.map((text) => h("li", { class: "tag" }, h("bdi", {}, text))));
  return card("What is in it", "contents",
    h("p", { class: "quiet" }, type.label),
    filters.length ? chips(filters) : h("p", {}, describe(found, type, { t, format })),
    list([["Times in", found.time_zone]]),
    h("details", { class: "more-options" },
      h("summary", {}, icon("chevron"), h("span", {}, t("export.columns")), h("span", { class: "quiet" }, format.count(found.columns.length))),
      chips(found.columns)),
  );
}

export function warnings(found, { format }) {
  if (!found.warnings.length) return null;
  const texts = found.warnings.map(({ code, column, attribute, count, example }) => {
    // A file with very many warnings has their sums at the end.
    const about = column ?? attribute ?? (RECORD_WARNINGS.has(code) ? null : "Other columns");
    const what = code === "undated" ? undated(found) : WARNINGS[code] ?? code;
    return h("li", {},
      about ? h("bdi", {}, about) : null,
      `${about ? ": " : ""}${format.count(count)} ${what}`,
      example ? h("span", { class: "quiet" }, ", such as ", h("bdi", {}, example)) : null);
  });
  return card("Worth knowing", "warnings", h("ul", {}, texts));
}

/** Who asked for the export, and what became of the email. */
export function request(found, page) {
  const undelivered = !found.user.email ? "There is no address to send one to." : found.url ? "It could not be delivered; the file is here." : "It could not be delivered.";
  const refused = found.url ? "It was sent, but not accepted; the file is here." : "It was sent, but not accepted.";
  const mail = { failed: undelivered, pending: "On its way", refused, sent: "Sent" }[found.mail];
  return card("The request", "request", list([
    ["Requested by", h("bdi", {}, found.user.name ?? found.user.email ?? found.user.id)],
    ["Requested", moment(found.created_at, page)],
    ["Completed", moment(found.completed_at, page)],
    ["Email", mail],
  ]));
}

/** How the file was made, folded away; what it took, for staff alone. */
export function making({ receipt }, page) {
  if (!receipt) return null;
  const { format, known } = page;
  const ofStaff = [
    ["Attempts", format.count(receipt.attempts)],
    ["Invocations", format.count(receipt.invocations)],
    ["Read units", receipt.read_units ? format.count(receipt.read_units) : null],
    ["Estimated cost", format.money(receipt.estimated_cost_usd)],
  ];
  const facts = list([
    ["Records read", format.count(receipt.read)],
    ["Matched", format.count(receipt.matched)],
    ["Rows written", format.count(receipt.written)],
    ["As of", moment(receipt.as_of, page)],
    ["Consistency", receipt.consistency],
    ["Created in", format.seconds(receipt.seconds)],
    ...(known.isStaff ? ofStaff : []),
  ]);
  const head = h("summary", {}, icon("chevron"), h("h2", {}, "How it was made"));
  return h("details", { id: "making", class: "card more-options" }, head, facts);
}
