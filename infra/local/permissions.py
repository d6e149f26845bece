"""The sample host's function: whether a person may do something, by who is a member of what at this moment.

Deployed on its own beside a stack, which asks it in place of the tokens' grants (the parameter `GrantsFunction`).
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3

# What only members of the whole organization may do.
OF_ADMINS = ("cancel_any", "read_addresses")


def handler(question: dict[str, Any], _context: object) -> bool:
    """Answers `{"sub", "claims", "action", "parent": {"kind", "id", "organization_id"}}`."""

    def belongs(place: str) -> bool:
        return "Item" in members().get_item(Key={"person": question["sub"], "place": place}, ConsistentRead=True)

    parent = question["parent"]
    organization = parent["organization_id"]
    if organization and belongs(f"organization:{organization}"):
        return True
    return question["action"] not in OF_ADMINS and belongs(f"{parent['kind']}:{parent['id']}")


@cache
def members() -> Any:
    """The table of members. Made once: that takes longer than to ask it."""
    return boto3.resource("dynamodb").Table(os.environ["MEMBERS_TABLE"])
