"""The local stack's mailbox: an Amazon SES v2 endpoint that keeps every mail, and pages to read them.

Some addresses fail as on AWS, each also with a `+` suffix. `refuse@…` is
refused permanently, `throttle@…` twice and then accepted. Mails to `bounce@…`, `full@…` (a temporary bounce),
`complaint@…` and `reject@…` are accepted, and an event follows later (see `mailevents`).
"""

from __future__ import annotations

import argparse
import base64
import re
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import mail as mails
import mailaccount
from mailevents import MailEvents
from mailstore import Mail, MailStore
from web import Application, Html, HttpError, Request, Response, escape, json_response, page, serve, single_values

THROTTLED_TIMES = 2
MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")

# The errors that `POST /faults` can set for every SendEmail.
FAULTS = {
    "none": None,
    "400": (400, "MessageRejected", "the mailbox is set to reject every mail"),
    "429": (429, "TooManyRequestsException", "the mailbox is set to throttle every mail"),
    "500": (500, "InternalServiceErrorException", "the mailbox is set to fail"),
    "503": (503, "ServiceUnavailableException", "the mailbox is set to be unavailable"),
}


class SesError(Exception):
    """An error in the form of AWS's REST JSON protocol."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.response = mailaccount.error(status, kind, message)


class Mailbox:
    """SES's actions and the mailbox's own routes."""

    def __init__(self, store: MailStore, events: MailEvents | None) -> None:
        self._store = store
        self._events = events
        self._account = mailaccount.MailAccount()
        self._lock = threading.Lock()
        self._throttled: Counter[str] = Counter()
        self._fault = "none"
        self._refused = 0

    def application(self) -> Application:
        """Adds the routes of the mailbox."""
        mail_id = r"/mails/(?P<id>[0-9]{20}-[0-9a-f]{12})"
        application = Application()
        application.route("POST", "/v2/email/outbound-emails", self.send_email)
        self._account.add_routes(application)
        application.route("GET", "/", self.list_page)
        application.route("GET", r"/mails\.json", self.list_json)
        application.route("DELETE", r"/mails\.json", self.clear)
        application.route("GET", mail_id, self.mail_page)
        application.route("GET", mail_id + r"\.json", lambda request: json_response(self._mail(request)))
        application.route("GET", mail_id + "/attachments/(?P<number>[0-9]{1,4})", self.attachment)
        application.route("GET", "/faults", self.faults)
        application.route("POST", "/faults", self.set_faults)
        return application

    def send_email(self, request: Request) -> Response:
        """SES v2 SendEmail."""
        try:
            self._inject_fault()
            mail = self._accepted(request)
            mail_id = self._store.add(mail)
            if self._events is not None:
                self._events.of(mail_id, mail)
            return json_response({"MessageId": mail_id})
        except SesError as error:
            with self._lock:
                self._refused += 1
            return error.response

    def list_page(self, _request: Request) -> Response:
        """A page of all mails, newest first."""
        summaries = self._store.summaries()
        rows = "".join(
            f'<tr><td><a href="/mails/{escape(mail["id"])}">{escape(mail["subject"] or "(no subject)")}</a>'
            f'{" 📎" if mail["attachments"] else ""}</td><td>{escape(", ".join(mail["to"]))}</td>'
            f'<td class="soft">{escape(mail["received_at"])}</td></tr>'
            for mail in summaries
        )
        empty = '<tr><td class="soft">No mail yet.</td></tr>'
        return page("mails", count=len(summaries), rows=Html(rows or empty))

    def list_json(self, request: Request) -> Response:
        """All mails without the bytes of attachments, newest first; `to` filters by recipient."""
        wanted = single_values(request.query).get("to")
        summaries = self._store.summaries()
        if wanted is not None:
            summaries = [mail for mail in summaries if mails.bare(wanted) in map(mails.bare, mails.recipients(mail))]
        return json_response(summaries)

    def clear(self, _request: Request) -> Response:
        """Deletes all mails."""
        return json_response({"removed": self._store.clear()})

    def mail_page(self, request: Request) -> Response:
        """A page with one mail."""
        mail = self._mail(request)
        headers = [
            ("From", mail["from"]),
            ("To", ", ".join(mail["to"])),
            ("Cc", ", ".join(mail["cc"])),
            ("Bcc", ", ".join(mail["bcc"])),
            ("Reply-To", ", ".join(mail["reply_to"])),
            ("Received", mail["received_at"]),
            *mail["headers"],
            *((f"Tag {name}", value) for name, value in mail["tags"].items()),
        ]
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in headers if value)
        files = "".join(
            f'<li><a href="/mails/{mail["id"]}/attachments/{number}">{escape(file["name"])}</a> '
            f'<span class="soft">{escape(file["content_type"])}, {file["size"]:,} bytes</span></li>'
            for number, file in enumerate(mail["attachments"])
        )
        return page(
            "mail",
            # Links in the mail may open in a new tab; nothing else in it may run.
            policy="frame-src 'self'",
            subject=mail["subject"] or "(no subject)",
            headers=Html(rows),
            attachments=Html(f"<h2>Attachments</h2><ul>{files}</ul>" if files else ""),
            html=Html(_frame(mail["html"]) if mail["html"] is not None else ""),
            text=Html(f"<h2>Text</h2><pre>{escape(mail['text'])}</pre>" if mail["text"] is not None else ""),
        )

    def attachment(self, request: Request) -> Response:
        """The bytes of an attachment."""
        files = self._mail(request)["attachments"]
        number = int(request.match["number"])
        if number >= len(files):
            raise HttpError(404, "this mail has no such attachment")
        file = files[number]
        kind = file["content_type"] if MEDIA_TYPE.fullmatch(file["content_type"]) else "application/octet-stream"
        disposition = f"attachment; filename*=UTF-8''{quote(file['name'], safe='')}"
        headers = {"Content-Disposition": disposition, "Content-Security-Policy": "sandbox"}
        return Response(200, base64.b64decode(file["content"]), kind, headers)

    def faults(self, _request: Request) -> Response:
        """The error set for SendEmail, and the number of mails refused since."""
        with self._lock:
            return json_response({"refuse": self._fault, "refused": self._refused})

    def set_faults(self, request: Request) -> Response:
        """Sets the error of every SendEmail, until it is changed again."""
        if request.media_type() != "application/json":
            raise HttpError(415, "send application/json")
        fault = request.json_object().get("refuse")
        if fault not in FAULTS:
            raise HttpError(422, f"refuse must be one of {', '.join(FAULTS)}")
        with self._lock:
            self._fault, self._refused = fault, 0
        return self.faults(request)

    def _inject_fault(self) -> None:
        with self._lock:
            fault = FAULTS[self._fault]
        if fault:
            raise SesError(*fault)

    def _accepted(self, request: Request) -> Mail:
        try:
            mail = mails.parse(request.json_object())
        except mails.BadRequest as error:
            raise SesError(400, "BadRequestException", str(error)) from None
        except HttpError as error:
            raise SesError(400, "BadRequestException", error.detail) from None
        for recipient in map(mails.bare, mails.recipients(mail)):
            mailbox_name = mails.mailbox_name(recipient)
            if mailbox_name == "refuse":
                raise SesError(400, "MessageRejected", "Email address is on the suppression list.")
            if mailbox_name == "throttle":
                self._throttle(recipient)
        return mail

    def _throttle(self, recipient: str) -> None:
        with self._lock:
            self._throttled[recipient] += 1
            turned_away = self._throttled[recipient] <= THROTTLED_TIMES
        if turned_away:
            raise SesError(429, "TooManyRequestsException", "Maximum sending rate exceeded.")

    def _mail(self, request: Request) -> Mail:
        mail = self._store.get(request.match["id"])
        if mail is None:
            raise HttpError(404, "there is no such mail")
        return mail


def _frame(html: str) -> str:
    document = escape(f'<base target="_blank">{html}')
    sandbox = "allow-popups allow-popups-to-escape-sandbox"
    return f'<h2>HTML</h2><iframe title="The mail\'s HTML" sandbox="{sandbox}" srcdoc="{document}"></iframe>'


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(description="Amazon SES v2 endpoint on 127.0.0.1 that keeps every mail.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the mails")
    parser.add_argument("--aws", metavar="URL", help="endpoint of configuration sets and topics; without it, no event is published")
    options = parser.parse_args()
    events = MailEvents(options.aws) if options.aws else None
    serve(Mailbox(MailStore(options.state), events).application(), "mailbox", options.port)


if __name__ == "__main__":
    main()
