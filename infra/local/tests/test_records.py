"""Tests of the conversion of rows to records."""

from __future__ import annotations

import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from records import CatalogError, RecordType, RowError, sort_time

CATALOG = """
[[type]]
name = "leads"
created = "created_at"
records = { partition = "leads#{parent}", partition_key = "pk", sort_key = "sk", sort_format = "rfc3339_ms#id" }
columns = [
  { key = "id", kind = "text" },
  { key = "created_at", kind = "timestamp" },
  { key = "city", kind = "text", path = "address.city" },
  { key = "amount", kind = "decimal" },
  { key = "vip", kind = "boolean" },
]
"""
OWN = CATALOG.replace('sort_format =', 'fixed = { entity = "lead", version = 2, deleted = false }, sort_format =') + """
custom = true
"""
HEADER = ["id", "created_at", "city", "amount", "vip", "note"]


class RecordsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.catalog = Path(folder.name) / "catalog.toml"
        self.catalog.write_text(CATALOG)
        self.kind = RecordType.find("leads", self.catalog)

    def item(self, *cells: str) -> dict:
        return self.kind.reader("web", HEADER).item(list(cells))

    def test_a_row_becomes_an_item_with_typed_attributes(self) -> None:
        self.assertEqual(
            self.item("7", "2026-11-21T13:01:02.5+01:00", "Porto", "10.50", "true", "=1+1"),
            {
                "pk": {"S": "leads#web"},
                "sk": {"S": "2026-11-21T12:01:02.500Z#7"},
                "id": {"S": "7"},
                "created_at": {"S": "2026-11-21T13:01:02.5+01:00"},
                "address": {"M": {"city": {"S": "Porto"}}},
                "amount": {"N": "10.50"},
                "vip": {"BOOL": True},
                "note": {"S": "=1+1"},
            },
        )

    def test_empty_cells_are_left_out(self) -> None:
        item = self.item("7", "2026-11-21T12:01:02Z", "", "", "", "")
        self.assertEqual(sorted(item), ["created_at", "id", "pk", "sk"])

    def test_inexact_numbers_stay_text(self) -> None:
        for cell in ("007", "1e3", "1,000", ".5", "5.", "+1", " 1", "NaN", "१", "1" * 39):
            with self.subTest(cell=cell):
                self.assertEqual(self.item("7", "2026-11-21T12:01:02Z", "", cell, "", "")["amount"], {"S": cell})
        for cell in ("0", "-0.10", "9" * 38):
            self.assertEqual(self.item("7", "2026-11-21T12:01:02Z", "", cell, "", "")["amount"], {"N": cell})

    def test_rows_without_a_key_are_refused(self) -> None:
        for cells, words in (
            (["", "2026-11-21T12:01:02Z", "", "", "", ""], "id is empty"),
            (["7", "", "", "", "", ""], "created_at is empty"),
            (["7", "21/11/2026", "", "", "", ""], "not RFC 3339"),
            (["7", "2026-11-21T12:01:02", "", "", "", ""], "not RFC 3339"),
            (["7", "2026-13-21T12:01:02Z", "", "", "", ""], "not RFC 3339"),
            (["7", "2026-11-21T12:01:02.0001Z", "", "", "", ""], "more than the 3 digits"),
            (["7"], "1 cells under 6 columns"),
        ):
            with self.subTest(words=words), self.assertRaisesRegex(RowError, words):
                self.item(*cells)

    def test_headers_without_a_key_are_refused(self) -> None:
        for header, words in (
            (["created_at"], "has no id"),
            (["id"], "has no created_at"),
            (["id", "id", "created_at"], "twice"),
            (["id", "created_at", ""], "without a name"),
            (["id", "created_at", "pk"], "pk is a key"),
        ):
            with self.subTest(words=words), self.assertRaisesRegex(RowError, words):
                self.kind.reader("web", header)

    def test_columns_beyond_the_catalog_are_named(self) -> None:
        self.assertEqual(self.kind.reader("web", HEADER).unknown, ["note"])

    def test_a_sources_own_columns_go_into_its_maps(self) -> None:
        self.catalog.write_text(OWN)
        kind = RecordType.find("leads", self.catalog)
        header = ["id", "created_at", "city", "emp.var.rate", "attributes.vip", "attributes."]
        item = kind.reader("web", header).item(["7", "2026-11-21T12:01:02Z", "Porto", "1.1", "gold", "x"])
        self.assertEqual(item["custom"], {"M": {"emp.var.rate": {"S": "1.1"}, "attributes.": {"S": "x"}}})
        self.assertEqual(item["attributes"], {"M": {"vip": {"S": "gold"}}})
        self.assertEqual(item["address"], {"M": {"city": {"S": "Porto"}}})
        fixed = {name: item[name] for name in ("entity", "version", "deleted")}
        self.assertEqual(fixed, {"entity": {"S": "lead"}, "version": {"N": "2"}, "deleted": {"BOOL": False}})

    def test_converted_columns_are_stored_as_the_catalog_says(self) -> None:
        self.catalog.write_text(
            CATALOG.replace('"decimal" }', '"decimal", from = "cents" }').replace('"boolean" }', '"timestamp", from = "epoch_ms" }')
        )
        self.kind = RecordType.find("leads", self.catalog)
        for amount, stored in (("10.5", "1050"), ("-0.05", "-5"), ("7", "700"), ("0", "0")):
            item = self.item("7", "2026-11-21T12:01:02Z", "", amount, "1970-01-01T00:00:01.5Z", "")
            self.assertEqual((item["amount"], item["vip"]), ({"N": stored}, {"N": "1500"}))
        item = self.item("7", "2026-11-21T12:01:02Z", "", "1.234", "soon", "")
        self.assertEqual((item["amount"], item["vip"]), ({"S": "1.234"}, {"S": "soon"}))

    def test_sort_times(self) -> None:
        text = "2026-11-21T12:01:02.25Z"
        for unit, expected in (
            ("rfc3339_ms", "2026-11-21T12:01:02.250Z"),
            ("rfc3339_us", "2026-11-21T12:01:02.250000Z"),
            ("rfc3339_ns", "2026-11-21T12:01:02.250000000Z"),
            ("rfc3339", text),
            ("epoch_ms", "1795262462250"),
        ):
            with self.subTest(unit=unit):
                self.assertEqual(sort_time(unit, text), expected)
        self.assertEqual(sort_time("rfc3339_s", "2026-11-21T12:01:02.000Z"), "2026-11-21T12:01:02Z")
        self.assertEqual(sort_time("epoch_s", "2026-11-21T12:01:02Z"), "1795262462")

    def test_a_number_key_is_a_number(self) -> None:
        kind = replace(self.kind, sort_format="{epoch_s}")
        self.assertEqual(kind.reader("web", HEADER).item(["7", "1970-01-01T00:00:09Z", "", "", "", ""])["sk"], {"N": "9"})

    def test_a_key_is_made_by_its_template(self) -> None:
        for template, key in (
            ("ORDER#{rfc3339_s}#{id}", "ORDER#2026-11-21T12:01:02Z#7"),
            ("{date}/{*}", "2026-11-21/7"),
            ("A#{ulid}", "A#7"),
            ("A#{epoch_s}", "A#1795262462"),
            ("id", "7"),
        ):
            self.catalog.write_text(CATALOG.replace("rfc3339_ms#id", template))
            self.kind = RecordType.find("leads", self.catalog)
            with self.subTest(template=template):
                self.assertEqual(self.item("7", "2026-11-21T12:01:02Z", "", "", "", "")["sk"], {"S": key})

    def test_types_that_cannot_be_loaded_are_named(self) -> None:
        with self.assertRaisesRegex(CatalogError, "no type orders; it has leads"):
            RecordType.find("orders", self.catalog)
        self.catalog.write_text(CATALOG.replace("{ partition =", '{ index = "i", partition ='))
        with self.assertRaisesRegex(CatalogError, "leads names index"):
            RecordType.find("leads", self.catalog)


if __name__ == "__main__":
    unittest.main()
