"""Mends what the emulator keeps over a stop, before it is started again."""

from __future__ import annotations

import json
from pathlib import Path

POSITIONS = "dynamodb_stream_positions"


def forget_stream_positions(data: Path) -> None:
    """Lets each mapping of a stream begin again where the stream does.

    The emulator keeps how far a mapping has read, but not the stream's records: the next ones are counted from nought,
    and until there are as many as there were, they would be taken for read, and no mail sent but by the sweeper.
    """
    file = data / "lambda.json"
    if not file.exists():
        return
    kept = json.loads(file.read_text())
    if kept["payload"].pop(POSITIONS, None) is not None:
        file.write_text(json.dumps(kept))
