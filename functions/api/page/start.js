// Loads the page, and says so where one of its files does not come. It needs nothing else, and has its texts in itself.

/** What is said then: `{title, text, reload}` by language. */
const TEXTS = "NOT_LOADED";

const place = document.getElementById("not-loaded");

function tell() {
  const languages = navigator.languages.map((locale) => locale.toLowerCase().split("-")[0]);
  const language = languages.find((known) => Object.hasOwn(TEXTS, known)) ?? "en";
  const { title, text, reload } = TEXTS[language];
  const [heading, paragraph, again] = place.querySelectorAll("h1, p, a");
  [heading.textContent, paragraph.textContent, again.textContent] = [title, text, reload];
  // With all of its address: a session's link has its code behind the `#`.
  again.addEventListener("click", (event) => (event.preventDefault(), location.reload()));
  Object.assign(place, { lang: language, dir: "auto", role: "alert", className: "blank" });
}

/** Whether a style sheet has come: one that has not has no rules, or none that may be read. */
function isThere({ sheet }) {
  try {
    return sheet.cssRules.length > 0;
  } catch {
    return false;
  }
}

/** Without its style, the page works, and is hard to use. */
const isStyled = () => [...document.querySelectorAll("link[rel=stylesheet]")].every(isThere);

import("/assets/VERSION/app.js").then(() => (isStyled() ? place.remove() : tell()), tell);
