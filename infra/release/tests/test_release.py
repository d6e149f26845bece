"""Tests of what a release is packed from, with programs that need no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tarfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "infra" / "release"))

import build
import pack
from template import FUNCTIONS, released

TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")
SAM = ROOT / ".local" / "sam" / "bin" / "sam"
TIME = 1_700_000_000


class TemplateTest(unittest.TestCase):
    def test_the_code_is_beside_the_template_and_nothing_is_left_to_build(self) -> None:
        text = released(TEMPLATE, "arm64", "0.2.0")
        for name in FUNCTIONS:
            self.assertEqual(text.count(f"CodeUri: {name}.zip"), 1)
        self.assertNotIn("BuildMethod", text)
        self.assertNotIn("CodeUri: .\n", text)
        self.assertIn("Description: Waybill 0.2.0, ", text)

    def test_it_is_of_one_architecture(self) -> None:
        text = released(TEMPLATE, "x86_64", "0.2.0")
        self.assertIn("Default: x86_64\n    AllowedValues: [x86_64]\n", text)
        self.assertNotIn("arm64", text.split("Issuer:")[0])

    def test_a_template_of_another_form_is_refused(self) -> None:
        for left_out in ("CodeUri: .", "Binary: sweep", "AllowedValues: [arm64, x86_64]"):
            with self.subTest(left_out), self.assertRaises(ValueError):
                released(TEMPLATE.replace(left_out, ""), "arm64", "0.2.0")

    def test_sam_finds_no_mistake_in_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "template.yaml"
            file.write_text(released(TEMPLATE, "arm64", "0.2.0"), "utf-8")
            environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
            command = [str(SAM), "validate", "--lint", "--template-file", str(file)]
            done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class PackTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def _release(self, place: str, mode: int) -> build.Build:
        """The release of a program, which is stored with other attributes in each place."""
        made = build.Build(self.folder / place / "target", self.folder / place / "release", "0.2.0", TIME)
        folder = made.folder("arm64")
        folder.mkdir(parents=True)
        program = self.folder / place / "bootstrap"
        program.write_bytes(b"program " * 1000)
        program.chmod(mode)
        os.utime(program, (mode, mode))
        pack.zip_program(program, folder / "api.zip")
        (folder / build.SUMS).write_text(build.sums(folder), "utf-8")
        pack.archive(folder, made.time)
        return made

    def test_the_same_files_make_the_same_bytes(self) -> None:
        first, second = (self._release(place, mode).folder("arm64") for place, mode in (("a", 0o755), ("b", 0o700)))
        for name in ("api.zip", build.SUMS):
            self.assertEqual((first / name).read_bytes(), (second / name).read_bytes(), name)
        self.assertEqual(first.with_name(f"{first.name}.tar").read_bytes(), second.with_name(f"{second.name}.tar").read_bytes())

    def test_a_zip_file_has_a_program_that_lambda_starts(self) -> None:
        folder = self._release("a", 0o600).folder("arm64")
        with zipfile.ZipFile(folder / "api.zip") as archive:
            entry = archive.getinfo("bootstrap")
            self.assertEqual(entry.external_attr >> 16, 0o100755)
            self.assertEqual(archive.read("bootstrap"), b"program " * 1000)

    def test_the_checksums_are_those_that_sha256sum_checks(self) -> None:
        folder = self._release("a", 0o755).folder("arm64")
        check = ["sha256sum", "--check", "--strict", "--quiet", build.SUMS]
        self.assertEqual(subprocess.run(check, cwd=folder, check=False).returncode, 0)
        (folder / "api.zip").write_bytes(b"another")
        self.assertNotEqual(subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode, 0)

    def test_the_archive_unpacks_to_the_folder(self) -> None:
        folder = self._release("a", 0o755).folder("arm64")
        into = self.folder / "unpacked"
        with tarfile.open(folder.with_name(f"{folder.name}.tar")) as archive:
            archive.extractall(into, filter="data")
        for path in folder.iterdir():
            self.assertEqual((into / folder.name / path.name).read_bytes(), path.read_bytes())


class SourcesTest(unittest.TestCase):
    def test_what_is_copied_is_there(self) -> None:
        for name in build.COPIED:
            self.assertTrue((ROOT / name).is_file(), name)

    def test_the_notes_are_the_changelogs_part_about_the_version(self) -> None:
        changelog = "# Changelog\n\n## 0.2.0 – 2026-12-01\n\n### Added\n\n- New.\n\n## 0.1.0 – 2026-11-01\n\n- Old.\n"
        self.assertEqual(build.notes(changelog, "0.2.0"), "### Added\n\n- New.\n")
        self.assertEqual(build.notes(changelog, "0.1.0"), "- Old.\n")
        with self.assertRaises(ValueError):
            build.notes(changelog, "0.3.0")

    def test_the_changelog_has_a_part_about_the_version(self) -> None:
        self.assertTrue(build.notes((ROOT / "CHANGELOG.md").read_text("utf-8"), build.version()))


if __name__ == "__main__":
    unittest.main()
