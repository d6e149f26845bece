"""Prints an access token of the local stack's issuer, for a person with chosen grants."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from typing import Any

import people
from settings import DEFAULT_PORT, Stack


class MintError(Exception):
    """The token could not be issued; the text is one line for the user."""


def mint(issuer_url: str, **fields: Any) -> str:
    """An access token; `fields` are those of the issuer's `POST /dev/token`. Raises `MintError`."""
    body = json.dumps(fields).encode()
    request = urllib.request.Request(f"{issuer_url}/dev/token", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return str(json.load(response)["access_token"])
    except urllib.error.HTTPError as error:
        with error:
            raise MintError(error.read().decode("utf-8", "replace")) from None
    except (OSError, ValueError, KeyError):
        raise MintError(f"the issuer does not answer at {issuer_url}: is the stack up?") from None


def main() -> None:
    """Reads the options and prints the token."""
    ana = people.ANA
    parser = argparse.ArgumentParser(description="Print an access token of the local stack's issuer.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the local stack's port")
    parser.add_argument("--grants", default=ana.grants, help="words separated by spaces")
    parser.add_argument("--sub", default=ana.sub)
    parser.add_argument("--name", default=ana.name)
    parser.add_argument("--email", default=ana.email)
    parser.add_argument("--expires-in", type=int, default=3600, help="seconds; may be negative")
    options = parser.parse_args()
    issuer_url = f"http://127.0.0.1:{Stack(options.port).issuer_port}"
    try:
        token = mint(
            issuer_url,
            grants=options.grants,
            sub=options.sub,
            name=options.name,
            email=options.email,
            expires_in=options.expires_in,
        )
    except MintError as error:
        sys.exit(f"token: {error}")
    print(token)


if __name__ == "__main__":
    main()
