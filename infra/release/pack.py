"""Packs files so that the same files make the same bytes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

# The earliest time that a zip file can have.
EARLIEST = (1980, 1, 1, 0, 0, 0)
EXECUTABLE = 0o100755


def zip_program(program: Path, archive: Path) -> None:
    """Writes the zip file of a function: its program, called `bootstrap` as Lambda's runtime `provided.al2023` wants it."""
    entry = zipfile.ZipInfo("bootstrap", EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # As on Unix, wherever this runs: the upper half of the attributes is the file's mode there.
    entry.create_system = 3
    entry.external_attr = EXECUTABLE << 16
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(entry, program.read_bytes(), compresslevel=9)


def archive(folder: Path, time: int) -> Path:
    """Writes the archive of a folder beside it. Its files are compressed already, and are not compressed again."""
    target = folder.with_name(f"{folder.name}.tar")
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as packed:
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            entry = tarfile.TarInfo(f"{folder.name}/{path.name}")
            entry.size, entry.mtime, entry.mode = len(content), time, path.stat().st_mode & 0o755
            packed.addfile(entry, io.BytesIO(content))
    return target
