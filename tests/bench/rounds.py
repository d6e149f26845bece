"""The services of a measured program, on loopback, and single measured rounds."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PYTHON = ROOT / ".local" / "bench" / "bin" / "python"
DYNOXIDE = ROOT / ".local" / "dynoxide" / "bin" / "dynoxide"
REGION = "eu-west-1"
TABLES = ["exports", "work", "events", "limits", "api_keys", "parents"]
# The timeout of a round.
SECONDS = 3600


@dataclass(frozen=True)
class Used:
    """The resources that a program used."""

    cpu: float
    wall: float
    peak_mb: float
    size: int = 0


class Bench:
    """The server, Waybill's tables, and the binaries."""

    def __init__(self, binaries: Path, others: dict[str, Path] | None = None) -> None:
        """`others` are the folders of programs that are not in `binaries`."""
        self.binaries = binaries
        self._others = others or {}
        self._folder = tempfile.TemporaryDirectory(prefix="waybill-bench-")
        self._processes: list[subprocess.Popen[str]] = []
        self.log = Path(self._folder.name) / "functions.log"
        self._people = 0

    def __enter__(self) -> Bench:
        certificate = Path(self._folder.name) / "server.pem"
        server = self._start([str(self.binary("bench")), "server", str(certificate)], stdout=subprocess.PIPE)
        assert server.stdout is not None
        plain, encrypted = server.stdout.readline().split()
        self.address = f"127.0.0.1:{plain}"
        self.url = f"http://{self.address}"
        encrypted_url = f"https://127.0.0.1:{encrypted}"
        # For a function that reads records and writes files over TLS, as on AWS. Its own tables stay in plain.
        self.over_tls = {"AWS_ENDPOINT_URL": encrypted_url, "RECORDS_ENDPOINT_URL": encrypted_url, "SSL_CERT_FILE": str(certificate)}
        port = free_port()
        database = Path(self._folder.name) / "tables.sqlite"
        arguments = ["serve", "--host", "127.0.0.1", "--port", str(port), "--db-path", str(database)]
        self._start([str(DYNOXIDE), *arguments], stdout=subprocess.DEVNULL)
        self.tables_url = f"http://127.0.0.1:{port}"
        _wait_for(port)
        self.environment = self._environment()
        keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench"}
        self._tables = boto3.client("dynamodb", endpoint_url=self.tables_url, region_name=REGION, **keys)
        self._create_tables()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()
        self._folder.cleanup()

    def binary(self, name: str) -> Path:
        """The path of a program of the workspace."""
        return self._others.get(name, self.binaries) / name

    def _start(self, command: list[str], stdout: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, text=True)
        self._processes.append(process)
        return process

    def _unlimited_catalog(self) -> Path:
        """A catalog without a limit on reading orders, since the engine is measured, not its budget."""
        catalog = (ROOT / "infra" / "catalog.toml").read_text()
        budget = 'partition = "orders#{parent}", read_mb_per_s = 100000,'
        path = Path(self._folder.name) / "catalog.toml"
        path.write_text(catalog.replace('partition = "orders#{parent}",', budget))
        return path

    def _environment(self) -> dict[str, str]:
        """The environment of a function, as in the template."""
        own = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        tables = {f"{name.upper()}_TABLE": name for name in [*TABLES, "records"]}
        return own | tables | {
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.tables_url,
            "RECORDS_ENDPOINT_URL": self.url,
            "RECORDS_ROLE": "arn:aws:iam::000000000000:role/records",
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "measured",
            "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
            "BUCKET": "files",
            "CATALOG_PATH": str(self._unlimited_catalog()),
            "EXPORTS_PER_PARENT": "2",
            "QUEUE_URL": f"{self.url}/000000000000/exports",
            "LEASE_SECONDS": "60",
            "RETRY_SECONDS": "60",
            "RETENTION_SECONDS": "604800",
            "DELETE_AFTER_SECONDS": "3600",
            "NOTIFY_FUNCTION": "notify",
            "PUBLIC_URL": "http://localhost",
            "ISSUER": "http://localhost",
            "AUDIENCE": "waybill",
            "CLIENT_ID": "bench",
            "GRANTS_CLAIM": "scope",
            "NAME_CLAIM": "name",
            "EMAIL_CLAIM": "email",
            "EMAIL_VERIFIED_CLAIM": "email_verified",
            "PRODUCT_NAME": "Bench",
            "SENDER": "exports@example.com",
            "CONFIGURATION_SET": "bench",
        }  # fmt: skip

    def _create_tables(self) -> None:
        for name in TABLES:
            found = template()["Resources"][f"{name.title().replace('_', '')}Table"]["Properties"]
            shape = {key: found[key] for key in ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes") if key in found}
            self._tables.create_table(TableName=name, **shape)

    def run(self, command: list[str], environment: dict[str, str] | None = None) -> dict[str, Any]:
        """Runs a program to its end, and returns the resources that it used."""
        with self.log.open("ab") as log:
            measured = subprocess.run(
                [str(PYTHON), "-I", "-S", str(HERE / "measure.py"), *command],
                env=environment or self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                timeout=SECONDS,
                check=True,
            )
        return json.loads(measured.stdout)

    def begin(self, rows: int, events: list[Any] | None = None, keep: bool = False) -> None:
        """Begins a round: empties the bucket, and sets the number of records and the events."""
        round_ = json.dumps({"rows": rows, "keep": keep, "events": events or []})
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/bench/begin", round_.encode())).close()

    def result(self) -> dict[str, Any]:
        """The result of the round."""
        with urllib.request.urlopen(f"{self.url}/bench/result") as answer:
            return json.load(answer)

    def object(self) -> bytes:
        """The file of the round."""
        with urllib.request.urlopen(f"{self.url}/bench/object") as answer:
            return answer.read()

    def program(self, command: list[str], rows: int, keep: bool = False) -> Used:
        """A round of a program that runs once; the file of `alone` is not compared."""
        self.begin(rows, keep=keep)
        used = self.run(command)
        if used["status"] != 0:
            raise RuntimeError(f"{command} failed: {self.tail()}")
        return _used(used, self.result()["size"] or 0)

    def export(self, form: str, rows: int, keep: bool = False, under: list[str] | None = None, *, encrypted: bool = False) -> Used:
        """A round with a request by `api` and its `generate`; only `generate` is measured."""
        return self.generate(self.request([self.post(form)])[0], rows, keep, under, encrypted=encrypted)

    def generate(self, id_: int, rows: int, keep: bool = False, under: list[str] | None = None, *, encrypted: bool = False) -> Used:
        """A round of `generate` for an export that was requested; with TLS to the records' DynamoDB and to S3 if `encrypted`."""
        self.begin(rows, [{"Records": [_message(id_)]}], keep)
        environment = self.environment | (self.over_tls if encrypted else {})
        used = self.run([*(under or []), str(self.binary("generate"))], environment)
        item = self._tables.get_item(TableName="exports", Key={"id": {"N": str(id_)}}, ConsistentRead=True)["Item"]
        if item["status"]["S"] != "succeeded" or int(item["rows"]["N"]) != rows:
            raise RuntimeError(f"the export ended as {item}: {self.tail()}")
        result = self.result()
        if keep and item["receipt"]["M"]["sha256"]["S"] != result["sha256"]:
            raise RuntimeError("the receipt has another checksum than the file")
        return _used(used, result["size"])

    def request(self, events: list[Any]) -> list[int]:
        """Requests exports from `api`, and returns their ids."""
        answers = self.api(events)["answers"]
        return [json.loads(answer["body"])["id"] for answer in answers]

    def api(self, events: list[Any]) -> dict[str, Any]:
        """Invokes `api` with each event, and returns the answers and their times in microseconds."""
        self.begin(0, events)
        self.run([str(self.binary("api"))])
        result = self.result()
        result["answers"] = [json.loads(answer) for answer in result["answers"]]
        wrong = [answer for answer in result["answers"] if answer.get("statusCode", 500) >= 300]
        if wrong or len(result["answers"]) != len(events):
            raise RuntimeError(f"{wrong[:1]}: {self.tail()}")
        return result

    def post(self, form: str) -> Any:
        """A request for an export, each by another person because of the rate limit."""
        self._people += 1
        return self.event("POST", "/v1/projects/42/exports", json.dumps({"type": "orders", "format": form}), f"u-{self._people}")

    def event(self, method: str, path: str, body: str | None = None, person: str = "u-1") -> Any:
        """An event of API Gateway for `api`."""
        event = json.loads((ROOT / "tests" / "events" / "api.json").read_text())
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = person
        if body is None:
            del event["body"]
        else:
            event["body"] = body
        return event

    def start(self, function: str) -> float:
        """Milliseconds from a function's start to its first request for an event."""
        command = [str(self.binary("bench")), "start", str(self.binary(function))]
        with self.log.open("ab") as log:
            done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, stderr=log, timeout=60, check=True)
        return int(done.stdout.splitlines()[-1]) / 1e3

    def tail(self) -> str:
        """The last lines of the functions' logs."""
        return self.log.read_text(errors="replace")[-2000:]


def template() -> dict[str, Any]:
    """`template.yaml`, with tags such as `!Ref` ignored."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    return yaml.load((ROOT / "template.yaml").read_text(), Loader)


def versions_of(*crates: str) -> list[str]:
    """Crates with their locked versions."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return [f"{package['name']} {package['version']}" for package in lock if package["name"] in crates]


def _used(used: dict[str, Any], size: int) -> Used:
    return Used(used["cpu"], used["wall"], used["peak_mb"], size)


def _message(id_: int) -> Any:
    event = json.loads((ROOT / "tests" / "events" / "generate.json").read_text())
    return event["Records"][0] | {"body": json.dumps({"export_id": id_})}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
