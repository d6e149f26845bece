// A program that uses the client generated from the contract: it requests an export, awaits the file and reads it.

import createClient from "openapi-fetch";
import type { components, paths } from "./contract.ts";

const [url, token, project] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
const path = { id: Number(project) };

const body: components["schemas"]["NewExport"] = {
  type: "orders",
  format: "csv",
  filters: { status: ["delivered"], created_at: { from: "2017-01-01", to: null }, state: "SP" },
};
const requested = await client.POST("/v1/projects/{id}/exports", { params: { path }, body });
if (!requested.data) throw new Error(`${requested.response.status}: ${JSON.stringify(requested.error)}`);

let found: components["schemas"]["Export"] = requested.data;
while (found.status === "waiting" || found.status === "processing") {
  await new Promise((resolve) => setTimeout(resolve, 200));
  const answer = await client.GET("/v1/exports/{id}", { params: { path: { id: found.id } } });
  if (!answer.data) throw new Error(JSON.stringify(answer.error));
  found = answer.data;
}
if (found.status !== "succeeded" || found.url === null) throw new Error(JSON.stringify(found));

const uuid = found.url.slice(found.url.lastIndexOf("/") + 1);
const link = await client.GET("/v1/downloads/{uuid}", {
  params: { path: { uuid }, header: { Accept: "application/json" } },
});
if (!link.data) throw new Error(JSON.stringify(link.error));
const file = await fetch(link.data.url);

const refused = await client.POST("/v1/projects/{id}/exports", {
  params: { path },
  body: { type: "orders", format: "csv", search: "x".repeat(201) },
});
const fields = refused.error && "errors" in refused.error ? refused.error.errors?.map((error) => error.field) : undefined;

const list = await client.GET("/v1/projects/{id}/exports", { params: { path, query: { status: ["succeeded"], limit: 5 } } });

console.log(JSON.stringify({
  file: await file.text(),
  rows: found.rows,
  refused: fields,
  listed: list.data?.exports.map(({ id }) => id).includes(found.id),
}));
