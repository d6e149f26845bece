// How far an unfinished export is: the share that is done, the rows so far, and about how long it still takes.

import { h } from "./dom.js";

/** The same in words, such as “42% · 1,234 rows so far · about 12 seconds left”; empty if nothing is known yet. */
export function progressText({ progress }, { t, format }) {
  const { rows, fraction, seconds_left: left } = progress ?? {};
  const parts = [
    fraction !== undefined && format.share(fraction),
    rows > 0 && t("list.so-far", { count: rows }),
    left !== undefined && t("list.left", { time: format.seconds(left) }),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The same without the rows, which a list has in a column. */
export const courseText = ({ progress }, context) => progressText({ progress: progress && { ...progress, rows: 0 } }, context);

/** A bar, which moves to and fro while the share is unknown, and the words. */
export function progress(found, context) {
  const { t } = context;
  const label = t(`status.${found.status}`);
  const bar = h("progress", { "aria-label": label, max: 1, value: found.progress?.fraction });
  return h("div", { class: "progress" }, bar, h("span", { class: "quiet" }, progressText(found, context)));
}
