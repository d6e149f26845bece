// Sign-in: by OpenID Connect (authorization code with PKCE, RFC 7636), whose tokens are only in this page's memory, or by a
// session that the product's backend has opened, which this tab keeps until it ends.

import { claimsOf } from "./claims.js";

const SAVED = "sign-in";
const SIGNED_OUT = "signed-out";
const SESSION = "session";

let config = null;
let token = null;
/** The session of the product's backend: `{token, expires_at, user}`; null where the token is an issuer's. */
let session = null;

/** The deployment's configuration: `{issuer, client_id, sign_in_url, scope, audience, product_name, support_address}`. */
export const deployment = () => (config ??= json("/config.json"));

/** The access token; null without a sign-in. */
export const currentToken = () => token;

/** Whether the sign-in is a session of the product's backend. */
export const isSession = () => session !== null;

/** Whether people can sign in on this page, rather than come from the product alone. */
export const hasSignIn = async () => {
  const { issuer, sign_in_url } = await deployment();
  return Boolean(issuer || sign_in_url);
};

/** Drops the token, which the API has refused. */
export function forget() {
  token = session = null;
  sessionStorage.removeItem(SESSION);
}

/** The person who is signed in, for display only: `{id, name, email}`, each of which may be missing. */
export function person() {
  if (session) return session.user;
  const { sub, name, email } = claimsOf(token);
  return { id: sub, name, email };
}

/** Takes a session's code out of the address, where it must not stay; null without one. */
export function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/** Signs in with a session's code. Throws with what the service says, such as that the code was used before, and the status. */
export async function redeem(code) {
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }) };
  const offline = { status: 0, json: async () => ({}) };
  const response = await fetch("/session", { referrerPolicy: "no-referrer", credentials: "omit", ...request }).catch(() => offline);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const isPassing = response.status === 0 || response.status >= 500 || response.status === 429;
    throw Object.assign(new Error(answer.detail ?? ""), { isPassing, status: response.status });
  }
  use(answer);
  sessionStorage.setItem(SESSION, JSON.stringify(answer));
  sessionStorage.removeItem(SIGNED_OUT);
}

/** Continues the session that this tab keeps, if it has not ended. */
export function restore() {
  const kept = JSON.parse(sessionStorage.getItem(SESSION) ?? "null");
  if (kept && new Date(kept.expires_at) > new Date()) use(kept);
  else sessionStorage.removeItem(SESSION);
}

function use(answer) {
  session = answer;
  token = answer.token;
}

/**
 * Redirects to the product's own sign-in, or to the issuer, which return to `path`. `prompt` is OpenID Connect's: `login` forces
 * a new sign-in.
 */
export async function signIn(path, prompt = sessionStorage.getItem(SIGNED_OUT) && "login") {
  const { sign_in_url: own } = await deployment();
  if (own) {
    const address = new URL(own);
    address.searchParams.set("return_to", path);
    return location.assign(address);
  }
  const provider = await discover();
  const verifier = random();
  const state = random();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const { issuer, client_id, token_endpoint } = provider;
  sessionStorage.setItem(SAVED, JSON.stringify({ state, verifier, path, issuer, client_id, token_endpoint }));
  const address = new URL(provider.authorization_endpoint);
  const query = {
    response_type: "code",
    client_id: provider.client_id,
    redirect_uri: redirectUri(),
    scope: provider.scope ?? "openid profile email",
    // Not of OpenID Connect: without it, Auth0 gives an opaque token.
    ...(provider.audience && { audience: provider.audience }),
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(prompt && { prompt }),
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  location.assign(address);
}

/** Completes the sign-in: exchanges the code for a token, and restores the original address. */
export async function finishSignIn() {
  const answer = new URLSearchParams(location.search);
  const saved = JSON.parse(sessionStorage.getItem(SAVED) ?? "null");
  sessionStorage.removeItem(SAVED);
  history.replaceState(null, "", saved?.path ?? "/");
  if (!saved || answer.get("state") !== saved.state) throw new Error("this sign-in was not begun here, or is used up");
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  if (answer.has("iss") && answer.get("iss") !== saved.issuer) throw new Error("another issuer answered (RFC 9207)");
  const tokens = await json(saved.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: answer.get("code") ?? "",
      redirect_uri: redirectUri(),
      client_id: saved.client_id,
      code_verifier: saved.verifier,
    }),
  });
  forget();
  token = tokens.access_token;
  sessionStorage.removeItem(SIGNED_OUT);
}

/** Signs out: ends a session, or drops the token. The next sign-in uses `prompt=login`. */
export async function signOut() {
  if (session) {
    const headers = { Authorization: `Bearer ${token}` };
    // Without an answer, the session ends by itself.
    await fetch("/session/end", { method: "POST", headers, credentials: "omit" }).catch(() => {});
  }
  forget();
  sessionStorage.setItem(SIGNED_OUT, "yes");
  location.assign("/");
}

async function discover() {
  const own = await deployment();
  const issuer = own.issuer.replace(/\/$/, "");
  const endpoints = await json(`${issuer}/.well-known/openid-configuration`);
  // OpenID Connect Discovery 1.0, section 4.3: a document with another issuer must not be used.
  if (endpoints.issuer.replace(/\/$/, "") !== issuer) throw new Error("the issuer's configuration names another issuer");
  return { ...endpoints, ...own, issuer: endpoints.issuer };
}

const redirectUri = () => `${location.origin}/signed-in`;
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function json(url, options) {
  const response = await fetch(url, { referrerPolicy: "no-referrer", ...options });
  if (!response.ok) throw new Error(`${new URL(url, location.href).host} answered ${response.status}`);
  return response.json();
}
