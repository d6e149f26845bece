"""Tests of what is said of a folder that is given as a release."""

from __future__ import annotations

import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

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


class CommandTest(unittest.TestCase):
    """The command after `--`."""

    def _main(self, functions: mock.Mock, *arguments: str) -> list[list[str]]:
        """The commands that ran."""
        commands: list[list[str]] = []
        with (
            mock.patch.object(sys, "argv", ["tools.py", *arguments]),
            mock.patch.object(tools, "_environment"),
            mock.patch.object(tools, "_functions", functions),
            mock.patch.object(tools, "_run", side_effect=lambda command, _: (commands.append(command), self.ran.set())),
        ):
            try:
                tools.main()
            except SystemExit as exited:
                self.exited = str(exited)
        return commands

    def setUp(self) -> None:
        self.ran = threading.Event()
        self.exited = ""

    def test_it_runs_while_the_functions_compile(self) -> None:
        functions = mock.Mock(side_effect=lambda: self.assertTrue(self.ran.wait(20), "waits for the functions"))
        self.assertEqual(self._main(functions, "functions", "--", "python", "stack.py", "start"), [["python", "stack.py", "start"]])
        functions.assert_called_once()

    def test_functions_that_do_not_compile_end_with_their_error(self) -> None:
        functions = mock.Mock(side_effect=SystemExit("Failed: cargo build"))
        self._main(functions, "functions", "--", "true")
        self.assertEqual(self.exited, "Failed: cargo build")

    def test_without_functions_it_runs_alone(self) -> None:
        functions = mock.Mock()
        self.assertEqual(self._main(functions, "--", "true"), [["true"]])
        functions.assert_not_called()


if __name__ == "__main__":
    unittest.main()
