"""Tests of what is said of a folder that is given as a release."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "infra" / "local"), str(ROOT / "infra" / "release")]

import tools
from settings import architecture
from template import released

OTHER = {"arm64": "x86_64", "x86_64": "arm64"}


class RequireReleaseTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def _write(self, of: str) -> None:
        template = (ROOT / "template.yaml").read_text("utf-8")
        (self.folder / "template.yaml").write_text(released(template, of, "0.2.0"), "utf-8")

    def test_a_release_of_this_machines_architecture_is_taken(self) -> None:
        self._write(architecture())
        tools._require_release(self.folder)

    def test_a_folder_without_a_template_is_refused(self) -> None:
        with self.assertRaisesRegex(SystemExit, "is no release: the folder has no template.yaml"):
            tools._require_release(self.folder)

    def test_a_release_of_another_architecture_is_refused(self) -> None:
        self._write(OTHER[architecture()])
        with self.assertRaisesRegex(SystemExit, "is not for this machine"):
            tools._require_release(self.folder)


if __name__ == "__main__":
    unittest.main()
