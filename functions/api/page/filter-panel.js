// The panel under a filter's pill: values to choose, a range of days, attributes, or values to type.

import { dayFields, dayRanges, months } from "./day-ranges.js";
import { h, icon } from "./dom.js";
import { addDays, valueLabel } from "./selection.js";

/** The panel of the filter `name` with its current `value`; calls `set` with a new value, or null for none. */
export function panel(filter) {
  const content =
    filter.name === "created_at" || filter.column?.kind === "date" || filter.column?.kind === "timestamp" ? days(filter)
    : filter.name === "attributes" ? attributes(filter)
    : filter.column?.kind === "boolean" ? flags(filter)
    : filter.column?.values?.length ? choices(filter)
    : typed(filter);
  const clear = h("button", { type: "button", class: "link", on: { click: () => filter.set(null) } }, filter.page.t("filter.clear"));
  return h("div", { class: "panel" }, content, filter.value && h("div", { class: "bar" }, clear));
}

function choices({ label, value: known = [], column, set }) {
  const value = Array.isArray(known) ? known : [];
  const change = ({ currentTarget }) => {
    const chosen = [...currentTarget.querySelectorAll("input:checked")].map((input) => input.value);
    set(chosen.length ? chosen : null);
  };
  // Values from the address that are not in the catalog are shown too, so that they can be removed.
  const all = [...column.values, ...value.filter((one) => !column.values.includes(one))];
  const boxes = all.map((one) =>
    h("label", {}, h("input", { type: "checkbox", value: one, checked: value.includes(one) }), h("bdi", {}, valueLabel(column, one))),
  );
  return h("fieldset", { on: { change } }, h("legend", { class: "unseen" }, label), boxes);
}

/** What a filter on a column of a kind can ask. Each says the condition's name; values without one are a list. */
const CHOICES = {
  text: ["is", "not", "contains", "starts_with", "empty", "filled"],
  number: ["is", "not", "min", "max", "empty", "filled"],
};
/** A condition in words. */
const inWords = (condition, t) => t(`filter.${condition.replace("_", "-")}`);
const NUMBER = "[+\\-]?[0-9]+([.,][0-9]+)?";

function typed({ label, value = [], column, set, page: { t } }) {
  const isNumber = column?.kind === "integer" || column?.kind === "decimal";
  // A column that is not shown takes values only.
  const choices = column ? CHOICES[isNumber ? "number" : "text"] : ["is"];
  const options = choices.map((name) => h("option", { value: name }, inWords(name, t)));
  const how = h("select", { name: "how", "aria-label": t("filter.condition", { label }) }, options);
  const numbers = isNumber && { inputmode: "decimal", pattern: NUMBER, title: t("filter.number") };
  const input = h("input", { name: "value", required: true, maxlength: 200, "aria-label": label, autocomplete: "off", dir: "auto", ...numbers });
  const noValue = () => how.value === "empty" || how.value === "filled";
  how.addEventListener("change", () => {
    input.hidden = noValue();
    input.required = !noValue();
    if (!input.hidden) input.focus();
  });
  const submit = (event) => {
    event.preventDefault();
    // Many languages write a decimal comma.
    const added = isNumber ? input.value.trim().replace(",", ".") : input.value.trim();
    if (!added && !noValue()) return;
    input.value = "";
    set(withCondition(value, how.value, added));
  };
  const form = h("form", { class: "inline", on: { submit } }, options.length > 1 && how, input, h("button", { class: "button" }, t("filter.add")));
  return [form, Array.isArray(value) ? chosen(value, (one) => one, (left) => set(left.length ? left : null), t) : conditions(value, set, t)];
}

/** A filter with one more value or condition. Values and conditions exclude each other. */
function withCondition(value, how, added) {
  const before = Array.isArray(value) ? {} : value;
  if (how === "is") return [...(Array.isArray(value) ? value : []).filter((one) => one !== added), added];
  if (how === "empty" || how === "filled") return { ...before, empty: how === "empty" };
  if (how === "not") return { ...before, not: [...(before.not ?? []).filter((one) => one !== added), added] };
  return { ...before, [how]: added };
}

/** The conditions of a filter, each with a button to remove it. */
function conditions(value, set, t) {
  const text = ([name, of]) => {
    if (name === "empty") return inWords(of ? "empty" : "filled", t);
    return `${inWords(name, t)} ${[of].flat().join(t("text.comma"))}`;
  };
  return chosen(Object.entries(value), text, (left) => set(left.length ? Object.fromEntries(left) : null), t);
}

function flags({ label, value = [], set, page: { t } }) {
  const boxes = Object.entries({ true: t("value.yes"), false: t("value.no") }).map(([one, text]) =>
    h("label", {}, h("input", { type: "checkbox", value: one, checked: Array.isArray(value) && value.includes(one) }), h("bdi", {}, text)),
  );
  const change = ({ currentTarget }) => {
    const chosen = [...currentTarget.querySelectorAll("input:checked")].map((input) => input.value);
    set(chosen.length ? chosen : null);
  };
  return h("fieldset", { on: { change } }, h("legend", { class: "unseen" }, label), boxes);
}

/** The chosen values, each with a button to remove it. */
function chosen(values, text, keep, t) {
  if (!values.length) return null;
  const items = values.map((value) => {
    const take = () => keep(values.filter((one) => one !== value));
    const button = h("button", { type: "button", class: "button plain round", "aria-label": t("filter.remove", { value: text(value) }), on: { click: take } });
    button.append(icon("close"));
    return h("li", {}, h("bdi", {}, text(value)), button);
  });
  return h("ul", { class: "chosen" }, items);
}

function attributes({ value = {}, set, page: { t } }) {
  const name = h("input", { name: "name", required: true, maxlength: 200, "aria-label": t("filter.attribute"), placeholder: t("filter.attribute"), autocomplete: "off", dir: "auto" });
  const is = h("input", { name: "value", maxlength: 200, "aria-label": t("filter.value"), placeholder: t("filter.any-value"), autocomplete: "off", dir: "auto" });
  const submit = (event) => {
    event.preventDefault();
    const [key, one] = [name.value.trim(), is.value.trim()];
    if (!key) return;
    const before = Array.isArray(value[key]) ? value[key].filter((other) => other !== one) : [];
    set({ ...value, [key]: one ? [...before, one] : true });
  };
  const form = h("form", { class: "stack", on: { submit } }, name, is, h("button", { class: "button" }, t("filter.add")));
  const text = ([key, of]) => (Array.isArray(of) ? `${key}: ${of.join(t("text.comma"))}` : key);
  const keep = (left) => set(left.length ? Object.fromEntries(left) : null);
  return [form, chosen(Object.entries(value), text, keep, t)];
}

function days({ value = {}, set, page: { t, format } }) {
  const take = ({ from, to }) => set(from || to ? { ...(from && { from }), ...(to && { to }) } : null, { close: true });
  const presets = dayRanges().map((range) =>
    h("button", { type: "button", class: "button plain", name: range.name, on: { click: () => take(range) } }, t(`days.${range.name}`)),
  );
  const known = months();
  const options = known.map(({ from, to }, at) => h("option", { value: at }, format.days(from, addDays(to, -1))));
  const fields = dayFields(value, take, { t });
  // Not applied at once: the keyboard passes other months on the way to the wanted one.
  const change = () => {
    const { from, to } = known[month.value] ?? {};
    fields.elements.namedItem("from").value = from ?? "";
    fields.elements.namedItem("to").value = to ? addDays(to, -1) : "";
  };
  const month = h("select", { name: "month", "aria-label": t("days.month"), on: { change } }, h("option", { value: "" }, t("days.month")), options);
  const chosen = known.findIndex(({ from, to }) => from === value.from && to === value.to);
  if (chosen >= 0) month.value = chosen;
  return h("div", { class: "days" }, h("div", { class: "presets" }, presets), h("div", { class: "stack" }, month, fields));
}
