// Follows the exports that were requested here to their end, and says so where the person is then.

import { isUnfinished } from "./api.js";
import { errorText } from "./base.js";
import { fileName } from "./dom.js";
import { poll } from "./poll.js";
import { toast } from "./toasts.js";

const followed = new Set();

/** Whether the end of the export with this id is said by its follower. */
export const isFollowed = (id) => followed.has(id);

/**
 * Reads an export until it has ended, in a hidden window too. `changed` is called with each state, and returns whether it
 * shows it to the person. An end that nothing shows is said in a toast, unless the event `waybill-export-ended`, which
 * goes to the document, is canceled. Its `isShown` says whether an open dialog shows the end.
 */
export async function follow(found, context, changed = () => false) {
  if (followed.has(found.id)) return;
  followed.add(found.id);
  const read = async () => {
    try {
      const now = await context.client.get(`/v1/exports/${found.id}`);
      const isShown = changed(now);
      if (isUnfinished(now)) return "same";
      const event = new CustomEvent("waybill-export-ended", { detail: { export: now, isShown }, cancelable: true });
      const isTold = !document.dispatchEvent(event) || isShown;
      if (!isTold) tell(now, context);
      return "done";
    } catch (error) {
      return error.isPassing ? "same" : "done";
    }
  };
  await poll(read, new AbortController().signal, { isInHidden: true });
  followed.delete(found.id);
}

function tell(found, context) {
  const { client, t, format } = context;
  const isGood = found.status === "succeeded";
  const again = async () => {
    follow(await client.again(found), context);
  };
  const canTryAgain = found.status === "failed" && found.failure?.retryable !== false;
  const closed = () => document.dispatchEvent(new CustomEvent("waybill-export-seen", { detail: { export: found } }));
  toast(
    {
      key: `export ${found.id}`,
      isGood,
      title: t(`toast.${found.status}`),
      text: isGood ? fileName(found.file_name) : (found.failure?.message ?? fileName(found.file_name)),
      details: isGood && `${t("list.row-count", { count: found.rows })} · ${format.size(found.size)}`,
      href: client.pageOf(found.id),
      label: t(isGood ? "action.download" : "action.retry"),
      act: isGood ? () => client.download(found) : canTryAgain ? again : null,
      closed,
    },
    { t, errorText },
  );
}
