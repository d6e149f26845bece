// Looks texts up in a language.

import { TEXTS as ENGLISH } from "./texts-en.js";

/**
 * Returns a function that looks a key up in `own`, in `language`'s texts or in English, fills `{placeholders}`, and applies the plural of
 * `count`. Its `nodes` does the same with values that may be elements, and returns a list of texts and elements.
 */
export function texts(own, language, format) {
  const find = (key, values) => {
    const plural = "count" in values && `${key}.${format.plural(values.count)}`;
    const keys = [plural, plural && `${key}.other`, key].filter(Boolean);
    for (const source of [own, language, ENGLISH]) {
      const known = source && keys.find((one) => source[one] !== undefined);
      if (known) return source[known];
    }
    return key;
  };
  const shown = (value) => (typeof value === "number" ? format.count(value) : (value ?? ""));
  const t = (key, values = {}) => find(key, values).replace(/\{([a-z]+)\}/g, (_, name) => shown(values[name]));
  t.nodes = (key, values) => find(key, values).split(/\{([a-z]+)\}/).map((part, n) => (n % 2 ? shown(values[part]) : part));
  return t;
}
