"""Tests of the lock on builds, which several deployments can hold at once."""

from __future__ import annotations

import fcntl
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import build

WITHIN_SECONDS = 20


class BuiltTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tools = Path(folder.name)
        self.builds = mock.Mock(side_effect=lambda _: self.current.set())
        self.current = threading.Event()
        for name, value in (
            ("TOOLS", self.tools),
            ("_digest", lambda: "sources"),
            ("_is_current", lambda _: self.current.is_set()),
            ("_build", self.builds),
        ):
            patch = mock.patch.object(build, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def test_one_builds_and_all_deploy_side_by_side(self) -> None:
        def another() -> None:
            with build.built():
                pass

        with build.built():
            thread = threading.Thread(target=another, daemon=True)
            thread.start()
            thread.join(WITHIN_SECONDS)
            self.assertFalse(thread.is_alive(), "another stack waits for this one's deploy")
        self.builds.assert_called_once()

    def test_no_build_starts_during_a_deployment(self) -> None:
        with build.built(), (self.tools / "built.lock").open("w") as held:
            with self.assertRaises(BlockingIOError):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


if __name__ == "__main__":
    unittest.main()
