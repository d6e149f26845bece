"""Builds a release: for each architecture a folder with the functions, a template whose code is beside it, the command
`waybill`, a list of its components, and checksums; and an archive of that folder.

Two builds of the same sources make the same bytes, wherever their folders are: paths of this machine are replaced in the
programs, the C compiler is the one that cargo-lambda brings, and what is packed has the time of the last commit.

Needs Rust; whoever deploys the release does not.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pack
from template import FUNCTIONS, released

ROOT = Path(__file__).resolve().parents[2]
# The architectures, as the template calls them, and Rust's names for them on Linux.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
COMMAND = "waybill"
# What is beside the functions, from the repository.
COPIED = ("LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md", "infra/catalog.toml", "infra/release/samconfig.example.toml", "infra/release/restore.yaml", "infra/release/README.md")
SUMS = "SHA256SUMS"
NOTES = "NOTES.md"
# The folders of the workspace's crates, and the name of the files that cargo-cyclonedx writes there.
MEMBERS = ("command", "functions", "shared", "tests")
LISTED = "waybill-components"


@dataclass(frozen=True)
class Build:
    """Where a release is built, and where it is written."""

    # The folder of compiled crates, with a folder for each architecture.
    target: Path
    # The folder of the release.
    into: Path
    version: str
    # Seconds since 1970: the time of everything that is packed.
    time: int

    def folder(self, architecture: str) -> Path:
        return self.into / f"waybill-{self.version}-{architecture}"


def main() -> None:
    """Builds the release of each architecture that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", action="append", choices=TARGETS, help="only this one; can be given twice")
    parser.add_argument("--into", type=Path, default=ROOT / "release")
    parser.add_argument("--target", type=Path, default=ROOT / ".local" / "release" / "target")
    parser.add_argument("--version", action="version", version=version(), help="print the version that is built")
    options = parser.parse_args()
    build = Build(options.target.resolve(), options.into.resolve(), version(), commit_time())
    for architecture in options.architecture or TARGETS:
        print(f"» Compiling for {architecture}", flush=True)
        compile_programs(build, architecture)
        write(build, architecture)
    (build.into / NOTES).write_text(notes((ROOT / "CHANGELOG.md").read_text("utf-8"), build.version), "utf-8")
    (build.into / SUMS).write_text(sums(build.into), "utf-8")
    print(f"The release is in {build.into}")


def version() -> str:
    """The version of the workspace, which all crates share."""
    return str(tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"])


def notes(changelog: str, of: str) -> str:
    """The part of the changelog about a version. Raises `ValueError` where it has none."""
    _, found, after = changelog.partition(f"\n## {of} – ")
    if not found:
        raise ValueError(f"CHANGELOG.md has no part about {of}")
    return after.partition("\n## ")[0].partition("\n")[2].strip() + "\n"


def commit_time() -> int:
    """The time of the last commit, in seconds since 1970."""
    return int(_output(["git", "log", "-1", "--format=%ct"]))


def compile_programs(build: Build, architecture: str) -> None:
    """Compiles the functions and the command with the profile of deployments."""
    triple = TARGETS[architecture]
    if shutil.which("rustup"):
        _run(["rustup", "target", "add", triple])
    names = (*FUNCTIONS, COMMAND)
    command = ["cargo-lambda", "lambda", "build", "--release", "--locked", "--target", triple]
    command += ["--lambda-dir", str(build.target / "functions" / architecture)]
    _run([*command, *(word for name in names for word in ("--bin", name))], _environment(build, triple))


def _environment(build: Build, triple: str) -> dict[str, str]:
    """The environment of the compilers, in which no path of this machine comes into a program."""
    registry = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry" / "src"
    # Each index has a folder of its own there, whose name has a hash of the index's address.
    paths = {**{str(index): "/cargo" for index in registry.glob("*")}, str(build.target): "/target", str(ROOT): "/waybill"}
    rust = [f"--remap-path-prefix={path}={name}" for path, name in paths.items()]
    c = " ".join(f"-ffile-prefix-map={path}={name}" for path, name in paths.items())
    tools = ROOT / ".local" / "sam" / "bin"
    return os.environ | {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(rust),
        "CARGO_INCREMENTAL": "0",
        "CARGO_TARGET_DIR": str(build.target),
        "CFLAGS": c,
        f"CFLAGS_{triple.replace('-', '_')}": c,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }


def write(build: Build, architecture: str) -> None:
    """Writes the folder of an architecture from its compiled programs, and the folder's archive."""
    folder = build.folder(architecture)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    programs = build.target / "functions" / architecture
    for name in FUNCTIONS:
        pack.zip_program(programs / name / "bootstrap", folder / f"{name}.zip")
    shutil.copyfile(programs / COMMAND / "bootstrap", folder / COMMAND)
    (folder / COMMAND).chmod(0o755)
    template = (ROOT / "template.yaml").read_text("utf-8")
    (folder / "template.yaml").write_text(released(template, architecture, build.version), "utf-8")
    for name, components in _components(build, TARGETS[architecture]).items():
        (folder / f"{name}.cdx.json").write_text(components, "utf-8")
    for name in COPIED:
        shutil.copyfile(ROOT / name, folder / Path(name).name)
    (folder / SUMS).write_text(sums(folder), "utf-8")
    pack.archive(folder, build.time)


def sums(folder: Path) -> str:
    """The SHA-256 of each file of a folder, as `sha256sum --check` reads them."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def _components(build: Build, triple: str) -> dict[str, str]:
    """The crates in each program, with their versions and licences, in the form of CycloneDX."""
    program = ROOT / ".local" / "cyclonedx" / "bin" / "cargo-cyclonedx"
    command = [str(program), "cyclonedx", "--format", "json", "--spec-version", "1.5", "--target", triple, "--no-build-deps", "--quiet"]
    _run([*command, "--override-filename", LISTED], os.environ | {"SOURCE_DATE_EPOCH": str(build.time)})
    # The program writes a file beside each Cargo.toml of the workspace.
    found = {file.parent.relative_to(ROOT).as_posix(): file for folder in MEMBERS for file in (ROOT / folder).rglob(f"{LISTED}.json")}
    texts = {folder: file.read_text("utf-8").replace(str(ROOT), "/waybill") for folder, file in found.items()}
    for file in found.values():
        file.unlink()
    return {name: texts[f"functions/{name}"] for name in FUNCTIONS} | {COMMAND: texts["command"]}


def _output(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        sys.exit(f"Failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
