"""Runs a module, for which names under `localhost` are this machine (RFC 6761), which not every system knows.

`python localhost.py MODULE ARGUMENTS…`
"""

from __future__ import annotations

import runpy
import socket
import sys
from typing import Any

lookup = socket.getaddrinfo


def lookup_here(host: Any, *rest: Any, **named: Any) -> Any:
    """`socket.getaddrinfo`, with names under `localhost`."""
    name = host.decode() if isinstance(host, bytes) else host
    return lookup("127.0.0.1" if str(name).endswith(".localhost") else host, *rest, **named)


if __name__ == "__main__":
    socket.getaddrinfo = lookup_here
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
