// The page: routing, sign-in, and the frame around every view.

import { Client, KINDS, pathOf } from "./api.js";
import { errorText } from "./base.js";
import { fullPage, announce, errorPlace, h, icon, loading, showError } from "./dom.js";
import "./elements.js";
import { ExportDetail } from "./export-detail.js";
import { firstPage } from "./exports-list.js";
import { languageOf, localeOfToken, speak } from "./language.js";
import { News } from "./news.js";
import { ParentView } from "./parent-view.js";
import { keepFocus, Places } from "./places.js";
import { currentToken, deployment, finishSignIn, forget, hasSignIn, isSession, person, redeem, restore, signIn, signOut, takeCode } from "./session.js";
import { openModal } from "./toasts.js";

customElements.define("waybill-export-detail", ExportDetail);
customElements.define("waybill-parent-view", ParentView);

const main = document.getElementById("main");
const top = document.getElementById("top");
let accepted = false;
/** Whether a session's link waits for an answer; no other view takes its place. */
let isAsking = false;

const here = () => location.pathname + location.search;
const say = (text) => announce(document.getElementById("live"), text);

const client = new Client("", async ({ renew }) => {
  if (!renew && currentToken()) return currentToken();
  // If the API refused a token that it never accepted, another sign-in would not help.
  if (!currentToken() || accepted) ended();
  else refused();
  // Never resolves, since the browser is leaving the page for the sign-in.
  return new Promise(() => {});
});

const news = new News();
const places = new Places();

/** The interface of the page for views. */
const page = { client, say, go, title: (text) => news.title(text), news, places, signIn: () => signIn(here(), "login") };

let known = { types: [], parents: [] };
/** The last address of each list, with what narrowed it, by its path. */
const addresses = new Map();

/** Navigates within the page. */
function go(path, { replace = false } = {}) {
  if (replace) {
    history.replaceState(history.state, "", path);
    return addresses.set(location.pathname, here());
  }
  places.push(path);
  keepFocus(main, show);
  scrollTo(0, 0);
}

function showSignIn(heading, text, label, prompt) {
  const button = h("button", { type: "button", id: "sign-in", class: "button primary" }, label);
  button.addEventListener("click", () => signIn(here(), prompt).catch((error) => failed(error)));
  main.replaceChildren(h("div", { class: "welcome" }, fullPage(heading, text, button)));
}

const failed = (error) => showSignIn(page.t("sign-in.failed"), `${error.message}.`, page.t("sign-in.again"));

function refused() {
  forget();
  failed(new Error(page.t("sign-in.refused")));
}

/** Shows a dialog that the session has ended, over the current view. Sign-in returns to the current address. */
async function ended() {
  const { t } = page;
  forget();
  if (document.getElementById("ended")) return;
  const canSignIn = await hasSignIn();
  const what = canSignIn ? t("sign-in.ended-text") : t("sign-in.open-again", { product: await productName() });
  const again = h("button", { type: "button", class: "button primary" }, t(canSignIn ? "sign-in.again" : "action.close"));
  again.addEventListener("click", () => (canSignIn ? signIn(here()).catch((error) => (dialog.close(), failed(error))) : dialog.remove()));
  const dialog = h(
    "dialog",
    { id: "ended", class: "dialog", "aria-labelledby": "ended-title" },
    h("div", { class: "done" }, h("h2", { id: "ended-title" }, t("sign-in.ended")), h("p", {}, what)),
    h("footer", {}, again),
  );
  if (canSignIn) dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  openModal(dialog);
}

const productName = async () => (await deployment()).product_name ?? page.t("sign-in.the-product");

/** Asks before a session's code is used: a link that somebody else has sent must not sign in silently. */
async function askToContinue(code) {
  const { t } = page;
  isAsking = true;
  await frame().catch(() => {});
  page.title(page.t("page.title"));
  const product = await productName();
  const before = currentToken() && (person().name ?? person().email ?? t("sign-in.somebody"));
  const proceed = h("button", { type: "button", id: "continue", class: "button primary" }, t("sign-in.continue"));
  proceed.addEventListener("click", () => useCode(code, proceed));
  const stay = h("button", { type: "button", id: "stay", class: "button" }, t("sign-in.stay"));
  stay.addEventListener("click", () => ((isAsking = false), start()));
  const [heading, text] = before
    ? [t("sign-in.with-link"), t("sign-in.with-link-text", { person: before })]
    : [t("sign-in.open"), t("sign-in.open-text", { product })];
  const problem = errorPlace();
  main.replaceChildren(h("div", { class: "welcome" }, fullPage(heading, h("bdi", {}, text), proceed, before && stay), problem));
}

async function useCode(code, button) {
  const { t } = page;
  button.disabled = true;
  try {
    await redeem(code);
    isAsking = false;
  } catch (error) {
    if (error.isPassing) {
      // The code is as good as before.
      button.disabled = false;
      return showError(main.querySelector(".problem"), errorText(error, t));
    }
    isAsking = false;
    // With a sign-in, of before, the page goes on by itself; else it asks for one, if it can.
    const onward = h("button", { type: "button", class: "button" }, t(currentToken() ? "page.to-own" : "sign-in.sign-in"));
    onward.addEventListener("click", () => (currentToken() ? start() : signIn(here()).catch(failed)));
    const isOpen = currentToken() || page.canSignIn;
    main.replaceChildren(h("div", { class: "welcome" }, fullPage(t("sign-in.bad-link"), errorText(error, t), isOpen && onward)));
    return say(errorText(error, t));
  }
  accepted = false;
  await start();
  const { name, email } = person();
  say(page.t("sign-in.signed-in", { person: name ?? email ?? page.t("sign-in.nameless") }));
}

async function frame() {
  const { product_name: product, support_address: support } = await deployment();
  page.support = support;
  page.canSignIn = await hasSignIn();
  const { name, email, id } = person();
  const who = name ?? email ?? (isSession() ? id : null);
  const out = h("button", { type: "button", class: "button plain small", id: "sign-out" }, page.t("sign-in.out"));
  out.addEventListener("click", signOut);
  top.replaceChildren(
    h("a", { class: "brand", href: "/" }, h("span", { class: "logo" }, icon("table")), h("bdi", {}, product ?? "Waybill")),
    currentToken() ? h("div", { class: "who" }, who && h("bdi", {}, who), out) : "",
  );
}

const PARENT = /^\/([a-z0-9_-]+)\/([^/]+)(?:\/([a-z0-9_]+))?$/;

async function show() {
  if (isAsking) return;
  const { t } = page;
  const { pathname } = location;
  const [, exportId] = /^\/exports\/([0-9]{1,16})$/.exec(pathname) ?? [];
  const { parent, list } = listAt(pathname);
  if (parent) addresses.set(pathname, here());
  if (!currentToken() && !(await hasSignIn())) {
    page.title(page.t("page.title"));
    const product = await productName();
    const view = fullPage(t("sign-in.open-from", { product }), t("sign-in.none-here", { product }));
    return main.replaceChildren(h("div", { class: "welcome" }, view));
  }
  if (!currentToken()) {
    if (pathname === "/") {
      page.title(page.t("page.title"));
      return showSignIn(t("page.exports"), t("sign-in.text"), t("sign-in.sign-in"));
    }
    main.replaceChildren(loading(t("page.signing-in")));
    return signIn(here()).catch(failed);
  }
  const shown = main.firstElementChild;
  const kept = shown instanceof ParentView && shown;
  if (exportId) {
    // The lists stay behind it, so that they are as they were when the person comes back.
    const detail = Object.assign(document.createElement("waybill-export-detail"), { page, exportId });
    if (!kept) return main.replaceChildren(detail);
    kept.hidden = true;
    while (kept.nextSibling) kept.nextSibling.remove();
    return kept.after(detail);
  }
  if (parent && kept) {
    while (kept.nextSibling) kept.nextSibling.remove();
    kept.hidden = false;
    return kept.open(parent, list);
  }
  const view = Object.assign(document.createElement("waybill-parent-view"), { page });
  if (parent || pathname === "/") main.replaceChildren(view);
  if (parent) return view.open(parent, list);
  if (pathname === "/") return home(view);
  page.title(t("page.not-found"));
  main.replaceChildren(fullPage(t("page.no-page"), t("page.no-page-text"), h("a", { class: "button", href: "/" }, t("page.to-own"))));
}

/** The list at a path, `{parent, list}`; without a parent where there is none. */
function listAt(pathname) {
  const [, plural, part, list = "exports"] = PARENT.exec(pathname) ?? [];
  const { kind } = KINDS.find((known) => known.plural === plural) ?? {};
  const id = kind && decoded(part);
  return { parent: id ? { kind, id } : null, list };
}

/** Asks for the exports at this address, which are then on their way together with the catalog. */
function askEarly() {
  const { parent, list } = listAt(location.pathname);
  if (parent && list === "exports" && !location.search) client.askEarly(firstPage(parent));
}

/** A part of the path as text; null where its escapes are wrong. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** The start view after sign-in: the exports of the first parent. */
async function home(view) {
  const { t } = page;
  const [first] = known.parents;
  if (first) {
    history.replaceState(history.state, "", `${pathOf(first, "")}/exports`);
    return view.open(first, "exports");
  }
  page.title(page.t("page.title"));
  if (known.types.length) return view.askForParent();
  const other = h("button", { type: "button", class: "button" }, t("sign-in.as-other"));
  other.addEventListener("click", () => signIn("/", "login").catch(failed));
  const canSignIn = await hasSignIn();
  main.replaceChildren(fullPage(t("page.nothing-shared"), t("page.nothing-shared-text"), canSignIn && other));
}

// Links within the page only change the view. `composedPath` finds links inside shadow roots.
document.addEventListener("click", (event) => {
  const link = event.composedPath().find((element) => element instanceof HTMLAnchorElement);
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
  if (link.hash || link.hasAttribute("download")) return;
  event.preventDefault();
  // A link to another list comes back to what the person had there; one to the list that is shown begins it anew.
  const last = link.search || link.pathname === location.pathname ? null : addresses.get(link.pathname);
  go(last ?? link.pathname + link.search);
});
// Also for a session's link that was opened in this tab, while it showed the page.
addEventListener("popstate", () => {
  const code = takeCode();
  return code ? askToContinue(code) : places.comeBack(show);
});

/** Sets the language: that of the person, or else the browser's. */
async function setLanguage() {
  const { language, direction, format, t } = await speak(languageOf(localeOfToken(currentToken())), null);
  Object.assign(page, { format, t });
  Object.assign(document.documentElement, { lang: language, dir: direction });
  document.querySelector(".skip").textContent = t("page.skip");
}

async function start() {
  try {
    if (location.pathname === "/signed-in") await finishSignIn();
    else restore();
  } catch (error) {
    await setLanguage();
    await frame().catch(() => {});
    return failed(error);
  }
  await setLanguage();
  if (currentToken()) {
    if (!isAsking) main.replaceChildren(loading(page.t("page.loading")));
    askEarly();
    try {
      [known] = await Promise.all([client.catalog(), frame()]);
      page.known = known;
      accepted = true;
    } catch (error) {
      const again = h("button", { type: "button", class: "button primary" }, page.t("action.retry"));
      again.addEventListener("click", start);
      return main.replaceChildren(fullPage(page.t("problem.title"), error.message || page.t("problem.offline"), again));
    }
  } else await frame().catch(() => {});
  places.start();
  return show();
}

// The skip link leads to the list, past everything that is on every view.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  const list = [...main.querySelectorAll(".content")].find((content) => content.checkVisibility());
  (list ?? main).focus();
});

const code = takeCode();
if (code) {
  restore();
  setLanguage().then(() => askToContinue(code)).catch(failed);
} else start();
