"""Starts, finds and stops processes that outlive the command which starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.1
# The emulator saves its state as it stops, after the calls that are under way.
STOP_SECONDS = 120.0


@dataclass(frozen=True)
class Service:
    """A process of the stack."""

    name: str
    command: list[str]
    environment: dict[str, str]
    healthy: Callable[[], bool]
    start_seconds: float = 60.0
    before_start: Callable[[], None] = lambda: None
    # Whose process it is; `None` for the caller's.
    user: str | None = None


class Processes:
    """The processes whose ids and logs are kept under one folder."""

    def __init__(self, state: Path) -> None:
        self._pids = state / "pids"
        self._logs = state / "logs"

    def ensure(self, service: Service) -> bool:
        """Starts the service unless it runs, and waits until it is healthy. Returns whether it had to be started."""
        if self.running(service.name) and service.healthy():
            return False
        self.stop(service.name)
        if service.healthy():
            sys.exit(f"{service.name}: another process already answers on its port; choose another with PORT=")

        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        service.before_start()
        log = self._logs / f"{service.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                service.command,
                env=service.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=service.user,
            )
        self._file(service.name).write_text(json.dumps({"pid": process.pid, "command": service.command}))
        self._wait_until_healthy(service, process, log)
        return True

    def _wait_until_healthy(self, service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + service.start_seconds
        while not service.healthy():
            if process.poll() is not None:
                self._file(service.name).unlink(missing_ok=True)
                sys.exit(f"{service.name}: ended with status {process.returncode} as it started; see {log}\n{_tail(log)}")
            if time.monotonic() > deadline:
                sys.exit(f"{service.name}: not ready after {service.start_seconds:.0f} s; see {log}\n{_tail(log)}")
            time.sleep(POLL_SECONDS)

    def running(self, name: str) -> bool:
        """Whether the process recorded under this name is still running."""
        recorded = self._recorded(name)
        return recorded is not None and _is_ours(*recorded)

    def died(self, name: str) -> bool:
        """Whether the process ended without being stopped by this tool."""
        return self._recorded(name) is not None and not self.running(name)

    def stop(self, name: str) -> bool:
        """Stops the process and its children. Returns whether it was running."""
        recorded = self._recorded(name)
        if recorded is None:
            return False
        pid, command = recorded
        ours = _is_ours(pid, command)
        if ours:
            _signal(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while _is_ours(pid, command) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        is_killed = _is_ours(pid, command)
        for member in _functions_of_group(pid) + ([pid] if is_killed else []):
            _signal(member, signal.SIGKILL)
        if is_killed:
            # Its record stays, so that the next start knows that it died.
            print(f"{name} did not stop within {STOP_SECONDS:.0f} s and was killed: what it did not save is lost", flush=True)
            return ours
        self._file(name).unlink(missing_ok=True)
        return ours

    def _file(self, name: str) -> Path:
        return self._pids / f"{name}.json"

    def _recorded(self, name: str) -> tuple[int, list[str]] | None:
        try:
            recorded = json.loads(self._file(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return recorded["pid"], recorded["command"]


def _is_ours(pid: int, command: list[str]) -> bool:
    """Whether the process has the recorded arguments, too, since process ids are reused."""
    try:
        # A child of this command stays a zombie until it is waited for.
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    listed = _ps("-o", "args=", "-p", str(pid))
    return listed.strip().endswith(" ".join(command[1:]))


def _functions_of_group(group: int) -> list[int]:
    """The Lambda functions that the emulator with this id left running."""
    lines = (line.split(None, 2) for line in _ps("-A", "-o", "pid=,pgid=,args=").splitlines())
    return [
        int(fields[0])
        for fields in lines
        if len(fields) == 3 and int(fields[1]) == group and fields[2].endswith("/bootstrap")
    ]


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", "-ww", *arguments], capture_output=True, text=True, check=False).stdout


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
