"""Loads a CSV file into a type's records for a parent, on the local stack."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import catalog
from bulk_put import Putter, PutError
from records import CatalogError, Item, RecordType, RowError
from settings import DEFAULT_PORT, Stack

# DynamoDB's limit on an item, so that no cell can be longer.
CELL_CHARACTERS = 400 * 1024
REFUSALS_SHOWN = 10
TERMINAL_SECONDS = 0.1
LOG_SECONDS = 3.0
BAR = 30
# Past this size of a file, the emulator's DynamoDB takes and reads records slowly: less than 1,000 a second.
LARGE_BYTES = 10_000_000
LARGE = "load: this is a large file for the emulator's DynamoDB; `make up LARGE=yes` starts one that stays fast"


class LoadError(Exception):
    """The file cannot be loaded; the text is one line for the user."""


@dataclass
class Loaded:
    """The result of a load."""

    rows: int
    refused: int
    seconds: float


class Printer:
    """Prints items, a line each, for a DynamoDB that no loader reaches."""

    def __init__(self) -> None:
        self.stored = 0

    def __enter__(self) -> Printer:
        return self

    def put(self, item: Item) -> None:
        """Prints `item` in DynamoDB's JSON."""
        print(json.dumps(item))
        self.stored += 1

    def __exit__(self, *_: object) -> None:
        pass


class Progress:
    """A progress bar on a terminal, or else a line every few seconds."""

    def __init__(self, out: TextIO, size: int | None) -> None:
        self._out = out
        self._size = size
        self._terminal = out.isatty()
        self._started = time.monotonic()
        self._shown = self._started

    def update(self, rows: int, position: int) -> None:
        """Shows `rows` stored with `position` bytes read, if it is time to."""
        now = time.monotonic()
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else LOG_SECONDS):
            return
        self._shown = now
        rate = rows / (now - self._started)
        share = min(position / self._size, 1.0) if self._size else None
        done = f"{share:4.0%}  " if share is not None else ""
        text = f"{done}{rows:,} rows, {rate:,.0f} rows/s"
        if not self._terminal:
            print(f"  {text}", file=self._out, flush=True)
            return
        filled = round((share or 0) * BAR)
        bar = f"[{'#' * filled}{'.' * (BAR - filled)}] " if share is not None else ""
        print(f"\r\033[K{bar}{text}", end="", file=self._out, flush=True)

    def done(self) -> float:
        """Clears the bar; returns the seconds since the start."""
        if self._terminal:
            print("\r\033[K", end="", file=self._out, flush=True)
        return time.monotonic() - self._started


class Counted:
    """Lines of a text file, with the characters read so far."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.bytes += len(line.encode())
            yield line


def load(
    kind: RecordType,
    parent: str,
    lines: Iterable[str],
    putter: Putter | Printer,
    size: int | None = None,
    delimiter: str = ",",
) -> Loaded:
    """Stores every row of `lines`; rows that cannot become a record are reported by line and left out.

    Raises `LoadError` for a file that is no CSV or has no key, and for a DynamoDB that does not take it.
    """
    counted = Counted(lines)
    csv.field_size_limit(CELL_CHARACTERS)
    rows = csv.reader(counted, strict=True, delimiter=delimiter)
    progress = Progress(sys.stderr, size)
    refused = 0
    # Two rows with the same key would be one record, and one row would be lost silently.
    seen: dict[str, int] = {}
    try:
        header = next(rows, None)
        if header is None:
            raise LoadError("the file is empty: its first line must name the attributes")
        reader = kind.reader(parent, header)
        if reader.unknown:
            kept = "custom fields and attributes" if kind.custom else "text"
            print(f"kept as {kept}, not in the catalog: {', '.join(reader.unknown)}", file=sys.stderr)

        with putter:
            for cells in rows:
                if not cells:
                    continue
                try:
                    item = reader.item(cells)
                    key = str(item[kind.sort_key])
                    first = seen.setdefault(key, rows.line_num)
                    if first != rows.line_num:
                        raise RowError(f"the same key as the row that ends at line {first}")
                except RowError as error:
                    refused += 1
                    if refused <= REFUSALS_SHOWN:
                        print(f"line {rows.line_num}: {error}", file=sys.stderr)
                    continue
                putter.put(item)
                progress.update(putter.stored, counted.bytes)
    except RowError as error:
        raise LoadError(str(error)) from None
    except csv.Error as error:
        raise LoadError(f"line {rows.line_num}: this is not CSV: {error}") from None
    except UnicodeDecodeError:
        raise LoadError(f"after line {rows.line_num}: the file is not UTF-8") from None
    except PutError as error:
        raise LoadError(str(error)) from None
    return Loaded(putter.stored, refused, progress.done())


def main() -> None:
    """Reads the options and loads."""
    parser = argparse.ArgumentParser(description="Load a CSV file into a type's records for a parent.")
    parser.add_argument("type", help="a type of the catalog, such as orders")
    parser.add_argument("parent", help="the parent's id, such as 42")
    parser.add_argument("file", help="the CSV file; - reads standard input")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the local stack's port")
    parser.add_argument("--endpoint", help="another DynamoDB's address, instead of the stack's")
    parser.add_argument("--table", help="the table, instead of the type's")
    parser.add_argument("--delimiter", default=",")
    parser.add_argument("--print", action="store_true", help="print the items instead")
    options = parser.parse_args()
    stack = Stack(options.port)
    endpoint = options.endpoint or stack.records_url

    try:
        own = stack.own_catalog / catalog.CATALOG
        kind = RecordType.find(options.type, own) if own.exists() else RecordType.find(options.type)
        table = options.table or catalog.table(stack, kind.table)
        if table is None:
            raise LoadError(f"the deployment file beside the catalog maps no table {kind.table}")
        putter = Printer() if options.print else Putter(endpoint, table)
        with contextlib.ExitStack() as files:
            size = None
            if options.file == "-":
                sys.stdin.reconfigure(encoding="utf-8-sig", newline="", errors="strict")  # type: ignore[union-attr]
                lines: TextIO = sys.stdin
            else:
                size = Path(options.file).stat().st_size
                if size > LARGE_BYTES and endpoint == stack.endpoint_url and not options.print:
                    print(LARGE, file=sys.stderr)
                lines = files.enter_context(open(options.file, encoding="utf-8-sig", newline=""))
            loaded = load(kind, options.parent, lines, putter, size, options.delimiter)
    except OSError as error:
        sys.exit(f"load: {options.file}: {error.strerror}")
    except (CatalogError, LoadError) as error:
        sys.exit(f"load: {error}")

    rate = loaded.rows / max(loaded.seconds, 0.001)
    text = f"loaded {loaded.rows:,} {options.type} of {options.parent} in {loaded.seconds:.1f} s ({rate:,.0f} rows/s)"
    print(text, file=sys.stderr)
    if loaded.refused:
        sys.exit(f"load: {loaded.refused:,} rows were refused and left out")


if __name__ == "__main__":
    main()
