"""Tests of the loader with the local stack's DynamoDB for records."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import boto3

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import sample
from service import free_port, python, running
from settings import RECORDS_TABLE, REGION, TOOLS, Stack

DYNOXIDE = TOOLS / "dynoxide" / "bin" / "dynoxide"
COUNT = 1234


class Loading:
    """What holds for both servers that the local stack keeps records in."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.url = self.server(free_port())
        self.dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.dynamodb.create_table(
            TableName=RECORDS_TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )

    def load(self, content: bytes, *options: str) -> subprocess.CompletedProcess[str]:
        path = self.folder / "orders.csv"
        path.write_bytes(content)
        command = python("load.py", "orders", "42", str(path), "--endpoint", self.url, *options)
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def stored(self) -> list[dict]:
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=RECORDS_TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "orders#42"}},
        )
        return [item for page in pages for item in page["Items"]]

    def test_every_cell_of_the_sample_is_stored(self) -> None:
        out = io.StringIO(newline="")
        sample.write(out, COUNT)
        done = self.load(out.getvalue().encode())
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        self.assertIn(f"loaded {COUNT:,} orders of 42", done.stderr)

        rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
        items = self.stored()
        self.assertEqual(len(items), COUNT)
        for row, item in zip(rows, items, strict=True):
            for name, cell in row.items():
                kind, value = next(iter(item[name].items())) if name in item else ("S", "")
                # DynamoDB drops trailing zeros of a number.
                self.assertEqual(float(value) if kind == "N" else value, float(cell) if kind == "N" else cell)

    def test_refused_rows_are_reported_by_line_and_the_rest_is_loaded(self) -> None:
        done = self.load(
            b"id,created_at,note\r\n"
            b'a,2026-01-01T00:00:00Z,"two\nlines"\r\n'
            b"b,yesterday,x\r\n"
            b"a,2026-01-01T00:00:00Z,again\r\n"
            b"c,2026-01-02T00:00:00Z,y\r\n"
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 4: the time of the record is not RFC 3339", done.stderr)
        self.assertIn("line 5: the same key as the row that ends at line 3", done.stderr)
        self.assertIn("not in the catalog: note", done.stderr)
        self.assertIn("2 rows were refused", done.stderr)
        self.assertEqual([item["note"]["S"] for item in self.stored()], ["two\nlines", "y"])

    def test_a_byte_order_mark_and_another_delimiter(self) -> None:
        done = self.load(b"\xef\xbb\xbfid;created_at\na;2026-01-01T00:00:00Z\n", "--delimiter", ";")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.stored()[0]["sk"], {"S": "2026-01-01T00:00:00Z#a"})

    def test_a_file_that_cannot_be_loaded_gives_one_clear_line(self) -> None:
        row = b"id,created_at\na,2026-01-01T00:00:00Z\n"
        for content, options, words in (
            (b"", [], "the file is empty"),
            (b"id\na\n", [], "has no created_at"),
            (b'id,created_at\n"a"b,c\n', [], "line 2: this is not CSV"),
            (b"id,created_at\n\xff,c\n", [], "not UTF-8"),
            (row, ["--table", "missing"], "ResourceNotFoundException"),
            (row, ["--endpoint", f"http://127.0.0.1:{free_port()}"], "is the stack up?"),
        ):
            with self.subTest(words=words):
                done = self.load(content, *options)
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertEqual(self.stored(), [])



@unittest.skipUnless(DYNOXIDE.exists(), f"{DYNOXIDE} is not there: `make up LARGE=yes` builds it")
class DynoxideTest(Loading, unittest.TestCase):
    def server(self, port: int) -> str:
        return self.enterContext(running([str(DYNOXIDE), "--port", str(port)], port, "/"))


class EmulatorTest(Loading, unittest.TestCase):
    def server(self, port: int) -> str:
        command = [sys.executable, "-m", "ministack"]
        environment = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION, "AUTH": "true"}
        return self.enterContext(running(command, port, "/_ministack/health", **environment))


class LargeTest(unittest.TestCase):
    def test_records_are_in_the_emulator_until_the_stack_is_for_large_tables(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch("settings.TOOLS", Path(folder)):
            stack = Stack(4966)
            self.assertEqual((stack.is_large, stack.records_url), (False, "http://127.0.0.1:4966"))
            stack.data.mkdir(parents=True)
            stack.records_database.touch()
            self.assertEqual((stack.is_large, stack.records_url), (True, "http://127.0.0.1:4969"))

    def test_a_large_file_for_the_emulator_is_said_to_be_one(self) -> None:
        port = free_port()
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("id,created_at\n" + "x" * 10_000_001)
            file.flush()
            command = python("load.py", "orders", "42", file.name, "--port", str(port))
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertIn("`make up LARGE=yes`", done.stderr)


if __name__ == "__main__":
    unittest.main()
