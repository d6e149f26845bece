// A small chart of exports and downloads of the last days.

import { pathOf } from "./api.js";
import { h, svg } from "./dom.js";

const DAYS = 30;
const DAY_MS = 86_400_000;
const [WIDTH, HEIGHT, BAR] = [8, 36, 3];

/** The chart of a parent's exports. Its space is reserved from the start, so that the layout does not jump. */
export function summary({ client, format }, parent) {
  const number = (label) => h("div", {}, h("strong", {}, "–"), h("span", { class: "quiet" }, label));
  const [exports, downloads] = [number("exports in 30 days"), number("downloads in 30 days")];
  const place = h("div", { class: "summary" }, exports, downloads, picture([], format));
  read(client, parent).then(
    (days) => {
      const total = (kind) => format.count(days.reduce((sum, day) => sum + day[kind], 0));
      exports.firstChild.textContent = total("exports");
      downloads.firstChild.textContent = total("downloads");
      place.lastChild.replaceWith(picture(days, format));
    },
    // A failure is ignored, since the chart is optional.
    () => place.remove(),
  );
  return place;
}

async function read(client, parent) {
  const now = Date.now();
  const dates = Array.from({ length: DAYS }, (_, n) => new Date(now - (DAYS - 1 - n) * DAY_MS).toISOString().slice(0, 10));
  const known = new Map();
  for (let from = dates[0]; from;) {
    const answer = await client.get(`${pathOf(parent)}/exports/summary?from=${from}`);
    for (const day of answer.days) known.set(day.date, day);
    from = answer.next;
  }
  return dates.map((date) => ({ date, exports: 0, downloads: 0, ...known.get(date) }));
}

function picture(days, format) {
  const most = Math.max(...days.map(({ exports, downloads }) => Math.max(exports, downloads)), 1);
  const bar = (n, value, kind, offset) => {
    const height = value ? Math.max((value / most) * HEIGHT, 2) : 0;
    return svg("rect", { class: kind, x: n * WIDTH + offset, y: HEIGHT - height, width: BAR, height, rx: 1 });
  };
  const bars = days.map(({ date, exports, downloads }, n) => {
    const title = svg("title", {}, `${format.day(date)} · exports: ${exports}, downloads: ${downloads}`);
    const space = svg("rect", { class: "space", x: n * WIDTH, y: 0, width: WIDTH, height: HEIGHT });
    return svg("g", {}, title, space, bar(n, exports, "exports", 0), bar(n, downloads, "downloads", BAR + 0.5));
  });
  const label = `Exports and downloads per day in ${DAYS} days`;
  return svg("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${DAYS * WIDTH} ${HEIGHT}` }, ...bars);
}
