"""`make try`: a table of one's own on a local stack: its first draft of an entry, the stack, and somebody who may see its records.

Goes on until it is interrupted: a saved change of the catalog is checked, and used at once if it is valid.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import build
import catalog
import deploy
import own_arguments
import own_dynamodb
import people
import stack as stacks
from settings import ROOT, STACK_NAME, Stack, aws_environment

POLL_SECONDS = 0.3
# The secret with the password of the database, in the emulator's Secrets Manager.
SECRET = "waybill-own"
# What `make try` calls the arguments of `waybill init`.
IN_MAKE = {
    ", or in a file with --password-file": "",
    ": remove it, or give another folder with --into": ": remove it",
    "--url": "URL=",
    "--table": "TABLE=",
    "--parent": "PARENT=",
    "--fixed": "FIXED=",
    "; for the usage: waybill init --help": "",
}
# What stands in a draft where the command cannot know what is right.
TO_FILL_IN = "FILL_IN"
ABOUT_PARENTS = "parents with records, the most first: "


@dataclass(frozen=True)
class Table:
    """The table, and where its entry is."""

    # The address of the database; `None` for a table of DynamoDB.
    url: str | None
    name: str
    parent: str
    # What the items of the type have, in a table of DynamoDB with items of several types.
    fixed: list[str]
    folder: Path

    @property
    def catalog(self) -> Path:
        return self.folder / catalog.CATALOG

    @property
    def variable(self) -> str:
        return own_arguments.VARIABLES.get(urlsplit(self.url or "").scheme, "PGPASSWORD")


def main() -> None:
    """Shows the table on a stack."""
    options = own_arguments.parse()
    table = Table(options.url, options.table, options.parent, options.fixed, options.folder.resolve())
    stack = Stack(options.port, STACK_NAME)
    if table.url is None:
        print("» No URL=: the table is one of DynamoDB, of the account and region of your AWS credentials", flush=True)
    began = time.monotonic()
    is_new = not table.catalog.exists()
    if not is_new:
        _require_same(table)
        _require_filled(table)
    password, parents = _draft(table)
    if is_new and stack.state.exists():
        print("» The stack of another try is removed", flush=True)
        stacks.clean(stack)
    _sign_in_people(stack, table.catalog, parents)
    wanted = stacks.Wanted({}, host=False, large=False, database=False, catalog=None)

    def prepare() -> None:
        if table.url is None:
            own_dynamodb.copy(deploy.client(stack, "dynamodb"), table.name)
        if not _is_kept(stack, table, password):
            sys.exit(f"Mend {table.catalog}, and run the command again.")

    stacks.up(stack, wanted, prepare)
    _print(stack, table, parents, time.monotonic() - began)
    if not options.once:
        _follow(stack, table, password, parents)


def _require_same(table: Table) -> None:
    """Exits if the folder is of another table, whose page and parents would be shown."""
    deployment = table.folder / catalog.DEPLOYMENT
    try:
        records = [entry["records"] for entry in tomllib.loads(table.catalog.read_text("utf-8"))["type"]]
        names = catalog.mapped_tables(deployment.read_text("utf-8")) if deployment.exists() else {}
        tables = [names.get(of["table"], of["table"]) for of in records]
    except (tomllib.TOMLDecodeError, LookupError, TypeError) as error:
        sys.exit(f"{table.folder} has no type that can be shown: {error!r}")
    parents = [of.get("parent", table.parent) for of in records]
    known = _addresses(deployment) or ["DynamoDB"]
    given = _server(table.url) if table.url else "DynamoDB"
    if given not in known:
        sys.exit(f"{table.folder} reads {' and '.join(known)}, and not {given}: rename or remove it first")
    if (table.name, table.parent) not in zip(tables, parents, strict=True):
        others = ", ".join(str(name) for name in tables) or "no table"
        sys.exit(f"{table.folder} is of {others}, and not of {table.name} with {table.parent}: rename or remove it first")


def _require_filled(table: Table) -> None:
    """Exits if the catalog has a place that its draft has left open, before anything is started."""
    lines = table.catalog.read_text("utf-8").splitlines()
    left = [str(number) for number, line in enumerate(lines, 1) if TO_FILL_IN in line.partition("#")[0]]
    if left:
        sys.exit(f"{table.catalog} has {TO_FILL_IN} in line {' and '.join(left)}: say there what the comment asks, and run the command again")


def _addresses(deployment: Path) -> list[str]:
    """The databases of a deployment file."""
    if not deployment.exists():
        return []
    databases = tomllib.loads(deployment.read_text("utf-8")).get("deployment", {}).get("databases", {})
    return [_server(database["url"]) for database in databases.values()]


def _server(url: str) -> str:
    """Which database an address names: its host, its port where that is not the usual one, and its name."""
    address = urlsplit(url)
    host = re.sub(r":(5432|3306)$", "", address.netloc.rpartition("@")[2].lower())
    return f"{host}{address.path}"


def _draft(table: Table) -> tuple[str | None, list[str]]:
    """Writes the first draft of the entry. Returns the password, if the database wants one, and ids of parents that have
    records."""
    given = os.environ.get(table.variable)
    arguments = ["--table", table.name, "--parent", table.parent]
    arguments += ["--url", table.url] if table.url else []
    arguments += [word for fixed in table.fixed for word in ("--fixed", fixed)]
    if table.catalog.exists():
        print(f"» {table.catalog} exists and is used as it is; remove the folder to begin anew", flush=True)
        arguments += ["--dry-run"]
    else:
        arguments += ["--into", str(table.folder)]
    done = _init(table, arguments, given)
    if done.returncode == 2 and "password" in done.stderr and given is None and sys.stdin.isatty():
        given = getpass.getpass("Password of the database: ")
        done = _init(table, arguments, given)
        done.stderr = re.sub(r"; the password was given in .*", "", done.stderr)
    if done.returncode not in (0, 1):
        sys.exit(_for_make(done.stderr.strip()))
    found = [line.strip() for line in done.stdout.splitlines()]
    if "--dry-run" not in arguments:
        # What a draft would guess is nothing about a catalog that somebody has written.
        print(_for_make("\n".join(line for line in found if not line.startswith(ABOUT_PARENTS))), flush=True)
    if done.returncode == 1 and "--dry-run" not in arguments:
        sys.exit(f"Fill in {table.catalog}, and run the command again.")
    lines = [line.removeprefix(ABOUT_PARENTS).split(", ") for line in found if line.startswith(ABOUT_PARENTS)]
    return given, lines[0] if lines else []


def _for_make(said: str) -> str:
    """What `waybill init` says, with the words of `make try` for its arguments."""
    said = re.sub(r"\n?`waybill init --help` explains the arguments", "", said)
    said = re.sub(r"--fixed (?=\S+=)", "FIXED=", said)
    for argument, word in IN_MAKE.items():
        said = said.replace(argument, word)
    return said


def _init(table: Table, arguments: list[str], password: str | None) -> subprocess.CompletedProcess[str]:
    """Runs `waybill init`, which alone gets the password, in its environment."""
    command = build.command("init", *arguments)
    environment = os.environ | ({table.variable: password} if password is not None else {})
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _secret(stack: Stack, password: str | None) -> str | None:
    """The ARN of the secret with the password, which is on this machine alone: in the emulator's Secrets Manager."""
    if password is None:
        return None
    manager = deploy.client(stack, "secretsmanager")
    try:
        manager.put_secret_value(SecretId=SECRET, SecretString=password)
    except manager.exceptions.ResourceNotFoundException:
        manager.create_secret(Name=SECRET, SecretString=password)
    return str(manager.describe_secret(SecretId=SECRET)["ARN"])


def _is_kept(stack: Stack, table: Table, password: str | None) -> bool:
    """Gives the stack the catalog, if the functions would not refuse it, and the table is as it says."""
    catalog.try_out(stack, table.catalog, _secret(stack, password))
    if not _fits(stack, table):
        return False
    catalog.keep_tried(stack)
    return True


def _fits(stack: Stack, table: Table) -> bool:
    """Prints what is wrong with the entry that is tried out, compared with the table of a database. Whether nothing is."""
    if table.url is None:
        return True
    command = build.command("catalog", "check", str(catalog.tried(stack) / catalog.CATALOG))
    done = subprocess.run(command, cwd=ROOT, env=os.environ | aws_environment(stack), capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    # Also why the database cannot be asked: what nobody has compared is not used.
    found = [line for line in lines if "warning: " in line or (done.returncode != 0 and ": valid: " not in line)]
    print("\n".join(f"  {line.strip()}" for line in found), end="\n" if found else "", flush=True)
    return done.returncode == 0


def _sample(stack: Stack, parents: list[str]) -> None:
    """Prints what records of the first parent have that their columns do not say, such as a value of another kind."""
    if not parents:
        return
    file = stack.own_catalog / catalog.CATALOG
    command = build.command("catalog", "sample", _type_name(file), parents[0], "--catalog", str(file))
    done = subprocess.run(command, cwd=ROOT, env=os.environ | aws_environment(stack), capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if re.match(r"  \S+: \d+ of \d+ ", line):
            print(line, flush=True)


def _type_name(file: Path) -> str:
    return str(tomllib.loads(file.read_text("utf-8"))["type"][0]["name"])


def _kind(file: Path) -> tuple[str, str]:
    """The kind of parents in a catalog, and its plural in paths."""
    try:
        entries = tomllib.loads(file.read_text("utf-8"))
        kind = str(entries["type"][0]["parent"])
    except (tomllib.TOMLDecodeError, LookupError, TypeError) as error:
        sys.exit(f"{file} has no type that can be shown: {error!r}")
    plurals = [of["plural"] for of in entries.get("parent", []) if of.get("kind") == kind and "plural" in of]
    return kind, str(next(iter(plurals), f"{kind}s"))


def _sign_in_people(stack: Stack, file: Path, parents: list[str]) -> None:
    """Lets people sign in who may see the first parents, at the top of the development issuer's page."""
    kind, _ = _kind(file)
    seen = [
        people.Person(f"own-{kind}-{parent}", f"Somebody of {kind} {parent}", f"{kind}-{n}@example.com", f"{kind}:{parent}", f"May see {kind} {parent}")
        for n, parent in enumerate(parents, 1)
    ]
    if seen:
        # Whoever tries a table changes its catalog, whose mistakes the page shows staff alone.
        first = seen[0]
        seen[0] = replace(first, grants=f"{first.grants} staff", about=f"{first.about}, and as staff the catalog's mistakes")
    people.write(stack.data / "issuer", seen)


def _page(stack: Stack, parents: list[str]) -> str:
    """The page with the first parent's records by the catalog that is in use, and who may see it."""
    # Not that of the person, who may be saving it at this moment.
    file = stack.own_catalog / catalog.CATALOG
    api = json.loads(stack.outputs.read_text("utf-8"))["api_url"]
    kind, plural = _kind(file)
    if not parents:
        return f"{api}  (no row has a {kind}; sign in with the grants {kind}:…)"
    return f"{api}/{plural}/{quote(parents[0], safe='')}/{_type_name(file)}  (sign in as Somebody of {kind} {parents[0]})"


def _print(stack: Stack, table: Table, parents: list[str], seconds: float) -> None:
    outputs = json.loads(stack.outputs.read_text("utf-8"))
    print(f"\nYour table after {seconds:.0f} s:")
    print(f"  Page     {_page(stack, parents)}")
    print(f"  Entry    {table.catalog}: a saved change is used at once")
    print(f"  Mails    {outputs['mailbox_url']}")
    print(f"  Stop     make down PORT={stack.port}, or make clean PORT={stack.port} to remove its data too", flush=True)


def _follow(stack: Stack, table: Table, password: str | None, parents: list[str]) -> None:
    """Uses each saved change of the catalog, until it is interrupted."""
    print("  Waiting for changes; Ctrl-C ends this, and the stack goes on", flush=True)
    saved, page = _saved(table), _page(stack, parents)
    while True:
        time.sleep(POLL_SECONDS)
        if (now := _saved(table)) == saved:
            continue
        saved = now
        if not table.catalog.exists():
            print(f"» {table.catalog} is not there any more: the catalog of before is still used", flush=True)
            continue
        try:
            if not _is_kept(stack, table, password):
                print("» The changed catalog is not used, since it is not confirmed by the table: the one of before still is", flush=True)
                continue
        except SystemExit as refused:
            print(f"{refused}", flush=True)
            # The functions refuse the files too, and the page shows staff why.
            catalog.upload(deploy.client(stack, "s3"), stack, catalog.refused(stack))
            continue
        files = catalog.texts(stack, [])
        if files:
            catalog.upload(deploy.client(stack, "s3"), stack, files)
            print(f"» {time.strftime('%H:%M:%S')} The changed catalog is used from now on: reload the page", flush=True)
            _sample(stack, parents)
        if (now_at := _page(stack, parents)) != page:
            page = now_at
            _sign_in_people(stack, stack.own_catalog / catalog.CATALOG, parents)
            print(f"  Page     {page}", flush=True)


def _saved(table: Table) -> list[int]:
    files = [table.folder / name for name in catalog.NAMES]
    return [file.stat().st_mtime_ns for file in files if file.exists()]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
