// The page: routing, sign-in, and the frame around every view.

import { Client, KINDS, pathOf } from "./api.js";
import { fullPage, announce, errorPlace, h, icon, loading, showError } from "./dom.js";
import "./elements.js";
import { ExportDetail } from "./export-detail.js";
import { ENGLISH, formatter } from "./format.js";
import { texts } from "./messages.js";
import { News } from "./news.js";
import { ParentView } from "./parent-view.js";
import { keepFocus, Places } from "./places.js";
import { currentToken, deployment, finishSignIn, forget, hasSignIn, isSession, person, redeem, restore, signIn, signOut, takeCode } from "./session.js";

customElements.define("waybill-export-detail", ExportDetail);
customElements.define("waybill-parent-view", ParentView);

const main = document.getElementById("main");
const top = document.getElementById("top");
const format = formatter(null, ENGLISH);
const t = texts(null, format);
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
const page = { client, format, t, say, go, title: (text) => news.title(text), news, places, signIn: () => signIn(here(), "login") };

let known = { types: [], parents: [] };

/** Navigates within the page. */
function go(path, { replace = false } = {}) {
  if (replace) return history.replaceState(history.state, "", path);
  places.push(path);
  keepFocus(main, show);
  scrollTo(0, 0);
}

function showSignIn(heading, text, label, prompt) {
  const button = h("button", { type: "button", id: "sign-in", class: "button primary" }, label);
  button.addEventListener("click", () => signIn(here(), prompt).catch((error) => failed(error)));
  main.replaceChildren(h("div", { class: "welcome" }, fullPage(heading, text, button)));
}

const failed = (error) => showSignIn("Sign-in failed", `${error.message}.`, "Sign in again");

function refused() {
  forget();
  failed(new Error("this service does not accept the token"));
}

/** Shows a dialog that the session has ended, over the current view. Sign-in returns to the current address. */
async function ended() {
  forget();
  if (document.getElementById("ended")) return;
  const canSignIn = await hasSignIn();
  const what = canSignIn ? "Sign in again to continue. You will come back to this place." : await openAgain();
  const again = h("button", { type: "button", class: "button primary" }, canSignIn ? "Sign in again" : t("action.close"));
  again.addEventListener("click", () => (canSignIn ? signIn(here()).catch((error) => (dialog.close(), failed(error))) : dialog.remove()));
  const dialog = h(
    "dialog",
    { id: "ended", class: "dialog", "aria-labelledby": "ended-title" },
    h("div", { class: "done" }, h("h2", { id: "ended-title" }, "Your session has ended"), h("p", {}, what)),
    h("footer", {}, again),
  );
  if (canSignIn) dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const productName = async () => (await deployment()).product_name ?? "the product";
const openAgain = async () => `Open the exports from ${await productName()} again to continue.`;

/** Asks before a session's code is used: a link that somebody else has sent must not sign in silently. */
async function askToContinue(code) {
  isAsking = true;
  await frame().catch(() => {});
  page.title("Exports");
  const product = await productName();
  const before = currentToken() && (person().name ?? person().email ?? "somebody");
  const proceed = h("button", { type: "button", id: "continue", class: "button primary" }, "Continue");
  proceed.addEventListener("click", () => useCode(code, proceed));
  const stay = h("button", { type: "button", id: "stay", class: "button" }, "Stay signed in");
  stay.addEventListener("click", () => ((isAsking = false), start()));
  const [heading, text] = before
    ? ["Sign in with this link?", `You are signed in here as ${before}. The link that you opened is another sign-in, which replaces it in this tab.`]
    : ["Open your exports", `${product} has signed you in for a while. Continue only if you came here from ${product}.`];
  const problem = errorPlace();
  main.replaceChildren(h("div", { class: "welcome" }, fullPage(heading, h("bdi", {}, text), proceed, before && stay), problem));
}

async function useCode(code, button) {
  button.disabled = true;
  try {
    await redeem(code);
    isAsking = false;
  } catch (error) {
    if (error.isPassing) {
      // The code is as good as before.
      button.disabled = false;
      return showError(main.querySelector(".problem"), error.message);
    }
    isAsking = false;
    // With a sign-in, of before, the page goes on by itself; else it asks for one, if it can.
    const onward = h("button", { type: "button", class: "button" }, currentToken() ? "Go to your exports" : "Sign in");
    onward.addEventListener("click", () => (currentToken() ? start() : signIn(here()).catch(failed)));
    const isOpen = currentToken() || page.canSignIn;
    main.replaceChildren(h("div", { class: "welcome" }, fullPage("This link cannot be used", error.message, isOpen && onward)));
    return say(error.message);
  }
  accepted = false;
  await start();
  const { name, email } = person();
  say(`Signed in as ${name ?? email ?? "a person without a name"}`);
}

async function frame() {
  const { product_name: product, support_address: support } = await deployment();
  page.support = support;
  page.canSignIn = await hasSignIn();
  const { name, email, id } = person();
  const who = name ?? email ?? (isSession() ? id : null);
  const out = h("button", { type: "button", class: "button plain small", id: "sign-out" }, "Sign out");
  out.addEventListener("click", signOut);
  top.replaceChildren(
    h("a", { class: "brand", href: "/" }, h("span", { class: "logo" }, icon("table")), h("bdi", {}, product ?? "Waybill")),
    currentToken() ? h("div", { class: "who" }, who && h("bdi", {}, who), out) : "",
  );
}

const PARENT = /^\/([a-z0-9_-]+)\/([^/]+)(?:\/([a-z0-9_]+))?$/;

async function show() {
  if (isAsking) return;
  const { pathname } = location;
  const [, exportId] = /^\/exports\/([0-9]{1,16})$/.exec(pathname) ?? [];
  const [, plural, id, list = "exports"] = PARENT.exec(pathname) ?? [];
  const { kind } = KINDS.find((known) => known.plural === plural) ?? {};
  if (!currentToken() && !(await hasSignIn())) {
    page.title("Exports");
    const product = await productName();
    const text = `This page has no sign-in of its own. Open the exports from ${product}, which signs you in here.`;
    return main.replaceChildren(h("div", { class: "welcome" }, fullPage(`Open your exports from ${product}`, text)));
  }
  if (!currentToken()) {
    if (pathname === "/") {
      page.title("Exports");
      return showSignIn("Exports", "Sign in to see your lists and their exports.", "Sign in");
    }
    main.replaceChildren(loading("Signing you in…"));
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
  const parent = kind && decoded(id) && { kind, id: decoded(id) };
  if (parent && kept) {
    while (kept.nextSibling) kept.nextSibling.remove();
    kept.hidden = false;
    return kept.open(parent, list);
  }
  const view = Object.assign(document.createElement("waybill-parent-view"), { page });
  if (parent || pathname === "/") main.replaceChildren(view);
  if (parent) return view.open(parent, list);
  if (pathname === "/") return home(view);
  page.title("Not found");
  main.replaceChildren(fullPage("Page not found", "There is no page at this address.", h("a", { class: "button", href: "/" }, "Go to your exports")));
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
  const [first] = known.parents;
  if (first) {
    history.replaceState(history.state, "", `${pathOf(first, "")}/exports`);
    return view.open(first, "exports");
  }
  page.title("Exports");
  if (known.types.length) return view.askForParent();
  const other = h("button", { type: "button", class: "button" }, "Sign in as someone else");
  other.addEventListener("click", () => signIn("/", "login").catch(failed));
  const canSignIn = await hasSignIn();
  main.replaceChildren(fullPage("Nothing is shared with you yet", "Ask an administrator of this product to give you access.", canSignIn && other));
}

// Links within the page only change the view. `composedPath` finds links inside shadow roots.
document.addEventListener("click", (event) => {
  const link = event.composedPath().find((element) => element instanceof HTMLAnchorElement);
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
  if (link.hash || link.hasAttribute("download")) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
// Also for a session's link that was opened in this tab, while it showed the page.
addEventListener("popstate", () => {
  const code = takeCode();
  return code ? askToContinue(code) : places.comeBack(show);
});

async function start() {
  try {
    if (location.pathname === "/signed-in") await finishSignIn();
    else restore();
  } catch (error) {
    await frame().catch(() => {});
    return failed(error);
  }
  if (currentToken()) {
    if (!isAsking) main.replaceChildren(loading("Loading…"));
    try {
      [known] = await Promise.all([client.catalog(), frame()]);
      page.known = known;
      accepted = true;
    } catch (error) {
      const again = h("button", { type: "button", class: "button primary" }, t("action.retry"));
      again.addEventListener("click", start);
      return main.replaceChildren(fullPage(t("problem.title"), error.message || t("problem.offline"), again));
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
  askToContinue(code).catch(failed);
} else start();
