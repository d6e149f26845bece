"""What `make try` refuses before anything is started: a folder of another table, or with places that are not filled in."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import own_table

CATALOG = """[[type]]
name = "orders"
parent = "customer"
records = { database = "main", table = "public.orders", parent = "customer_id", key = ["id"] }
"""
DEPLOYMENT = '[deployment]\ndatabases.main = { url = "postgres://reader@db.example:5432/shop" }\n'


class OwnTableTest(unittest.TestCase):
    """A folder that exists."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def table(self, url: str | None, catalog: str = CATALOG, deployment: str = DEPLOYMENT) -> own_table.Table:
        (self.folder / "catalog.toml").write_text(catalog)
        (self.folder / "deployment.toml").write_text(deployment)
        return own_table.Table(url, "public.orders", "customer_id", [], self.folder)

    def refused(self, url: str | None) -> str:
        with self.assertRaises(SystemExit) as refused:
            own_table._require_same(self.table(url))
        return str(refused.exception)

    def test_the_same_table_of_the_same_database_is_used(self) -> None:
        for url in (
            "postgres://reader@db.example:5432/shop",
            "postgres://other@DB.example/shop",
            "postgres://reader@db.example/shop?sslmode=require",
        ):
            own_table._require_same(self.table(url))

    def test_the_same_table_of_another_database_is_refused(self) -> None:
        for url in ("postgres://reader@db.example/shop2", "postgres://reader@db.example:5433/shop", "postgres://reader@staging.example/shop"):
            self.assertIn("reads db.example/shop, and not", self.refused(url))
        self.assertIn("and not DynamoDB: rename or remove it first", self.refused(None))

    def test_a_place_that_is_not_filled_in_is_named_with_its_line(self) -> None:
        own_table._require_filled(self.table(None, CATALOG + "# FILL_IN was here\n"))
        with self.assertRaises(SystemExit) as refused:
            own_table._require_filled(self.table(None, CATALOG.replace('"id"', '"FILL_IN"')))
        self.assertIn("has FILL_IN in line 4", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
