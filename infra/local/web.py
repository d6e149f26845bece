"""A small HTTP server for the local stack's own services: routes, answers, escaping.

It binds 127.0.0.1 only and answers only to loopback names, so that a page from
elsewhere cannot reach it through a name that it points here.
"""

from __future__ import annotations

import html
import json
import re
import signal
import socketserver
import string
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PAGES = Path(__file__).parent / "pages"
LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|::1|[a-z0-9.-]+\.localhost)", re.IGNORECASE)

# The length of a mail of 40 MB, SES's limit, in base64 within JSON.
MAX_BODY_BYTES = 60 * 1024 * 1024


@dataclass
class Request:
    """A request with its complete body."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    match: re.Match[str]

    def media_type(self) -> str:
        """The body's media type, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; raises `HttpError` 400 for anything else."""
        try:
            value = json.loads(self.body or b"null")
        except ValueError:
            raise HttpError(400, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise HttpError(400, "the body must be a JSON object")
        return value

    def form(self) -> dict[str, str]:
        """The body's form fields; see `single_values`."""
        return single_values(self.body.decode("utf-8", "replace"))


@dataclass
class Response:
    """An answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class HttpError(Exception):
    """An error answer with a status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Html(str):
    """HTML text, which `page` does not escape."""


def single_values(encoded: str) -> dict[str, str]:
    """Form or query fields; raises `HttpError` 400 for a repeated name (RFC 6749, section 3.1)."""
    fields: dict[str, str] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        if name in fields:
            raise HttpError(400, f"{name} is given more than once")
        fields[name] = value
    return fields


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as JSON."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(status, body, "application/json", {"Cache-Control": "no-store", **(headers or {})})


def page(name: str, status: int = 200, policy: str = "", **values: object) -> Response:
    """The page `pages/{name}.html` with its `$names` filled in, all but `Html` escaped.

    `policy` is added to the content security policy.
    """
    template = string.Template((PAGES / f"{name}.html").read_text("utf-8"))
    style = Html((PAGES / "style.css").read_text("utf-8"))
    escaped = {key: escape(value) for key, value in values.items()}
    body = template.substitute(escaped, style=style).encode()
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"frame-ancestors 'none'; base-uri 'none'; {policy}",
    }
    return Response(status, body, "text/html; charset=utf-8", headers)


def escape(value: object) -> str:
    """`value` as HTML text; `Html` stays as it is."""
    return value if isinstance(value, Html) else html.escape(str(value))


class Application:
    """Routes by method and path."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Request], Response]]] = []
        self.route("GET", "/healthz", lambda _: Response(body=b"ok\n"))

    def route(self, method: str, pattern: str, handler: Callable[[Request], Response]) -> None:
        """Calls `handler` for `method` where the whole path matches `pattern`."""
        self._routes.append((method, re.compile(pattern), handler))

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """The answer to a request; every error becomes an answer too."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if not LOOPBACK.fullmatch(host):
            return Response(421, b"this service answers to loopback names only\n")

        url = urlsplit(target)
        wanted = "GET" if method == "HEAD" else method
        allowed = set()
        for route_method, pattern, handler in self._routes:
            match = pattern.fullmatch(url.path)
            if not match:
                continue
            if route_method != wanted:
                allowed.add(route_method)
                continue
            try:
                return handler(Request(method, url.path, url.query, headers, body, match))
            except HttpError as error:
                return json_response({"error": error.detail}, error.status)
            except Exception:
                traceback.print_exc()
                return json_response({"error": "this service failed; its log says why"}, 500)
        if allowed:
            return Response(405, b"method not allowed\n", headers={"Allow": ", ".join(sorted(allowed))})
        return Response(404, b"not found\n")


def serve(application: Application, name: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT; ends the process with one line if the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are sent in one piece, since Nagle's algorithm would delay a second small packet.
        wbufsize = -1
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            started = time.monotonic()
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                self._write(Response(411, b"send Content-Length\n"), close=True)
                return
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
                self._write(Response(413, b"the body is too large\n"), close=True)
                return

            body = self.rfile.read(int(length))
            headers = {key.lower(): value for key, value in self.headers.items()}
            response = application.answer(self.command, self.path, headers, body)
            self._write(response)

            path = urlsplit(self.path).path
            if path != "/healthz":
                # Only the path, since a query may contain a code or an email address.
                milliseconds = (time.monotonic() - started) * 1000
                line = f"{self.command} {path!r} {response.status} {milliseconds:.1f} ms"
                print(line, file=sys.stderr, flush=True)

        def _write(self, response: Response, close: bool = False) -> None:
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            for header, value in response.headers.items():
                # A line break would begin another header.
                self.send_header(header, "".join(character for character in value if character.isprintable()))
            if close:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Does nothing, since `_answer` writes the log."""

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def server_bind(self) -> None:
            # HTTPServer would look up its own host name, which can be slow.
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = "localhost", port

    try:
        server = Server(("127.0.0.1", port), Handler)
    except OSError as error:
        sys.exit(f"{name}: cannot listen on 127.0.0.1:{port}: {error.strerror}")

    def stop(_signal: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"{name}: http://localhost:{port}", file=sys.stderr, flush=True)
    with server:
        server.serve_forever()
