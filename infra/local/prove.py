"""Proves that an export's file is the same, however the export is interrupted.

Three exports of the same 541,909 purchases on the local stack: one undisturbed; one with `SIGKILL` to whatever builds it,
again and again; one with so low a time limit that no invocation comes far. Then the files are fetched, and their SHA-256
compared.

With another release, two exports: one undisturbed, and one during which the other release is deployed over this version, and
then this version again.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import deploy
import sample
import workbook
from client import ClientError, ask, expect
from demo import DemoError, outputs, say, step
from load import LoadError, load
from mint import MintError, mint
from bulk_put import PutError, Putter
from records import CatalogError, RecordType
from settings import DEFAULT_PORT, RELEASE, ROOT, TOOLS, Stack

ORGANIZATION = "proof"
PURCHASES = 541_909
READERS = TOOLS / "readers" / "bin" / "python"
FINAL = ("succeeded", "failed", "canceled", "expired")
WAIT_SECONDS = 1800
POLL_SECONDS = 0.2
BAR = 40
# An invocation works for two thirds of a short timeout, and has the rest for its checkpoint.
WORKS = 2 / 3
# A few more invocations than required, since each begins where the previous one ended.
SPARE = 1.3
LEAST_LIMIT = 2
# How long the API may give no answer while its function is exchanged.
EXCHANGE_SECONDS = 60
# The values that the template's GenerateTimeout may have.
TIMEOUTS = (15, 20, 30, 60, 120, 300, 600, 900)


class Proof:
    """The exports."""

    def __init__(self, stack: Stack, file_format: str, kills: int, invocations: int, other: Path | None) -> None:
        self._stack = stack
        self._outputs = outputs(stack)
        self._format = file_format
        self._kills = kills
        self._invocations = invocations
        self._other = other
        self._lambda = deploy.client(stack, "lambda")
        self._killed: list[int] = []
        self._rows = 0
        # How often the current export was continued.
        self._continued = 0

    def run(self, rows: int, tables: Path | None) -> None:
        """Runs the proof; raises `DemoError` if the files differ."""
        step("Records")
        self._rows = self._load(rows, tables)
        step("Undisturbed")
        plain = self._export()
        limit = max(LEAST_LIMIT, int(plain["receipt"]["seconds"] / WORKS / self._invocations / SPARE))
        exports = {"undisturbed": plain}
        if self._other:
            step(f"With {self._other} deployed over this version, and back")
            exports["deployed"] = self._over_a_deployment(limit)
        else:
            step(f"Killed {self._kills} times")
            exports["killed"] = self._export(kills=self._kills)
            step(f"With a timeout of {limit} s")
            with self._time_limit(limit):
                exports["limited"] = self._export()
        step("The same file")
        for what, export in exports.items():
            receipt = export["receipt"]
            made = f"{export['rows']:,} rows, {export['size']:,} bytes, {receipt['seconds']:.1f} s"
            made += f", {receipt['invocations']} invocations, {receipt['attempts']} attempts"
            say(f"{what:11}  {export['fetched']}  {made}")
        if len({export["fetched"] for export in exports.values()}) > 1:
            raise DemoError("the files are not the same")
        for what, export in exports.items():
            if export["rows"] != self._rows:
                raise DemoError(f"the {what} file has {export['rows']:,} rows, and {self._rows:,} records were loaded")
        limited = exports.get("limited")
        if limited and limited["receipt"]["invocations"] < self._invocations:
            raise DemoError(f"the timeout caused only {limited['receipt']['invocations']} invocations: use more rows")
        of = "SHA-256" if self._format == "csv" else "SHA-256 of all that is in them, but the time of the request,"
        say(f"The {of} are equal, and no row is missing.")

    def _over_a_deployment(self, limit: int) -> dict[str, Any]:
        """An export in several invocations, while the other release and then this version are deployed."""
        with ThreadPoolExecutor() as pool, self._time_limit(limit):
            export = pool.submit(self._export)
            for release in (self._other, RELEASE):
                before = self._code()
                self._deploy(release, limit)
                if export.done():
                    # Where it failed, this says why.
                    export.result()
                    raise DemoError("the export ended before the deployments: use more rows")
                if self._code() == before:
                    raise DemoError("the other release has the same code")
                say(f"    {'this version' if release == RELEASE else release} is deployed, while the export is under way")
                # The first may have begun before the deployment.
                continued = self._continued + 2
                while self._continued < continued and not export.done():
                    time.sleep(POLL_SECONDS)
            return export.result()

    def _code(self) -> str:
        """The digest of the deployed code of `generate`."""
        name = self._outputs["generate_function"]
        return str(self._lambda.get_function_configuration(FunctionName=name)["CodeSha256"])

    def _deploy(self, release: Path | None, limit: int) -> None:
        parameters = self._outputs["parameters"] | {"GenerateTimeout": min(allowed for allowed in TIMEOUTS if allowed >= limit)}
        command = [sys.executable, str(Path(__file__).with_name("stack.py")), "up", "--port", str(self._stack.port), "--stack", self._stack.name]
        command += [word for name, value in parameters.items() for word in ("--parameter", f"{name}={value}")]
        environment = os.environ | {"WAYBILL_RELEASE": str(release or "")}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise DemoError(f"{done.stdout}{done.stderr}")

    @contextmanager
    def _time_limit(self, seconds: int) -> Iterator[None]:
        """Sets the timeout of `generate`."""
        name = self._outputs["generate_function"]
        before = self._lambda.get_function_configuration(FunctionName=name)["Timeout"]
        self._lambda.update_function_configuration(FunctionName=name, Timeout=seconds)
        try:
            yield
        finally:
            self._lambda.update_function_configuration(FunctionName=name, Timeout=before)

    def _load(self, rows: int, tables: Path | None) -> int:
        kind = RecordType.find("purchases")
        if tables:
            say(f"the purchases of {tables}")
            command = [READERS, ROOT / "tests" / "readers" / "tables.py", "purchases", tables, str(rows)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as made:
                assert made.stdout is not None
                lines = io.TextIOWrapper(made.stdout, encoding="utf-8", newline="")
                loaded = load(kind, ORGANIZATION, lines, Putter(self._outputs["records_url"]))
        else:
            say(f"{rows:,} generated purchases: the real table is not available")
            loaded = load(kind, ORGANIZATION, sample.purchases(rows), Putter(self._outputs["records_url"]))
        say(f"loaded {loaded.rows:,} purchases in {loaded.seconds:.0f} s")
        return loaded.rows

    def _token(self) -> str:
        return mint(
            self._outputs["issuer_url"],
            sub="u-40",
            name="Eva Doubt",
            email="eva@example.com",
            grants=f"organization:{ORGANIZATION}",
        )

    def _export(self, kills: int = 0) -> dict[str, Any]:
        api, token = self._outputs["api_url"], self._token()
        asked = {"type": "purchases", "format": self._format}
        url = f"{api}/v1/organizations/{ORGANIZATION}/exports"
        export = expect("asking for the export", ask("POST", url, token, asked), 201).json()
        until = time.monotonic() + WAIT_SECONDS
        self._killed = []
        resumed = 0
        while export["status"] not in FINAL:
            if time.monotonic() > until:
                raise DemoError(f"the export is still {export['status']} after {WAIT_SECONDS} s")
            time.sleep(POLL_SECONDS)
            export = self._read("reading the export", f"{api}/v1/exports/{export['id']}", token)
            rows = (export.get("progress") or {}).get("rows") or 0
            before, resumed = resumed, self._resumed(export, token)
            self._continued = resumed
            for invocation in range(before + 2, resumed + 2):
                self._done()
                say(f"    at {rows:,} rows: invocation {invocation} continues")
            # The kills are spread over the file, with some progress between them.
            if len(self._killed) < kills and rows > self._rows * (len(self._killed) + 0.5) / (kills + 1):
                self._kill(rows)
            if len(self._killed) > 0:
                # Runs the sweeper, as the schedule does every minute, to free the lease of the killed worker.
                self._lambda.invoke(FunctionName=self._outputs["sweep_function"], InvocationType="Event", Payload=b"{}")
            self._show(rows, export["status"])
        self._done()
        if export["status"] != "succeeded":
            raise DemoError(f"the export {export['status']}: {export['failure']}")
        if len(self._killed) < kills:
            raise DemoError(f"the export ended after {len(self._killed)} kills: use more rows, or fewer kills")
        export["fetched"] = self._fetch(export, token)
        return export

    def _resumed(self, export: dict[str, Any], token: str) -> int:
        """The number of continuations, from the export's history."""
        url = f"{self._outputs['api_url']}/v1/exports/{export['id']}/events?limit=100"
        events = self._read("reading the history", url, token)["events"]
        return sum(event["event"] == "resumed" for event in events)

    def _read(self, what: str, url: str, token: str) -> Any:
        """An answer of the API, asked for again while a deployment exchanges its function and the emulator has none."""
        until = time.monotonic() + EXCHANGE_SECONDS
        while True:
            is_late = time.monotonic() > until
            try:
                answer = ask("GET", url, token)
            except ClientError:
                if is_late:
                    raise
            else:
                if answer.status < 500 or is_late:
                    return expect(what, answer, 200).json()
            time.sleep(POLL_SECONDS)

    def _kill(self, rows: int) -> None:
        workers = list(self._workers())
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        if workers:
            self._killed.append(rows)
            self._done()
            say(f"{len(self._killed):2}. at {rows:,} rows: killed process {', '.join(map(str, workers))}")

    def _workers(self) -> Iterator[int]:
        """The processes that run `generate` of this stack."""
        wanted = {
            f"AWS_LAMBDA_FUNCTION_NAME={self._outputs['generate_function']}",
            f"AWS_ENDPOINT_URL={self._stack.endpoint_url}",
        }
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_text("utf-8", "replace").split("\0")
            except OSError:
                continue
            if wanted <= set(environment):
                yield int(folder.name)

    def _fetch(self, export: dict[str, Any], token: str) -> str:
        link = expect("asking for the file", ask("GET", export["url"], token), 200).json()
        content = expect("downloading the file", ask("GET", link["url"]), 200).body
        digest = hashlib.sha256(content).hexdigest()
        if digest != export["receipt"]["sha256"]:
            raise DemoError("the downloaded file does not match the receipt")
        say(f"fetched {len(content):,} bytes; the SHA-256 is the receipt's")
        return digest if self._format == "csv" else workbook.digest(content)

    def _show(self, rows: int, status: str) -> None:
        if sys.stdout.isatty():
            filled = round(rows / max(self._rows, 1) * BAR)
            print(f"\r\033[K  [{'#' * filled}{'.' * (BAR - filled)}] {rows:,} rows, {status}", end="", flush=True)

    @staticmethod
    def _done() -> None:
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)


def main() -> None:
    """Reads the options and runs the proof."""
    parser = argparse.ArgumentParser(description="Interrupt an export repeatedly, and compare its file.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the local stack's port")
    parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--invocations", type=int, default=10, help="minimum number of invocations of the export with a timeout")
    parser.add_argument("--rows", type=int, default=PURCHASES)
    parser.add_argument("--other", type=Path, help="the folder of another release, which is deployed over this version during an export")
    parser.add_argument("--tables", type=Path, help="the folder of the real tables; without it, purchases are generated")
    options = parser.parse_args()
    tables = options.tables if options.tables and options.tables.is_dir() and READERS.exists() else None
    try:
        Proof(Stack(options.port), options.format, options.kills, options.invocations, options.other and options.other.resolve()).run(options.rows, tables)
    except (CatalogError, ClientError, DemoError, LoadError, MintError, PutError) as error:
        sys.exit(f"prove: {error}")


if __name__ == "__main__":
    main()
