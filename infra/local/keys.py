"""API keys of a deployment on the local stack, by the command `waybill keys`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

import build
from settings import DEFAULT_PORT, ROOT, Stack, aws_environment

PRODUCT = "product"


def run(stack: Stack, table: str, *arguments: str) -> str:
    """What the command prints."""
    command = build.command("keys", *arguments, "--table", table)
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


def main() -> None:
    """Makes a key, and prints it with what it is for."""
    parser = argparse.ArgumentParser(description="Make an API key for the deployment of the sample product.")
    parser.add_argument("name")
    parser.add_argument("grants", help="words separated by spaces")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the local stack's port")
    options = parser.parse_args()
    stack = Stack(options.port).asking_host
    if not stack.outputs.exists():
        sys.exit("There is no such deployment: run make demo first.")
    outputs = json.loads(stack.outputs.read_text("utf-8"))
    print(run(stack, outputs["api_keys_table"], "create", options.name, *options.grants.split()))
    print(f"For {outputs['api_url']}/v1/sessions. Its grants function lets in the members in the table {outputs['members_table']} (person, place).", file=sys.stderr)


if __name__ == "__main__":
    main()
