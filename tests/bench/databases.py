"""What the comparisons of exports from databases share."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import say
from rounds import Bench, Used

# The profile of what is deployed to AWS.
DEPLOYED = "release"
PARENT = "shop"
COLUMNS = (
    "id", "invoice", "status", "purchased_at", "stock_code", "description", "quantity", "unit_price", "amount", "currency",
    "customer_id", "customer_name", "country", "is_gift",
)  # fmt: skip
SELECT = f"SELECT {', '.join(COLUMNS)} FROM purchases WHERE shop = '{PARENT}' ORDER BY purchased_at, id"
CATALOG = """
[database.shop]
engine = "{engine}"
settles = 0

[[type]]
name = "purchases"
parent = "organization"
delivery = "link"
records = {{ database = "shop", table = "{table}", parent = "shop", key = ["purchased_at", "id"] }}
created = "purchased_at"
columns = [
  {{ key = "id", kind = "integer" }}, {{ key = "invoice", kind = "text" }}, {{ key = "status", kind = "text" }},
  {{ key = "purchased_at", kind = "timestamp" }}, {{ key = "stock_code", kind = "text" }}, {{ key = "description", kind = "text" }},
  {{ key = "quantity", kind = "integer" }}, {{ key = "unit_price", kind = "decimal" }}, {{ key = "amount", kind = "decimal" }},
  {{ key = "currency", kind = "text" }}, {{ key = "customer_id", kind = "integer" }}, {{ key = "customer_name", kind = "text" }},
  {{ key = "country", kind = "text" }}, {{ key = "is_gift", kind = "boolean" }},
]
"""


def catalog(engine: str, table: str) -> str:
    """A catalog whose records are in a table of an engine."""
    return CATALOG.format(engine=engine, table=table)


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


def parsed(description: str | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table")
    parser.add_argument("--runs", type=int, default=3, help="rounds of each program")
    parser.add_argument("--quick", action="store_true", help="one round of a small table, to try")
    parser.add_argument("--built", type=Path, help="the folder of programs that were built before, to measure these")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.runs = 100_000, 1
    return options


def cpu_of(server: int) -> float:
    """The CPU-seconds of a server's processes so far, those that have ended too."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == server:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == server:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(ways: dict[str, Callable[[], Used]], server_cpu: Callable[[], float], options: argparse.Namespace) -> dict[str, Contender]:
    """Measures these programs in turns, after one round that does not count."""
    contenders = {name: Contender(name, options.rows) for name in ways}
    for way in ways.values():
        way()
    for _ in range(options.runs):
        for name, way in ways.items():
            before = server_cpu()
            used = way()
            contenders[name].used.append(used)
            contenders[name].server.append(server_cpu() - before)
            say(f"  {name}: {used.wall:.2f} s, {used.cpu:.2f} s of CPU, {used.peak_mb:.0f} MB")
    return contenders


def export(bench: Bench, catalog: Path, rows: int, *, encrypted: bool = False) -> Used:
    """Waybill's export of the table."""
    bench.environment["CATALOG_PATH"] = str(catalog)
    event = bench.event("POST", f"/v1/organizations/{PARENT}/exports", json.dumps({"type": "purchases", "format": "csv"}), f"p-{time.time_ns()}")
    event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] = f"organization:{PARENT}"
    return bench.generate(bench.request([event])[0], rows, encrypted=encrypted)


def program(bench: Bench, command: list[str]) -> Used:
    """Another program."""
    used = bench.run(command, dict(os.environ))
    if used["status"] != 0:
        raise RuntimeError(f"{command} failed: {bench.tail()}")
    return Used(used["cpu"], used["wall"], used["peak_mb"])


def report(command: str, names: dict[str, str], contenders: dict[str, Contender], options: argparse.Namespace) -> str:
    """The results as a table in Markdown."""
    lines = [
        f"# What `make {command}` measured",
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
            f"| {names[name]} | {contender.wall:,.0f} | {'' if same else f'{wall:.2f} times'} | {contender.cpu:,.0f} | "
            f"{'' if same else f'{cpu:.1f} times'} | {statistics.median(contender.server):.2f} | "
            f"{max(used.peak_mb for used in contender.used):.0f} MB |"
        )
    return "\n".join(lines) + "\n"
