// The cards of an export's page: its file, what is in it, what is worth knowing, and how it was made.

import { h, icon } from "./dom.js";
import { heading } from "./format.js";
import { describe, narrowings } from "./selection.js";

/** Warnings that count records, not cells. */
const RECORD_WARNINGS = new Set(["undated", "undecided", "blank_row"]);
/** The keys of the page's texts about read consistency, by the words of the API. */
const CONSISTENCIES = new Map([
  ["what was committed when each page was read", "making.committed"],
  ["eventual, from 5 s after the request", "making.eventual"],
  ["strong until 5 s after the request and for the last minute before it, eventual else", "making.recently-strong"],
  ["strong", "making.strong"],
]);
/** How the records were read, in words; as the API says it, where the page knows no other words. */
const consistency = ({ consistency: words }, { t }) => (CONSISTENCIES.has(words) ? t(CONSISTENCIES.get(words)) : words);
/** What people call the column with this key. */
function named(key, type) {
  const column = type.columns.find((known) => known.key === key);
  return column ? heading(column) : key;
}

export const card = (title, id, ...content) => h("section", { id, class: "card" }, h("h2", {}, title), content);

/** An instant to the second. */
export const moment = (instant, { format }) => instant && h("time", { datetime: instant, title: instant }, format.instant(instant));

function list(facts) {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", {}, shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** The file: what it is for, how often it was downloaded, and its digest. How large it is stands above. */
export function file(found, events, page) {
  const { t, format } = page;
  const downloads = events.filter(({ event }) => event === "downloaded").length;
  return card(t("file.title"), "file", list([
    [t(found.deleted_by ? "file.deleted" : found.status === "expired" ? "file.expired" : "file.until"), moment(found.expires_at, page)],
    [t("file.downloads"), format.count(downloads)],
    [t("file.format"), t(`export.format-${found.format}`)],
    [t("file.for"), found.format === "csv" ? t(`export.profile-${found.profile}`) : null],
    [t("file.digest"), found.receipt && digest(found.receipt.sha256, page)],
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

/** What narrowed the export, and its columns; `href` leads to the list of the same records. */
export function contents(found, type, { t, format }, href) {
  const filters = narrowings(found, type, { t, format });
  // A filter is a sentence, with the direction of the page whatever its first word is; a column's name has its own.
  const chips = (contents) => h("ul", { class: "chips" }, contents.map((content) => h("li", { class: "tag" }, content)));
  return card(t("contents.title"), "contents",
    h("p", { class: "quiet" }, href ? h("a", { href }, type.label) : type.label),
    filters.length ? chips(filters) : h("p", {}, describe(found, type, { t, format })),
    list([[t("contents.times-in"), found.time_zone]]),
    h("details", { class: "more-options" },
      h("summary", {}, icon("chevron"), h("span", {}, t("export.columns")), h("span", { class: "quiet" }, format.count(found.columns.length))),
      chips(found.columns.map((key) => h("bdi", {}, named(key, type))))),
  );
}

export function warnings(found, type, { t }) {
  if (!found.warnings.length) return null;
  // A record without a time is in the file unless there is a filter on the time.
  const undated = found.filters?.created_at ? "undated-out" : "undated-in";
  const lines = found.warnings.map(({ code, column, attribute, count, example }) => {
    // A file with very many warnings has their sums at the end.
    const about = (column && named(column, type)) ?? attribute ?? (RECORD_WARNINGS.has(code) ? null : t("warning.other-columns"));
    let said = t(`warning.${code === "undated" ? undated : code}`, { count });
    if (about) said = t.nodes("warning.about", { about: h("bdi", {}, about), warning: said });
    if (example) said = t.nodes("warning.example", { warning: h("span", {}, said), example: h("bdi", {}, example) });
    return h("li", {}, said);
  });
  return card(t("warning.title"), "warnings", h("ul", {}, lines));
}

/** Who asked for the export, and what became of the email. */
export function request(found, page) {
  const { t } = page;
  const end = found.url ? "-file-here" : "";
  const mail = !found.mail ? null : found.mail === "failed" && !found.user.email ? "no-address" : ["failed", "refused"].includes(found.mail) ? found.mail + end : found.mail;
  return card(t("request.title"), "request", list([
    [t("request.by"), h("bdi", {}, found.user.name ?? found.user.email ?? found.user.id)],
    [t("request.email"), mail && t(`mail-status.${mail}`)],
  ]));
}

/** How the file was made, folded away; what it took, for staff alone. */
export function making({ receipt }, page) {
  if (!receipt) return null;
  const { format, known, t } = page;
  const ofStaff = [
    [t("making.attempts"), format.count(receipt.attempts)],
    [t("making.invocations"), format.count(receipt.invocations)],
    [t("making.read-units"), receipt.read_units ? format.count(receipt.read_units) : null],
    [t("making.cost"), format.money(receipt.estimated_cost_usd)],
  ];
  const facts = list([
    [t("making.read"), format.count(receipt.read)],
    [t("making.matched"), format.count(receipt.matched)],
    [t("making.written"), format.count(receipt.written)],
    [t("making.as-of"), moment(receipt.as_of, page)],
    [t("making.consistency"), consistency(receipt, page)],
    [t("making.seconds"), format.seconds(receipt.seconds)],
    ...(known.isStaff ? ofStaff : []),
  ]);
  const head = h("summary", {}, icon("chevron"), h("h2", {}, t("making.title")));
  return h("details", { id: "making", class: "card more-options" }, head, facts);
}
