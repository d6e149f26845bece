"""A checksum of a workbook's contents, without the time of the export's request.

    workbook.py < FILE      prints it
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import zipfile

PROPERTIES = "docProps/core.xml"
REQUESTED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
CHUNK = 1 << 20


def digest(content: bytes) -> str:
    """The SHA-256 of its entries' names and contents, in their order, without the time of the request."""
    found = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            found.update(f"{name}\0".encode())
            with archive.open(name) as entry:
                if name == PROPERTIES:
                    found.update(REQUESTED.sub(rb"\1", entry.read()))
                    continue
                while chunk := entry.read(CHUNK):
                    found.update(chunk)
    return found.hexdigest()


if __name__ == "__main__":
    print(digest(sys.stdin.buffer.read()))
