"""`make bench-postgres`: compares an export from PostgreSQL with `\\copy` and with a usual Python program.

Starts a PostgreSQL server of its own, and writes `POSTGRES.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench import build, say
from rounds import HERE, PYTHON, ROOT, Bench, Used, free_port

sys.path.insert(0, str(ROOT / "infra" / "local"))
import database  # noqa: E402

# The profile of what is deployed to AWS.
DEPLOYED = "release"
OWNER = "waybill"
# How long another program uses the server, in seconds.
OTHERS_S = 20
PARENT = "shop"
COLUMNS = (
    "id", "invoice", "status", "purchased_at", "stock_code", "description", "quantity", "unit_price", "amount", "currency",
    "customer_id", "customer_name", "country", "is_gift",
)  # fmt: skip
TABLE = f"""
CREATE TABLE purchases (shop text NOT NULL, id bigint NOT NULL, invoice text, status text, purchased_at timestamptz NOT NULL,
  stock_code text, description text, quantity integer, unit_price numeric(12, 2), amount numeric(14, 2), currency text,
  customer_id bigint, customer_name text, country text, is_gift boolean, PRIMARY KEY (shop, purchased_at, id));
INSERT INTO purchases SELECT '{PARENT}', n, 'i' || n / 20, CASE WHEN n % 50 = 0 THEN 'canceled' ELSE 'completed' END,
  '2026-01-01 00:00Z'::timestamptz + n * interval '1.5 seconds', 's' || n % 90000, 'WHITE HANGING HEART, No. ' || n % 977, n % 50,
  (n % 9999) / 100.0, (n % 999999) / 100.0, 'EUR', 12000 + n % 6000, 'Customer ' || n % 6000, 'United Kingdom', n % 7 = 0
  FROM generate_series(1, {{rows}}) n;
"""
CATALOG = """
[database.shop]
engine = "postgres"
settles = 0

[[type]]
name = "purchases"
parent = "organization"
delivery = "link"
records = { database = "shop", table = "public.purchases", parent = "shop", key = ["purchased_at", "id"] }
created = "purchased_at"
columns = [
  { key = "id", kind = "integer" }, { key = "invoice", kind = "text" }, { key = "status", kind = "text" },
  { key = "purchased_at", kind = "timestamp" }, { key = "stock_code", kind = "text" }, { key = "description", kind = "text" },
  { key = "quantity", kind = "integer" }, { key = "unit_price", kind = "decimal" }, { key = "amount", kind = "decimal" },
  { key = "currency", kind = "text" }, { key = "customer_id", kind = "integer" }, { key = "customer_name", kind = "text" },
  { key = "country", kind = "text" }, { key = "is_gift", kind = "boolean" },
]
"""
SELECT = f"SELECT {', '.join(COLUMNS)} FROM purchases WHERE shop = '{PARENT}' ORDER BY purchased_at, id"
PSYCOPG = """
import csv, sys, psycopg
with psycopg.connect(sys.argv[1]) as connection, connection.cursor(name="export") as cursor, open(sys.argv[3], "w", newline="") as out:
    cursor.itersize = 10_000
    writer = csv.writer(out)
    cursor.execute(sys.argv[2])
    writer.writerow(column.name for column in cursor.description)
    for row in cursor:
        writer.writerow(row)
"""


class Server:
    """A PostgreSQL server with the benchmark's table."""

    def __init__(self, rows: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="waybill-postgres-")
        self._user = "nobody" if os.geteuid() == 0 else None
        self._rows = rows
        self.port = free_port()
        self.url = f"postgres://{OWNER}@127.0.0.1:{self.port}/postgres"
        self.encrypted_url = f"postgres://{OWNER}@localhost:{self.port}/postgres?sslmode=require"
        # Of `localhost`, signed by itself, in PEM.
        self.certificate = Path(self._folder.name) / "server.crt"

    def __enter__(self) -> Server:
        data = Path(self._folder.name)
        key = data / "server.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", self.certificate],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        key.chmod(0o600)
        if self._user:
            subprocess.run(["chown", "-R", self._user, data], check=True)
        self._run([database.program("initdb"), f"--username={OWNER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", str(data / "data")])
        settings = (
            "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=512MB", "max_wal_size=4GB",
            "ssl=on", f"ssl_cert_file={self.certificate}", f"ssl_key_file={key}",
        )  # fmt: skip
        command = [database.program("postgres"), "-D", str(data / "data"), "-p", str(self.port)]
        self._process = subprocess.Popen(
            [*command, *(part for setting in settings for part in ("-c", setting))],
            user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while subprocess.run([database.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode:
            time.sleep(0.1)
        say(f"Filling the table: {self._rows:,} rows")
        self.psql(TABLE.format(rows=self._rows))
        self.psql("VACUUM (FREEZE, ANALYZE) purchases")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def psql(self, statements: str) -> None:
        """Runs statements."""
        self._run(self.client(statements))

    def client(self, statements: str, *, encrypted: bool = False) -> list[str]:
        """The command that runs statements."""
        url = self.encrypted_url if encrypted else self.url
        return [database.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements]

    def prepare_others(self) -> None:
        """Creates the tables of pgbench: those of another program that uses the server."""
        self._run([database.program("pgbench"), "--initialize", "--quiet", "--scale=10", self.url], quiet=True)

    def latency(self) -> float:
        """The average latency in milliseconds of another program's transactions, 100 a second."""
        command = [database.program("pgbench"), "--client=4", "--rate=100", f"--time={OTHERS_S}", "--no-vacuum", self.url]
        output = subprocess.run(command, check=True, user=self._user, cwd="/", capture_output=True, text=True).stdout
        found = re.search(r"latency average = ([0-9.]+) ms", output)
        if found is None:
            raise RuntimeError(f"pgbench said no latency: {output}")
        return float(found[1])

    def server_cpu(self) -> float:
        """The CPU-seconds of the server's processes so far, those that have ended too."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat.parent.name) == self._process.pid:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self._process.pid:
                ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _run(self, command: list[str], *, quiet: bool = False) -> None:
        subprocess.run(command, check=True, user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL if quiet else None)


@dataclass
class Contender:
    """A program that makes a file of the table."""

    name: str
    rows: int
    used: list[Used] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Rows a second."""
        return self.rows / statistics.median(used.wall for used in self.used)

    @property
    def cpu(self) -> float:
        """Rows per CPU-second of the client."""
        return self.rows / statistics.median(used.cpu for used in self.used)


def main() -> None:
    """Measures, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table")
    parser.add_argument("--runs", type=int, default=3, help="rounds of each program")
    parser.add_argument("--quick", action="store_true", help="one round of a small table, to try")
    parser.add_argument("--built", type=Path, help="the folder of programs that were built before, to measure these")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.runs = 100_000, 1
    binaries = options.built or build()
    # As it is deployed, with LTO. No other program here is one of Rust, which would need the same.
    deployed = options.built or build(DEPLOYED, ["generate"])
    with Bench(binaries, {"generate": deployed}) as bench, Server(options.rows) as server, tempfile.TemporaryDirectory() as folder:
        plain = _catalog(server, Path(folder) / "plain", encrypted=False)
        encrypted = _catalog(server, Path(folder) / "encrypted", encrypted=True)
        file = Path(folder) / "file.csv"
        copied = f"\\copy ({SELECT}) TO '{file}' WITH (FORMAT csv, HEADER)"
        psycopg = [str(PYTHON), "-c", PSYCOPG, server.url, SELECT, str(file)]
        ways = {
            "Waybill": lambda: _export(bench, plain, options.rows),
            "copy": lambda: _program(bench, server.client(copied)),
            "psycopg": lambda: _program(bench, psycopg),
            "Waybill, TLS": lambda: _export(bench, encrypted, options.rows, encrypted=True),
            "copy, TLS": lambda: _program(bench, server.client(copied, encrypted=True)),
        }
        contenders = {name: Contender(name, options.rows) for name in ways}
        for way in ways.values():
            way()
        for _ in range(options.runs):
            for name, way in ways.items():
                before = server.server_cpu()
                used = way()
                contenders[name].used.append(used)
                contenders[name].server.append(server.server_cpu() - before)
                say(f"  {name}: {used.wall:.2f} s, {used.cpu:.2f} s of CPU, {used.peak_mb:.0f} MB")
        beside = _beside(bench, server, plain, options)
    (HERE / "POSTGRES.md").write_text(_report(contenders, options) + beside)
    say("Written: tests/bench/POSTGRES.md")


def _catalog(server: Server, folder: Path, *, encrypted: bool) -> Path:
    """A catalog whose records are in the server."""
    folder.mkdir()
    (folder / "catalog.toml").write_text(CATALOG)
    address = f'url = "{server.encrypted_url}", ca = """{server.certificate.read_text()}"""' if encrypted else f'url = "{server.url}"'
    (folder / "deployment.toml").write_text(f"[deployment]\ndatabases.shop = {{ {address} }}\n")
    return folder / "catalog.toml"


def _beside(bench: Bench, server: Server, catalog: Path, options: argparse.Namespace) -> str:
    """The latency of another program's transactions, with and without an export beside it."""
    server.prepare_others()
    alone, beside = [], []
    for _ in range(options.runs):
        alone.append(server.latency())
        with ThreadPoolExecutor() as threads:
            ended = threads.submit(server.latency)
            while not ended.done():
                _export(bench, catalog, options.rows)
            beside.append(ended.result())
        say(f"  pgbench: {alone[-1]:.1f} ms alone, {beside[-1]:.1f} ms beside exports")
    return (
        f"\nAnother program on the same server (pgbench's transactions, 100 a second, four connections, {OTHERS_S} s): latency on\n"
        f"average {statistics.median(alone):.1f} ms, and {statistics.median(beside):.1f} ms beside exports that follow each other without a pause.\n"
    )


def _export(bench: Bench, catalog: Path, rows: int, *, encrypted: bool = False) -> Used:
    bench.environment["CATALOG_PATH"] = str(catalog)
    event = bench.event("POST", f"/v1/organizations/{PARENT}/exports", json.dumps({"type": "purchases", "format": "csv"}), f"p-{time.time_ns()}")
    event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] = f"organization:{PARENT}"
    return bench.generate(bench.request([event])[0], rows, encrypted=encrypted)


def _program(bench: Bench, command: list[str]) -> Used:
    used = bench.run(command, dict(os.environ))
    if used["status"] != 0:
        raise RuntimeError(f"{command} failed: {bench.tail()}")
    return Used(used["cpu"], used["wall"], used["peak_mb"])


NAMES = {
    "Waybill": "Waybill: the binary `generate`, the whole job, with the upload",
    "copy": "`psql`'s `\\copy` of the same query to a file",
    "psycopg": "Python: psycopg with a server-side cursor, `csv`, to a file",
    "Waybill, TLS": "Waybill, with TLS to the database and to S3",
    "copy, TLS": "`\\copy`, with TLS",
}


def _report(contenders: dict[str, Contender], options: argparse.Namespace) -> str:
    lines = [
        "# What `make bench-postgres` measured",
        "",
        f"{options.rows:,} rows of {len(COLUMNS)} columns, in the order of the key, with the server on the same machine; {options.runs} rounds in",
        f"turns, medians; {os.cpu_count()} cores; built as deployed, with the profile `{DEPLOYED}`.",
        "",
        "| | rows a second | Waybill is | rows per CPU-second of the client | Waybill is | CPU-seconds of the server | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, contender in contenders.items():
        base = contenders["Waybill, TLS" if name.endswith("TLS") else "Waybill"]
        wall, cpu = base.wall / contender.wall, base.cpu / contender.cpu
        same = contender is base
        lines.append(
            f"| {NAMES[name]} | {contender.wall:,.0f} | {'' if same else f'{wall:.2f} times'} | {contender.cpu:,.0f} | "
            f"{'' if same else f'{cpu:.1f} times'} | {statistics.median(contender.server):.2f} | "
            f"{max(used.peak_mb for used in contender.used):.0f} MB |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
