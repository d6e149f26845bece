"""Runs commands in parallel, and prints the output of each when it is done.

    together.py 'NAME: COMMAND' …      fails where any of them does
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO

POLL_SECONDS = 0.2
STILL_SECONDS = 60.0


@dataclass
class Part:
    """One of the commands."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]


def start(text: str) -> Part:
    """Starts a `NAME: COMMAND`."""
    name, _, command = text.partition(": ")
    output = tempfile.TemporaryFile()
    process = subprocess.Popen(command, shell=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    return Part(name, process, output)


def main() -> None:
    """Runs them all."""
    began = reported = time.monotonic()
    running = [start(text) for text in sys.argv[1:]]
    failed = []
    while running:
        time.sleep(POLL_SECONDS)
        now = time.monotonic()
        for part in [part for part in running if part.process.poll() is not None]:
            running.remove(part)
            part.output.seek(0)
            sys.stdout.buffer.write(part.output.read())
            says = "done" if part.process.returncode == 0 else "FAILED"
            print(f"» {part.name}: {says} after {now - began:.0f} s", flush=True)
            if part.process.returncode != 0:
                failed.append(part.name)
        if running and now - reported > STILL_SECONDS:
            reported = now
            print(f"» still running: {', '.join(part.name for part in running)}", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
