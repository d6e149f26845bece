"""The processes of a local stack, and their health checks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import database
import mariadb
import saved_state
from processes import Service
from settings import AUDIENCE, PYTHON, REGION, TOOLS, Stack, process_environment

HERE = Path(__file__).parent
EMULATOR = "ministack"


def services(stack: Stack) -> list[Service]:
    """Every process of the stack, in the order in which they start."""
    records = [_records(stack)] if stack.is_large else []
    databases = [database.service(stack)] if stack.database_data.exists() else []
    databases += [mariadb.service(stack)] if stack.mariadb_data.exists() else []
    products = [_product(stack)] if stack.product_settings.exists() else []
    return [*records, *databases, _issuer(stack), _mailbox(stack), _emulator(stack), *products]


def _emulator(stack: Stack) -> Service:
    temporary = stack.state / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = process_environment(stack) | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(stack.port),
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(stack.data / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(stack.data / "s3"),
        "TMPDIR": str(temporary),
        # Enforces IAM policies: each function has the permissions of its own role.
        "AUTH": "true",
        # The functions are child processes and inherit these. On AWS, Lambda sets the log format itself.
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        # A changed catalog is used at once.
        "CATALOG_FRESH_SECONDS": "0",
    }
    return Service(
        EMULATOR,
        [str(PYTHON), "-X", f"waybill={stack.port}", "-m", "ministack"],
        environment,
        lambda: _answers(f"{stack.endpoint_url}/_ministack/health"),
        before_start=lambda: saved_state.forget_stream_positions(stack.data / "aws"),
    )


def _issuer(stack: Stack) -> Service:
    arguments = ["--port", str(stack.issuer_port), "--state", str(stack.data / "issuer"), "--audience", AUDIENCE]
    return Service(
        "issuer",
        [str(PYTHON), str(HERE / "issuer.py"), *arguments],
        process_environment(stack),
        lambda: _answers(f"http://127.0.0.1:{stack.issuer_port}/healthz"),
    )


def _mailbox(stack: Stack) -> Service:
    arguments = ["--port", str(stack.port + 2), "--state", str(stack.data / "mailbox"), "--aws", stack.endpoint_url]
    return Service(
        "mailbox",
        [str(PYTHON), str(HERE / "mailbox.py"), *arguments],
        process_environment(stack),
        lambda: _answers(f"{stack.mailbox_url}/healthz"),
    )


def _product(stack: Stack) -> Service:
    arguments = ["--port", str(stack.port + 6), "--settings", str(stack.product_settings)]
    return Service(
        "product",
        [str(PYTHON), str(HERE / "product.py"), *arguments],
        process_environment(stack),
        lambda: _answers(f"{stack.product_url}/healthz"),
    )


def _records(stack: Stack) -> Service:
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(stack.port + 3), "--db-path", str(stack.records_database)]
    return Service(
        "records",
        [str(TOOLS / "dynoxide" / "bin" / "dynoxide"), *arguments],
        process_environment(stack),
        lambda: _answers(stack.records_url),
    )


def issuer_url(stack: Stack) -> str:
    """The issuer's URL as in its tokens."""
    document = f"http://127.0.0.1:{stack.issuer_port}/.well-known/openid-configuration"
    with urllib.request.urlopen(document, timeout=10) as response:
        return str(json.load(response)["issuer"])


def _answers(url: str) -> bool:
    """Whether an HTTP server answers there, with any status."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
