"""Converts rows of a CSV file to records of a type, by the catalog."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from settings import ROOT

CATALOG = ROOT / "infra" / "catalog.toml"

# A number that DynamoDB stores without changing its value: at most 38 digits. Others (007, 1e3, 1,000) stay text, so
# that nothing is lost.
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
NUMBER_DIGITS = 38
CENTS = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{0,2}))?")
BOOLEANS = {"true": True, "false": False}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?P<fraction>\d{1,9}))?(?:Z|[+-]\d\d:\d\d)")

# The digits after the seconds, by the catalog's name of the format; None keeps the text unchanged.
FRACTION_DIGITS: dict[str, int | None] = {
    "rfc3339_s": 0,
    "rfc3339_ms": 3,
    "rfc3339_us": 6,
    "rfc3339_ns": 9,
    "rfc3339": None,
}
# Ids that begin with a time: a record's own `id` is one.
TIMED_IDS = ("ulid", "ksuid", "uuid7")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

Item = dict[str, Any]


class CatalogError(Exception):
    """The catalog has no such type, or its records cannot be loaded."""


class RowError(Exception):
    """A row, or a header, that cannot become a record."""


@dataclass(frozen=True)
class RecordType:
    """One type's keys and columns."""

    name: str
    # The table's name in the catalog.
    table: str
    partition: str
    partition_key: str
    sort_key: str
    sort_format: str
    created: str
    columns: dict[str, dict[str, Any]]
    fixed: dict[str, Any]
    custom: bool

    @classmethod
    def find(cls, name: str, catalog: Path = CATALOG) -> RecordType:
        """The type of this name; raises `CatalogError`."""
        try:
            types = {entry["name"]: entry for entry in tomllib.loads(catalog.read_text("utf-8")).get("type", [])}
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise CatalogError(f"{catalog} cannot be read: {error}") from None
        if name not in types:
            raise CatalogError(f"the catalog has no type {name}; it has {', '.join(types)}")
        entry = types[name]
        records = entry["records"]
        for option in ("index", "partitions"):
            if option in records:
                raise CatalogError(f"{name} names {option}, so its table's own keys are not in the catalog")
        if "sort_key" not in records:
            raise CatalogError(f"{name} has no sort key, so that a parent has only one record")
        return cls(
            name,
            records.get("table", ""),
            records["partition"],
            records["partition_key"],
            records["sort_key"],
            _template(records["sort_format"]),
            entry["created"],
            {column["key"]: column for column in entry["columns"]},
            records.get("fixed", {}),
            entry.get("custom", False),
        )

    def path(self, name: str) -> list[str]:
        """The path in a record for the column `name`, which may not be in the catalog."""
        if name in self.columns:
            return self.columns[name].get("path", name).split(".")
        if not self.custom or name in _key_attributes(self):
            return [name]
        # A source's own columns: records have them in two maps.
        map_name, dot, key = name.partition(".")
        return ["attributes", key] if map_name == "attributes" and dot and key else ["custom", name]

    def reader(self, parent: str, header: list[str]) -> RowReader:
        """A converter for rows with this header; raises `RowError` if the columns of the key are missing."""
        return RowReader(self, parent, header)


class RowReader:
    """Converts the rows of a file to items."""

    def __init__(self, kind: RecordType, parent: str, header: list[str]) -> None:
        if "" in header:
            raise RowError("the header has a column without a name")
        if len(set(header)) < len(header):
            raise RowError("the header names a column twice")
        for key in (kind.partition_key, kind.sort_key):
            if key in header:
                raise RowError(f"{key} is a key, which is made from the other columns: rename that column")
        for name in _key_attributes(kind):
            if name not in header:
                raise RowError(f"the header has no {name}, which the sort key {kind.sort_format} is made of")

        self._type = kind
        self._partition = {"S": kind.partition.replace("{parent}", parent)}
        self._header = header
        self._columns = [(kind.path(name), kind.columns.get(name, {})) for name in header]
        self._fixed = {name: _constant(value) for name, value in kind.fixed.items() if not isinstance(value, (dict, list))}
        self.unknown = [name for name in header if name not in kind.columns]

    def item(self, cells: list[str]) -> Item:
        """The item in DynamoDB's JSON; raises `RowError`."""
        if len(cells) != len(self._header):
            raise RowError(f"{len(cells)} cells under {len(self._header)} columns")
        row = dict(zip(self._header, cells, strict=True))
        kind = self._type
        item: Item = {kind.partition_key: self._partition, kind.sort_key: _sort_value(kind, row)}
        for (path, column), cell in zip(self._columns, cells, strict=True):
            if cell:
                _place(item, path, _attribute(column, cell))
        return item | self._fixed


def _constant(value: str | int | bool) -> Item:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _template(sort_format: str) -> str:
    """The template of a sort key. Older catalogs have names instead, such as `rfc3339_ms#id`."""
    if "{" in sort_format:
        return sort_format
    if sort_format == "id":
        return "{*}"
    unit, more, _ = sort_format.partition("#id")
    return f"{{{unit}}}#{{*}}" if more else f"{{{unit}}}"


def _key_attributes(kind: RecordType) -> list[str]:
    placeholders = PLACEHOLDER.findall(kind.sort_format)
    times = [kind.created] if any(_is_time(name) for name in placeholders) else []
    return times + (["id"] if any(not _is_time(name) for name in placeholders) else [])


def _is_time(placeholder: str) -> bool:
    return placeholder not in ("id", "*", *TIMED_IDS)


def _sort_value(kind: RecordType, row: dict[str, str]) -> Item:
    for name in _key_attributes(kind):
        if not row[name]:
            raise RowError(f"{name} is empty, and the sort key is made of it")

    def value(match: re.Match[str]) -> str:
        return sort_time(match[1], row[kind.created]) if _is_time(match[1]) else row["id"]

    key = PLACEHOLDER.sub(value, kind.sort_format)
    return {"N" if kind.sort_format in ("{epoch_s}", "{epoch_ms}") else "S": key}


def sort_time(unit: str, text: str) -> str:
    """A time in a sort key's unit; raises `RowError` unless it is a time that the unit can hold exactly."""
    match = RFC_3339.fullmatch(text)
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC) if match else None
    except ValueError:
        instant = None
    if match is None or instant is None:
        raise RowError("the time of the record is not RFC 3339 with an offset, such as 2026-11-21T12:01:02Z")

    fraction = (match["fraction"] or "").rstrip("0")
    if unit in ("epoch_s", "epoch_ms"):
        digits = 0 if unit == "epoch_s" else 3
        _check_fraction(fraction, digits)
        seconds = int(instant.replace(microsecond=0).timestamp())
        return str(seconds * 10**digits + int(fraction.ljust(digits, "0") or "0"))
    if unit == "date":
        return instant.date().isoformat()
    kept = FRACTION_DIGITS[unit]
    if kept is None:
        return text
    _check_fraction(fraction, kept)
    point = f".{fraction.ljust(kept, '0')}" if kept else ""
    return f"{instant.replace(microsecond=0, tzinfo=None).isoformat()}{point}Z"


def _check_fraction(fraction: str, digits: int) -> None:
    if len(fraction) > digits:
        raise RowError(f"the time of the record has more than the {digits} digits after the seconds that its key holds")


def _attribute(column: dict[str, Any], cell: str) -> Item:
    kind = column.get("kind", "text")
    if "from" in column:
        stored = _stored(column["from"], cell)
        return {"S": cell} if stored is None else {"N": stored}
    if kind in ("integer", "decimal"):
        if NUMBER.fullmatch(cell) and sum(character.isdigit() for character in cell) <= NUMBER_DIGITS:
            return {"N": cell}
    elif kind == "boolean" and cell in BOOLEANS:
        return {"BOOL": BOOLEANS[cell]}
    return {"S": cell}


def _stored(form: str, cell: str) -> str | None:
    """The stored form of a cell whose column is converted (`from`); None if the cell is not of that form."""
    if form == "cents":
        match = CENTS.fullmatch(cell)
        return str(int(f"{match[1]}{match[2]}{(match[3] or '').ljust(2, '0')}")) if match else None
    try:
        return sort_time(form, cell)
    except RowError:
        return None


def _place(item: Item, path: list[str], value: Item) -> None:
    for name in path[:-1]:
        item = item.setdefault(name, {"M": {}})["M"]
    item[path[-1]] = value
