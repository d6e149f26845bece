"""Tests of the repair of the emulator's saved state."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import saved_state


class StreamPositions(unittest.TestCase):
    """A restored mapping must read the new records of the stream."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name)
        self.file = self.data / "lambda.json"

    def test_are_forgotten_and_nothing_else(self) -> None:
        mapping = {"UUID": "b41c5e37"}
        self.file.write_text(
            json.dumps({"__ministack_format__": 1, "payload": {"esms": [mapping], saved_state.POSITIONS: {"b41c5e37": 801}}})
        )
        saved_state.forget_stream_positions(self.data)
        expected = {"__ministack_format__": 1, "payload": {"esms": [mapping]}}
        self.assertEqual(json.loads(self.file.read_text()), expected)

    def test_of_an_emulator_that_never_ran_are_no_error(self) -> None:
        saved_state.forget_stream_positions(self.data)
        self.assertFalse(self.file.exists())


if __name__ == "__main__":
    unittest.main()
