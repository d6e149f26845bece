"""The same job in a usual Python program: boto3, `csv` or XlsxWriter, a file in `/tmp`, `upload_fileobj`.

`usual.py csv|xlsx client|resource ENDPOINT`. Like `usual.rs` it leaves out leases and checkpoints, filters and search,
the file's SHA-256, cells of lists and maps, time zones, and what a spreadsheet cannot hold.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import xlsxwriter
from boto3.dynamodb.conditions import Key

COLUMNS = [
    "id", "reference", "status", "created_at", "updated_at", "delivered_at", "customer", "city", "state", "items", "amount",
    "freight", "currency", "payment",
]  # fmt: skip
DATES = {"created_at", "updated_at", "delivered_at"}
NUMBERS = {"items", "amount", "freight"}
GUARDED = ("=", "+", "-", "@", "\t", "\r")
SHEET_ROWS = 1_048_576

NAMES = {f"#a{place}": column for place, column in enumerate(COLUMNS)}


def main() -> None:
    """Writes the file and uploads it."""
    form, reader, endpoint = sys.argv[1:]
    rows = {"client": of_client, "resource": of_resource}[reader](endpoint)
    with tempfile.NamedTemporaryFile(suffix=f".{form}") as file:
        {"csv": write_csv, "xlsx": write_xlsx}[form](file.name, rows)
        with open(file.name, "rb") as whole:
            boto3.client("s3", endpoint_url=endpoint).upload_fileobj(whole, "files", "file")


def of_client(endpoint: str) -> Iterator[list[Any]]:
    """Reads rows with the client's paginator."""
    pages = boto3.client("dynamodb", endpoint_url=endpoint).get_paginator("query").paginate(
        TableName="records",
        KeyConditionExpression="#partition = :partition",
        ProjectionExpression=", ".join(NAMES),
        ExpressionAttributeNames={"#partition": "pk"} | NAMES,
        ExpressionAttributeValues={":partition": {"S": "orders#42"}},
    )
    nothing = {"S": ""}
    for page in pages:
        for item in page["Items"]:
            yield [next(iter(item.get(column, nothing).values())) for column in COLUMNS]


def of_resource(endpoint: str) -> Iterator[list[Any]]:
    """Reads rows with the table's `query`."""
    table = boto3.resource("dynamodb", endpoint_url=endpoint).Table("records")
    asked: dict[str, Any] = {
        "KeyConditionExpression": Key("pk").eq("orders#42"),
        "ProjectionExpression": ", ".join(NAMES),
        "ExpressionAttributeNames": NAMES,
    }
    while True:
        page = table.query(**asked)
        for item in page["Items"]:
            yield [item.get(column, "") for column in COLUMNS]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def write_csv(name: str, rows: Iterator[list[Any]]) -> None:
    """Writes CSV with a byte-order mark, and guards against formulas."""
    texts = [place for place, column in enumerate(COLUMNS) if column not in DATES | NUMBERS]
    with open(name, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            for place in texts:
                if row[place].startswith(GUARDED):
                    row[place] = "'" + row[place]
            writer.writerow(row)


def write_xlsx(name: str, rows: Iterator[list[Any]]) -> None:
    """Writes XLSX in constant memory, with numbers and dates."""
    workbook = xlsxwriter.Workbook(name, {"constant_memory": True})
    bold = workbook.add_format({"bold": True})
    date = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    number = SHEET_ROWS
    sheet = None
    for row in rows:
        if sheet is None or number == SHEET_ROWS:
            sheet, number = begin(workbook, bold), 1
        for place, (column, cell) in enumerate(zip(COLUMNS, row, strict=True)):
            if cell == "":
                continue
            if column in DATES:
                sheet.write_datetime(number, place, datetime.fromisoformat(cell).replace(tzinfo=None), date)
            elif column in NUMBERS:
                sheet.write_number(number, place, float(cell))
            else:
                sheet.write_string(number, place, cell)
        number += 1
    if sheet is None:
        begin(workbook, bold)
    workbook.close()


def begin(workbook: Any, bold: Any) -> Any:
    """Begins the next sheet with its header."""
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, SHEET_ROWS - 1, len(COLUMNS) - 1)
    for place, column in enumerate(COLUMNS):
        if column in DATES:
            sheet.set_column(place, place, 19)
        sheet.write_string(0, place, column, bold)
    return sheet


if __name__ == "__main__":
    main()
