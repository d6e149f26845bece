"""`make bench-postgres`: compares an export from PostgreSQL with `\\copy` and with a usual Python program.

Starts a PostgreSQL server of its own, and writes `POSTGRES.md`.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import build, say
from databases import DEPLOYED, PARENT, SELECT, catalog, cpu_of, export, measured, parsed, program, report
from rounds import HERE, PYTHON, ROOT, Bench, free_port

sys.path.insert(0, str(ROOT / "infra" / "local"))
import database  # noqa: E402

OWNER = "waybill"
# How long another program uses the server, in seconds.
OTHERS_S = 20
TABLE = f"""
CREATE TABLE purchases (shop text NOT NULL, id bigint NOT NULL, invoice text, status text, purchased_at timestamptz NOT NULL,
  stock_code text, description text, quantity integer, unit_price numeric(12, 2), amount numeric(14, 2), currency text,
  customer_id bigint, customer_name text, country text, is_gift boolean, PRIMARY KEY (shop, purchased_at, id));
INSERT INTO purchases SELECT '{PARENT}', n, 'i' || n / 20, CASE WHEN n % 50 = 0 THEN 'canceled' ELSE 'completed' END,
  '2026-01-01 00:00Z'::timestamptz + n * interval '1.5 seconds', 's' || n % 90000, 'WHITE HANGING HEART, No. ' || n % 977, n % 50,
  (n % 9999) / 100.0, (n % 999999) / 100.0, 'EUR', 12000 + n % 6000, 'Customer ' || n % 6000, 'United Kingdom', n % 7 = 0
  FROM generate_series(1, {{rows}}) n;
"""
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
        return cpu_of(self._process.pid)

    def _run(self, command: list[str], *, quiet: bool = False) -> None:
        subprocess.run(command, check=True, user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL if quiet else None)


def main() -> None:
    """Measures, and writes the results."""
    options = parsed(__doc__)
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
            "Waybill": lambda: export(bench, plain, options.rows),
            "copy": lambda: program(bench, server.client(copied)),
            "psycopg": lambda: program(bench, psycopg),
            "Waybill, TLS": lambda: export(bench, encrypted, options.rows, encrypted=True),
            "copy, TLS": lambda: program(bench, server.client(copied, encrypted=True)),
        }
        contenders = measured(ways, server.server_cpu, options)
        beside = _beside(bench, server, plain, options)
    (HERE / "POSTGRES.md").write_text(report("bench-postgres", NAMES, contenders, options) + beside)
    say("Written: tests/bench/POSTGRES.md")


def _catalog(server: Server, folder: Path, *, encrypted: bool) -> Path:
    """A catalog whose records are in the server."""
    folder.mkdir()
    (folder / "catalog.toml").write_text(catalog("postgres", "public.purchases"))
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
                export(bench, catalog, options.rows)
            beside.append(ended.result())
        say(f"  pgbench: {alone[-1]:.1f} ms alone, {beside[-1]:.1f} ms beside exports")
    return (
        f"\nAnother program on the same server (pgbench's transactions, 100 a second, four connections, {OTHERS_S} s): latency on\n"
        f"average {statistics.median(alone):.1f} ms, and {statistics.median(beside):.1f} ms beside exports that follow each other without a pause.\n"
    )


NAMES = {
    "Waybill": "Waybill: the binary `generate`, the whole job, with the upload",
    "copy": "`psql`'s `\\copy` of the same query to a file",
    "psycopg": "Python: psycopg with a server-side cursor, `csv`, to a file",
    "Waybill, TLS": "Waybill, with TLS to the database and to S3",
    "copy, TLS": "`\\copy`, with TLS",
}


if __name__ == "__main__":
    main()
