// What an export will have: how many rows, and about what size and time, judging by earlier files.

import { pathOf } from "./api.js";
import { toPairs } from "./selection.js";

/** How many earlier exports are looked at. */
const EARLIER = 20;

/** The number of records of a selection, `{value, exact}`; null where they cannot be counted. */
export async function countOf(client, parent, type, selection, signal) {
  const query = new URLSearchParams(toPairs(selection));
  return client.get(`${pathOf(parent)}/records/${type.name}/count?${query}`, signal).catch(() => null);
}

/** The earlier files of a parent's type, `[{format, rows, size, columns, seconds}]`, where `columns` is their number; none where they cannot be read. */
export async function earlierFiles(client, parent, type) {
  const query = new URLSearchParams({ type: type.name, status: "succeeded", limit: EARLIER });
  const { exports } = await client.get(`${pathOf(parent)}/exports?${query}`).catch(() => ({ exports: [] }));
  const files = exports.filter(({ rows, receipt }) => rows > 0 && receipt);
  return files.map(({ format, rows, size, columns, receipt }) => ({ format, rows, size, columns: columns.length, seconds: receipt.seconds }));
}

/**
 * `{size, seconds}` of a file with these numbers of rows and columns, by the medians of the earlier files of its format; null
 * without any.
 */
export function estimate(files, format, rows, columns) {
  const alike = files.filter((file) => file.format === format);
  if (!alike.length || !rows) return null;
  const median = (of) => alike.map(of).sort((a, b) => a - b)[Math.floor(alike.length / 2)];
  // A short export takes its time for each file, not for each row.
  const least = Math.min(...alike.map(({ seconds }) => seconds));
  return { size: Math.round(median((file) => file.size / file.rows / file.columns) * rows * columns), seconds: Math.max(least, median((file) => file.seconds / file.rows) * rows) };
}
