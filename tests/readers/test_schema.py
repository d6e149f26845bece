"""Tests of the check of workbooks."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
import zipfile
from collections.abc import Callable
from pathlib import Path

CHECK = Path(__file__).with_name("schema.py")
SHEET = "xl/worksheets/sheet1.xml"
ROWS = 1000
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml"

Change = Callable[[dict[str, bytes]], None]


def relationships(**targets: str) -> str:
    """Relationships of these kinds."""
    lines = (f'<Relationship Id="r{n}" Type="{OFFICE}/{kind}" Target="{target}"/>' for n, (kind, target) in enumerate(targets.items()))
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def content_types(**parts: str) -> str:
    """The content types of these parts of a workbook."""
    lines = (f'<Override PartName="/xl/{part}.xml" ContentType="{MEDIA}.{kind}+xml"/>' for kind, part in parts.items())
    ending = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{PACKAGE}/content-types">{ending}{"".join(lines)}</Types>'


def workbook() -> dict[str, bytes]:
    """The parts of a minimal workbook with styles and many rows."""
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="inlineStr"><is><t xml:space="preserve"> a </t></is></c></row>' for n in range(1, ROWS + 1))
    styles = (
        "<fonts><font/></fonts><fills><fill/></fills><borders><border/></borders>"
        '<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf xfId="0"/></cellXfs>'
    )
    parts = {
        "[Content_Types].xml": content_types(**{"sheet.main": "workbook", "worksheet": "worksheets/sheet1", "styles": "styles"}),
        "_rels/.rels": relationships(officeDocument="xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": relationships(worksheet="worksheets/sheet1.xml", styles="styles.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="a" sheetId="1" r:id="r0"/></sheets></workbook>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
        SHEET: f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
    }
    return {name: text.encode() for name, text in parts.items()}


def said(change: Change) -> tuple[int, str]:
    """The exit status and the output of a check of a changed workbook."""
    parts = workbook()
    change(parts)
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, bytes_ in parts.items():
                archive.writestr(name, bytes_)
        file.flush()
        done = subprocess.run([sys.executable, CHECK, file.name], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def replaced(part: str, old: bytes, new: bytes) -> Change:
    """Replaces the first occurrence in a part."""

    def change(parts: dict[str, bytes]) -> None:
        assert old in parts[part], f"{old!r} is not in {part}"
        parts[part] = parts[part].replace(old, new, 1)

    return change


class Checked(unittest.TestCase):
    """Workbooks with one error each."""

    def test_a_valid_workbook_passes(self) -> None:
        self.assertEqual(said(lambda parts: None), (0, ""))

    def test_errors_are_reported(self) -> None:
        for change, expected in [
            (replaced(SHEET, b't="inlineStr"', b't="inline"'), f"/{SHEET}/x:worksheet[1]/x:sheetData[1]/x:row[1]/x:c[2]: The attribute 't'"),
            (replaced(SHEET, b'r="A1000"', b'r="A1000" s="77"'), "referenced by 'c@"),
            (replaced(SHEET, b"</sheetData>", b"<x/></sheetData>"), "invalid child element"),
            (replaced(SHEET, b"</row>", b""), "mismatch"),
            (lambda parts: parts.pop("xl/styles.xml"), "the target styles.xml is not there"),
            (replaced("[Content_Types].xml", b"/xl/workbook.xml", b"/xl/book.xml"), "the part /xl/book.xml is not there"),
        ]:
            with self.subTest(expected):
                status, lines = said(change)
                self.assertEqual(status, 1)
                self.assertIn(expected, lines)


if __name__ == "__main__":
    unittest.main()
