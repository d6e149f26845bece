"""Copies a table of DynamoDB to the local stack, whose functions have no credentials of AWS."""

from __future__ import annotations

import os
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# A copy has no more items: a larger table is copied in part.
MOST_ITEMS = 20_000
# The most that DynamoDB takes at once.
BATCH = 25


def copy(local: Any, name: str) -> None:
    """Copies the table of this name from the account and region of the AWS credentials, unless the stack has it already.
    Exits if it cannot be read."""
    if name in local.list_tables()["TableNames"]:
        print(f"» The stack has a copy of {name} from before; remove the folder of the catalog to copy it anew", flush=True)
        return
    try:
        # boto3 knows only the other variable, AWS_DEFAULT_REGION; other tools know both.
        source = boto3.client("dynamodb", region_name=os.environ.get("AWS_REGION"))
        described = source.describe_table(TableName=name)["Table"]
        local.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **_shape(described))
        count, is_whole = _items(source, local, name)
    except (BotoCoreError, ClientError) as error:
        # The next run would take a part for the copy.
        if name in local.list_tables()["TableNames"]:
            local.delete_table(TableName=name)
        sys.exit(f"The table {name} cannot be copied to this stack: {error}")
    of_all = "" if is_whole else f" of about {described.get('ItemCount', 0):,}: the others are not in the copy"
    print(f"» Copied {count:,} items of {name} to this stack{of_all}", flush=True)


def _shape(described: dict[str, Any]) -> dict[str, Any]:
    """The table's key and indexes, as they are given for a new table."""
    shape = {key: described[key] for key in ("KeySchema", "AttributeDefinitions")}
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        indexes = [{key: index[key] for key in ("IndexName", "KeySchema", "Projection")} for index in described.get(kind, [])]
        shape |= {kind: indexes} if indexes else {}
    return shape


def _items(source: Any, local: Any, name: str) -> tuple[int, bool]:
    """Copies the items. Returns their number, and whether these are all."""
    count = 0
    for page in source.get_paginator("scan").paginate(TableName=name):
        wanted = page["Items"][: MOST_ITEMS - count]
        for first in range(0, len(wanted), BATCH):
            puts = {name: [{"PutRequest": {"Item": item}} for item in wanted[first : first + BATCH]]}
            while puts:
                puts = local.batch_write_item(RequestItems=puts)["UnprocessedItems"]
        count += len(wanted)
        if count >= MOST_ITEMS:
            return count, len(wanted) == len(page["Items"]) and "LastEvaluatedKey" not in page
    return count, True
