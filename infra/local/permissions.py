"""The sample host's grants function: decides by the current members of projects, sources and organizations.

Deployed on its own beside a stack, which asks it in place of the tokens' grants (the parameter `GrantsFunction`).
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3

# The same person has the same id in the tokens of the development issuer and in the sessions of the sample product, both of
# which are this host's own, so that `claims["iss"]` makes no difference here. A host with other issuers must compare it.
# Actions that only members of the organization may do.
OF_ADMINS = ("cancel_any", "delete_any", "read_addresses")


def handler(asked: dict[str, Any], _context: object) -> bool | list[bool]:
    """Answers `{"sub", "claims", "action", "parent": {"kind", "id", "organization_id"}}`, or each of the `questions`."""

    @cache
    def belongs(place: str) -> bool:
        return "Item" in members().get_item(Key={"person": asked["sub"], "place": place}, ConsistentRead=True)

    def allowed(question: dict[str, Any]) -> bool:
        parent = question["parent"]
        organization = parent["organization_id"]
        if organization and belongs(f"organization:{organization}"):
            return True
        return question["action"] not in OF_ADMINS and belongs(f"{parent['kind']}:{parent['id']}")

    if "questions" in asked:
        return [allowed(question) for question in asked["questions"]]
    return allowed(asked)


@cache
def members() -> Any:
    """The table of members. Cached, since creating the client takes longer than a query."""
    return boto3.resource("dynamodb").Table(os.environ["MEMBERS_TABLE"])
