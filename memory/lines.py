"""Files of one record a line that are only added to; what a killed process left of a last line is cut off by the next.

The trace is none of them: it is sealed, and knows its own length.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel


def whole(file: Path) -> Iterator[tuple[bytes, int]]:
    """Yield every whole line and the byte after it; nothing for a file that is not there."""
    if not file.is_file():
        return
    end = 0
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                end += len(line)
                yield line, end


def append(file: Path, end: int, record: BaseModel, *, synced: bool = False) -> int:
    """Write a record as the line that begins at byte `end`, and return the byte after it.

    What no encoding can hold becomes a question mark. With `synced` it is on disk when this returns.
    """
    data = (json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n").encode("utf-8", "replace")
    with file.open("r+b" if file.exists() else "wb") as lines:
        lines.truncate(end)
        lines.seek(end)
        lines.write(data)
        if synced:
            lines.flush()
            os.fsync(lines.fileno())
    return end + len(data)
