"""MariaDB of a local stack: Debian's, where it is installed. It never runs as root."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from database import NOBODY
from processes import Service
from settings import Stack, process_environment

NAME = "crm"
# The functions' user, who only reads; and the owner of everything, who may sign in without a password from this machine.
READER = "waybill_reader"
OWNER = "root"
SECRET = "waybill-crm"
TABLES = Path(__file__).with_name("crm.sql")
# Debian puts servers where only root's path has them.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")
ADVICE = "apt-get install mariadb-server-core mariadb-client-core"


def is_installed() -> bool:
    """Whether this machine has the server, and what sets it up and asks it."""
    return all(shutil.which(name, path=PATH) for name in PROGRAMS)


def service(stack: Stack) -> Service:
    """The process of the server."""
    return Service(
        "mariadb",
        [
            *(program("mariadbd"), "--no-defaults", "--bind-address=127.0.0.1", f"--port={stack.mariadb_port}"),
            *(f"--datadir={stack.mariadb_data}", f"--socket={stack.mariadb_data / 'socket'}", f"--tmpdir={stack.mariadb_data}"),
            *("--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve", "--max-connections=50"),
        ],
        process_environment(stack),
        lambda: _execute(stack, "SELECT 1").returncode == 0,
        before_start=lambda: _initialize(stack),
        user=NOBODY if os.geteuid() == 0 else None,
    )


def prepare(stack: Stack, client: Callable[[str], Any]) -> None:
    """Creates the database, its tables, and the functions' user with a password in a secret, if they do not exist."""
    manager = client("secretsmanager")
    try:
        secret = manager.get_secret_value(SecretId=SECRET)
        password = json.loads(secret["SecretString"])["password"]
    except manager.exceptions.ResourceNotFoundException:
        password = secrets.token_urlsafe(24)
        text = json.dumps({"username": READER, "password": password})
        manager.create_secret(Name=SECRET, SecretString=text)
    execute(stack, f"CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4")
    execute(stack, TABLES.read_text("utf-8"), NAME)
    execute(
        stack,
        f"CREATE OR REPLACE USER {READER}@'%' IDENTIFIED BY '{password}' WITH MAX_USER_CONNECTIONS 20; GRANT SELECT ON {NAME}.* TO {READER}@'%'",
    )


def secret_arn(client: Callable[[str], Any]) -> str:
    """The ARN of the secret with the password of the functions' user."""
    return str(client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"])


def url(stack: Stack) -> str:
    """The database's address for the functions."""
    return f"mysql://{READER}@127.0.0.1:{stack.mariadb_port}/{NAME}"


def owner_url(stack: Stack) -> str:
    """The database's address for its owner, who may sign in without a password from this machine."""
    return f"mysql://{OWNER}@127.0.0.1:{stack.mariadb_port}/{NAME}"


def execute(stack: Stack, statements: str, database: str = "") -> str:
    """Runs statements as the owner, and returns what they print. Ends with an error if one fails."""
    done = _execute(stack, statements, database)
    if done.returncode != 0:
        sys.exit(f"MariaDB: {done.stderr.strip()}")
    return done.stdout.strip()


def _execute(stack: Stack, statements: str, database: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        *(program("mariadb"), "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={stack.mariadb_port}"),
        *(f"--user={OWNER}", "--default-character-set=utf8mb4", "--batch", "--skip-column-names", database),
    ]
    return subprocess.run(command, env=process_environment(stack), input=statements, capture_output=True, text=True, check=False)


def _initialize(stack: Stack) -> None:
    data = stack.mariadb_data
    if (data / "mysql").exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    user = NOBODY if os.geteuid() == 0 else None
    if user:
        account = pwd.getpwnam(user)
        os.chown(data, account.pw_uid, account.pw_gid)
    options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", f"--datadir={data}"]
    # A server deletes the temporary files that it finds when it starts, also those of another one.
    environment = process_environment(stack) | {"PATH": PATH, "TMPDIR": str(data)}
    command = [program("mariadb-install-db"), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, user=user, cwd="/")
    if done.returncode != 0:
        sys.exit(f"MariaDB cannot be set up: {done.stderr.strip() or done.stdout.strip()}")


def program(name: str) -> str:
    """The path of one of the programs."""
    return shutil.which(name, path=PATH) or sys.exit(f"MariaDB is missing: {ADVICE}")
