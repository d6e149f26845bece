// Waybill's elements for the pages of a host product: <waybill-exports> and <waybill-export-button>. This file has a
// stable address; the modules that it loads are versioned.

import { ExportButton } from "/assets/VERSION/export-button.js";
import { ExportsList } from "/assets/VERSION/exports-list.js";

const elements = { "waybill-exports": ExportsList, "waybill-export-button": ExportButton };
for (const [name, element] of Object.entries(elements)) if (!customElements.get(name)) customElements.define(name, element);
