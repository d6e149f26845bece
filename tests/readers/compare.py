"""Compares an export with the table that its records were made from: the filters by polars, the reading back by
Python's `csv` or openpyxl, the rules of a file written down a second time here.

Reads one JSON object from standard input:
  table     CSV file of the records, a column a key
  file      the export
  format    `csv` or `xlsx`
  profile   `spreadsheet` or `data`
  columns   [[key, kind], …] of the file, in its order; a third element names the table's column where that is another
  constant  {key: value}: columns of the file that the table does not have
  order     the keys that the rows are ordered by
  is_in     {key: [values]}: the value is one of these
  range     [key, from, to]: from is in, to is out
  search    {"term", "columns", "phones"}
Writes {"rows", "expected", "differences": the first few, "warnings": {code: {column: count}}}.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import openpyxl
import polars

SHOWN = 5
MARK = b"\xef\xbb\xbf"
CELL_CHARACTERS = 32_767
# Some spreadsheet begins a cell at a text's start and after these.
SEPARATORS = ";\t|\r\n"
FORMULAS = "=+-@＝＋－＠"
# Characters that imports drop at a cell's start: white space, control characters and quotes.
DROPPED = re.compile("[\\s\x00-\x1f\x7f-\x9f\"'\u200b\ufeff]")
NOT_FIRST = re.compile("'*[\t\r\n\0]")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
PLAIN_PHONE = re.compile(r"\+?[0-9][0-9 ]*")
PHONE_TERM = re.compile(r"[0-9+\-(). ]+")
# XML 1.0, production 2 (Char): other characters cannot be in a spreadsheet.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def main() -> None:
    """Compares, and reports the differences."""
    asked = json.load(sys.stdin)
    warnings: dict[str, Counter[str]] = {}
    expected = [
        [shown(asked, key, kind, row[(*source, key)[0]], warnings) for key, kind, *source in asked["columns"]]
        for row in selected(asked)
    ]
    found = read_csv(asked) if asked["format"] == "csv" else read_xlsx(asked)
    header = [key for key, *_ in asked["columns"]]
    differences = []
    first = next(found, None)
    if first != header:
        differences.append(f"the header is {first}")
    rows = 0
    for rows, cells in enumerate(found, 1):
        wanted = expected[rows - 1] if rows <= len(expected) else None
        if cells != wanted and len(differences) < SHOWN:
            differences.append(f"row {rows}: {cells!r} is not {wanted!r}")
    if rows != len(expected):
        differences.append(f"{rows} rows are not {len(expected)}")
    answer = {"rows": rows, "expected": len(expected), "differences": differences, "warnings": warnings}
    json.dump(answer, sys.stdout)


def selected(asked: dict[str, Any]) -> list[dict[str, str]]:
    """The records that match the filters, in order."""
    table = polars.read_csv(asked["table"], infer_schema=False).fill_null("")
    for key, values in (asked.get("is_in") or {}).items():
        table = table.filter(polars.col(key).is_in(values))
    if bounds := asked.get("range"):
        key, start, end = bounds
        instant = polars.col(key)
        table = table.filter((instant >= start) & (instant < end))
    if search := asked.get("search"):
        table = table.filter(holds(search))
    constant = asked.get("constant") or {}
    absent = [key for key, _, *source in asked["columns"] if (*source, key)[0] not in table.columns]
    table = table.with_columns(polars.lit(constant.get(key, "")).alias(key) for key in absent)
    return table.sort(asked["order"]).to_dicts()


def holds(search: dict[str, Any]) -> polars.Expr:
    """Whether one of the searched columns contains the term."""
    term = fold(search["term"].strip())
    tests = [polars.col(key).map_elements(lambda text: term in fold(text), polars.Boolean) for key in search["columns"]]
    digits = re.sub("[^0-9]", "", term)
    if digits and PHONE_TERM.fullmatch(term):
        tests += [
            polars.col(key).map_elements(lambda text: digits in re.sub("[^0-9]", "", fold(text)), polars.Boolean)
            for key in search["phones"]
        ]
    return polars.any_horizontal(tests)


def fold(text: str) -> str:
    """NFKC and full case folding; once more, since folding can undo the first."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def shown(asked: dict[str, Any], key: str, kind: str, text: str, warnings: dict[str, Counter[str]]) -> Any:
    """The expected cell for a record's value."""
    if not is_of_kind(kind, text):
        warnings.setdefault("other_kind", Counter())[key] += 1
    if asked["format"] == "xlsx":
        return in_sheet(key, kind, text, warnings)
    if kind in ("integer", "decimal") and NUMBER.fullmatch(text):
        return number(text)
    if asked["profile"] == "data" or (kind == "phone" and PLAIN_PHONE.fullmatch(text)):
        return text
    return guarded(text)


def is_of_kind(kind: str, text: str) -> bool:
    """Whether a value is of its column's kind; an empty text is of every kind. All dates in these tables are valid."""
    if text == "":
        return True
    if kind in ("integer", "decimal"):
        return NUMBER.fullmatch(text) is not None
    if kind == "boolean":
        return text in ("true", "false")
    if kind == "email":
        return "@" in text
    return kind != "phone" or re.search("[0-9]", text) is not None


def guarded(text: str) -> str:
    """The text with guards: `'` before each cell that a spreadsheet would compute, with any separator."""
    cells = re.split(f"(?<=[{SEPARATORS}])", text)
    first, *rest = (f"'{cell}" if runs(cell) else cell for cell in cells)
    if first == cells[0] and NOT_FIRST.match(text):
        first = f"'{first}"
    return "".join([first, *rest])


def runs(cell: str) -> bool:
    """Whether the cell begins with a formula; its last character, the separator, does not count."""
    begun = itertools.dropwhile(lambda char: char not in SEPARATORS and DROPPED.match(char), cell)
    return next(begun, "") in tuple(FORMULAS)


def number(text: str) -> str:
    """A number as DynamoDB stores it: without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_sheet(key: str, kind: str, text: str, warnings: dict[str, Counter[str]]) -> Any:
    if text == "":
        return None
    if kind in ("integer", "decimal") and NUMBER.fullmatch(text):
        return float(text) if is_exact(text) else text
    if kind == "timestamp":
        return datetime.fromisoformat(text).astimezone(timezone.utc).replace(tzinfo=None)
    if kind == "date":
        return date.fromisoformat(text)
    kept = NOT_XML.sub("", text)
    if kept != text:
        warnings.setdefault("characters_dropped", Counter())[key] += 1
    cut = kept.encode("utf-16-le")[: 2 * CELL_CHARACTERS].decode("utf-16-le", "ignore")
    if cut != kept:
        warnings.setdefault("cell_cut", Counter())[key] += 1
    return cut or None


def is_exact(text: str) -> bool:
    try:
        return Decimal(repr(float(text))) == Decimal(text)
    except InvalidOperation:
        return False


def read_csv(asked: dict[str, Any]) -> Iterator[list[str]]:
    with open(asked["file"], "rb") as file:
        has_mark = file.read(len(MARK)) == MARK
    if has_mark != (asked["profile"] == "spreadsheet"):
        raise SystemExit(f"a byte-order mark is there: {has_mark}")
    encoding = "utf-8-sig" if has_mark else "utf-8"
    csv.field_size_limit(1 << 20)
    with open(asked["file"], encoding=encoding, newline="") as text:
        yield from csv.reader(text, strict=True)


def read_xlsx(asked: dict[str, Any]) -> Iterator[list[Any]]:
    # As an open file, since openpyxl refuses names without an extension.
    with open(asked["file"], "rb") as file:
        for sheet in openpyxl.load_workbook(file, read_only=True):
            for row in sheet.iter_rows():
                yield [of_cell(cell) for cell in row]


def of_cell(cell: Any) -> Any:
    """The value; a formula would be one that begins with `=` and is not text."""
    if cell.data_type == "f":
        return f"a formula: {cell.value}"
    if isinstance(cell.value, int) and not isinstance(cell.value, bool):
        return float(cell.value)
    return unescaped(cell.value) if isinstance(cell.value, str) else cell.value


def unescaped(text: str) -> str:
    """Decodes escapes such as `_x000D_` (ECMA-376, section 22.9.2.19), which openpyxl does not."""
    return re.sub("_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)


if __name__ == "__main__":
    main()
