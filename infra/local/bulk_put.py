"""Puts many items into the local DynamoDB, as fast as possible.

A hundred rows go as one transaction: the server then commits once for all of them, where the items of
a BatchWriteItem would be committed one by one.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from records import Item
from settings import RECORDS_TABLE, REGION

# Limits of TransactWriteItems: 100 items, 4 MB in all; JSON is longer than what DynamoDB counts.
TRANSACTION_ITEMS = 100
TRANSACTION_BYTES = 3_500_000
CONNECTIONS = 2
ATTEMPTS = 6
PASSING = ("Throttl", "ProvisionedThroughputExceeded", "TransactionConflict", "TransactionInProgress", "RequestLimit")

# The local servers require a signature but do not verify it. The emulator allows this key everything.
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
    "X-Amz-Date": "20260101T000000Z",
}


class PutError(Exception):
    """The server refused the call, or does not answer."""


class Putter:
    """Puts items over a few connections; leaving the context waits until all are stored, or raises `PutError`."""

    def __init__(self, endpoint: str, table: str = RECORDS_TABLE) -> None:
        self._endpoint = endpoint
        self._table = table
        self._pending: list[str] = []
        self._pending_bytes = 0
        self._batches: queue.Queue[list[str] | None] = queue.Queue(maxsize=2 * CONNECTIONS)
        self._failure: PutError | None = None
        self._lock = threading.Lock()
        self.stored = 0
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CONNECTIONS)]

    def __enter__(self) -> Putter:
        for thread in self._threads:
            thread.start()
        return self

    def put(self, item: Item) -> None:
        """Stores `item` soon; raises `PutError` once an earlier one failed."""
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
        if len(self._pending) == TRANSACTION_ITEMS or self._pending_bytes + size > TRANSACTION_BYTES:
            self._hand_over()
        self._pending.append(text)
        self._pending_bytes += size
        if self._failure:
            raise self._failure

    def __exit__(self, kind: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        if kind is None:
            self._hand_over()
        for _ in self._threads:
            self._batches.put(None)
        for thread in self._threads:
            thread.join()
        if kind is None and self._failure:
            raise self._failure

    def _hand_over(self) -> None:
        if self._pending:
            self._batches.put(self._pending)
        self._pending, self._pending_bytes = [], 0

    def _work(self) -> None:
        connection = Connection(self._endpoint)
        while (batch := self._batches.get()) is not None:
            # After a failure, batches are still taken from the queue, so that `put` does not block.
            if self._failure:
                continue
            try:
                table = json.dumps(self._table)
                puts = ",".join(f'{{"Put":{{"TableName":{table},"Item":{item}}}}}' for item in batch)
                connection.call("TransactWriteItems", f'{{"TransactItems":[{puts}]}}')
            except PutError as error:
                self._failure = error
                continue
            with self._lock:
                self.stored += len(batch)


class Connection:
    """One kept-alive connection to the local DynamoDB."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        self._endpoint = endpoint
        self._http = http.client.HTTPConnection(url.hostname or "127.0.0.1", url.port or 80, timeout=60)

    def call(self, action: str, body: str) -> dict[str, Any]:
        """Calls an action; transient errors are retried, others raise `PutError`."""
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(0.05 * 2**attempt)
            try:
                self._http.request("POST", "/", body.encode(), {**HEADERS, "X-Amz-Target": f"DynamoDB_20120810.{action}"})
                response = self._http.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._http.close()
                problem = f"no DynamoDB answers at {self._endpoint} ({error}): is the stack up?"
                continue
            if response.status == 200:
                return json.loads(answer)
            problem = _problem(answer)
            if response.status < 500 and not any(word in problem for word in PASSING):
                break
        raise PutError(problem)


def _problem(answer: bytes) -> str:
    try:
        error = json.loads(answer)
    except ValueError:
        return "the answer is not DynamoDB's: is this the records' address?"
    kind = str(error.get("__type", "")).rpartition("#")[2]
    return f"{kind}: {error.get('message', error.get('Message', ''))}".partition("\n")[0]
