// A client of Waybill's API with the tokens that `getToken` returns.

/** How long an answer that was asked for early is used, in milliseconds. */
const EARLY_MS = 10_000;

/** The kinds of parents, `{kind, plural, label, root}`, which the service fills in. */
export const KINDS = "KINDS";

/** The error of a call. Its message is for the user, and empty if the service gave none. */
export class Problem extends Error {
  constructor(status, message, { retryAfter = null, errors = [], code = null } = {}) {
    super(message);
    /** The HTTP status; 0 without an answer. */
    this.status = status;
    /** `Retry-After` in seconds; null without one. */
    this.retryAfter = retryAfter;
    this.errors = errors;
    /** With 401: `token_missing`, `token_expired` or `token_refused`; null where the gateway refused the token. */
    this.code = code;
  }

  /** Whether the same call may succeed later. */
  get isPassing() {
    return this.status === 0 || this.status === 503 || this.status === 429 || this.status >= 500;
  }
}

/** The waits before further tries, in milliseconds. */
const WAITS_MS = [300, 1200];

/** Does `act`, and tries again where it fails with a passing problem, except for a limit, which a wait as short does not end. */
export async function patiently(act, signal) {
  for (const wait of [...WAITS_MS, null]) {
    try {
      return await act();
    } catch (error) {
      const mayTry = wait !== null && error.isPassing !== false && error.status !== 429 && !signal?.aborted;
      if (!mayTry) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

export class Client {
  #getToken;
  #catalog = null;
  #catalogs = new Map();
  #created = new Map();
  /** Answers that were asked for early, by path. */
  #early = new Map();
  /** The Idempotency-Keys of exports that are started again, by the ids of the old ones, until there is an answer. */
  #againKeys = new Map();

  /** `base` is the API's URL. `getToken({renew})` returns a token; with `renew` a new one, since the last was refused. */
  /** The locale in which the person reads, and receives mails; null where it is not known. */
  locale = null;

  constructor(base, getToken) {
    this.base = new URL(base || "/", document.baseURI).href.replace(/\/$/, "");
    this.#getToken = getToken;
  }

  /** The token that calls are sent with. */
  token = () => this.#getToken({ renew: false });

  /** The URL of an export's page. */
  pageOf = (id) => `${this.base}/exports/${id}`;

  /** Asks for what a view will read first: the first `send` of the same path takes the answer, if it comes soon. */
  askEarly(path) {
    const read = async (response) => {
      const { ok, status, headers } = response;
      return ok ? { status, headers, body: await response.json() } : null;
    };
    // What is refused or lost is asked for again, and handled then.
    const answer = this.#fetch(path, { method: "GET", headers: {} }, false).then(read).catch(() => null);
    this.#early.set(path, answer);
    setTimeout(() => this.#early.delete(path), EARLY_MS);
  }

  /** Sends a request. Returns `{status, headers, body}`; 304 has no body. Throws every other status than success. */
  async send(path, { method = "GET", body, headers = {}, signal } = {}) {
    const early = method === "GET" && !Object.keys(headers).length && this.#early.get(path);
    if (early) {
      this.#early.delete(path);
      const answer = await early;
      if (answer) return answer;
    }
    const request = { method, body, headers, signal };
    let response = await this.#fetch(path, request, false).catch((error) => this.#refused(error));
    if (response === null || (await isRenewable(response))) response = await this.#fetch(path, request, true);
    if (response.status === 304) return { status: 304, headers: response.headers, body: null };
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return { status: response.status, headers: response.headers, body: answer };
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    throw new Problem(response.ok ? 502 : response.status, answer?.detail ?? "", { retryAfter, errors: answer?.errors, code: answer?.code });
  }

  /**
   * Returns null if the missing answer may be a 401. The gateway may send it without CORS headers, and a browser then
   * hides it from a page of another origin. This is assumed if the service itself is reachable.
   */
  async #refused(error) {
    const isForeign = new URL(this.base).origin !== location.origin;
    if (error.status !== 0 || !isForeign) throw error;
    await fetch(`${this.base}/config.json`, { credentials: "omit" }).catch(() => {
      throw error;
    });
    return null;
  }

  /** What a path answers. A call that may succeed later is tried again. */
  async get(path, signal) {
    return (await patiently(() => this.send(path, { signal }), signal)).body;
  }

  async #fetch(path, { method, body, headers, signal }, renew) {
    const token = await this.#getToken({ renew });
    const all = { Authorization: `Bearer ${token}`, Accept: "application/json", ...headers };
    if (body) all["Content-Type"] = "application/json";
    try {
      // The token is the only credential; the browser must not send cookies.
      return await fetch(`${this.base}${path}`, {
        method,
        headers: all,
        body: body && JSON.stringify(body),
        signal,
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0, "");
    }
  }

  /** The catalog, `{types, parents, outOfService, mistakes, isStaff}`; read once. */
  catalog() {
    this.#catalog ??= this.#readCatalog().catch((error) => {
      this.#catalog = null;
      throw error;
    });
    return this.#catalog;
  }

  /** A type of a parent, with the columns defined for a source; undefined if there is none. Read once. */
  async typeOf(parent, name) {
    const path = `${pathOf(parent)}/catalog`;
    if (!this.#catalogs.has(path)) this.#catalogs.set(path, this.get(path));
    try {
      const { types } = await this.#catalogs.get(path);
      return types.find((type) => type.name === name);
    } catch (error) {
      this.#catalogs.delete(path);
      throw error;
    }
  }

  async #readCatalog() {
    const parents = [];
    let cursor = "";
    for (;;) {
      const page = await this.get(`/v1/catalog?limit=100${cursor}`);
      parents.push(...page.parents.map((parent) => ({ ...parent, id: String(parent.id) })));
      if (!page.next) return { types: page.types, parents, outOfService: page.out_of_service ?? [], mistakes: page.mistakes ?? [], isStaff: page.staff ?? false };
      cursor = `&cursor=${encodeURIComponent(page.next)}`;
    }
  }

  /** Deletes an export's file before it expires. */
  async deleteFile(id) {
    return (await this.send(`/v1/exports/${id}/file`, { method: "DELETE" })).body;
  }

  /** Requests an export. `key` is the Idempotency-Key. */
  async create(parent, request, key) {
    const headers = { "Idempotency-Key": key };
    const asked = { ...request, locale: tagOf(this.locale) };
    const { body } = await this.send(`${pathOf(parent)}/exports`, { method: "POST", body: asked, headers });
    this.#created.set(body.id, { parent: `${parent.kind}:${parent.id}`, export: body });
    return body;
  }

  /** Requests the same export again. Whoever tries once more after a lost answer gets no second one. */
  async again(found) {
    const key = this.#againKeys.get(found.id) ?? crypto.randomUUID();
    this.#againKeys.set(found.id, key);
    const created = await this.create(parentOfExport(found), requestOf(found), key);
    this.#againKeys.delete(found.id);
    return created;
  }

  /** Exports requested here that a list of `parent` may not contain yet. */
  createdOf(parent) {
    return [...this.#created.values()].filter((one) => isIn(one, parent)).map((one) => one.export);
  }

  /** Forgets an export that a list contains. */
  forget(id) {
    this.#created.delete(id);
  }

  async cancel(id) {
    return (await this.send(`/v1/exports/${id}/cancel`, { method: "POST" })).body;
  }

  /** Downloads an export's file: the API checks the permission again and returns a URL that is valid for minutes. */
  async download(found) {
    const { url } = await this.get(`/v1/downloads/${found.url.split("/").pop()}`);
    const link = document.createElement("a");
    link.href = url;
    link.rel = "noreferrer";
    link.download = found.file_name;
    link.click();
  }
}

function isIn({ parent, export: found }, list) {
  return parent === `${list.kind}:${list.id}` || (list.kind === ROOT && rootOf(found) === list.id);
}

/** The kind that all other parents belong to. */
export const ROOT = KINDS.find(({ root }) => root).kind;

const idIn = (found, kind) => found[`${kind}_id`] ?? null;

/** The id of an export's root, as a text; null without one. */
export const rootOf = (found) => (idIn(found, ROOT) === null ? null : String(idIn(found, ROOT)));

/** The path of a parent in the API (`/v1/projects/42`), or in the page with another prefix. */
export function pathOf({ kind, id }, prefix = "/v1") {
  const { plural } = KINDS.find((known) => known.kind === kind);
  return `${prefix}/${plural}/${encodeURIComponent(id)}`;
}

/** Parses `project:42` into `{kind, id}`. */
export function parentOf(text) {
  const [, kind, id] = /^([a-z0-9_]+):(.+)$/.exec(text ?? "") ?? [];
  return KINDS.some((known) => known.kind === kind) ? { kind, id } : null;
}

/** The parent of an export. */
export function parentOfExport(found) {
  const own = KINDS.find(({ kind, root }) => !root && idIn(found, kind) !== null);
  return own ? { kind: own.kind, id: String(idIn(found, own.kind)) } : { kind: ROOT, id: rootOf(found) };
}

/** The body of a request for the same export. */
function requestOf({ type, format, filters, search, columns, profile, headers, order, time_zone }) {
  return { type, format, filters, search, columns, profile, headers, order, time_zone };
}

/** The language tag of a locale without its extensions; undefined for a text that is none. */
function tagOf(locale) {
  try {
    return new Intl.Locale(locale).baseName;
  } catch {
    return undefined;
  }
}

export const isUnfinished = ({ status }) => status === "waiting" || status === "processing";

/** Whether a new token may help: not where the service says that it accepts no such tokens. */
async function isRenewable(response) {
  if (response.status !== 401) return false;
  const answer = await response.clone().json().catch(() => null);
  return answer?.code !== "token_refused";
}
