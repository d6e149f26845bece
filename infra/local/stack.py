"""The local stack: `start`, `up`, `run`, `down`, `logs`, `clean`. State lives in `.local/stack-PORT`."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import build
import catalog
import database
import mariadb
import client
import deploy
import host
import keys
import logs
import mint
from processes import Processes, Service
from services import EMULATOR, services
from settings import DEFAULT_PORT, ROOT, STACK_NAME, Stack

LAST_LINES = 60


@dataclass(frozen=True)
class Wanted:
    """What a stack shall have."""

    # The template's parameters, besides those of this machine.
    parameters: dict[str, str]
    # A sample grants function, and a deployment that uses it.
    host: bool
    # Room for large tables of records.
    large: bool
    # PostgreSQL with records.
    database: bool
    # A catalog in place of the built-in one.
    catalog: Path | None


def up(stack: Stack, wanted: Wanted, prepare: Callable[[], None] = lambda: None) -> None:
    """Builds, starts missing processes, deploys changes, and prints the addresses."""
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=1) as beside:
        starting = beside.submit(start, stack, wanted)
        with build.built():
            starting.result()
            prepare()
            outputs = _deploy(stack, wanted)
    out_of_service, of_other_kinds = _not_served(outputs)
    _print_addresses(outputs, time.monotonic() - began)
    for name in out_of_service:
        print(f"Out of service: {name}. The line `type out of service` of `make logs` says why.")
    if of_other_kinds:
        print(
            f"Not served: {', '.join(of_other_kinds)}. This stack has exports or names of other kinds of parents, which the "
            "catalog lacks. Begin a new stack: make clean, or another PORT="
        )


def start(stack: Stack, wanted: Wanted) -> None:
    """Starts missing processes, with all that a deployment needs besides the functions."""
    processes = Processes(stack.state)
    if processes.died(EMULATOR):
        # The emulator saves its state when it is stopped. After a kill it restores an older state, maybe of an
        # older deployment.
        stack.deployed.unlink(missing_ok=True)
        stack.asking_host.deployed.unlink(missing_ok=True)
    if wanted.large and not stack.is_large:
        _make_large(stack, processes)
    if wanted.catalog:
        catalog.keep(stack, wanted.catalog)
    if wanted.database:
        stack.database_data.mkdir(parents=True, exist_ok=True)
        if mariadb.is_installed():
            stack.mariadb_data.mkdir(parents=True, exist_ok=True)
    _ensure(processes, services(stack))

    deploy.ensure_records_table(stack)
    if stack.database_data.exists():
        database.prepare(stack, lambda service: deploy.client(stack, service))
    if stack.mariadb_data.exists():
        mariadb.prepare(stack, lambda service: deploy.client(stack, service))
    if wanted.host:
        host.deploy(lambda service: deploy.client(stack, service))


def _ensure(processes: Processes, wanted: list[Service]) -> None:
    """Starts those that do not run: in parallel, since none needs another to start."""
    with ThreadPoolExecutor() as pool:
        for service, is_new in zip(wanted, pool.map(processes.ensure, wanted)):
            if is_new:
                print(f"» Started {service.name}", flush=True)


def _deploy(stack: Stack, wanted: Wanted) -> dict[str, Any]:
    """Deploys the functions, and returns the outputs."""
    # In parallel, since a deployment mostly waits.
    with ThreadPoolExecutor() as pool:
        deployed = pool.submit(_deployed, stack, wanted.parameters)
        if wanted.host:
            keys.give_to_product(stack, pool.submit(_deployed, stack.asking_host, wanted.parameters).result())
        outputs = deployed.result()
    # The sample product has its key now.
    _ensure(Processes(stack.state), services(stack))
    return outputs


def _make_large(stack: Stack, processes: Processes) -> None:
    """From now on, Dynoxide holds the records. Functions learn of that as the emulator starts."""
    processes.stop(EMULATOR)
    if stack.data.exists():
        print("» Records that were loaded before stay in the emulator: load them again", flush=True)
    stack.data.mkdir(parents=True, exist_ok=True)
    # An empty file is an empty database of SQLite.
    stack.records_database.touch()


def _deployed(stack: Stack, overrides: dict[str, str]) -> dict[str, Any]:
    chosen = deploy.parameters(stack, overrides)
    deploy.deploy(stack, chosen)
    return deploy.write_outputs(stack, chosen)


def down(stack: Stack) -> None:
    """Stops the processes, and keeps their data."""
    processes = Processes(stack.state)
    for service in reversed(services(stack)):
        if processes.stop(service.name):
            print(f"Stopped {service.name}")


def clean(stack: Stack) -> None:
    """Stops the processes and deletes the state of this stack."""
    down(stack)
    shutil.rmtree(stack.state, ignore_errors=True)
    print(f"Removed {stack.state}. Kept: the tools in .local, target and .aws-sam.")


def run(stack: Stack, wanted: Wanted, command: list[str]) -> int:
    """Runs a command against a new stack, and always stops the stack afterwards."""
    clean(stack)
    status = 1
    try:
        up(stack, wanted)
        environment = os.environ | {"WAYBILL_STACK": str(stack.outputs)}
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    finally:
        if status != 0:
            _show_what_happened(stack)
        down(stack)
    return status


def _show_what_happened(stack: Stack) -> None:
    """Saves the functions' logs, and prints their last lines."""
    if not Processes(stack.state).running(EMULATOR):
        return
    kept = stack.state / "logs" / "functions.log"
    lines = logs.lines(stack)
    kept.write_text("\n".join(lines) + "\n")
    print(f"The functions' last lines (all of them: {kept}):", *lines[-LAST_LINES:], sep="\n", flush=True)


def _not_served(outputs: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The types that cannot be exported, and those of kinds of parents that are not served. Ends with an error unless the API
    answers."""
    api = outputs["api_url"]
    try:
        token = mint.mint(outputs["issuer_url"], sub="make-up", grants="staff")
        served = client.expect("GET /v1/catalog", client.ask("GET", f"{api}/v1/catalog", token), 200).json()
        contract = client.expect("GET /openapi.json", client.ask("GET", f"{api}/openapi.json"), 200).json()
    except (client.ClientError, mint.MintError) as error:
        sys.exit(f"The stack is deployed, but its API does not work: {error}. The functions' lines: make logs")
    kinds = contract["components"]["schemas"]["ParentKind"]["enum"]
    of_other_kinds = [f"{kind['name']} (of {kind['parent']})" for kind in served["types"] if kind["parent"] not in kinds]
    return list(served.get("out_of_service", [])), of_other_kinds


def _print_addresses(outputs: dict[str, Any], seconds: float) -> None:
    print(f"The stack is up ({seconds:.0f} s).")
    print(f"  API      {outputs['api_url']}")
    print(f"  Sign-in  {outputs['issuer_url']}")
    print(f"  Mails    {outputs['mailbox_url']}")
    print(f"  AWS      {outputs['endpoint_url']}")
    print(f"  Records  {outputs['records_url']}")


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.isalnum():
        raise argparse.ArgumentTypeError("a parameter is NAME=VALUE")
    return name, value


def _port(text: str) -> int:
    port = int(text)
    if not 1024 <= port <= 65000:
        raise argparse.ArgumentTypeError("a port from 1024 to 65000, with the seven above it free")
    return port


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", text):
        raise argparse.ArgumentTypeError("a stack's name is small letters, digits and hyphens")
    return text


def _wanted(options: argparse.Namespace, *, large: bool) -> Wanted:
    if options.catalog and not options.catalog.is_file():
        sys.exit(f"There is no catalog {options.catalog}")
    return Wanted(dict(options.parameter), options.host, large, options.database, options.catalog)


def main() -> None:
    """Reads the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=_port, default=DEFAULT_PORT, help="first of eight ports")
    common.add_argument("--stack", type=_name, default=STACK_NAME, help="name of the CloudFormation stack")
    parser = argparse.ArgumentParser(description="Waybill's local stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    template = argparse.ArgumentParser(add_help=False)
    template.add_argument(
        "--parameter", type=_parameter, action="append", default=[], metavar="NAME=VALUE", help="of the template"
    )
    template.add_argument(
        "--host", action="store_true", help="also a sample grants function, and a deployment that uses it"
    )
    template.add_argument("--database", action="store_true", help="also PostgreSQL, and MariaDB where it is installed, with a catalog of records there")
    template.add_argument("--catalog", type=Path, metavar="FILE", help="a catalog in place of the built-in one; deployment.toml beside it counts too")
    starting = argparse.ArgumentParser(add_help=False, parents=[common, template])
    starting.add_argument("--large", action="store_true", help="for large tables of records: they are in Dynoxide from now on")
    commands.add_parser("start", parents=[starting], help="start the processes that do not run, and deploy nothing")
    commands.add_parser("up", parents=[starting], help="build, start and deploy what is not up to date")
    running = commands.add_parser("run", parents=[common, template], help="run a command against a new stack")
    running.add_argument("argv", nargs="+", metavar="COMMAND", help="gets the stack's outputs in WAYBILL_STACK")
    commands.add_parser("down", parents=[common], help="stop the processes")
    commands.add_parser("clean", parents=[common], help="stop the processes and delete their data")
    reading = commands.add_parser("logs", parents=[common], help="print the functions' logs")
    reading.add_argument("--no-follow", action="store_true", help="do not wait for new lines")

    options = parser.parse_args()
    stack = Stack(options.port, options.stack)
    match options.command:
        case "start":
            start(stack, _wanted(options, large=options.large))
        case "up":
            up(stack, _wanted(options, large=options.large))
        case "run":
            sys.exit(run(stack, _wanted(options, large=True), options.argv))
        case "down":
            down(stack)
        case "clean":
            clean(stack)
        case "logs":
            logs.show(stack, follow=not options.no_follow)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
