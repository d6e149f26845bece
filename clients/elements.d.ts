/** The types of Waybill's elements, which `/element/v1.js` of the API defines: copy this file into the host's project. */

/** An export as the API answers it (`components["schemas"]["Export"]` of `/openapi.json` has every field). */
export interface WaybillExport {
  readonly id: number;
  readonly type: string;
  readonly format: "csv" | "xlsx";
  readonly status: "waiting" | "processing" | "succeeded" | "failed" | "canceled" | "expired";
  readonly file_name: string;
  readonly rows: number | null;
  readonly size: number | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly [field: string]: unknown;
}

/** Filters in the form of the API's requests, by the column's key. */
export type WaybillFilters = Readonly<Record<string, unknown>>;

/** Returns the person's token. `renew` is true after the API refused the last one. */
export type GetToken = (how: { readonly renew: boolean }) => string | Promise<string>;

/** What both elements have. The attributes are `api`, `parent` (`project:42`) and `locale` (`pt-BR`). */
export interface WaybillElement extends HTMLElement {
  getToken: GetToken | null;
  /** Texts that replace those of the language, by key. */
  messages: Readonly<Record<string, string>> | null;
}

/** `<waybill-exports>`: the list of exports. Its further attributes narrow it: `search`, `user`, `type`, `status`, `from`, `to`. */
export interface WaybillExportsElement extends WaybillElement {
  /** Shows an export that was just requested. */
  add(found: WaybillExport): void;
}

/** `<waybill-export-button>`: requests an export of the type in its attribute `type`. */
export interface WaybillExportButtonElement extends WaybillElement {
  filters: WaybillFilters;
  search: string | null;
  /** The IANA name of the time zone in which the filters' days begin; by default the browser's. */
  timeZone: string;
  /** The number of records, as far as the host's list knows it. */
  count: { readonly value: number; readonly exact: boolean } | null;
  /** Opens the dialog. */
  open(): Promise<void>;
}

/** The events, by name. `detail.export` is null for the last two. */
export interface WaybillEvents {
  "waybill-export-created": CustomEvent<{ readonly export: WaybillExport }>;
  "waybill-export-ready": CustomEvent<{ readonly export: WaybillExport }>;
  /** Dispatched at the document; `preventDefault()` leaves the announcement to the host. */
  "waybill-export-ended": CustomEvent<{ readonly export: WaybillExport; readonly isShown: boolean }>;
  "waybill-exports-narrowed": CustomEvent<{ readonly export: null }>;
  "waybill-exports-changed": CustomEvent<{ readonly export: null }>;
}

declare global {
  interface HTMLElementTagNameMap {
    "waybill-exports": WaybillExportsElement;
    "waybill-export-button": WaybillExportButtonElement;
  }
  interface HTMLElementEventMap extends WaybillEvents {}
  interface DocumentEventMap extends WaybillEvents {}
}
