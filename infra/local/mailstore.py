"""The mailbox's storage: one JSON file per mail, written atomically."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

Mail = dict[str, Any]


class MailStore:
    """The mails of a state folder, oldest first on disk, newest first when listed."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "mails"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        # Without the bytes of attachments, which may be megabytes each and stay on disk.
        self._summaries: dict[str, Mail] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                self._summaries[path.stem] = summary(json.loads(path.read_text("utf-8")))
            except (ValueError, KeyError):
                print(f"mailbox: {path.name} is not a mail and is left alone", file=sys.stderr)

    def add(self, mail: Mail) -> str:
        """Stores `mail` on disk and returns its id."""
        mail_id = f"{time.time_ns():020d}-{secrets.token_hex(6)}"
        received = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        whole = {"id": mail_id, "received_at": received, **mail}
        part = self._folder / f"{mail_id}.part"
        part.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
        with self._lock:
            os.replace(part, self._path(mail_id))
            self._summaries[mail_id] = summary(whole)
        return mail_id

    def summaries(self) -> list[Mail]:
        """All mails without the bytes of attachments, newest first."""
        with self._lock:
            return [self._summaries[mail_id] for mail_id in sorted(self._summaries, reverse=True)]

    def get(self, mail_id: str) -> Mail | None:
        """A complete mail, or None."""
        with self._lock:
            if mail_id not in self._summaries:
                return None
            mail: Mail = json.loads(self._path(mail_id).read_text("utf-8"))
            return mail

    def clear(self) -> int:
        """Deletes all mails; returns their number."""
        with self._lock:
            count = len(self._summaries)
            self._summaries.clear()
            shutil.rmtree(self._folder)
            self._folder.mkdir()
            return count

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.json"


def summary(mail: Mail) -> Mail:
    """`mail` without its attachments' bytes."""
    attachments = [
        {name: value for name, value in attachment.items() if name != "content"} for attachment in mail["attachments"]
    ]
    return {**mail, "attachments": attachments}
