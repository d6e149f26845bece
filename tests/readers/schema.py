"""Checks a workbook against the standard it is written by, ECMA-376: its parts against the transitional schemas, and
that its relationships and content types name parts that are there.

    schema.py FILE.xlsx [SCHEMAS]     SCHEMAS is a folder of the schemas (`sml.xsd` and what it imports); without it,
                                      only the package is checked

Writes a line for each error, with the part's name, and ends with status 1 where there is one.
"""

from __future__ import annotations

import posixpath
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

SHOWN = 5
TYPES = "[Content_Types].xml"
CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
EXTENDED_PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"
# By the namespace of a part's root element.
SCHEMAS = {
    CONTENT_TYPES: "opc-contentTypes.xsd",
    RELATIONSHIPS: "opc-relationships.xsd",
    SHEETS: "sml.xsd",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "dml-main.xsd",
    EXTENDED_PROPERTIES: "shared-documentPropertiesExtended.xsd",
}
# Its schema imports Dublin Core's, which are not ECMA's: of this part only the XML is checked.
CORE_PROPERTIES = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"

Parts = dict[str, etree._Element]


def main() -> None:
    """Checks the file, and says what is wrong."""
    file, schemas = sys.argv[1], sys.argv[2:]
    parts, errors = read(file)
    if not errors:
        errors = [*relationship_errors(parts), *content_type_errors(parts)]
        if schemas:
            errors += schema_errors(parts, Path(schemas[0]))
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
    """Relationships of parts, or to parts, that are not there."""
    for name, root in parts.items():
        folder, base = posixpath.split(name)
        if not base.endswith(".rels"):
            continue
        source = posixpath.join(posixpath.dirname(folder), base.removesuffix(".rels"))
        # The package's own relationships, `_rels/.rels`, are no part's.
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
    """Content types of parts that are not there, and parts that have none."""
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


def schema_errors(parts: Parts, folder: Path) -> Iterator[str]:
    """What the schemas refuse: the first few of each part, and how many there are."""
    loaded: dict[str, etree.XMLSchema] = {}
    for name, root in parts.items():
        namespace = etree.QName(root).namespace
        if namespace == CORE_PROPERTIES:
            continue
        if namespace not in SCHEMAS:
            yield f"{name}: no schema is known for {root.tag}"
            continue
        if namespace not in loaded:
            loaded[namespace] = etree.XMLSchema(etree.parse(folder / SCHEMAS[namespace]))
        if namespace == SHEETS:
            allow_space(root)
        schema = loaded[namespace]
        if schema.validate(root):
            continue
        found = list(schema.error_log)
        yield from (f"{name}, line {error.line}: {error.message}" for error in found[:SHOWN])
        if len(found) > SHOWN:
            yield f"{name}: {len(found)} errors in all"


def allow_space(root: etree._Element) -> None:
    """Takes `xml:space` from the texts: `sml.xsd` gives `t` no attributes, yet without this one, which XML itself
    defines (XML 1.0, 2.10), spreadsheet programs drop the spaces at a text's ends, and they write it themselves.
    """
    for text in root.iter(f"{{{SHEETS}}}t"):
        if text.get(SPACE) in ("preserve", "default"):
            del text.attrib[SPACE]


if __name__ == "__main__":
    main()
