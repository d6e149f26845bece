// Waybill's elements as components of React 19: copy this file, and `elements.d.ts`, into the host's project. The host's page
// loads `/element/v1.js` of the API.

import { createElement, type ReactNode, type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { GetToken, WaybillElement, WaybillEvents, WaybillExport, WaybillExportButtonElement, WaybillExportsElement } from "./elements";

type Settings = {
  /** The API's URL. */
  api: string;
  /** The kind and the id of what the exports belong to, such as `project:42`. */
  parent: string;
  /** The language of the texts, and the locale of numbers and times. */
  locale?: string;
  className?: string;
} & Pick<WaybillElement, "getToken"> &
  Partial<Pick<WaybillElement, "messages">>;

type OfExport = (found: WaybillExport) => void;

export type WaybillExportButtonProps = Settings &
  Partial<Pick<WaybillExportButtonElement, "filters" | "search" | "timeZone" | "count">> & {
    /** The type in the catalog. */
    type: string;
    onCreated?: OfExport;
    onReady?: OfExport;
    ref?: Ref<WaybillExportButtonElement>;
  };

export type WaybillExportsProps = Settings & {
  search?: string;
  user?: string;
  type?: string;
  status?: string;
  from?: string;
  to?: string;
  onReady?: OfExport;
  onNarrowed?: () => void;
  onChanged?: () => void;
  /** What is shown where there are no exports yet; one element with `slot="empty"`. */
  children?: ReactNode;
  ref?: Ref<WaybillExportsElement>;
};

/** Requests an export: `<waybill-export-button>`. */
export function WaybillExportButton(props: WaybillExportButtonProps) {
  const { onCreated, onReady, ref, className, getToken, messages, filters, search, timeZone, count, ...attributes } = props;
  const element = useRef<WaybillExportButtonElement>(null);
  useImperativeHandle(ref, () => element.current as WaybillExportButtonElement, []);
  useToken(element, getToken);
  useProperties(element, { messages, filters, search, timeZone, count });
  useEvent(element, "waybill-export-created", ({ detail }) => onCreated?.(detail.export));
  useEvent(element, "waybill-export-ready", ({ detail }) => onReady?.(detail.export));
  return createElement("waybill-export-button", { ...attributes, class: className, ref: element });
}

/** The list of exports: `<waybill-exports>`. */
export function WaybillExports(props: WaybillExportsProps) {
  const { onReady, onNarrowed, onChanged, ref, className, getToken, messages, children, ...attributes } = props;
  const element = useRef<WaybillExportsElement>(null);
  useImperativeHandle(ref, () => element.current as WaybillExportsElement, []);
  useToken(element, getToken);
  useProperties(element, { messages });
  useEvent(element, "waybill-export-ready", ({ detail }) => onReady?.(detail.export));
  useEvent(element, "waybill-exports-narrowed", () => onNarrowed?.());
  useEvent(element, "waybill-exports-changed", () => onChanged?.());
  return createElement("waybill-exports", { ...attributes, class: className, ref: element }, children);
}

type Place<E> = { readonly current: E | null };

/** Sets properties of the element, also before the script has defined what the element is. */
function useProperties<E extends WaybillElement>(element: Place<E>, properties: Partial<E>) {
  useEffect(() => {
    const given = Object.entries(properties).filter(([, value]) => value !== undefined);
    if (element.current) Object.assign(element.current, Object.fromEntries(given));
  }, [element, ...Object.values(properties)]);
}

/** Gives the element a function that asks the newest `getToken`: a new function would begin the element anew. */
function useToken(element: Place<WaybillElement>, getToken: GetToken | null) {
  const newest = useNewest(getToken);
  const isThere = getToken !== null;
  useEffect(() => {
    if (element.current && isThere) element.current.getToken = async (how) => newest.current?.(how) ?? "";
  }, [element, newest, isThere]);
}

/** Listens to an event of the element; the newest listener is called. */
function useEvent<Name extends keyof WaybillEvents>(
  element: Place<HTMLElement>,
  name: Name,
  listener: (event: WaybillEvents[Name]) => void,
) {
  const newest = useNewest(listener);
  useEffect(() => {
    const target = element.current;
    const heard = (event: Event) => newest.current(event as WaybillEvents[Name]);
    target?.addEventListener(name, heard);
    return () => target?.removeEventListener(name, heard);
  }, [element, name, newest]);
}

/** The value of the newest rendering. */
function useNewest<T>(value: T) {
  const newest = useRef(value);
  useEffect(() => {
    newest.current = value;
  });
  return newest;
}
