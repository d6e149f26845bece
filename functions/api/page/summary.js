// The totals of the last days, and a chart of exports and downloads by day.

import { pathOf } from "./api.js";
import { h, svg } from "./dom.js";

const DAYS = 30;
const DAY_MS = 86_400_000;
const [WIDTH, HEIGHT, BAR] = [8, 44, 3];
const TOTALS = ["exports", "rows", "downloads"];

/** The summary of a parent's exports. Its space is reserved from the start, so that the layout does not jump. */
export class Summary {
  #page;
  #parent;

  constructor(page, parent) {
    this.#page = page;
    this.#parent = parent;
    const { t } = page;
    const total = (name) => h("div", { class: `total ${name}` }, h("strong", {}, "–"), h("span", { class: "quiet" }, t(`summary.${name}`, { count: 0, days: DAYS })));
    this.totals = TOTALS.map(total);
    this.chart = this.#picture(lastDays(new Map()));
    this.chart.classList.add("empty");
    this.element = h("div", { class: "summary" }, this.totals, this.chart);
    this.refresh();
  }

  /** Reads the totals again. A failure changes nothing, since the summary is optional. */
  async refresh() {
    const days = await this.#read().catch(() => null);
    if (!days) return this.element.toggleAttribute("hidden", !this.isShown);
    this.isShown = days.some(({ exports, downloads }) => exports || downloads);
    this.element.hidden = !this.isShown;
    for (const [n, name] of TOTALS.entries()) {
      const count = days.reduce((sum, day) => sum + day[name], 0);
      this.totals[n].firstChild.textContent = this.#page.format.brief(count);
      this.totals[n].lastChild.textContent = this.#page.t(`summary.${name}`, { count, days: DAYS });
    }
    const chart = this.#picture(days);
    // One bar alone shows nothing.
    chart.hidden = days.filter(({ exports, downloads }) => exports || downloads).length < 2;
    this.chart.replaceWith(chart);
    this.chart = chart;
  }

  async #read() {
    const [{ date: first }] = lastDays(new Map());
    const known = new Map();
    for (let from = first; from;) {
      const answer = await this.#page.client.get(`${pathOf(this.#parent)}/exports/summary?from=${from}`);
      for (const day of answer.days) known.set(day.date, day);
      from = answer.next;
    }
    return lastDays(known);
  }

  #picture(days) {
    const { t, format } = this.#page;
    const most = Math.max(...days.map(({ exports, downloads }) => Math.max(exports, downloads)), 1);
    const bar = (n, value, kind, offset) => {
      const height = value ? Math.max((value / most) * HEIGHT, 2) : 0;
      return svg("rect", { class: kind, x: n * WIDTH + offset, y: HEIGHT - height, width: BAR, height, rx: 0.75 });
    };
    const bars = days.map(({ date, exports, downloads }, n) => {
      const title = svg("title", {}, t("summary.day", { day: format.day(date), exports, downloads }));
      const space = svg("rect", { class: "space", x: n * WIDTH, y: 0, width: WIDTH, height: HEIGHT });
      return svg("g", {}, title, space, bar(n, exports, "exports", 0.5), bar(n, downloads, "downloads", BAR + 1));
    });
    const label = t("summary.chart", { days: DAYS, most });
    const picture = svg("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${DAYS * WIDTH} ${HEIGHT}` }, ...bars);
    const axis = (name, ...texts) => h("div", { class: `axis ${name}`, "aria-hidden": "true" }, texts.map((text) => h("span", {}, text)));
    const [first, last] = [days[0], days.at(-1)].map(({ date }) => format.shortDay(date));
    return h("div", { class: "chart" }, axis("values", format.count(most), format.count(0)), picture, axis("days", first, last));
  }
}

/** The totals of each of the last days, today last. */
function lastDays(known) {
  const now = Date.now();
  const dates = Array.from({ length: DAYS }, (_, n) => new Date(now - (DAYS - 1 - n) * DAY_MS).toISOString().slice(0, 10));
  return dates.map((date) => ({ date, exports: 0, downloads: 0, rows: 0, ...known.get(date) }));
}
