"""The real tables as records of the catalog's types: a CSV file for the local stack's loader.

    tables.py TABLE FOLDER ROWS      writes at most ROWS rows (0: all) of FOLDER's TABLE to standard output
    tables.py nasty/TYPE FOLDER 0    writes a record of TYPE for each nasty string, which is in each of its texts
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import zstandard

Row = dict[str, str]


def purchases(rows: Iterable[Row]) -> Iterator[Row]:
    """UCI's Online Retail: each line of an invoice is a purchase; an invoice `C…` is a cancellation."""
    for number, row in enumerate(rows, 1):
        quantity, price = int(row["Quantity"]), row["UnitPrice"]
        yield {
            "id": f"p-{number:07}",
            "invoice": row["InvoiceNo"],
            "status": "canceled" if row["InvoiceNo"].startswith("C") else "completed",
            "purchased_at": row["InvoiceDate"].replace(" ", "T") + "Z",
            "stock_code": row["StockCode"],
            "description": row["Description"],
            "quantity": str(quantity),
            "unit_price": price,
            "currency": "£",
            "customer_id": row["CustomerID"].removesuffix(".0"),
            "country": row["Country"],
        }


def audience_members(rows: Iterable[Row]) -> Iterator[Row]:
    """A table that already has a type's columns."""
    yield from rows


def leads(rows: Iterable[Row]) -> Iterator[Row]:
    """UCI's Bank Marketing: data about a client becomes custom fields, data about the campaign attributes."""
    attributes = ("campaign", "previous", "poutcome", "y")
    for number, row in enumerate(rows, 1):
        minute, hour = number % 60, number // 60 % 24
        day = number // 1440 % 28 + 1
        created = f"2026-01-{day:02}T{hour:02}:{minute:02}:00.{number % 1000:03}Z"
        yield {
            "id": f"l-{number:06}",
            "status": "sold" if row["y"] == "yes" else "active",
            "name": f"Lead {number}",
            "email": f"lead{number}@example.com",
            "phone": f"+1-519-{number % 1000:03}-{number % 10000:04}" if number % 3 else f"+44 20 {number:08}",
            "created_at": created,
            "updated_at": created,
            **{key: value for key, value in row.items() if key not in attributes},
            **{f"attributes.{key}": row[key] for key in attributes},
        }


def nasty(name: str, folder: Path) -> Iterator[Row]:
    """Every string of the Big List of Naughty Strings, and every payload that a spreadsheet would run."""
    kind = next(kind for kind in tomllib.loads(CATALOG.read_text())["type"] if kind["name"] == name)
    texts = [column["key"] for column in kind["columns"] if column["kind"] in TEXTS and column["key"] not in IDS]
    strings = json.loads((folder / "nasty" / "blns.json").read_text())
    payloads = (folder / "nasty" / "payloadbox_csv-payload.txt").read_text().splitlines()
    for number, text in enumerate([*strings, *payloads]):
        at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        yield {"id": f"n-{number:03}", kind["created"]: at, **dict.fromkeys(texts, text)}


CATALOG = Path(__file__).resolve().parents[2] / "infra" / "catalog.toml"
TEXTS = ("text", "email", "phone")
# The columns that identify a record and its owner.
IDS = ("id", "source_id")
TABLES: dict[str, tuple[str, str, Callable[[Iterable[Row]], Iterator[Row]]]] = {
    "purchases": ("online_retail_full", ",", purchases),
    "audience_members": ("audience_members_100k", ",", audience_members),
    "leads": ("bank-additional-full", ";", leads),
}


def rows_of(table: str, folder: Path) -> Iterator[Row]:
    """The records of a table."""
    if table.startswith("nasty/"):
        yield from nasty(table.removeprefix("nasty/"), folder)
        return
    file, delimiter, convert = TABLES[table]
    with open(folder / f"{file}.csv.zst", "rb") as compressed:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(compressed), "utf-8-sig", newline="")
        yield from convert(csv.DictReader(text, delimiter=delimiter))


def main() -> None:
    """Writes a table."""
    table, folder, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    rows = itertools.islice(rows_of(table, folder), limit or None)
    first = next(rows)
    out = csv.DictWriter(sys.stdout, list(first))
    out.writeheader()
    out.writerow(first)
    out.writerows(rows)


if __name__ == "__main__":
    main()
