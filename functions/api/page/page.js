// The page of one export. It signs the person in (OpenID Connect, authorization code with PKCE, RFC 7636), shows what
// became of the export, and fetches its file. The token stays in this page's memory.

const STATUS = {
  waiting: ["Pending", "", "The export will begin in a moment."],
  processing: ["Processing", "", "The file is being made. You may close this page: a mail tells you when it is ready."],
  succeeded: ["Completed", "good", "The file is ready."],
  failed: ["Failed", "bad", ""],
  canceled: ["Canceled", "over", "The export was canceled; there is no file."],
  expired: ["Expired", "over", "The file's time is over. Start the export again for a new one."],
};
const WARNINGS = {
  number_as_text: "numbers with more digits than a spreadsheet keeps were written as text",
  characters_dropped: "characters that a spreadsheet cannot hold were left out",
  cell_cut: "texts longer than a spreadsheet's cell were cut",
  time_cut: "times finer than a millisecond were cut",
};
const SAVED = "sign-in";
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 15000;

const element = (id) => document.getElementById(id);
let token = null;
// Whether the API has taken the token: one that it never took would be refused again after the next sign-in.
let accepted = false;

// ---- Signing in -----------------------------------------------------------------------------------------------------

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const redirectUri = () => `${location.origin}/signed-in`;

async function json(url, options) {
  const response = await fetch(url, { referrerPolicy: "no-referrer", ...options });
  if (!response.ok) throw new Error(`${new URL(url, location.href).host} answered ${response.status}`);
  return response.json();
}

async function discover() {
  const config = await json("/config.json");
  const issuer = config.issuer.replace(/\/$/, "");
  const endpoints = await json(`${issuer}/.well-known/openid-configuration`);
  // OpenID Connect Discovery 1.0, 4.3: a document that names another issuer must not be used.
  if (endpoints.issuer.replace(/\/$/, "") !== issuer) throw new Error("the issuer's configuration names another issuer");
  return { ...config, ...endpoints };
}

async function signIn(path, prompt) {
  const provider = await discover();
  const verifier = random();
  const state = random();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(SAVED, JSON.stringify({ state, verifier, path }));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: provider.client_id,
    redirect_uri: redirectUri(),
    scope: "openid profile email",
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  if (prompt) query.set("prompt", prompt);
  const address = new URL(provider.authorization_endpoint);
  for (const [name, value] of query) address.searchParams.set(name, value);
  location.assign(address);
}

// Back from the issuer: the code becomes a token, and the address the page's that the person came for.
async function finishSignIn() {
  const answer = new URLSearchParams(location.search);
  const saved = JSON.parse(sessionStorage.getItem(SAVED) ?? "null");
  sessionStorage.removeItem(SAVED);
  history.replaceState(null, "", saved?.path ?? "/");
  if (!saved || answer.get("state") !== saved.state) throw new Error("this sign-in was not begun here, or is used up");
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  const provider = await discover();
  if (answer.has("iss") && answer.get("iss") !== provider.issuer) throw new Error("another issuer answered (RFC 9207)");
  const tokens = await json(provider.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: answer.get("code") ?? "",
      redirect_uri: redirectUri(),
      client_id: provider.client_id,
      code_verifier: saved.verifier,
    }),
  });
  token = tokens.access_token;
}

function offerSignIn(label, prompt) {
  const button = element("sign-in");
  button.textContent = label;
  button.onclick = () => signIn(location.pathname, prompt).catch((error) => fail("Signing in", error));
  button.hidden = false;
}

function fail(what, error) {
  say("");
  element("problem").textContent = `${what} did not work: ${error.message}.`;
  element("problem").hidden = false;
  offerSignIn("Sign in again");
}

// ---- The export -----------------------------------------------------------------------------------------------------

const say = (text) => { element("message").textContent = text; element("message").hidden = !text; };
const time = (text) =>
  text && new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
const count = (number) => (number === null ? null : number.toLocaleString());

function size(bytes) {
  if (bytes === null) return null;
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const format = { style: "unit", unit: units[power], unitDisplay: power ? "short" : "long", maximumFractionDigits: 1 };
  return (bytes / 1000 ** power).toLocaleString(undefined, format);
}

function show(found) {
  const [word, tone, sentence] = STATUS[found.status];
  const unfinished = found.status === "waiting" || found.status === "processing";
  document.title = `${found.file_name} · ${word}`;
  element("title").textContent = found.file_name;
  element("status").textContent = word;
  element("status").className = `status ${tone}`;
  element("status").hidden = false;
  say(found.failure ? found.failure.message : sentence);

  const facts = [
    ["What", `${found.type}, as ${found.format.toUpperCase()}`],
    ["For", found.user.name ?? found.user.email ?? found.user.id],
    ["Rows", count(found.rows ?? (unfinished ? found.progress.rows : null))],
    ["Size", size(found.size)],
    ["Requested", time(found.created_at)],
    ["Completed", time(found.completed_at)],
    [found.status === "expired" ? "Expired" : "Available until", time(found.expires_at)],
    ["Mail", found.mail === "failed" ? "It could not be delivered; this page is where the file is." : null],
  ];
  element("facts").replaceChildren(
    ...facts.filter(([, value]) => value).flatMap(([name, value]) => {
      const [term, description] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, description.textContent] = [name, value];
      return [term, description];
    }),
  );
  element("warnings").replaceChildren(
    ...found.warnings.map((warning) => {
      const item = document.createElement("li");
      item.textContent = `${warning.column}: ${count(warning.count)} ${WARNINGS[warning.code] ?? warning.code}`;
      return item;
    }),
  );
  element("warnings").hidden = found.warnings.length === 0;
  element("progress").hidden = !unfinished;
  element("export").hidden = false;

  const button = element("download");
  button.hidden = !found.url;
  button.onclick = () => download(new URL(found.url).pathname);
}

const call = (path) =>
  fetch(path, { headers: { Authorization: `Bearer ${token}`, Accept: "application/json" }, cache: "no-store" });

async function download(path) {
  const [button, problem] = [element("download"), element("problem")];
  button.disabled = true;
  problem.hidden = true;
  try {
    const response = await call(path);
    if (response.status === 401) return await signIn(location.pathname);
    const answer = await response.json();
    if (response.ok) return location.assign(answer.url);
    problem.textContent = answer.detail;
    problem.hidden = false;
  } catch {
    problem.textContent = "The file could not be fetched. Check your connection and try again.";
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}

async function watch(path, wait) {
  const again = (text) => {
    if (text) say(text);
    setTimeout(() => watch(path, Math.min(wait * 1.5, LONGEST_WAIT_MS)), wait);
  };
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => watch(path, FIRST_WAIT_MS), { once: true });
    return;
  }
  let response;
  try {
    response = await call(path);
  } catch {
    return again("There is no connection at the moment. Trying again…");
  }
  if (response.status === 401 && !accepted) return fail("Signing in", new Error("this service does not accept the token"));
  if (response.status === 401) return signIn(location.pathname).catch((error) => fail("Signing in", error));
  accepted = true;
  if (response.status === 404) {
    say("This export was not found, or it is not yours to see.");
    return offerSignIn("Sign in as someone else", "login");
  }
  if (response.status === 429 || response.status >= 500) return again("The service is busy. Trying again…");
  const found = await response.json();
  if (!response.ok) return say(found.detail);
  show(found);
  if (found.status === "waiting" || found.status === "processing" || found.mail === "pending") again();
}

async function start() {
  if (location.pathname === "/signed-in") {
    try {
      await finishSignIn();
    } catch (error) {
      return fail("Signing in", error);
    }
  }
  const match = /^\/exports\/([0-9]+)$/.exec(location.pathname);
  if (!match) {
    say(
      token
        ? "You are signed in. Open an export by the link in its mail."
        : "Files that you asked for are kept here. Open one by the link in its mail.",
    );
    return token || offerSignIn("Sign in");
  }
  if (!token) {
    say("Signing you in…");
    return signIn(location.pathname).catch((error) => fail("Signing in", error));
  }
  return watch(`/v1/exports/${match[1]}`, FIRST_WAIT_MS);
}

start();
