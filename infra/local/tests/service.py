"""Starts a local service on a free port for a test."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

LOCAL = Path(__file__).resolve().parents[1]
READY_SECONDS = 30


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int, path: str = "/healthz", **environment: str) -> Iterator[str]:
    """Runs `command` and gives the service's URL once it answers; stops the service on exit."""
    process = subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}{path}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def python(script: str, *options: str) -> list[str]:
    """The command that runs one of the local stack's scripts."""
    return [sys.executable, str(LOCAL / script), *options]


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{process.args} did not start") from None
            time.sleep(0.05)
