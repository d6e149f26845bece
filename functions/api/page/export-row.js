// The cells and actions of an export's row.

import { isUnfinished, parentOfExport, ROOT } from "./api.js";
import { fileName, h, icon } from "./dom.js";
import { progressText } from "./export-progress.js";
import { narrowings } from "./selection.js";

const time = (instant, { format }) =>
  instant && h("time", { datetime: instant, title: format.exact(instant) }, format.ago(instant));
/** A person's name, cut where it is long: nobody's name may push the rest of the row away. */
const person = ({ user }) => {
  const name = user.name ?? user.email ?? user.id;
  return h("bdi", { class: "person", title: name }, name);
};
const name = (content, found, { client }) =>
  h("a", { href: client.pageOf(found.id), part: "link", "data-focus": `open ${found.id}` }, content);
const reason = ({ failure }) => failure && h("small", { class: "reason", title: failure.message }, failure.message);

/** A quiet second line, cut where it is long. */
const line = (text, content = h("bdi", {}, text)) => h("small", { class: "line quiet", title: text }, content);

/** What narrowed the export, which tells it from others of its type; null if nothing did. */
function narrowed(found, { t, format, typeOf }) {
  const parts = narrowings(found, typeOf(found.type), { t, format });
  return parts.length ? line(parts.join(" · ")) : null;
}

/** The parent of an export in the list of its root. */
function belonging(found, { nameOf }) {
  const parent = parentOfExport(found);
  return parent.kind === ROOT ? null : h("small", { class: "quiet" }, h("bdi", {}, nameOf(parent)));
}

const rows = (found, { format }) => (found.rows === null ? null : format.count(found.rows));

/** How far an export is that is under way. */
function underWay(found, context) {
  if (found.status !== "processing") return null;
  const { fraction } = found.progress ?? {};
  const text = progressText(found, context);
  return [
    fraction !== undefined && h("progress", { "aria-label": context.t("status.processing"), max: 1, value: fraction }),
    text && h("small", { class: "quiet" }, text),
  ];
}

const COLUMNS = {
  type: {
    title: "list.type",
    class: "name",
    cell: (found, context) => [
      name(h("bdi", {}, context.label(found.type)), found, context),
      h("span", { class: "tag" }, found.format.toUpperCase()),
      belonging(found, context),
      narrowed(found, context) ?? line(found.file_name, fileName(found.file_name)),
      reason(found),
    ],
  },
  file: {
    title: "list.file",
    class: "name",
    cell: (found, context) => [name(fileName(found.file_name), found, context), narrowed(found, context), reason(found)],
  },
  status: { title: "list.status", class: "status", cell: (found, context) => [badge(found.status, context.t), underWay(found, context)] },
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

/** A status as a word in its colour. */
export const badge = (status, t) => h("span", { class: `badge ${status}`, part: "status" }, t(`status.${status}`));

/** The button of an export, if the person may do what it does: download, cancel, or start again. */
export function actions(found, { t }, { download, cancel, again, failed }) {
  const file = found.file_name;
  const button = (does, act, picture, style = "") => {
    const click = async ({ currentTarget }) => {
      currentTarget.disabled = true;
      const error = await act().then(() => null, (error) => error);
      currentTarget.disabled = false;
      if (error) failed(error, act);
    };
    const properties = {
      type: "button",
      class: `button small ${style}`,
      part: "button",
      "aria-label": t(`action.${does}-file`, { file }),
      "data-focus": `${does} ${found.id}`,
      "data-does": does,
      on: { click },
    };
    return h("button", properties, picture && icon(picture), t(`action.${does}`));
  };
  if (isUnfinished(found)) return found.may.cancel && button("cancel", cancel, null, "plain");
  // Whoever may not download a file has no use for another one.
  if (!found.may.download) return null;
  return found.url ? button("download", download, "download") : button("again", again, null, "plain");
}
