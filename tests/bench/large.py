"""`make large`: the deployed binary creates a workbook larger than 4 GiB, which needs Zip64, and it is read back completely.

The reader is Python's `zipfile`: it finds the entries by the directory, and checks each one's length and CRC-32.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

from bench import build, say
from rounds import Bench

ROWS = 33_000_000
# The rows of a sheet without the header ("Excel specifications and limits").
ROWS_OF_A_SHEET = 1_048_575
CHUNK = 1 << 22
MARK = b"<row "


def main() -> None:
    """Creates, downloads and reads the workbook."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows; about 140 bytes each")
    parser.add_argument("--built", type=Path, help="the folder of programs that were built before")
    options = parser.parse_args()
    binaries = options.built or build()
    with Bench(binaries) as bench, tempfile.TemporaryDirectory() as folder:
        say(f"Making {options.rows:,} rows")
        used = bench.export("xlsx", options.rows, keep=True)
        say(f"  {used.size:,} bytes, {used.wall:.0f} s, at most {used.peak_mb:.0f} MB of memory; the receipt's SHA-256 is the file's")
        file = Path(folder, "large.xlsx")
        with urllib.request.urlopen(f"{bench.url}/bench/object") as answer, file.open("wb") as out:
            shutil.copyfileobj(answer, out, CHUNK)
        check(file, options.rows)


def check(file: Path, rows: int) -> None:
    """Reads every entry completely, and counts the rows."""
    began = time.monotonic()
    counts = {}
    with zipfile.ZipFile(file) as archive:
        far = [entry.filename for entry in archive.infolist() if entry.header_offset >= 1 << 32]
        for entry in archive.infolist():
            if entry.filename.startswith("xl/worksheets/"):
                counts[entry.filename] = count(archive, entry) - 1
                say(f"  {entry.filename}: {counts[entry.filename]:,} rows")
            else:
                archive.read(entry)
    full, rest = divmod(rows, ROWS_OF_A_SHEET)
    expected = [ROWS_OF_A_SHEET] * full + [rest] * (rest > 0)
    if list(counts.values()) != expected:
        sys.exit(f"other rows than {expected}: {counts}")
    if file.stat().st_size < 1 << 32 or not far:
        sys.exit(f"{file.stat().st_size:,} bytes are not past 4 GiB: take more rows")
    say(f"Read completely in {time.monotonic() - began:.0f} s: {len(counts)} sheets, {sum(counts.values()):,} rows, {len(far)} entries begin past 4 GiB")


def count(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """The number of rows of a sheet, including the header. At the end `zipfile` checks the CRC-32."""
    found, before = 0, b""
    with archive.open(entry) as sheet:
        while chunk := sheet.read(CHUNK):
            both = before + chunk
            found += both.count(MARK)
            # A mark may span two chunks; the kept rest is shorter than a mark, so none is counted twice.
            before = both[-(len(MARK) - 1) :]
    return found


if __name__ == "__main__":
    main()
