"""Tests of the pictures before and after."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pictures


class PicturesTest(unittest.TestCase):
    """Pictures of two commits."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.before, self.after = Path(folder.name, "before"), Path(folder.name, "after")

    def take(self, commit: str, **taken: bytes) -> None:
        pictures.keep(self.before, self.after, commit)
        for name, picture in taken.items():
            (self.after / f"{name}.png").write_bytes(picture)

    def test_pictures_of_another_commit_are_kept_and_those_of_the_same_replaced(self) -> None:
        self.take("one", list=b"a", dialog=b"x", gone=b"g")
        self.take("two", list=b"b", dialog=b"x")
        self.take("two", list=b"c", dialog=b"x")
        self.assertEqual((self.before / "list.png").read_bytes(), b"a")
        page = pictures.compare(self.before, self.after)
        self.assertIn("2 of 3 pictures differ", page)
        self.assertIn("Left: one. Right: two.", page)
        self.assertLess(page.index("list.png"), page.index("As before"))
        self.assertGreater(page.index("dialog.png"), page.index("As before"))

    def test_the_first_pictures_have_none_before_them(self) -> None:
        self.take("one", list=b"a")
        page = pictures.compare(self.before, self.after)
        self.assertIn("<p>none</p>", page)
        self.assertIn("Left: no pictures.", page)


if __name__ == "__main__":
    unittest.main()
