"""API keys of a deployment on the local stack, by the command `waybill keys`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from settings import ROOT, Stack, aws_environment

PRODUCT = "product"


def run(stack: Stack, table: str, *arguments: str) -> str:
    """What the command prints."""
    command = ["cargo", "run", "--quiet", "--bin", "waybill", "--", "keys", *arguments, "--table", table]
    environment = os.environ | aws_environment(stack)
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\nFailed: keys {arguments[0]}".lstrip())
    return done.stdout.strip()


def give_to_product(stack: Stack, outputs: dict[str, Any]) -> None:
    """Makes the sample product's key, unless it has one of this table."""
    known = json.loads(stack.product_settings.read_text()) if stack.product_settings.exists() else {}
    if known.get("table") == outputs["api_keys_table"]:
        return
    key = run(stack, outputs["api_keys_table"], "create", PRODUCT, "project:*", "organization:*")
    settings = {"api_url": outputs["api_url"], "key": key, "table": outputs["api_keys_table"]}
    stack.product_settings.touch(mode=0o600)
    stack.product_settings.write_text(json.dumps(settings))
