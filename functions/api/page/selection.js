// Which records a list shows and an export holds: filters and a search, in an address, in a request, and in words.

import { heading, words, ZONE } from "./format.js";

const CREATED = "created_at";
const ATTRIBUTE = "attributes.";

/** What an address's query says of a list of `type`; other parameters are none of the list's. */
export function fromQuery(query, type) {
  const selection = { filters: {}, search: query.get("search")?.trim() || null, time_zone: query.get("time_zone") || ZONE };
  for (const [name, value] of query) {
    const [first] = name.split(".");
    if (!value || !type.filters.includes(first)) continue;
    if (first === CREATED) (selection.filters[CREATED] ??= {})[name.slice(CREATED.length + 1)] ??= value;
    else if (name.startsWith(ATTRIBUTE)) addAttribute(selection.filters, name.slice(ATTRIBUTE.length), value);
    else (selection.filters[name] ??= []).push(value);
  }
  return selection;
}

function addAttribute(filters, name, value) {
  const attributes = (filters.attributes ??= {});
  if (value === "true") attributes[name] = true;
  else if (Array.isArray(attributes[name])) attributes[name].push(value);
  else attributes[name] = [value];
}

/** The same as pairs of a query, in an address and in a request for records alike. */
export function toPairs({ filters, search, time_zone }) {
  const pairs = [];
  for (const [name, value] of Object.entries(filters)) {
    if (name === CREATED) for (const [bound, at] of Object.entries(value)) pairs.push([`${CREATED}.${bound}`, at]);
    else if (name === "attributes") {
      for (const [key, of] of Object.entries(value)) for (const one of [of].flat()) pairs.push([ATTRIBUTE + key, String(one)]);
    } else for (const one of value) pairs.push([name, one]);
  }
  if (search) pairs.push(["search", search]);
  // Where a day begins is part of what the days mean, for whoever opens the address elsewhere too.
  if (filters[CREATED]) pairs.push(["time_zone", time_zone]);
  return pairs;
}

export const isNarrowed = ({ filters, search }) => Object.keys(filters).length > 0 || Boolean(search);

/** The name of a filter, as its column is called. */
export function filterLabel(type, name) {
  const column = type.columns.find(({ key }) => key === name);
  return column ? heading(column) : name === CREATED ? words("created") : words(name);
}

/** The day that a bound of a range begins, in `zone`; null where it is another instant, or so long ago. */
function dayOf(bound, zone) {
  if (/^\d{4}-\d\d-\d\d$/.test(bound)) return bound;
  const instant = Date.parse(bound);
  if (Number.isNaN(instant)) return null;
  const shown = new Date(instant).toLocaleString("sv-SE", { timeZone: zone });
  return shown.endsWith(" 00:00:00") ? shown.slice(0, 10) : null;
}

/** A range of time in words. It ends before `to`; where days are meant, their last is said. */
function describeRange({ from, to }, name, zone, { t, format }) {
  const moment = (bound) => {
    const ago = /^-(\d+)([dh])$/.exec(bound);
    return ago ? t(`what.ago-${ago[2]}`, { count: Number(ago[1]) }) : format.time(bound);
  };
  const [first, after] = [from, to].map((bound) => bound && dayOf(bound, zone));
  const begin = from && (first ? format.day(first) : moment(from));
  const end = to && (after ? format.day(shifted(after, -1)) : moment(to));
  const values = { name, from: begin, to: end };
  if (from && to) return begin === end ? t("what.on", values) : t("what.between", values);
  return from ? t("what.from", values) : t(after ? "what.until" : "what.before", values);
}

const DAY_MS = 86_400_000;

/** The day so many days after another. */
export const shifted = (day, by) => new Date(Date.parse(`${day}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);

/** One filter in words, days being those of the context's `zone`: “Status delivered or shipped”. */
export function describeFilter(name, value, type, context) {
  const { t, format } = context;
  const label = filterLabel(type, name);
  if (name === CREATED) return describeRange(value, label, context.zone, context);
  if (name === "attributes") {
    const each = Object.entries(value).map(([key, of]) =>
      Array.isArray(of) ? t("what.attribute", { name: key, values: format.or(of) }) : t("what.has", { name: key }),
    );
    return each.join(", ");
  }
  return t("what.one-of", { name: label, values: format.or(value) });
}

/** What an export of the selection will hold: “Orders: Status delivered, containing “ana”.” */
export function describe(selection, type, { t, format }) {
  const context = { t, format, zone: selection.time_zone };
  const parts = Object.entries(selection.filters).map(([name, value]) => describeFilter(name, value, type, context));
  if (selection.search) parts.push(t("what.search", { search: selection.search }));
  if (!parts.length) return `${t("what.all", { label: format.within(type.label) })}.`;
  return `${t("what.matching", { label: type.label })}: ${parts.join(" · ")}.`;
}
