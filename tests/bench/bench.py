"""`make bench`: compares Waybill's engine with usual programs, and measures start, API and memory.

Builds the workspace's programs, serves fakes of the services on loopback, measures in turns, compares the files,
and writes `RESULTS.md`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import report
from rounds import HERE, PYTHON, ROOT, Bench, Used

PROFILE = "bench-release"
FUNCTIONS = ["api", "generate"]
# Python gets this many times fewer rows, since rows per CPU-second are compared.
PYTHON_SHARE = 8
# The rows of the files that are compared cell by cell.
COMPARED = 20_000
STARTS = 20
REQUESTS = 300
# Warm-up requests, which connect and load credentials.
WARM_UP = 20


@dataclass
class Contender:
    """A program that makes a file."""

    name: str
    run: Callable[[int, bool], Used]
    rows: int
    # Whether its file must have the same cells as Waybill's.
    is_compared: bool = True
    begun: float = 0.0
    used: list[Used] = field(default_factory=list)

    def measure(self) -> None:
        """Measures one more round."""
        self.used.append(self.run(self.rows, False))
        say(f"  {self.name}: {self.rows:,} rows, {self.used[-1].cpu:.2f} s of CPU, {self.used[-1].wall:.2f} s, {self.used[-1].peak_mb:.0f} MB")

    @property
    def rate(self) -> float:
        """Rows per CPU-second, without the CPU time of a file without rows."""
        return self.rows / (statistics.median(used.cpu for used in self.used) - self.begun)


def main() -> None:
    """Measures, and writes the results."""
    options = arguments()
    say("Building")
    binaries = options.built or build()
    say("Measuring")
    with Bench(binaries) as bench:
        faster = faster_python(bench, options.rows // PYTHON_SHARE)
        results = {
            "csv": side_by_side(bench, "csv", options, faster),
            "xlsx": side_by_side(bench, "xlsx", options, faster),
            "memory": memory(bench, options.memory),
            "starts": {name: [bench.start(name) for _ in range(STARTS)] for name in FUNCTIONS},
            "sizes": {name: bench.binary(name).stat().st_size for name in FUNCTIONS},
            "api": api(bench),
            "instructions": instructions(bench),
            "records": bench.result()["records"],
            "python": faster,
            "profile": PROFILE,
        }
    (HERE / "RESULTS.md").write_text(report.text(results))
    say(f"Written: {(HERE / 'RESULTS.md').relative_to(ROOT)}")


def arguments() -> argparse.Namespace:
    """Parses the options from the Makefile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="rows of each file, fewer for Python")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each program")
    parser.add_argument("--memory", type=int, nargs="*", default=[100_000, 10_000_000], help="rows of the files whose peak memory is compared")
    parser.add_argument("--built", type=Path, help="the folder of programs that were built before, to measure these")
    parser.add_argument("--quick", action="store_true", help="few rows, for a trial run")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.runs, options.memory = 50_000, 1, [10_000, 100_000]
    return options


def build(profile: str = PROFILE, programs: Iterable[str] = (*FUNCTIONS, "bench")) -> Path:
    """Builds programs and returns their folder."""
    command = ["cargo", "build", "--profile", profile, "--workspace", "--message-format", "json-render-diagnostics"]
    for name in programs:
        command += ["--bin", name]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(Path(message["executable"]).parent for message in messages if message.get("executable"))


def faster_python(bench: Bench, rows: int) -> str:
    """The faster of boto3's two interfaces."""
    taken = {reader: bench.program(python("csv", reader, bench), rows).cpu for reader in ("client", "resource")}
    return min(taken, key=lambda reader: taken[reader])


def python(form: str, reader: str, bench: Bench) -> list[str]:
    return [str(PYTHON), str(HERE / "usual.py"), form, reader, bench.url]


def side_by_side(bench: Bench, form: str, options: argparse.Namespace, faster: str) -> list[Contender]:
    """Measures all programs for a format in turns, so that a slow phase of the machine affects all of them."""
    usual = [str(bench.binary("bench")), "usual"]

    def of(*command: str) -> Callable[[int, bool], Used]:
        return lambda rows, keep: bench.program(list(command), rows, keep)

    contenders = [Contender("Waybill", lambda rows, keep: bench.export(form, rows, keep), options.rows)]
    contenders.append(Contender("tls", lambda rows, keep: bench.export(form, rows, keep, encrypted=True), options.rows))
    contenders.append(Contender("rust", of(*usual, form, bench.url), options.rows))
    if form == "xlsx":
        contenders.append(Contender("alone", lambda rows, keep: bench.program([*usual, "alone", str(rows)], rows), options.rows, is_compared=False))
    contenders.append(Contender("python", of(*python(form, faster, bench)), options.rows // PYTHON_SHARE))

    compare(bench, form, contenders)
    for contender in contenders:
        contender.begun = statistics.median(contender.run(0, False).cpu for _ in range(3))
    for _ in range(options.runs):
        for contender in contenders:
            contender.measure()
    return contenders


def compare(bench: Bench, form: str, contenders: list[Contender]) -> None:
    """Checks that all files are equal: CSV by bytes, XLSX by cells."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for place, contender in enumerate(c for c in contenders if c.is_compared):
            contender.run(COMPARED, True)
            files.append(Path(folder, f"{place}.{form}"))
            files[-1].write_bytes(bench.object())
            if form == "csv" and files[-1].read_bytes() != files[0].read_bytes():
                kept = shutil.copy(files[-1], tempfile.gettempdir()), shutil.copy(files[0], tempfile.gettempdir())
                sys.exit(f"{contender.name} writes other bytes than Waybill: see {kept}")
            if form == "xlsx":
                subprocess.run([str(bench.binary("bench")), "cells", str(files[0]), str(files[-1])], check=True)
    say(f"  the {form} files of {COMPARED:,} rows are equal")


def memory(bench: Bench, counts: list[int]) -> dict[str, list[tuple[int, Used]]]:
    """Measures only Waybill, with files of very different length."""
    taken: dict[str, list[tuple[int, Used]]] = {}
    for form in ("csv", "xlsx"):
        for rows in counts:
            used = bench.export(form, rows)
            say(f"  {form} of {rows:,} rows: {used.peak_mb:.0f} MB, {used.cpu:.1f} s of CPU, {used.wall:.1f} s")
            taken.setdefault(form, []).append((rows, used))
    return taken


def api(bench: Bench) -> dict[str, list[int]]:
    """Microseconds from an event to its answer, by kind of request."""
    id_ = bench.request([bench.post("csv")])[0]
    asked = {
        "`POST /v1/projects/42/exports`": lambda: bench.post("csv"),
        "`GET /v1/exports/{id}`": lambda: bench.event("GET", f"/v1/exports/{id_}"),
        "`GET /v1/projects/42/exports`": lambda: bench.event("GET", "/v1/projects/42/exports"),
        "`GET /v1/catalog`": lambda: bench.event("GET", "/v1/catalog"),
    }
    taken = {name: bench.api([event() for _ in range(REQUESTS + WARM_UP)]) for name, event in asked.items()}
    return {name: result["microseconds"][WARM_UP:] for name, result in taken.items()}


def instructions(bench: Bench) -> dict[str, float] | None:
    """Instructions per row, which do not depend on other processes; `None` without valgrind."""
    if shutil.which("valgrind") is None:
        say("  valgrind is missing (Debian: apt install valgrind): no instructions are counted")
        return None
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "valgrind")
        counter = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", f"--log-file={log}"]

        def counted(run: Callable[[], object]) -> int:
            run()
            found = re.search(r"Collected : (\d+)", log.read_text())
            assert found is not None
            return int(found[1])

        def per_row(run: Callable[[int], object], few: int) -> float:
            return (counted(lambda: run(3 * few)) - counted(lambda: run(few))) / (2 * few)

        part = [str(bench.binary("bench")), "part"]
        none = per_row(lambda rows: bench.run([*counter, *part, "none", str(rows)]), 10_000)
        return {
            "`generate`, CSV, from a request to the file in S3": per_row(lambda rows: bench.export("csv", rows, under=counter), 3_600),
            "`generate`, XLSX, likewise": per_row(lambda rows: bench.export("xlsx", rows, under=counter), 3_600),
            "a record read, with the SDK's part in it": per_row(lambda rows: bench.run([*counter, *part, "read", str(rows)]), 18_000),
            "a row as CSV, without reading and uploading": per_row(lambda rows: bench.run([*counter, *part, "csv", str(rows)]), 10_000) - none,
            "a row as XLSX, likewise": per_row(lambda rows: bench.run([*counter, *part, "xlsx", str(rows)]), 10_000) - none,
        }


def say(text: str) -> None:
    """Prints the progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
