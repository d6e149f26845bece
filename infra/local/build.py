"""The functions that are deployed: built for this machine with `sam build` when their sources have changed, or those of a release."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from settings import RELEASE, ROOT, TOOLS, architecture

BUILT = ROOT / ".aws-sam" / "build"
STAMP = ROOT / ".aws-sam" / "built"
FUNCTIONS = ("api", "generate", "notify", "sweep")
COMMAND = "waybill"
# Without the default features, which are for deployed stacks and have large SDKs.
FOR_LOCAL_STACKS = ("--no-default-features",)
SOURCES = ("template.yaml", "Cargo.toml", "Cargo.lock", ".cargo", "functions", "shared", "infra/catalog.toml")


@contextmanager
def built() -> Iterator[None]:
    """Puts current functions and a packaged template under `.aws-sam/build`, and locks them, since another stack's
    build would remove them during a deployment. One stack builds, and then all can deploy in parallel."""
    if RELEASE:
        yield
        return
    with (TOOLS / "built.lock").open("w") as held:
        with (TOOLS / "build.lock").open("w") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            sources = _digest()
            if not _is_current(sources):
                fcntl.flock(held, fcntl.LOCK_EX)
                _build(sources)
            fcntl.flock(held, fcntl.LOCK_SH)
        yield


def _is_current(sources: str) -> bool:
    return STAMP.exists() and STAMP.read_text() == sources and (BUILT / "template.yaml").exists()


def compile_functions() -> None:
    """Compiles the functions, so that `sam build` finds them compiled: `sam build` hides cargo's output, and a first build
    takes minutes. The command as well, with which the sample product gets its key. Needs only cargo."""
    programs = (flag for name in (*FUNCTIONS, COMMAND) for flag in ("--bin", name))
    _run(["cargo", "build", *FOR_LOCAL_STACKS, *programs], _environment())


def _environment() -> dict[str, str]:
    return os.environ | {
        "PATH": f"{TOOLS / 'sam' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        # The host's toolchain and the profile of `cargo test`, so that both share compiled crates.
        "CARGO_LAMBDA_COMPILER": "cargo",
        "SAM_BUILD_MODE": "debug",
        "SAM_CLI_TELEMETRY": "0",
    }


def _build(sources: str) -> None:
    print("» Building the functions", flush=True)
    compile_functions()
    print("» sam build", flush=True)
    STAMP.unlink(missing_ok=True)
    sam = [str(TOOLS / "sam" / "bin" / "sam"), "build", "--parameter-overrides", f"Architecture={architecture()}"]
    _run(sam, _environment(), quiet=True)
    _pack()
    STAMP.write_text(sources)


def _pack() -> None:
    """Zips the functions once and fast; `sam deploy` would compress them thoroughly each time."""
    programs = list(BUILT.glob("*/bootstrap"))
    with ThreadPoolExecutor() as pool:
        list(pool.map(_zip, programs))
    template = BUILT / "template.yaml"
    text = template.read_text()
    for name in (program.parent.name for program in programs):
        text = re.sub(rf"CodeUri: {name}$", f"CodeUri: {name}.zip", text, flags=re.MULTILINE)
    template.write_text(text)


def _zip(program: Path) -> None:
    with zipfile.ZipFile(program.parent.with_suffix(".zip"), "w") as archive:
        # A fixed date, so that the same program makes the same archive.
        entry = zipfile.ZipInfo(program.name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, program.read_bytes(), compresslevel=1)


def _digest() -> str:
    digest = hashlib.sha256(architecture().encode())
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{file.relative_to(ROOT)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def template() -> Path:
    """The template that is deployed, with the functions' zip files beside it."""
    return (RELEASE or BUILT) / "template.yaml"


def artefacts() -> list[Path]:
    """The files of a deployment."""
    return [template(), *sorted(template().parent.glob("*.zip"))]


def command(*arguments: str) -> list[str]:
    """The command `waybill` with these arguments: that of a release, or compiled."""
    compiled = ["cargo", "run", "--quiet", *FOR_LOCAL_STACKS, "--bin", COMMAND, "--"]
    program = [str(RELEASE / COMMAND)] if RELEASE else compiled
    return [*program, *arguments]


def _run(command: list[str], environment: dict[str, str], quiet: bool = False) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=quiet, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout or ''}{done.stderr or ''}\nFailed: {' '.join(command)}".lstrip())
