"""One export from end to end on the local stack: records, request, file, receipt, mail, and a grant taken away."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import replace
from typing import Any

import database
import mariadb
import deploy
import host
import people
import sample
from client import ClientError, ask, expect
from load import LoadError, load
from mint import MintError, mint
from people import Person
from bulk_put import Connection, PutError, Putter
from records import CatalogError, RecordType
from settings import DEFAULT_PORT, RECORDS_TABLE, Stack

PROJECT = "42"
PROJECT_NAME = "Film"
ORGANIZATION = "shop"
ORGANIZATION_NAME = "Shop"
FINAL = ("succeeded", "failed", "canceled", "expired")
WAIT_SECONDS = 180
MAIL_SECONDS = 90
POLL_SECONDS = 0.5
LINES_SHOWN = 6
WIDTH = 118


class DemoError(Exception):
    """The demo failed; the text is one line for the user."""


class Demo:
    """The steps, in order."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._outputs = outputs(stack)
        self._api = str(self._outputs["api_url"])

    def run(self) -> None:
        """Runs all steps and prints their results."""
        self._records()
        staff = self._token(people.STAFF)
        expect("naming the project", ask("PUT", f"{self._api}/v1/projects/{PROJECT}", staff, {"name": PROJECT_NAME}), 200, 201, 204)

        ana = self._token(people.ANA)
        step("Request")
        export = self._export(people.ANA, ana, f"projects/{PROJECT}", "orders")
        self._receipt(export)
        self._file(export, ana)
        self._mail(export)
        self._database()
        self._mariadb()
        self._permissions()
        self._product()
        self._farewell(export)

    def _records(self) -> None:
        step("Records")
        kind = RecordType.find("orders")
        count = self._count(kind)
        if count:
            say(f"project {PROJECT} has {count:,} orders")
            return
        out = io.StringIO(newline="")
        sample.write(out, sample.ORDERS)
        out.seek(0)
        loaded = load(kind, PROJECT, out, Putter(self._outputs["records_url"]))
        say(f"loaded {loaded.rows:,} sample orders into project {PROJECT} in {loaded.seconds:.1f} s")

    def _count(self, kind: RecordType) -> int:
        query: dict[str, Any] = {
            "TableName": RECORDS_TABLE,
            "Select": "COUNT",
            "KeyConditionExpression": "#pk = :pk",
            "ExpressionAttributeNames": {"#pk": kind.partition_key},
            "ExpressionAttributeValues": {":pk": {"S": kind.partition.replace("{parent}", PROJECT)}},
        }
        connection = Connection(self._outputs["records_url"])
        count = 0
        while True:
            page = connection.call("Query", json.dumps(query))
            count += page["Count"]
            if "LastEvaluatedKey" not in page:
                return count
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _token(self, person: Person) -> str:
        return mint(
            self._outputs["issuer_url"],
            sub=person.sub,
            name=person.name,
            email=person.email,
            grants=person.grants,
        )

    def _export(self, person: Person, token: str, parent: str, type_name: str) -> dict[str, Any]:
        path = f"/v1/{parent}/exports"
        asked = {"type": type_name, "format": "csv"}
        say(f"{person.name} ({person.grants or 'no grants'}): POST {path} {json.dumps(asked)}")
        answer = ask("POST", f"{self._api}{path}", token, asked)
        if answer.status == 429:
            # The demo ran a moment ago.
            wait = int(answer.headers["retry-after"])
            say(f"429: {answer.json()['detail']} Waiting {wait} s")
            time.sleep(wait)
            answer = ask("POST", f"{self._api}{path}", token, asked)
        export = expect("asking for the export", answer, 201).json()
        say(f"201: export {export['id']}, {export['status']}")
        return self._wait(export, token)

    def _wait(self, export: dict[str, Any], token: str) -> dict[str, Any]:
        started = time.monotonic()
        seen = None
        while export["status"] not in FINAL:
            if time.monotonic() - started > WAIT_SECONDS:
                raise DemoError(f"the export is still {export['status']} after {WAIT_SECONDS} s: `make logs` may tell why")
            time.sleep(POLL_SECONDS)
            export = expect("reading the export", ask("GET", f"{self._api}/v1/exports/{export['id']}", token), 200).json()
            rows = (export.get("progress") or {}).get("rows")
            if (export["status"], rows) != seen:
                seen = (export["status"], rows)
                say(f"{export['status']}{f', {rows:,} rows' if rows else ''} after {time.monotonic() - started:.1f} s")
        if export["status"] != "succeeded":
            failure = export.get("failure") or {}
            raise DemoError(f"the export {export['status']}: {failure.get('message', 'no reason was given')}")
        return export

    def _receipt(self, export: dict[str, Any]) -> None:
        step("Receipt")
        facts = {"file": export["file_name"], "rows": export["rows"], "size": f"{export['size']:,} bytes"}
        facts |= export["receipt"] or {}
        facts["expires_at"] = export["expires_at"]
        width = max(map(len, facts))
        for name, value in facts.items():
            say(f"{name.replace('_', ' '):{width}}  {_shown(value)}")

    def _file(self, export: dict[str, Any], token: str) -> None:
        step("File")
        link = expect("asking for the file", ask("GET", export["url"], token), 200).json()
        content = expect("downloading the file", ask("GET", link["url"]), 200).body
        digest = hashlib.sha256(content).hexdigest()
        if digest != export["receipt"]["sha256"] or len(content) != export["size"]:
            raise DemoError("the downloaded file does not match the receipt")
        for line in content.decode("utf-8-sig").splitlines()[:LINES_SHOWN]:
            say(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…")
        say(f"… {len(content):,} bytes, the SHA-256 is the receipt's")

    def _mail(self, export: dict[str, Any]) -> None:
        step("Mail")
        mailbox = self._outputs["mailbox_url"]
        until = time.monotonic() + MAIL_SECONDS
        while True:
            mails = expect("reading the mailbox", ask("GET", f"{mailbox}/mails.json?to={people.ANA.email}"), 200).json()
            mine = next((mail for mail in mails if str(export["id"]) in f"{mail['text']}{mail['html']}"), None)
            if mine:
                break
            if time.monotonic() > until:
                raise DemoError(f"no mail of this export after {MAIL_SECONDS} s: `make logs` may tell why")
            time.sleep(POLL_SECONDS)
        say(f"To: {', '.join(mine['to'])}")
        say(f"Subject: {mine['subject']}")
        for line in (mine["text"] or "").strip().splitlines():
            say(f"  {line}".rstrip())
        for file in mine["attachments"]:
            say(f"Attachment: {file['name']}, {file['size']:,} bytes")

    def _database(self) -> None:
        """Exports records that are in PostgreSQL."""
        step("Records in PostgreSQL")
        name = f"organization '{ORGANIZATION}'"
        count = database.psql(self._stack, database.NAME, f"SELECT count(*) FROM purchases WHERE organization_id = '{ORGANIZATION}'")
        if count == "0":
            with sample.purchases() as lines:
                header = next(lines).strip()
                rows = "".join(f"{ORGANIZATION},{line}" for line in lines)
            copy = f"\\copy purchases (organization_id,{header}) FROM STDIN WITH (FORMAT csv)"
            database.psql(self._stack, database.NAME, copy, stdin=rows)
            say(f"copied {sample.PURCHASES:,} purchases of {name} into PostgreSQL on port {self._stack.database_port}")
        else:
            say(f"{name} has {int(count):,} purchases")
        staff = self._token(people.STAFF)
        named = ask("PUT", f"{self._api}/v1/organizations/{ORGANIZATION}", staff, {"name": ORGANIZATION_NAME})
        expect("naming the organization", named, 200)
        member = replace(people.ANA, grants=f"organization:{ORGANIZATION}")
        token = self._token(member)
        export = self._export(member, token, f"organizations/{ORGANIZATION}", "shop_purchases")
        if export["rows"] != sample.PURCHASES:
            raise DemoError(f"the export has {export['rows']} rows: the table has {sample.PURCHASES}")
        self._file(export, token)

    def _mariadb(self) -> None:
        """Exports records that are in MariaDB, where it is installed."""
        step("Records in MariaDB")
        if not self._stack.mariadb_data.exists():
            return say(f"MariaDB is not installed: {mariadb.ADVICE}")
        count = "SELECT COUNT(*) FROM audience WHERE organization_id = '{0}'".format(ORGANIZATION)
        if mariadb.execute(self._stack, count, mariadb.NAME) == "0":
            insert = sample.AUDIENCE.format(organization=ORGANIZATION, last=sample.MEMBERS)
            mariadb.execute(self._stack, insert, mariadb.NAME)
            say(f"inserted {sample.MEMBERS:,} members of an audience into MariaDB on port {self._stack.mariadb_port}")
        member = replace(people.ANA, grants=f"organization:{ORGANIZATION}")
        token = self._token(member)
        export = self._export(member, token, f"organizations/{ORGANIZATION}", "crm_audience")
        if export["rows"] != sample.MEMBERS:
            raise DemoError(f"the export has {export['rows']} rows: the table has {sample.MEMBERS}")
        self._file(export, token)

    def _permissions(self) -> None:
        """Shows permissions by the sample host's function, on a deployment of its own."""
        step("Permissions by the host's grants function")
        say("A second deployment asks the host's grants function at every download; the token has no grants")
        asking = Demo(self._stack.asking_host)
        ana = replace(people.ANA, grants="")
        token = asking._token(ana)
        members = (lambda service: deploy.client(self._stack, service), ana.sub, f"project:{PROJECT}")

        host.let_in(*members)
        say(f"{ana.name} becomes a member of project {PROJECT} in the host's own table")
        export = asking._export(ana, token, f"projects/{PROJECT}", "orders")
        expect("asking for the file", ask("GET", export["url"], token), 200)
        say(f"200: GET {export['url']}")

        host.turn_out(*members)
        say("The host removes the membership; the link and the token stay the same")
        refused = expect("asking for the file again", ask("GET", export["url"], token), 404).json()
        say(f"404: GET {export['url']}: {refused['detail']}")
        asking._history(export)

    def _product(self) -> None:
        """Shows a session of a product that has cookies and no tokens."""
        step("A product with cookies and no tokens")
        ana, asking = people.ANA, Demo(self._stack.asking_host)
        for person in (ana, people.BRUNO):
            host.let_in(lambda service: deploy.client(self._stack, service), person.sub, person.grants)
        product = self._stack.product_url
        say(f"{ana.name} signs in to {product}, which knows her by a cookie from then on")
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        browser.open(f"{product}/sign-in", urllib.parse.urlencode({"person": ana.sub}).encode()).close()
        with browser.open(urllib.request.Request(f"{product}/exports-token", method="POST")) as answer:
            token = json.load(answer)["token"]
        say("Its backend opens a session with its API key (POST /v1/sessions), and hands the token to the elements in its page")
        exports = expect("listing exports", ask("GET", f"{asking._api}/v1/projects/{PROJECT}/exports", token), 200).json()["exports"]
        say(f"200: GET /v1/projects/{PROJECT}/exports: {len(exports)} exports")
        foreign = expect("listing other exports", ask("GET", f"{asking._api}/v1/projects/43/exports", token), 404).json()
        say(f"404: GET /v1/projects/43/exports: {foreign['detail']}")

    def _history(self, export: dict[str, Any]) -> None:
        url = f"{self._api}/v1/exports/{export['id']}/events"
        events = expect("reading the history", ask("GET", url, self._token(people.STAFF)), 200).json()["events"]
        say("The history, as staff see it:")
        for event in events:
            who = (event["user"] or {}).get("name") or "Waybill"
            say(f"  {event['at']:24}  {event['event']:10}  {who}")
        if not {"downloaded", "refused"} <= {event["event"] for event in events}:
            raise DemoError("the history lacks the download or the refusal")

    def _farewell(self, export: dict[str, Any]) -> None:
        step("The stack is up")
        port = "" if self._stack.port == DEFAULT_PORT else f" PORT={self._stack.port}"
        say(f"API       {self._api}")
        say(f"Export    {self._api}/exports/{export['id']}  (sign in as {people.ANA.name})")
        say(f"Product   {self._stack.product_url}  (sign in as {people.ANA.name})")
        say(f"Mailbox   {self._outputs['mailbox_url']}")
        say(f'Token     make token{port} GRANTS="project:42"')
        say(f"Stop      make down{port}")


def outputs(stack: Stack) -> dict[str, Any]:
    """The addresses of the stack; raises `DemoError` if it was never started."""
    try:
        return dict(json.loads(stack.outputs.read_text("utf-8")))
    except OSError:
        raise DemoError(f"{stack.outputs} does not exist: `make demo` creates it") from None


def step(title: str) -> None:
    """Prints the next step."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}{title}{plain}", flush=True)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def say(text: str) -> None:
    """Prints a result."""
    # Cells and mails may contain control characters, which must not reach the terminal.
    shown = "".join(character if character.isprintable() else "·" for character in text)
    print(f"  {shown}", flush=True)


def main() -> None:
    """Reads the options and runs the demo."""
    parser = argparse.ArgumentParser(description="One export from end to end on the local stack.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the local stack's port")
    options = parser.parse_args()
    try:
        Demo(Stack(options.port)).run()
    except (CatalogError, ClientError, DemoError, LoadError, MintError, PutError, urllib.error.URLError) as error:
        sys.exit(f"demo: {error}")
    except KeyError as error:
        sys.exit(f"demo: an answer has no {error}: the stack and this script are of different versions")


if __name__ == "__main__":
    main()
