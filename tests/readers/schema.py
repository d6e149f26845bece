"""Checks a workbook against the standard it is written by, ECMA-376: that its relationships and content types name
parts that are there, and, by Microsoft's Open XML SDK (`validate.mjs`), its parts against their schemas.

    schema.py FILE.xlsx

Writes a line for each error, with the part's name, and ends with status 1 where there is one.
"""

from __future__ import annotations

import posixpath
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

TYPES = "[Content_Types].xml"
CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
NODE = Path(sys.prefix).parent / "node" / "bin" / "node"
# The folder with `validate.mjs` and the package that it needs.
VALIDATOR = Path(sys.prefix).parent / "validator"
# The SDK takes milliseconds per row, and rows are similar: of a longer sheet it checks only the first and the last
# rows.
ROWS = 300

Parts = dict[str, etree._Element]


def main() -> None:
    """Checks the file, and reports errors."""
    parts, errors = read(sys.argv[1])
    # Each check relies on the previous ones.
    errors = errors or [*relationship_errors(parts), *content_type_errors(parts)] or schema_errors(parts)
    for error in errors:
        print(error)
    sys.exit(1 if errors else 0)


def read(file: str) -> tuple[Parts, list[str]]:
    """The parts of the archive, and which of them are not XML."""
    parts, errors = {}, []
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name in parts:
                errors.append(f"{name}: it is there twice")
            try:
                parts[name] = etree.fromstring(archive.read(name), parser)
            except etree.XMLSyntaxError as error:
                errors.append(f"{name}: {error.msg}")
    return parts, errors


def relationship_errors(parts: Parts) -> Iterator[str]:
    """Relationships from or to missing parts."""
    for name, root in parts.items():
        folder, base = posixpath.split(name)
        if not base.endswith(".rels"):
            continue
        source = posixpath.join(posixpath.dirname(folder), base.removesuffix(".rels"))
        # `_rels/.rels` has the relationships of the package, not of a part.
        if base != ".rels" and source not in parts:
            yield f"{name}: there is no part {source}"
        for relationship in root.iter(f"{{{RELATIONSHIPS}}}Relationship"):
            if relationship.get("TargetMode") == "External":
                continue
            target = relationship.get("Target", "")
            path = posixpath.normpath(posixpath.join("/", posixpath.dirname(source), target)).lstrip("/")
            if path not in parts:
                yield f"{name}: the target {target} is not there"


def content_type_errors(parts: Parts) -> Iterator[str]:
    """Content types of missing parts, and parts without a content type."""
    if TYPES not in parts:
        yield f"{TYPES}: it is not there"
        return
    endings = {e.get("Extension", "").lower() for e in parts[TYPES].iter(f"{{{CONTENT_TYPES}}}Default")}
    named = {e.get("PartName", "") for e in parts[TYPES].iter(f"{{{CONTENT_TYPES}}}Override")}
    for name in sorted(named):
        if name.removeprefix("/") not in parts or not name.startswith("/"):
            yield f"{TYPES}: the part {name} is not there"
    for name in parts:
        if name != TYPES and f"/{name}" not in named and name.rpartition(".")[2].lower() not in endings:
            yield f"{name}: it has no content type"


def schema_errors(parts: Parts) -> list[str]:
    """The errors of the SDK."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, root in parts.items():
                shorten(root)
                archive.writestr(name, etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))
        file.flush()
        done = subprocess.run([NODE, VALIDATOR / "validate.mjs", file.name], capture_output=True, text=True, check=False)
    if done.returncode != 0 and not done.stdout:
        # Node.js prints the failing line, which may be the SDK's whole source.
        why = [line for line in done.stderr.splitlines() if len(line) < 500]
        return ["the SDK cannot read the workbook", *why]
    return done.stdout.splitlines()


def shorten(root: etree._Element) -> None:
    """Removes rows from the middle of a long sheet."""
    rows = root.findall(f"{{{SHEETS}}}sheetData/{{{SHEETS}}}row")
    for row in rows[ROWS // 2 : max(ROWS // 2, len(rows) - ROWS // 2)]:
        row.getparent().remove(row)


if __name__ == "__main__":
    main()
