"""The people of the development issuer."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import people


class PeopleTest(unittest.TestCase):
    """The people of a stack."""

    def test_those_of_the_stack_come_first_and_are_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder) / "issuer"
            self.assertEqual(people.of(state), people.PEOPLE)
            own = people.Person("own-1", "Somebody", "somebody@example.com", "customer:17", "May see customer 17")
            people.write(state, [own])
            self.assertEqual(people.of(state), (own,))
            self.assertEqual(people.find("own-1", people.of(state)), own)
            self.assertIsNone(people.find("own-1"))


if __name__ == "__main__":
    unittest.main()
