"""Prints the functions' logs."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import build
import deploy
from settings import Stack

POLL_SECONDS = 1.0
# The time (ms), the function, the message, and its id.
Event = tuple[int, str, str, str]
# The lines that Lambda itself writes for every invocation.
PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId")


def show(stack: Stack, follow: bool) -> None:
    """Prints the functions' lines by time, and then new ones if it follows."""
    reader = _Reader(stack)
    while True:
        for line in reader.new_lines():
            print(line, flush=True)
        if not follow:
            return
        time.sleep(POLL_SECONDS)


def lines(stack: Stack) -> list[str]:
    """The functions' lines so far, by time."""
    return _Reader(stack).new_lines()


class _Reader:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._client = deploy.client(stack, "logs")
        self._since = 0
        self._seen: set[Event] = set()

    def new_lines(self) -> list[str]:
        """The lines since the last call."""
        found = [event for name in build.FUNCTIONS for event in _events(self._client, self._stack, name, self._since)]
        fresh = sorted(event for event in found if event not in self._seen)
        self._seen.update(fresh)
        self._since = max([self._since, *(moment for moment, *_ in fresh)])
        return [_formatted(*event[:3]) for event in fresh if not event[2].startswith(PLATFORM)]


def _formatted(moment: int, name: str, message: str) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(moment / 1000))} {name:<8} {message}"


def _events(client: Any, stack: Stack, name: str, since: int) -> list[Event]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{stack.name}-{name}", startTime=since
    )
    # The emulator gives events no ids, so equal events are distinguished by their position among each other.
    equals: Counter[tuple[str, int, str]] = Counter()
    events = []
    try:
        for event in (event for page in pages for event in page["events"]):
            line = (event["logStreamName"], event["timestamp"], event["message"].rstrip())
            equals[line] += 1
            events.append((event["timestamp"], name, line[2], f"{line[0]}/{equals[line]}"))
    except ClientError as error:
        raise SystemExit(f"logs: {error.response['Error']['Message']}") from None
    except BotoCoreError:
        raise SystemExit(f"logs: no stack answers on port {stack.port}; `make up` starts one") from None
    return events
