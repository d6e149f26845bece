"""An HTTP client for the local stack, as a signed-in program."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 40


class ClientError(Exception):
    """The request failed; the text is one line for the user."""


@dataclass
class Answer:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises `ClientError`."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ClientError(f"status {self.status}, and the body is not JSON") from None


def ask(method: str, url: str, token: str | None = None, body: Any = None) -> Answer:
    """Sends a request; raises `ClientError` without an answer."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Not every system resolves names under `localhost`, which are all this machine (RFC 6761).
    address = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host
    headers = {"Host": parts.netloc, "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    content = None
    if body is not None:
        content = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"

    connection = http.client.HTTPConnection(address, parts.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request(method, target, content, headers)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    except (OSError, http.client.HTTPException) as error:
        # Without the query, since a presigned URL grants access.
        place = f"{parts.scheme}://{parts.netloc}{parts.path}"
        raise ClientError(f"nothing answers at {place} ({error}): is the stack up?") from None
    finally:
        connection.close()


def expect(what: str, answer: Answer, *statuses: int) -> Answer:
    """`answer`, if it has one of these statuses; raises `ClientError` with the API's own sentence otherwise."""
    if answer.status in statuses:
        return answer
    try:
        problem = json.loads(answer.body)
        detail = problem.get("detail") or problem.get("message") or problem.get("title") or problem.get("error") or ""
    except (ValueError, AttributeError):
        detail = ""
    raise ClientError(f"{what} ended in status {answer.status}{': ' if detail else ''}{detail}")
