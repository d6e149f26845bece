"""Events of Amazon SES about accepted mails, published later to the topics of the mail's configuration set.

The forms are those of SES's documents, "Contents of event data that Amazon SES publishes to Amazon SNS".
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import boto3
import mail as mails

# SES learns of a bounce from the recipient's server, seconds or hours after it has accepted the mail.
LATER_SECONDS = 1.0

# By local part of the recipient: the type of event, and the event's fields besides the recipients.
OUTCOMES: dict[str, tuple[str, dict[str, Any]]] = {
    "bounce": ("Bounce", {"bounceType": "Permanent", "bounceSubType": "General"}),
    "full": ("Bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}),
    "complaint": ("Complaint", {"complaintSubType": None, "complaintFeedbackType": "abuse"}),
    "reject": ("Reject", {"reason": "Bad content"}),
}
RECIPIENTS = {"Bounce": "bouncedRecipients", "Complaint": "complainedRecipients"}


class MailEvents:
    """Publishes events about mails."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def of(self, mail_id: str, mail: dict[str, Any]) -> None:
        """Publishes, after a delay, the event of a mail with a configuration set."""
        if mail["configuration_set"] is None:
            return
        for address in map(mails.bare, mails.recipients(mail)):
            outcome = OUTCOMES.get(mails.mailbox_name(address))
            if outcome is not None:
                event = _event(mail_id, mail, address, *outcome)
                timer = threading.Timer(LATER_SECONDS, self._publish, (mail["configuration_set"], event))
                timer.daemon = True
                timer.start()

    def _publish(self, configuration_set: str, event: dict[str, Any]) -> None:
        try:
            found = self._client("sesv2").get_configuration_set_event_destinations(ConfigurationSetName=configuration_set)
            for destination in found["EventDestinations"]:
                wanted = destination["Enabled"] and event["eventType"].upper() in destination["MatchingEventTypes"]
                if wanted and "SnsDestination" in destination:
                    topic = destination["SnsDestination"]["TopicArn"]
                    self._client("sns").publish(TopicArn=topic, Message=json.dumps(event))
        # The error is logged here, since the thread has no caller.
        except Exception as error:  # noqa: BLE001
            print(f"mailbox: an event was not published: {error}", file=sys.stderr, flush=True)

    def _client(self, service: str) -> Any:
        # Creating clients is not thread-safe in boto3; using them is.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,
                    endpoint_url=self._endpoint_url,
                    region_name="eu-west-1",
                    aws_access_key_id="test",
                    aws_secret_access_key="test",
                )
            return self._clients[service]


def _event(mail_id: str, mail: dict[str, Any], address: str, kind: str, part: dict[str, Any]) -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    detail = dict(part)
    if kind in RECIPIENTS:
        detail |= {RECIPIENTS[kind]: [{"emailAddress": address}], "timestamp": now, "feedbackId": mail_id}
    return {
        "eventType": kind,
        kind.lower(): detail,
        "mail": {
            "timestamp": now,
            "source": mail["from"],
            "messageId": mail_id,
            "destination": mails.recipients(mail),
            "headersTruncated": False,
            "headers": [{"name": name, "value": value} for name, value in mail["headers"]],
            "commonHeaders": {"from": [mail["from"]], "to": mail["to"], "subject": mail["subject"]},
            "tags": {
                "ses:configuration-set": [mail["configuration_set"]],
                **{name: [value] for name, value in mail["tags"].items()},
            },
        },
    }
