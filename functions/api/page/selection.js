// The selection of a list or an export: filters and a search, in an address, in a request, and in words.

import { heading, words, ZONE } from "./format.js";

const CREATED = "created_at";
const ATTRIBUTE = "attributes.";

/** The filter of `type` that a parameter of an address narrows by, such as `amount` of `amount.min`; undefined for others. */
const filterOf = (name, type) => [name, name.split(".")[0]].find((filter) => type.filters.includes(filter));

/** Whether a parameter of an address is part of a selection of `type`. */
export const isKnown = (name, type) => ["search", "time_zone"].includes(name) || Boolean(filterOf(name, type));

/** Parses the selection of a list of `type` from an address's query, whose parameters are all known. */
export function fromQuery(query, type) {
  const selection = { filters: {}, search: query.get("search")?.trim() || null, time_zone: query.get("time_zone") || ZONE };
  for (const [name, value] of query) {
    const first = filterOf(name, type);
    if (!value || !first) continue;
    if (first === CREATED) (selection.filters[CREATED] ??= {})[name.slice(CREATED.length + 1)] ??= value;
    else if (name.startsWith(ATTRIBUTE)) addAttribute(selection.filters, name.slice(ATTRIBUTE.length), value);
    else if (name === first) addValue(selection.filters, name, value);
    else addCondition(selection.filters, first, name.slice(first.length + 1), value);
  }
  return selection;
}

function addValue(filters, name, value) {
  const values = (filters[name] ??= []);
  if (Array.isArray(values)) values.push(value);
}

function addCondition(filters, name, condition, value) {
  const conditions = (filters[name] ??= {});
  if (Array.isArray(conditions)) return;
  if (condition === "not") (conditions.not ??= []).push(value);
  else conditions[condition] ??= condition === "empty" ? value === "true" : value;
}

function addAttribute(filters, name, value) {
  const attributes = (filters.attributes ??= {});
  if (value === "true") attributes[name] = true;
  else if (Array.isArray(attributes[name])) attributes[name].push(value);
  else attributes[name] = [value];
}

/** The selection as pairs of a query, for an address or a request for records. */
export function toPairs({ filters, search, time_zone }) {
  const pairs = [];
  for (const [name, value] of Object.entries(filters)) {
    if (name === CREATED) for (const [bound, at] of Object.entries(value)) pairs.push([`${CREATED}.${bound}`, at]);
    else if (name === "attributes") {
      for (const [key, of] of Object.entries(value)) for (const one of [of].flat()) pairs.push([ATTRIBUTE + key, String(one)]);
    } else if (Array.isArray(value)) for (const one of value) pairs.push([name, one]);
    else for (const [condition, of] of Object.entries(value)) for (const one of [of].flat()) pairs.push([`${name}.${condition}`, String(one)]);
  }
  if (search) pairs.push(["search", search]);
  // The time zone is part of the selection, since the address may be opened in another time zone.
  if (Object.values(filters).some(({ from, to }) => from || to)) pairs.push(["time_zone", time_zone]);
  return pairs;
}

export const isFiltered = ({ filters, search }) => Object.keys(filters).length > 0 || Boolean(search);

/** The name of a filter: that of its column. */
export function filterLabel(type, name, t) {
  const column = type.columns.find(({ key }) => key === name);
  return column ? heading(column) : name === CREATED ? t("list.created") : words(name);
}

/** Whether a text is a day, such as `2026-11-30`. */
export const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));

/** A time zone of an address; the person's own in place of one that there is not, which the API refuses. */
function zoneOf(name) {
  try {
    return Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return ZONE;
  }
}

/** The day whose start in `zone` is the bound of a range; null for another instant, a time ago, or what is no time. */
function dayOf(bound, zone) {
  if (isDay(bound)) return bound;
  const instant = Date.parse(bound);
  if (Number.isNaN(instant)) return null;
  const shown = new Date(instant).toLocaleString("sv-SE", { timeZone: zoneOf(zone) });
  return shown.endsWith(" 00:00:00") ? shown.slice(0, 10) : null;
}

/** A time range in words. `to` is exclusive; for days, the last day is shown, inclusive. */
export function describeRange({ from, to }, name, zone, { t, format }) {
  const moment = (bound) => {
    const ago = /^-(\d+)([dh])$/.exec(bound);
    if (ago) return t(`what.ago-${ago[2]}`, { count: Number(ago[1]) });
    // An address may have anything as a bound, which the API refuses.
    return Number.isNaN(Date.parse(bound)) ? bound : format.time(bound);
  };
  const [first, after] = [from, to].map((bound) => bound && dayOf(bound, zone));
  const period = first && after && format.period(first, addDays(after, -1));
  if (period) return t("what.on", { name, from: period });
  const begin = from && (first ? format.day(first) : moment(from));
  const end = to && (after ? format.day(addDays(after, -1)) : moment(to));
  const values = { name, from: begin, to: end };
  if (from && to) return begin === end ? t("what.on", values) : t("what.between", values);
  return from ? t("what.from", values) : t(after ? "what.until" : "what.before", values);
}

const DAY_MS = 86_400_000;

/** The day a number of days after another. */
export const addDays = (day, by) => new Date(Date.parse(`${day}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);

/** What people see in place of a value: its label, or the value itself. */
export const valueLabel = (column, value) => (Object.hasOwn(column?.labels ?? {}, value) ? column.labels[value] : String(value));

/** Any of several values in words, always in the same order, which is the API's. */
const oneOf = (values, column, format) => format.or([...values].sort().map((one) => valueLabel(column, one)));

/** One filter in words, with days in the context's `zone`: “Status delivered or shipped”. */
export function describeFilter(name, value, type, context) {
  const { t, format } = context;
  const label = filterLabel(type, name, t);
  if (name === CREATED) return describeRange(value, label, context.zone, context);
  if (name === "attributes") {
    const each = Object.entries(value).map(([key, of]) =>
      Array.isArray(of) ? t("what.attribute", { name: key, values: format.or(of) }) : t("what.has", { name: key }),
    );
    return each.join(t("text.comma"));
  }
  const column = type.columns.find(({ key }) => key === name);
  if (!Array.isArray(value)) return describeConditions(value, label, column, context);
  return t("what.one-of", { name: label, values: oneOf(value, column, format) });
}

/** The conditions of a filter in words: “Amount at least 10 and at most 20”. */
function describeConditions({ not, empty, contains, starts_with, min, max, from, to }, name, column, context) {
  const { t, format } = context;
  const parts = [];
  if (not?.length) parts.push(t("what.not", { name, values: format.or(not.map((one) => valueLabel(column, one))) }));
  if (empty !== undefined) parts.push(t(empty ? "what.empty" : "what.filled", { name }));
  if (contains) parts.push(t("what.contains", { name, text: contains }));
  if (starts_with) parts.push(t("what.starts-with", { name, text: starts_with }));
  if (min) parts.push(t("what.min", { name, min }));
  if (max) parts.push(t("what.max", { name, max }));
  if (from || to) parts.push(describeRange({ from, to }, name, context.zone, context));
  return parts.join(t("text.comma"));
}

/** The filters of a selection, `[name, value]`, in the order of the list's filters, whatever the order of the request was. */
function filtersOf({ filters }, type) {
  const names = [...new Set([...(type.filters ?? []), ...Object.keys(filters ?? {})])];
  return names.filter((name) => filters?.[name] !== undefined).map((name) => [name, filters[name]]);
}

/** What narrows a selection, in words: each filter, and the search. */
export function narrowings(selection, type, { t, format }) {
  const { search, time_zone: zone } = selection;
  const parts = filtersOf(selection, type).map(([name, value]) => describeFilter(name, value, type, { t, format, zone }));
  return search ? [...parts, t("what.search", { search })] : parts;
}

/** One filter in few words: without its name, where the value says enough. */
function filterInBrief(name, value, type, context) {
  const { format, zone } = context;
  const column = type.columns.find(({ key }) => key === name);
  if (Array.isArray(value) && column?.values?.length) return oneOf(value, column, format);
  if (name !== CREATED) return describeFilter(name, value, type, context);
  const [first, after] = [value.from, value.to].map((bound) => bound && dayOf(bound, zone));
  return first && after ? format.days(first, addDays(after, -1)) : describeRange(value, "", zone, context).replace(/^[\s:]+/, "");
}

/** The number of columns that a file of a type has where nobody chooses them. */
const usual = ({ columns }) => columns.filter((column) => column.default).length;

/** What tells an export from others of its type, in few words: “delivered”, “April 2026”, “3 columns”. */
export function inBrief(found, type, { t, format }) {
  const { search, time_zone: zone, columns = [] } = found;
  const parts = filtersOf(found, type).map(([name, value]) => filterInBrief(name, value, type, { t, format, zone }));
  if (search) parts.push(t("what.sought", { search }));
  if (columns.length < usual(type)) parts.push(t("what.columns", { count: columns.length }));
  return parts;
}

/** The contents of an export in words: “Orders: Status delivered, containing “ana”.” */
export function describe(selection, type, context) {
  const { t, format } = context;
  const parts = narrowings(selection, type, context);
  if (!parts.length) return `${t("what.all", { label: format.within(type.label) })}.`;
  return `${t("what.matching", { label: type.label })}: ${parts.join(" · ")}.`;
}
