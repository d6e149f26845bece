// Waybill's elements for the pages of a host product: <waybill-exports> and <waybill-export-button>.

import { ExportButton } from "./export-button.js";
import { ExportsList } from "./exports-list.js";

const elements = { "waybill-exports": ExportsList, "waybill-export-button": ExportButton };
for (const [name, element] of Object.entries(elements)) if (!customElements.get(name)) customElements.define(name, element);
