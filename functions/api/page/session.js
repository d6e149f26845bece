// Sign-in: OpenID Connect, authorization code with PKCE (RFC 7636). Tokens are only in this page's memory.

const SAVED = "sign-in";
const SIGNED_OUT = "signed-out";

let config = null;
let token = null;

/** The deployment's configuration: `{issuer, client_id, product_name, support_address}`. */
export const deployment = () => (config ??= json("/config.json"));

/** The access token; null without a session. */
export const currentToken = () => token;

/** Drops the token, which the API has refused. */
export function forget() {
  token = null;
}

/** The claims of the token, for display only. */
export function tokenClaims() {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(claims), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // The token may be opaque.
    return {};
  }
}

/** Redirects to the issuer, which returns to `path`. `prompt` is OpenID Connect's: `login` forces a new sign-in. */
export async function signIn(path, prompt = sessionStorage.getItem(SIGNED_OUT) && "login") {
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
    scope: "openid profile email",
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
  token = tokens.access_token;
  sessionStorage.removeItem(SIGNED_OUT);
}

/** Ends the session by dropping the token. The next sign-in uses `prompt=login`. */
export function signOut() {
  sessionStorage.setItem(SIGNED_OUT, "yes");
  location.assign("/");
}

async function discover() {
  const own = await deployment();
  const issuer = own.issuer.replace(/\/$/, "");
  const endpoints = await json(`${issuer}/.well-known/openid-configuration`);
  // OpenID Connect Discovery 1.0, section 4.3: a document with another issuer must not be used.
  if (endpoints.issuer.replace(/\/$/, "") !== issuer) throw new Error("the issuer's configuration names another issuer");
  return { ...own, ...endpoints };
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
