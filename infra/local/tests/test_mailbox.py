"""Tests of the mailbox with AWS's own client."""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parent))

from service import free_port, python, running

FILE = bytes(range(256)) * 4000


class FakeAws:
    """A configuration set with a topic for bounces, and the published events."""

    def __init__(self) -> None:
        self.published: queue.Queue[tuple[str, Any]] = queue.Queue()
        published = self.published

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                topic = {"TopicArn": "arn:aws:sns:eu-west-1:000000000000:bounces"}
                destination = {
                    "Name": "bounces", "Enabled": True, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": topic,
                }
                off = {"Name": "off", "Enabled": False, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": topic}
                is_ours = self.path == "/v2/email/configuration-sets/ours/event-destinations"
                found = {"EventDestinations": [destination, off]} if is_ours else {}
                self.respond("application/json", json.dumps(found).encode())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                published.put((form["TopicArn"][0], json.loads(form["Message"][0])))
                self.respond("text/xml", b"<PublishResponse><PublishResult/></PublishResponse>")

            def respond(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeAws:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailboxTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name
        self.stop_last: Callable[[], None] = lambda: None
        self.addCleanup(lambda: self.stop_last())
        self.start()

    def start(self, *options: str) -> None:
        port = free_port()
        self.stop_last()
        service = contextlib.ExitStack()
        command = python("mailbox.py", "--port", str(port), "--state", self.state, *options)
        self.url = service.enter_context(running(command, port))
        self.stop_last = service.close
        self.ses = boto3.client(
            "sesv2",
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def send(self, to: str = "Ana <ana@example.com>", configuration_set: str | None = None, **message: Any) -> str:
        simple = {
            "Subject": {"Data": "Your <orders> ✓", "Charset": "UTF-8"},
            "Body": {"Text": {"Data": "text & more"}, "Html": {"Data": '<p>"html"</p><script>alert(1)</script>'}},
            "Attachments": [{"RawContent": FILE, "FileName": "Bücher 42.csv", "ContentType": "text/csv"}],
            "Headers": [{"Name": "X-Entity-Ref-ID", "Value": "7"}],
        }
        return self.ses.send_email(
            FromEmailAddress="Waybill <exports@example.com>",
            ReplyToAddresses=["help@example.com"],
            Destination={"ToAddresses": [to]},
            Content={"Simple": simple | message},
            EmailTags=[{"Name": "kind", "Value": "succeeded"}],
            **({"ConfigurationSetName": configuration_set} if configuration_set else {}),
        )["MessageId"]

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return response.read()

    def post(self, path: str, body: bytes) -> Any:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def refused(self, **options: Any) -> tuple[str, int]:
        with self.assertRaises(ClientError) as caught:
            self.send(**options)
        answer = caught.exception.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    def test_a_mail_is_stored_completely(self) -> None:
        mail_id = self.send()
        mail = json.loads(self.get(f"/mails/{mail_id}.json"))
        self.assertEqual(mail["subject"], "Your <orders> ✓")
        self.assertEqual((mail["from"], mail["to"]), ("Waybill <exports@example.com>", ["Ana <ana@example.com>"]))
        self.assertEqual(mail["reply_to"], ["help@example.com"])
        self.assertEqual(mail["tags"], {"kind": "succeeded"})
        self.assertEqual(mail["headers"], [["X-Entity-Ref-ID", "7"]])
        self.assertEqual(base64.b64decode(mail["attachments"][0]["content"]), FILE)
        self.assertEqual(self.get(f"/mails/{mail_id}/attachments/0"), FILE)

    def test_the_list_is_newest_first_by_recipient_and_without_bytes(self) -> None:
        first, other, second = self.send(), self.send("bruno@example.com"), self.send("ANA@example.com")
        ids = [mail["id"] for mail in json.loads(self.get("/mails.json"))]
        self.assertEqual(ids, [second, other, first])
        anas = json.loads(self.get("/mails.json?to=ana@example.com"))
        self.assertEqual([mail["id"] for mail in anas], [second, first])
        self.assertNotIn("content", anas[0]["attachments"][0])

    def test_mails_outlive_a_restart_and_can_be_removed(self) -> None:
        mail_id = self.send()
        self.start()
        self.assertEqual([mail["id"] for mail in json.loads(self.get("/mails.json"))], [mail_id])
        request = urllib.request.Request(f"{self.url}/mails.json", method="DELETE")
        with urllib.request.urlopen(request, timeout=10) as response:
            self.assertEqual(json.load(response), {"removed": 1})
        self.start()
        self.assertEqual(json.loads(self.get("/mails.json")), [])

    def test_the_pages_escape_the_contents_of_mails(self) -> None:
        mail_id = self.send()
        page = self.get(f"/mails/{mail_id}").decode()
        self.assertIn("Your &lt;orders&gt; ✓", page)
        self.assertIn("text &amp; more", page)
        self.assertNotIn("<script>", page + self.get("/").decode())

    def test_refuse_is_refused_permanently(self) -> None:
        for _ in range(3):
            self.assertEqual(self.refused(to="refuse+1@example.com"), ("MessageRejected", 400))
        self.assertEqual(json.loads(self.get("/mails.json")), [])

    def test_a_bounce_is_published_later_to_the_topics_for_bounces(self) -> None:
        with FakeAws() as aws:
            self.start("--aws", aws.url)
            mail_id = self.send("bounce+1@example.com", configuration_set="ours")
            self.assertEqual(aws.published.qsize(), 0)
            self.assertEqual(json.loads(self.get(f"/mails/{mail_id}.json"))["to"], ["bounce+1@example.com"])
            topic, event = aws.published.get(timeout=20)
            self.assertEqual(topic, "arn:aws:sns:eu-west-1:000000000000:bounces")
            self.assertEqual(event["eventType"], "Bounce")
            self.assertEqual(event["bounce"]["bounceType"], "Permanent")
            self.assertEqual(event["bounce"]["bouncedRecipients"], [{"emailAddress": "bounce+1@example.com"}])
            self.assertEqual(event["mail"]["messageId"], mail_id)
            self.assertEqual(event["mail"]["tags"], {"ses:configuration-set": ["ours"], "kind": ["succeeded"]})

            # Events are in the order of sending, so the last one shows that there was none before it.
            self.send("bounce+2@example.com")
            self.send("complaint@example.com", configuration_set="ours")
            self.send("ana@example.com", configuration_set="ours")
            self.send("full@example.com", configuration_set="ours")
            _, event = aws.published.get(timeout=20)
            self.assertEqual(event["bounce"]["bounceType"], "Transient")
            self.assertEqual(aws.published.qsize(), 0)

    def test_throttle_is_refused_twice_for_each_address(self) -> None:
        for address in ("throttle+1@example.com", "throttle+2@example.com"):
            for _ in range(2):
                self.assertEqual(self.refused(to=address), ("TooManyRequestsException", 429))
            self.send(address)

    def test_faults_make_every_mail_fail_until_they_are_over(self) -> None:
        self.post("/faults", b'{"refuse": "500"}')
        self.assertEqual(self.refused()[1], 500)
        self.assertEqual(json.loads(self.get("/faults")), {"refuse": "500", "refused": 1})
        self.post("/faults", b'{"refuse": "none"}')
        self.send()
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.post("/faults", b'{"refuse": "sometimes"}')
        with caught.exception as error:
            self.assertEqual(error.code, 422)

    def test_requests_that_ses_would_refuse(self) -> None:
        self.assertEqual(self.refused(to="no address")[0], "BadRequestException")
        self.assertEqual(self.refused(Body={})[0], "BadRequestException")
        with self.assertRaises(self.ses.exceptions.BadRequestException):
            self.ses.send_email(Content={"Raw": {"Data": b""}}, FromEmailAddress="a@example.com")

    def test_a_raw_mail_is_read(self) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "a@example.com", "Ana <ana@example.com>", "Bücher"
        message.set_content("text")
        message.add_alternative("<p>html</p>", subtype="html")
        message.add_attachment(FILE, maintype="text", subtype="csv", filename="a.csv")
        mail_id = self.ses.send_email(Content={"Raw": {"Data": message.as_bytes()}})["MessageId"]
        mail = json.loads(self.get(f"/mails/{mail_id}.json"))
        self.assertEqual((mail["to"], mail["subject"]), (["ana@example.com"], "Bücher"))
        self.assertEqual((mail["text"].strip(), mail["html"].strip()), ("text", "<p>html</p>"))
        self.assertEqual(self.get(f"/mails/{mail_id}/attachments/0"), FILE)

    def test_identities_are_verified_unless_they_are_deleted(self) -> None:
        address = "exports@example.com"
        self.assertTrue(self.ses.get_email_identity(EmailIdentity=address)["VerifiedForSendingStatus"])
        self.ses.delete_email_identity(EmailIdentity=address)
        with self.assertRaises(self.ses.exceptions.NotFoundException):
            self.ses.get_email_identity(EmailIdentity=address)
        self.ses.create_email_identity(EmailIdentity=address)
        self.assertTrue(self.ses.get_email_identity(EmailIdentity=address)["VerifiedForSendingStatus"])

    def test_the_account_can_be_in_the_sandbox(self) -> None:
        self.assertTrue(self.ses.get_account()["ProductionAccessEnabled"])
        details = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://waybill.example"}
        self.ses.put_account_details(ProductionAccessEnabled=False, **details)
        account = self.ses.get_account()
        self.assertEqual((account["ProductionAccessEnabled"], account["SendQuota"]["Max24HourSend"]), (False, 200.0))
        self.ses.put_account_details(ProductionAccessEnabled=True, **details)
        self.assertTrue(self.ses.get_account()["ProductionAccessEnabled"])

    def test_an_unknown_address_is_404(self) -> None:
        for path in ("/mails/../issuer-key.pem", f"/mails/{'0' * 20}-{'0' * 12}.json", f"/mails/{'0' * 20}-{'0' * 12}"):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.get(path)
            with caught.exception as error:
                self.assertEqual(error.code, 404)


if __name__ == "__main__":
    unittest.main()
