// A host's page in React: a narrowed list of orders with its Export button, and the exports.

import { useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import type { GetToken, WaybillExport, WaybillExportsElement } from "./elements";
import { WaybillExportButton, WaybillExports } from "./react";

export interface Settings {
  api: string;
  parent: string;
  getToken: GetToken;
}

function Orders({ api, parent, getToken }: Settings) {
  const exports = useRef<WaybillExportsElement>(null);
  const [status, setStatus] = useState("delivered");
  const [ready, setReady] = useState<WaybillExport | null>(null);
  return (
    <main>
      <h1>Orders</h1>
      <label>
        Status{" "}
        <select value={status} onChange={(event) => setStatus(event.target.value)}>
          <option>delivered</option>
          <option>shipped</option>
        </select>
      </label>
      <WaybillExportButton
        api={api}
        parent={parent}
        type="orders"
        getToken={getToken}
        filters={{ status: [status] }}
        onCreated={(found) => exports.current?.add(found)}
        onReady={setReady}
      />
      <p id="ready">{ready ? `${ready.file_name} is ready` : "No export is ready"}</p>
      <WaybillExports api={api} parent={parent} getToken={getToken} ref={exports}>
        <p slot="empty">Choose a status, and press Export.</p>
      </WaybillExports>
    </main>
  );
}

/** Shows the page in an element of the document. */
export function show(place: Element, settings: Settings) {
  createRoot(place).render(<Orders {...settings} />);
}
