"""Writes the results as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rounds import ROOT, versions_of

TARGETS = {
    "csv": {"rust": 6, "python": 45},
    "xlsx": {"alone": 5, "python": 30},
}
PEAK_MB = 64
START_MS = 25
NAMES = {
    "csv": {
        "Waybill": "Waybill: the binary `generate`, invoked once",
        "tls": "Waybill, with TLS to DynamoDB and S3",
        "rust": "Rust: `aws-sdk-dynamodb` items, `csv`, `aws-sdk-s3`",
        "python": "Python: boto3, `csv`, `upload_fileobj`",
    },
    "xlsx": {
        "Waybill": "Waybill: the binary `generate`, invoked once",
        "tls": "Waybill, with TLS to DynamoDB and S3",
        "rust": "Rust: `aws-sdk-dynamodb` items, `rust_xlsxwriter` in constant memory, `aws-sdk-s3`",
        "alone": "`rust_xlsxwriter` alone: rows from memory to a file",
        "python": "Python: boto3, XlsxWriter in constant memory, `upload_fileobj`",
    },
}
CRATES = ["aws-sdk-dynamodb", "aws-sdk-s3", "csv", "lambda_runtime", "rust_xlsxwriter", "serde_json", "sonic-rs", "tokio"]


def text(results: dict[str, Any]) -> str:
    """The complete page."""
    parts = [
        "# What `make bench` measured",
        machine(results),
        HOW,
        *(f"## {form.upper()}\n\n{side_by_side(form, results[form])}" for form in ("csv", "xlsx")),
        f"## Memory\n\n{memory(results['memory'])}",
        f"## Start\n\n{starts(results)}",
        f"## The API\n\n{api(results['api'])}",
        f"## Instructions\n\n{instructions(results['instructions'])}",
        WHAT.format(python=results["python"]),
    ]
    return "\n\n".join(parts) + "\n"


HOW = """\
Everything runs on one machine: the program that is measured, and beside it a server on loopback that fakes DynamoDB's
`Query` (pages of 1,800 records, about 1 MB, with rising keys), S3, SQS and Lambda's Runtime API; Waybill's own tables are
in Dynoxide. Programs take turns. Figures are medians. CPU is the program's own, user and system together; *rows per
CPU-second* leaves out the CPU of the same program making a file without rows. Peak memory is the kernel's `ru_maxrss`."""

WHAT = """\
## What each one does

- All request the same 14 columns, and write the same file: CSV is compared byte by byte (byte-order mark, CRLF, quotes, the
  guard against formulas at a text's first character; Waybill looks for more of them), XLSX cell by cell (numbers, dates,
  texts, header), over 20,000 rows, before anything is measured. All upload in parts of 8 MB with a CRC-32, as the SDKs do.
- **Waybill** does all of its job: it claims the export and keeps its lease, reads the last minute strongly consistently,
  requests the records' keys too (950 KB of JSON a page, where the others have 790 KB), parses every cell as its column's
  kind, writes checkpoints, hashes the file (SHA-256), and writes the receipt, the events and the final state to its tables.
- **Rust** and **Python** leave all of that out: they take texts and numbers as they come, and only write and upload.
  Python takes boto3's `{python}`, the faster one here of `client` and `resource`; it writes to `/tmp` first.
- **`rust_xlsxwriter` alone** neither reads nor uploads.
- TLS is only where a line says so. Lambda's own overhead and the network's distance are in none of the figures."""


def machine(results: dict[str, Any]) -> str:
    """The machine and the versions."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.processor())
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    packages = [f"{name} {version(name)}" for name in ("boto3", "XlsxWriter")]
    flags = os.environ.get("RUSTFLAGS") or "no flags besides"
    return "\n".join(
        [
            f"- {datetime.now(UTC):%Y-%m-%d}, at {commit()}; {platform.system()} {platform.machine()}, {cpu}, {os.cpu_count()} cores, {total:.0f} GiB",
            f"- {rustc}, profile `{results['profile']}` (`release` without LTO) for every Rust program, {flags}; {', '.join(versions_of(*CRATES))}",
            f"- Python {platform.python_version()}, {', '.join(packages)}",
            f"- Records: {results['records']}",
            f"- Load of the machine over the last 15 minutes: {os.getloadavg()[2]:.1f}, of which these programs are 1 to 2",
        ]
    )


def commit() -> str:
    """The current commit."""
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "an unknown commit"


def side_by_side(form: str, contenders: list[Any]) -> str:
    """A line for each program, with the targets."""
    own = contenders[0]
    lines = []
    for contender in contenders:
        times = "" if contender is own else f"{own.rate / contender.rate:.1f} ×"
        target = TARGETS[form].get(contender.name)
        aim = "" if target is None else f"{target} × {mark(own.rate >= target * contender.rate)}"
        used = contender.used
        lines.append(
            [
                NAMES[form][contender.name],
                f"{contender.rows:,}",
                f"{middle(u.cpu for u in used):.2f}",
                f"{contender.begun:.2f}",
                f"{middle(u.wall for u in used):.2f}",
                f"{middle(u.peak_mb for u in used):.0f}",
                f"{middle(u.size for u in used) / 1e6:.1f}" if contender.is_compared else "",
                f"**{contender.rate:,.0f}**",
                times,
                aim,
            ]
        )
    header = ["", "rows", "CPU s", "of it without rows", "wall s", "peak MB", "file MB", "rows per CPU-second", "Waybill is", "target"]
    return f"{table(header, lines)}\n\n{len(own.used)} runs of each."


def memory(taken: dict[str, list[tuple[int, Any]]]) -> str:
    """Waybill's peak memory by the number of rows."""
    lines = [
        [form.upper(), f"{rows:,}", f"{used.peak_mb:.1f}", mark(used.peak_mb < PEAK_MB), f"{used.cpu:.1f}", f"{used.wall:.1f}", f"{used.size / 1e6:,.1f}"]
        for form, runs in taken.items()
        for rows, used in runs
    ]
    return table(["", "rows", "peak MB", f"under {PEAK_MB}", "CPU s", "wall s", "file MB"], lines)


def starts(results: dict[str, Any]) -> str:
    """The time from spawn to the first request for an event."""
    lines = []
    for name, taken in results["starts"].items():
        size = results["sizes"][name] / 1e6
        lines.append([f"`{name}`", f"{middle(taken):.1f}", f"{max(taken):.1f}", mark(middle(taken) < START_MS), f"{size:.1f}"])
    return table(["", "ms, median", "ms, longest", f"under {START_MS}", "binary MB"], lines)


def api(taken: dict[str, list[int]]) -> str:
    """The time from an event to its answer."""
    lines = [[name, f"{len(times)}", f"{middle(times) / 1e3:.2f}", f"{percentile(times, 99) / 1e3:.2f}"] for name, times in taken.items()]
    after = "From the event handed to `api` to its answer, one after the other; DynamoDB is Dynoxide on the same machine, whose time is in it."
    return f"{table(['request', 'requests', 'ms, median', 'ms, 99th percentile'], lines)}\n\n{after}"


def instructions(counted: dict[str, float] | None) -> str:
    """Instructions per row, by callgrind."""
    if counted is None:
        return "valgrind was not there."
    lines = [[name, f"{count:,.0f}"] for name, count in counted.items()]
    after = """\
Counted by `valgrind --tool=callgrind`, as the difference of two lengths. Valgrind's processor has no SHA instructions, so that
the file's SHA-256 weighs more here than it does in time; a change from run to run is what the figures are for."""
    return f"{table(['', 'instructions per row'], lines)}\n\n{after}"


def table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table, with numbers aligned right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def mark(is_met: bool) -> str:
    """Whether a target is met."""
    return "met" if is_met else "**missed**"


def middle(values: Any) -> float:
    """The median."""
    return statistics.median(values)


def percentile(values: list[int], percent: int) -> float:
    """A percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
