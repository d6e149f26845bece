"""Tests of the sample host's grants function."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import permissions

EVERYTHING = ("create", "list", "read", "download", "cancel", "delete", "cancel_any", "delete_any", "read_addresses")


class Permissions(unittest.TestCase):
    """Members of a project and of its organization, and others."""

    def allowed(self, place: str, kind: str, identity: object, organization_id: str | None) -> list[str]:
        """The actions that u-17, a member only of `place`, may do."""
        table = Mock()
        table.get_item = lambda Key, ConsistentRead: {"Item": Key} if Key == {"person": "u-17", "place": place} else {}
        parent = {"kind": kind, "id": identity, "organization_id": organization_id}

        def says(action: str) -> bool:
            question: dict[str, Any] = {"sub": "u-17", "claims": {}, "action": action, "parent": parent}
            return permissions.handler(question, None)

        with patch("permissions.members", return_value=table):
            return [action for action in EVERYTHING if says(action)]

    def test_a_member_of_the_project_may_do_all_but_the_actions_of_admins(self) -> None:
        self.assertEqual(self.allowed("project:42", "project", 42, "acme"), list(EVERYTHING[:6]))

    def test_a_member_of_the_organization_may_do_everything_in_it(self) -> None:
        self.assertEqual(self.allowed("organization:acme", "project", 42, "acme"), list(EVERYTHING))
        self.assertEqual(self.allowed("organization:acme", "organization", "acme", "acme"), list(EVERYTHING))

    def test_others_may_do_nothing(self) -> None:
        self.assertEqual(self.allowed("project:43", "project", 42, "acme"), [])
        self.assertEqual(self.allowed("organization:acme", "project", 42, "other"), [])
        self.assertEqual(self.allowed("source:42", "project", 42, None), [])

    def test_questions_are_answered_in_their_order(self) -> None:
        table = Mock()
        table.get_item = lambda Key, ConsistentRead: {"Item": Key} if Key["place"] == "project:42" else {}
        questions = [
            {"action": action, "parent": {"kind": "project", "id": identity, "organization_id": None}}
            for action, identity in (("list", 43), ("list", 42), ("cancel_any", 42))
        ]
        asked: dict[str, Any] = {"sub": "u-17", "claims": {}, **questions[0], "questions": questions}
        with patch("permissions.members", return_value=table):
            self.assertEqual(permissions.handler(asked, None), [False, True, False])


if __name__ == "__main__":
    unittest.main()
