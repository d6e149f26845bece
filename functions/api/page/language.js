// The languages of the page and the elements: which one a person reads, and its texts.

import { claimsOf } from "./claims.js";
import { formatter } from "./format.js";
import { texts } from "./texts.js";
import { TEXTS as ENGLISH } from "./texts-en.js";

/** The languages with texts. Each has a file `texts-LANGUAGE.js`. */
export const LANGUAGES = ["en", "de", "pt", "ar"];
const RIGHT_TO_LEFT = new Set(["ar"]);
const loaded = new Map();

/** The claim `locale` of a token (OpenID Connect Core 1.0, section 5.1); null without one. */
export function localeOfToken(token) {
  const { locale } = claimsOf(token);
  return typeof locale === "string" ? locale.replace("_", "-") : null;
}

/**
 * The language of the texts and the locale of numbers and times, `{language, locale}`: the first of the wanted locales with texts,
 * and then the browser's. English if none has any.
 */
export function languageOf(...wanted) {
  for (const locale of [...wanted.filter(Boolean), ...navigator.languages]) {
    const language = locale.toLowerCase().split("-")[0];
    if (LANGUAGES.includes(language)) return { language, locale };
  }
  return { language: "en", locale: wanted.find(Boolean) ?? null };
}

/** What speaks a language: `{language, direction, format, t}`. `own` are a host's texts, by key. */
export async function speak({ language, locale }, own) {
  const known = await textsOf(language);
  if (!known) return speak({ language: "en", locale }, own);
  const format = formatter(locale, language);
  const direction = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
  return { language, direction, format, t: texts(own, known, format) };
}

/** The texts of a language; null where they cannot be loaded. English is in every script. */
async function textsOf(language) {
  if (language === "en") return ENGLISH;
  const load = () => import(new URL(`./texts-${language}.js`, import.meta.url)).then(({ TEXTS }) => TEXTS);
  if (!loaded.has(language)) loaded.set(language, load().catch(() => (loaded.delete(language), null)));
  return loaded.get(language);
}
