"""Repairs the emulator's saved state before it is started again."""

from __future__ import annotations

import json
from pathlib import Path

POSITIONS = "dynamodb_stream_positions"


def forget_stream_positions(data: Path) -> None:
    """Resets the position of each stream's event source mapping to the beginning of the stream.

    The emulator saves the position of a mapping, but not the stream's records: new records are counted from zero, and
    until there are more of them than before, they would count as read, and only the sweeper would cause mails.
    """
    file = data / "lambda.json"
    if not file.exists():
        return
    kept = json.loads(file.read_text())
    if kept["payload"].pop(POSITIONS, None) is not None:
        file.write_text(json.dumps(kept))
