"""`make bench-mysql`: compares an export from MariaDB with `mariadb --quick` and with a usual Python program.

Starts a MariaDB server of its own, and writes `MYSQL.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import build, say
from databases import DEPLOYED, PARENT, SELECT, catalog, cpu_of, export, measured, parsed, program, report
from rounds import HERE, PYTHON, ROOT, Bench, free_port

sys.path.insert(0, str(ROOT / "infra" / "local"))
import mariadb  # noqa: E402

TABLE = f"""
CREATE TABLE purchases (shop varchar(64) CHARACTER SET ascii NOT NULL, id bigint NOT NULL, invoice varchar(20), status varchar(20),
  purchased_at datetime(3) NOT NULL, stock_code varchar(20), description varchar(200), quantity int, unit_price decimal(12, 2),
  amount decimal(14, 2), currency char(3), customer_id bigint, customer_name varchar(100), country varchar(60), is_gift boolean,
  PRIMARY KEY (shop, purchased_at, id));
INSERT INTO purchases SELECT '{PARENT}', seq, CONCAT('i', seq DIV 20), IF(seq % 50 = 0, 'canceled', 'completed'),
  '2026-01-01' + INTERVAL seq * 1.5 SECOND, CONCAT('s', seq % 90000), CONCAT('WHITE HANGING HEART, No. ', seq % 977), seq % 50,
  (seq % 9999) / 100, (seq % 999999) / 100, 'EUR', 12000 + seq % 6000, CONCAT('Customer ', seq % 6000), 'United Kingdom', seq % 7 = 0
  FROM seq_1_to_{{rows}};
ANALYZE TABLE purchases;
"""
PYMYSQL = """
import csv, sys, pymysql, pymysql.cursors
connection = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="root", database="bench", cursorclass=pymysql.cursors.SSCursor)
with connection, connection.cursor() as cursor, open(sys.argv[3], "w", newline="") as out:
    writer = csv.writer(out)
    cursor.execute(sys.argv[2])
    writer.writerow(column[0] for column in cursor.description)
    for row in cursor:
        writer.writerow(row)
"""


class Server:
    """A MariaDB server with the benchmark's table."""

    def __init__(self, rows: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="waybill-mariadb-")
        self._user = "nobody" if os.geteuid() == 0 else None
        self._rows = rows
        self.port = free_port()
        self.url = f"mysql://root@127.0.0.1:{self.port}/bench"

    def __enter__(self) -> Server:
        folder = Path(self._folder.name)
        if self._user:
            subprocess.run(["chown", "-R", self._user, folder], check=True)
        data, environment = folder / "data", os.environ | {"PATH": mariadb.PATH, "TMPDIR": str(folder)}
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", f"--datadir={data}"]
        subprocess.run(
            [mariadb.program("mariadb-install-db"), *options],
            check=True, user=self._user, cwd="/", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._process = subprocess.Popen(
            [mariadb.program("mariadbd"), "--no-defaults", "--bind-address=127.0.0.1", f"--port={self.port}", f"--datadir={data}",
             f"--socket={folder / 'socket'}", f"--tmpdir={folder}", "--innodb-buffer-pool-size=2G", "--innodb-flush-log-at-trx-commit=0",
             "--innodb-log-file-size=1G"],
            user=self._user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while subprocess.run(self.client("SELECT 1", ""), check=False, capture_output=True).returncode:
            time.sleep(0.1)
        say(f"Filling the table: {self._rows:,} rows")
        subprocess.run(self.client("CREATE DATABASE bench", ""), check=True)
        subprocess.run(self.client(TABLE.format(rows=self._rows)), check=True, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def client(self, statements: str, database: str = "bench") -> list[str]:
        """The command that runs statements."""
        command = [mariadb.program("mariadb"), "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={self.port}", "--user=root"]
        return [*command, "--default-character-set=utf8mb4", "--quick", "--batch", f"--execute={statements}", database]

    def server_cpu(self) -> float:
        """The CPU-seconds of the server so far."""
        return cpu_of(self._process.pid)


NAMES = {
    "Waybill": "Waybill: the binary `generate`, the whole job, with the upload",
    "mariadb": "`mariadb --quick` with the same query, tab-separated, to a file",
    "PyMySQL": "Python: PyMySQL with an unbuffered cursor, `csv`, to a file",
}


def main() -> None:
    """Measures, and writes the results."""
    options = parsed(__doc__)
    if not mariadb.is_installed():
        sys.exit(f"MariaDB is missing: {mariadb.ADVICE}")
    binaries = options.built or build()
    deployed = options.built or build(DEPLOYED, ["generate"])
    with Bench(binaries, {"generate": deployed}) as bench, Server(options.rows) as server, tempfile.TemporaryDirectory() as folder:
        entries = Path(folder) / "catalog.toml"
        entries.write_text(catalog("mysql", "purchases"))
        (Path(folder) / "deployment.toml").write_text(f'[deployment]\ndatabases.shop = {{ url = "{server.url}" }}\n')
        file = Path(folder) / "file"
        quick = ["sh", "-c", 'exec "$@" > "$0"', str(file), *server.client(SELECT)]
        ways = {
            "Waybill": lambda: export(bench, entries, options.rows),
            "mariadb": lambda: program(bench, quick),
            "PyMySQL": lambda: program(bench, [str(PYTHON), "-c", PYMYSQL, str(server.port), SELECT, str(file)]),
        }
        contenders = measured(ways, server.server_cpu, options)
    (HERE / "MYSQL.md").write_text(report("bench-mysql", NAMES, contenders, options))
    say("Written: tests/bench/MYSQL.md")


if __name__ == "__main__":
    main()
