// Audits the signed-in list of exports with Lighthouse, and measures its first view on a slow network.
// usage: lighthouse.mjs OUTPUTS PARENT REPORTS, with the file of a local stack's outputs, such as "project:42", and a folder.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import lighthouse, { desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";

const [outputs, parent, reports] = process.argv.slice(2);
const { public_url: site, issuer_url: issuer } = JSON.parse(readFileSync(outputs, "utf8"));
const [kind, id] = parent.split(":");
const list = `${site}/${kind}s/${id}/exports`;
// The least scores, of 100. That of performance is only printed, since it depends on what else the machine does.
const LEAST = { accessibility: 100, "best-practices": 100 };
// Slow 3G: 400 kbit/s both ways, and 400 ms for a round trip.
const SLOW = { download: 50_000, upload: 50_000, latency: 400 };

/** Gives the tab a session, which the page keeps over each loading, as one that a product's backend has opened. */
async function signIn(page) {
  const answer = await fetch(`${issuer}/dev/token`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sub: "u-lighthouse", name: "Ana Sousa", email: "ana@example.com", grants: parent, expires_in: 3600 }),
  });
  const { access_token: token } = await answer.json();
  const session = { token, expires_at: new Date(Date.now() + 3_600_000), user: { id: "u-lighthouse", name: "Ana Sousa" } };
  await page.evaluateOnNewDocument((kept) => {
    if (location.protocol.startsWith("http")) sessionStorage.setItem("session", kept);
  }, JSON.stringify(session));
}

/** Waits until the list has its exports, or says that there are none. */
const shown = (page) =>
  page.waitForFunction(() => document.querySelector("waybill-exports")?.shadowRoot?.querySelector("tbody tr, .blank"), { timeout: 60_000 });

async function audit(page, name, config) {
  const { lhr, report } = await lighthouse(list, { disableStorageReset: true, output: "html" }, config, page);
  writeFileSync(join(reports, `${name}.html`), report);
  if (lhr.finalDisplayedUrl !== list) throw new Error(`${lhr.finalDisplayedUrl} was audited, and not ${list}`);
  const scores = Object.entries(LEAST).map(([key, least]) => ({ key, least, score: Math.round(lhr.categories[key].score * 100) }));
  const said = scores.map(({ key, score }) => `${key} ${score}`);
  console.log(`${name}: ${said.join(", ")}, performance ${Math.round(lhr.categories.performance.score * 100)}`);
  for (const { auditRefs } of [lhr.categories.accessibility, lhr.categories["best-practices"]]) {
    const failed = auditRefs.map((ref) => lhr.audits[ref.id]).filter(({ score }) => score !== null && score < 1);
    for (const { id: audited, title } of failed) console.log(`  ${audited}: ${title}`);
  }
  return scores.filter(({ score, least }) => score < least);
}

/** The list from the first request to its content, with nothing kept from before. */
async function firstView() {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await signIn(page);
  const seen = { requests: 0, bytes: 0 };
  const devtools = await page.createCDPSession();
  await devtools.send("Network.enable");
  devtools.on("Network.requestWillBeSent", () => (seen.requests += 1));
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (seen.bytes += encodedDataLength));
  await page.emulateNetworkConditions(SLOW);
  const began = performance.now();
  await page.goto(list, { waitUntil: "domcontentloaded" });
  await shown(page);
  const seconds = (performance.now() - began) / 1000;
  await context.close();
  const kilobytes = (seen.bytes / 1000).toFixed(1);
  console.log(`first view on slow 3G: ${seconds.toFixed(2)} s, ${seen.requests} requests, ${kilobytes} kB`);
}

mkdirSync(reports, { recursive: true });
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  await signIn(page);
  await firstView();
  const low = [...(await audit(page, "desktop", desktopConfig)), ...(await audit(page, "phone", undefined))];
  console.log(`Reports: ${reports}`);
  for (const { key, score, least } of low) console.error(`${key} is ${score}; it must be at least ${least}`);
  process.exitCode = low.length ? 1 : 0;
} finally {
  await browser.close();
}
