// The cells and actions of an export's row.

import { isUnfinished, parentOfExport, ROOT } from "./api.js";
import { fileName, h, icon, whileBusy } from "./dom.js";
import { courseText, progressText } from "./export-progress.js";
import { describe, inBrief } from "./selection.js";

const time = (instant, { format }) =>
  instant && h("time", { datetime: instant, title: format.exact(instant) }, format.ago(instant));
const nameOfPerson = ({ user }) => user.name ?? user.email ?? user.id;
/** A person's name, cut where it is long: nobody's name may push the rest of the row away. */
const person = (found) => h("bdi", { class: "person", title: nameOfPerson(found) }, nameOfPerson(found));
/** Parts in words, each with its own direction, with dots between them. */
const dotted = (parts) => parts.filter(Boolean).flatMap((part, n) => [n > 0 && " · ", h("bdi", {}, part)]);

/** What the export is, in words that tell it from others of its type; all of its words and its file are at hand. */
function name(found, context) {
  const { t, format, label, typeOf, client } = context;
  const type = typeOf(found.type);
  const title = `${describe(found, type, { t, format })}\n${found.file_name}`;
  const words = dotted([label(found.type), ...inBrief(found, type, { t, format })]);
  return h("div", { class: "title" }, h("a", { href: client.pageOf(found.id), title, part: "link", "data-focus": `open ${found.id}` }, words));
}

/** Whose the export is, in the list of a root; null where that is the list's own parent. */
function whose(found, { nameOf }, isOfRoot) {
  const parent = parentOfExport(found);
  return isOfRoot && parent.kind !== ROOT ? nameOf(parent) : null;
}

/** The format, whose it is, and the file; of a failed export the reason, since there is no file. */
function file(found, of) {
  const { failure, file_name: own } = found;
  const what = failure ? h("span", { class: "reason" }, failure.message) : fileName(own);
  const before = h("span", { class: "before" }, dotted([found.format.toUpperCase(), of]), " · ");
  return h("small", { class: "line quiet", title: failure?.message ?? own }, before, h("bdi", {}, what));
}

/** What the columns say in one line, which is shown in their place where they have no room. */
function facts(found, of, context) {
  const { t, format } = context;
  const { created_at: at, rows, size } = found;
  const known = [
    rows === null ? progressText(found, context) : t("list.row-count", { count: rows }),
    size !== null && format.size(size),
    found.format.toUpperCase(),
    of,
    nameOfPerson(found),
  ];
  return h("small", { class: "facts quiet" }, h("time", { datetime: at }, format.ago(at)), " · ", dotted(known));
}

/** The number of rows, or of those so far. */
function rows({ rows: all, progress }, { t, format }) {
  if (all !== null) return format.count(all);
  const count = progress?.rows;
  return count > 0 && h("span", { class: "quiet", title: t("list.so-far", { count }) }, format.count(count));
}

/** How far an export is that is under way. */
function underWay(found, context) {
  if (found.status !== "processing") return null;
  const { fraction } = found.progress ?? {};
  const text = courseText(found, context);
  return [
    fraction !== undefined && h("progress", { "aria-label": context.t("status.processing"), max: 1, value: fraction }),
    text && h("small", { class: "line quiet", title: text }, text),
  ];
}

const named = (isOfRoot) => (found, context) => {
  const of = whose(found, context, isOfRoot);
  return [name(found, context), file(found, of), facts(found, of, context)];
};

const COLUMNS = {
  type: { title: "list.type", class: "name", cell: named(true) },
  file: { title: "list.file", class: "name", cell: named(false) },
  status: { title: "list.status", class: "status", cell: (found, context) => [badge(found, context.t), underWay(found, context)] },
  user: { title: "list.user", cell: person },
  rows: { title: "list.rows", class: "number", cell: rows },
  leads: { title: "list.leads", class: "number", cell: rows },
  size: { title: "list.size", class: "number", cell: ({ size }, { format }) => (size === null ? null : format.size(size)) },
  created: { title: "list.created", cell: ({ created_at }, context) => time(created_at, context) },
  requested: { title: "list.requested", cell: ({ created_at }, context) => time(created_at, context) },
  completed: { title: "list.completed", cell: ({ completed_at }, context) => time(completed_at, context) },
  actions: { title: "list.actions", class: "acts", isActions: true, cell: () => null },
};

const OF_ROOT = ["type", "status", "user", "rows", "size", "created", "actions"];
const OF_SOURCE = ["file", "user", "requested", "completed", "status", "leads", "actions"];
const OF_OTHERS = ["file", "status", "user", "rows", "size", "created", "actions"];

/** The columns of a list of exports, by the kind of its parent. */
export function columnsOf(kind) {
  const keys = kind === ROOT ? OF_ROOT : kind === "source" ? OF_SOURCE : OF_OTHERS;
  return keys.map((key) => COLUMNS[key]);
}

/** A status in a word; of a deleted file, that it was deleted, and not that it expired. */
export const statusText = ({ status, deleted_by: deleter }, t) => t(deleter ? "history.file-deleted" : `status.${status}`);

/** The same in its colour. */
export const badge = (found, t) => h("span", { class: `badge ${found.status}`, part: "status" }, statusText(found, t));

/** The button of an export, if the person may do what it does: download, cancel, or start again. */
export function actions(found, { t }, { download, cancel, again, failed }) {
  const file = found.file_name;
  const button = (does, act, picture, style = "") => {
    const click = ({ currentTarget }) => whileBusy(currentTarget, () => act().catch((error) => failed(error, act)));
    const properties = {
      type: "button",
      class: `button small ${style}`,
      part: "button",
      "aria-label": t(`action.${does}-file`, { file }),
      "data-focus": `${does} ${found.id}`,
      "data-does": does,
      on: { click },
    };
    return h("button", properties, icon(picture), h("span", {}, t(`action.${does}`)));
  };
  if (isUnfinished(found)) return found.may.cancel && button("cancel", cancel, "close", "plain");
  // Whoever may not download a file has no use for another one.
  if (!found.may.download) return null;
  return found.url ? button("download", download, "download") : button("again", again, "again", "plain");
}
