// The history of an export: who did what, and when.

import { h } from "./dom.js";

/** Why a sent mail was not delivered. */
const REFUSALS = new Set(["bounced", "complained", "rejected"]);
/** What the event of a mail says where the person has no address. */
const NO_ADDRESS = "there is no address";
const TONES = { succeeded: "good", failed: "bad", mail_failed: "bad", refused: "bad" };

/** The events, newest first; `time` formats an instant. */
export function history(events, { t }, time) {
  const items = events.map(({ event, at, user, address, detail }) => {
    const isRefusal = event === "mail_failed" && REFUSALS.has(detail);
    const isUnsent = event === "mail_failed" && detail === NO_ADDRESS;
    const isDeletion = event === "expired" && user;
    const what = t(`history.${isDeletion ? "file-deleted" : isRefusal ? "not-accepted" : isUnsent ? "not-sent" : event}`);
    // That the file is gone follows from its deletion by the same person.
    const person = user && event !== "deleted" && h("bdi", {}, user.name ?? user.id);
    const other = user?.on_behalf_of && h("bdi", {}, user.on_behalf_of);
    const sentence = person ? t.nodes(other ? "history.by-for" : "history.by", { what, person, other }) : what;
    const said = isRefusal ? t(`history.${detail}`) : detail;
    const place = address && t.nodes("history.from", { address: h("bdi", {}, address) });
    const more = [place, place && said && " · ", said && h("bdi", {}, said)].filter(Boolean);
    return h(
      "li",
      { class: isUnsent ? "" : TONES[event] },
      h("span", {}, sentence),
      more.length > 0 && h("span", { class: "quiet" }, more),
      h("span", { class: "quiet" }, time(at)),
    );
  });
  return h("ol", { class: "history", "aria-label": t("history.label", { count: events.length }), reversed: true }, items.reverse());
}
