// The history of an export: who did what, and when.

import { h } from "./dom.js";

const SENTENCES = {
  requested: "Requested",
  started: "Started",
  resumed: "Continued",
  succeeded: "Completed",
  failed: "Failed",
  canceled: "Canceled",
  mailed: "Email sent",
  mail_failed: "Email not delivered",
  downloaded: "Downloaded",
  refused: "Download refused",
  expired: "Expired",
  deleted: "File removed",
};
// Why a sent mail was not delivered.
const REFUSALS = {
  bounced: "the address does not accept it",
  complained: "it was marked as spam",
  rejected: "the mail service held it back",
};
/** What the event of a mail says where the person has no address. */
const NO_ADDRESS = "there is no address";
const TONES = { succeeded: "good", failed: "bad", mail_failed: "bad", refused: "bad" };

/** The events, newest first; `time` formats an instant. */
export function history(events, { format }, time) {
  const items = events.map(({ event, at, user, address, detail }) => {
    // That the file is gone follows from its deletion by the same person.
    const who = user && event !== "deleted" && [" by ", h("bdi", {}, user.name ?? user.id)];
    const behalf = user?.on_behalf_of && [" for ", h("bdi", {}, user.on_behalf_of)];
    const refusal = event === "mail_failed" && REFUSALS[detail];
    const said = refusal || detail;
    const more = [address && `from ${address}`, said].filter(Boolean).join(" · ");
    const isUnsent = event === "mail_failed" && detail === NO_ADDRESS;
    const isDeletion = event === "expired" && user;
    const sentence = isDeletion ? "File deleted" : refusal ? "Email not accepted" : isUnsent ? "No email sent" : SENTENCES[event] ?? event;
    return h(
      "li",
      { class: isUnsent ? "" : TONES[event] },
      h("span", {}, sentence, who, behalf),
      more && h("span", { class: "quiet" }, h("bdi", {}, more)),
      h("span", { class: "quiet" }, time(at)),
    );
  });
  const label = `${format.count(events.length)} events, newest first`;
  return h("ol", { class: "history", "aria-label": label, reversed: true }, items.reverse());
}
