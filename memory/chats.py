"""One chat, one folder: what was said, what was understood, and how the job stood after every turn.

chat.jsonl        one turn a line; the last one is where the chat stands
exchanges.jsonl   what was said to a model
data-1/ …         the datasets that were talked about, as they were read
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from memory import lines
from memory.errors import RecordError, UsageError
from memory.job import Job
from memory.records import Record

_FILE = "chat.jsonl"
UNDONE = 20
"""Earlier jobs that can be gone back to."""

Pending = Literal["job", "plan"]
"""What waits for a yes or no: the job as it stands, or the plan of a run."""


class Standing(Record):
    """Where a chat stands after a turn."""

    job: Job | None = None
    earlier: tuple[Job, ...] = Field((), max_length=UNDONE)
    """Jobs that it can go back to, the latest last."""
    pending: Pending | None = None
    run: str | None = None
    """Folder of the latest run."""
    tokens: int = 0
    """Tokens that runs of this chat have spent."""
    money_usd: float = 0.0
    """Money that they have."""
    data: int = 0
    """Number of the dataset's folder inside the chat."""


class Turn(Record):
    """What a person said, how it was read, and what was said back."""

    at: str
    you: str
    read_by: Literal["command", "rules", "model", "start"]
    wish: dict[str, Any] = Field({})
    """What was understood, as plain values."""
    said: tuple[str, ...] = ()
    standing: Standing = Standing()


class Chat:
    """The folder of one chat."""

    def __init__(self, folder: Path) -> None:
        """Read the turns that are there. Raises RecordError naming the line that cannot be read."""
        self.folder = folder
        whole = enumerate(lines.whole(folder / _FILE), start=1)
        self.turns = [_read(line, f"{folder / _FILE}:{at}") for at, (line, _) in whole]

    @classmethod
    def create(cls, parent: Path) -> Self:
        """Make a new folder `chat-YYYYMMDD-HHMMSS` (UTC) in `parent`."""
        stem = f"chat-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        for number in count(1):
            folder = parent / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as problem:
                where = str(parent)
                raise UsageError(f"No chat folder can be made here: {problem.strerror}.", where=where) from problem
            (folder / _FILE).touch()
            break
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a chat. Raises UsageError when `folder` is none."""
        if not (folder / _FILE).is_file():
            raise UsageError("This is no chat folder; it holds no chat.jsonl.", where=str(folder))
        return cls(folder)

    @property
    def standing(self) -> Standing:
        """Where the chat stands."""
        return self.turns[-1].standing if self.turns else Standing()

    def dataset(self, number: int) -> Path:
        """Return the folder of a dataset that is talked about."""
        return self.folder / f"data-{number}"

    def add(self, you: str, read_by: str, wish: dict[str, Any], said: list[str], standing: Standing) -> Turn:
        """Write down one turn; it is on disk when this returns. What a killed process left half-written is cut off."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        turn = Turn.model_validate(
            {"at": at, "you": you, "read_by": read_by, "wish": wish, "said": tuple(said), "standing": standing}
        )
        file = self.folder / _FILE
        # Where it ends is asked anew: somebody else may talk in this chat at the same time.
        lines.append(file, sum(len(line) for line, _ in lines.whole(file)), turn, synced=True)
        self.turns.append(turn)
        return turn


def _read(line: bytes, where: str) -> Turn:
    try:
        return Turn.model_validate_json(line)
    except ValidationError as problem:
        raise RecordError(f"This turn cannot be read: {problem.errors()[0]['msg']}.", where=where) from problem
