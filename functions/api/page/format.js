// Formats numbers and times for the user's locale and time zone.

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Units of time: the length of each in seconds, and how many of it are said before the next one. */
const UNITS = [
  ["minute", 60, 60],
  ["hour", 3600, 24],
  ["day", 86_400, 7],
];

/** The languages that write nouns inside a sentence with a small letter, and have small letters. */
const SMALL_INSIDE = new Set(["en", "pt"]);

/**
 * The formats of numbers and times in a locale, and of plurals and lists in the language of the texts. The browser's locale
 * replaces an empty one.
 */
export function formatter(locale, language) {
  const make = (Kind, options) => new Kind(locale || undefined, options);
  const ofTexts = (Kind, options) => new Kind(language || undefined, options);
  const number = make(Intl.NumberFormat);
  const short = make(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" });
  const exact = make(Intl.DateTimeFormat, { dateStyle: "full", timeStyle: "long" });
  const instant = make(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "long" });
  const day = make(Intl.DateTimeFormat, { dateStyle: "medium", timeZone: "UTC" });
  const month = make(Intl.DateTimeFormat, { month: "long", year: "numeric", timeZone: "UTC" });
  const year = make(Intl.DateTimeFormat, { year: "numeric", timeZone: "UTC" });
  const shortDay = make(Intl.DateTimeFormat, { month: "short", day: "numeric", timeZone: "UTC" });
  const compact = make(Intl.NumberFormat, { notation: "compact", maximumSignificantDigits: 3 });
  const digits = (decimals) => make(Intl.NumberFormat, { minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: false });
  const share = make(Intl.NumberFormat, { style: "percent", maximumFractionDigits: 0 });
  // In Portugal 0 is plural, as Brazilians write it too.
  const plural = new Intl.PluralRules(language === "pt" ? "pt-PT" : language);
  const relative = ofTexts(Intl.RelativeTimeFormat, { numeric: "auto" });
  const date = make(Intl.DateTimeFormat, { dateStyle: "medium" });
  const list = ofTexts(Intl.ListFormat, { type: "disjunction" });
  return {
    count: (value) => number.format(value),
    /** A number of a record, with all its digits, in the signs of the locale; any other text as it is. */
    digits: (text) => (/^-?\d+(\.\d{1,100})?$/.test(text) ? digits(decimalsOf(text)).format(text) : text),
    plural: (value) => plural.select(value),
    time: (at) => short.format(new Date(at)),
    /** How long ago an instant is, such as “now” and “5 minutes ago”; from a week on, its date. */
    ago(at) {
      const seconds = (Date.parse(at) - Date.now()) / 1000;
      if (Math.abs(seconds) < 60) return relative.format(0, "second");
      const known = UNITS.find(([, length, below]) => Math.abs(seconds) < length * below);
      return known ? relative.format(Math.trunc(seconds / known[1]), known[0]) : date.format(new Date(at));
    },
    /** A share of a whole, such as 0.42, in percent. */
    share: (value) => share.format(value),
    exact: (at) => exact.format(new Date(at)),
    /** To the second, with the zone. */
    instant: (at) => instant.format(new Date(at)),
    /** A date without a time, such as `2026-11-21`. */
    day: (date) => day.format(new Date(`${date}T00:00:00Z`)),
    /** The month or the year that begins with one day and ends with another, such as “April 2026” and “2026”; null for other days. */
    period(first, last) {
      const from = new Date(`${first}T00:00:00Z`);
      const ofMonth = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 0)).toISOString().slice(0, 10);
      if (first.endsWith("-01") && last === ofMonth) return month.format(from);
      return first.endsWith("-01-01") && last === `${first.slice(0, 4)}-12-31` ? year.format(from) : null;
    },
    /** Days from one to another, both inclusive, in few words: “April 2026”, “2026” and “Apr 3 – 9, 2026”. */
    days(first, last) {
      return this.period(first, last) ?? day.formatRange(new Date(`${first}T00:00:00Z`), new Date(`${last}T00:00:00Z`));
    },
    /** The same without its year. */
    shortDay: (date) => shortDay.format(new Date(`${date}T00:00:00Z`)),
    /** A number that is short however large it is: “1,234” and “12.3M”. */
    brief: (value) => (value < 100_000 ? number : compact).format(value),
    or: (values) => list.format(values),
    /** A label inside a sentence: in some languages with a lower-case first letter, unless it is an abbreviation. */
    within: (label) => (SMALL_INSIDE.has(language) ? label.replace(/^\p{Lu}(?!\p{Lu})/u, (first) => first.toLowerCase()) : label),
    size(bytes) {
      const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), SIZES.length - 1);
      const unitDisplay = power ? "short" : "long";
      const options = { style: "unit", unit: SIZES[power], unitDisplay, maximumFractionDigits: power ? 1 : 0 };
      return make(Intl.NumberFormat, options).format(bytes / 1000 ** power);
    },
    seconds(value) {
      const [amount, unit] = value < 120 ? [value, "second"] : value < 7200 ? [value / 60, "minute"] : [value / 3600, "hour"];
      const digits = amount < 10 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
      const options = { style: "unit", unit, unitDisplay: "long", ...digits };
      return make(Intl.NumberFormat, options).format(amount);
    },
    money: (dollars) => make(Intl.NumberFormat, { style: "currency", currency: "USD", maximumSignificantDigits: 2 }).format(dollars),
  };
}

/** The number of digits after the point. `Intl` knows 100. */
export const decimalsOf = (value) => /^-?\d+\.(\d{1,100})$/.exec(String(value ?? ""))?.[1].length ?? 0;

/** The IANA name of the user's time zone. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The name of a column: its label, or else the words of its key. */
export const heading = ({ key, label }) => (label && label !== key ? label : words(key));

/** The words of a key without a label: `created_at` becomes “Created at”. */
export function words(key) {
  const text = key.replaceAll(/[_.-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
