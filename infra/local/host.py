"""A sample host product beside the local stack: a table of members, and a grants function."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import permissions
from botocore.exceptions import ClientError

FUNCTION = "host-permissions"
MEMBERS_TABLE = "host-members"

Clients = Callable[[str], Any]


def deploy(clients: Clients) -> None:
    """Creates or updates the table, the function and its role."""
    table = _ensure_table(clients("dynamodb"))
    role = _ensure_role(clients("iam"), table)
    _put_function(clients("lambda"), role)


def let_in(clients: Clients, person: str, place: str) -> None:
    """Makes the person with this `sub` a member of a place such as `project:42`."""
    clients("dynamodb").put_item(TableName=MEMBERS_TABLE, Item=_member(person, place))


def turn_out(clients: Clients, person: str, place: str) -> None:
    """Ends that membership."""
    clients("dynamodb").delete_item(TableName=MEMBERS_TABLE, Key=_member(person, place))


def _member(person: str, place: str) -> dict[str, Any]:
    return {"person": {"S": person}, "place": {"S": place}}


def _ensure_table(dynamodb: Any) -> str:
    """The table's ARN."""
    keys = {"person": "HASH", "place": "RANGE"}
    try:
        dynamodb.create_table(
            TableName=MEMBERS_TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
    return str(dynamodb.describe_table(TableName=MEMBERS_TABLE)["Table"]["TableArn"])


def _ensure_role(iam: Any, table: str) -> str:
    """The ARN of a role that may read the table and nothing else."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    try:
        iam.create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=_policy(trust))
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    read = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table}
    iam.put_role_policy(RoleName=FUNCTION, PolicyName="read", PolicyDocument=_policy(read))
    return str(iam.get_role(RoleName=FUNCTION)["Role"]["Arn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _put_function(client: Any, role: str) -> None:
    code = _zip(Path(permissions.__file__))
    try:
        client.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.13",
            Role=role,
            Handler="permissions.handler",
            Timeout=5,
            Environment={"Variables": {"MEMBERS_TABLE": MEMBERS_TABLE}},
            Code={"ZipFile": code},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceConflictException":
            raise
        client.update_function_code(FunctionName=FUNCTION, ZipFile=code)


def _zip(file: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        # A fixed date, so that the same source makes the same archive.
        archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    return content.getvalue()
