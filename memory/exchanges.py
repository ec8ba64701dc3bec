"""What was said to models and what they answered: one file a run or chat, from which both can be heard again.

    exchanges.jsonl     one exchange a line, in the order in which they ended

An exchange is found by its key, the digest of the request. A request that was answered before is not sent again: a run
that was killed pays once, and a replay needs no model at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, ValidationError

from memory import lines
from memory.digests import digest
from memory.errors import RecordError
from memory.records import Record

FILE = "exchanges.jsonl"


def _sendable(text: str) -> str:
    """Return a text as UTF-8 can carry it: halves of surrogate pairs, which data may hold, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, AfterValidator(_sendable)]


class Message(Record):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: Text
    images: tuple[str, ...] = ()
    """Pictures that belong to it, as data URLs."""


class Request(Record):
    """Everything that an answer may depend on."""

    model: str
    """Name of the model, as its source knows it."""
    messages: tuple[Message, ...] = Field(min_length=1)
    reply_schema: dict[str, object] | None = None
    """JSON Schema that the answer must fit; None for plain text."""
    max_tokens: int = Field(1024, ge=1)
    """Most tokens of the answer."""
    temperature: float = Field(0.0, ge=0, le=2)
    seed: int = Field(0, ge=0, lt=2**63)
    """Draws of one prompt differ by it; sent to sources that take one."""

    @property
    def key(self) -> str:
        """SHA-256 of the request, 64 hex digits."""
        return digest(self.model_dump(mode="json"))

    @property
    def size(self) -> int:
        """Bytes of all messages as UTF-8, pictures included."""
        return sum(len(one.content.encode("utf-8", "replace")) + sum(map(len, one.images)) for one in self.messages)


class Reply(Record):
    """What a model answered."""

    text: Text
    finish: Literal["stop", "length", "refused"] = "stop"
    """`length`: cut off at `max_tokens`; `refused`: the model says that it will not."""
    tokens_in: int = Field(0, ge=0)
    tokens_out: int = Field(0, ge=0)


class Exchange(Record):
    """One request, and what became of it."""

    key: str
    at: str
    """When it ended, UTC."""
    purpose: str
    """What it was for: a prompt's name, or a tool's."""
    to: str
    """Address of the endpoint, or `this machine`."""
    request: Request
    reply: Reply | None = None
    problem: str | None = None
    """Why there is no reply."""
    money_usd: float = Field(0.0, ge=0)
    seconds: float = Field(0.0, ge=0)
    replayed: bool = False
    """Nothing was sent: the answer was taken from another record."""

    @property
    def tokens(self) -> int:
        """Tokens that count against a limit."""
        return 0 if self.reply is None else self.reply.tokens_in + self.reply.tokens_out


class Exchanges:
    """The exchanges of one folder. Threads may add at the same time; processes are kept apart by the run's lock."""

    def __init__(self, folder: Path) -> None:
        """Read what is there. Raises RecordError naming the line that cannot be read.

        A last line without its end is what a killed process left; it is cut off by the next `add`.
        """
        self._file = folder / FILE
        self._lock = Lock()
        self._all: list[Exchange] = []
        self._answered: dict[str, Exchange] = {}
        self._failed: dict[str, Exchange] = {}
        self._whole = 0
        self.tokens, self.money_usd = 0, 0.0
        """What all of them took together."""
        for line, end in lines.whole(self._file):
            self._take(_read(line, self._file, len(self._all) + 1))
            self._whole = end

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._all))

    def answered(self, key: str) -> Exchange | None:
        """Return the exchange that answered a request, or None."""
        return self._answered.get(key)

    def failed(self, key: str) -> Exchange | None:
        """Return the latest exchange in which a request was not answered, or None."""
        return self._failed.get(key)

    def recall(self, purpose: str, key: str, recorded: Self | None) -> Exchange | None:
        """Return what a request is answered from without being sent: this record, or that of the run that is replayed.

        Of the latter a failure counts too, as nothing is sent again in a replay; what is taken from it is added here.
        """
        mine = self._answered.get(key)
        if mine is not None or recorded is None:
            return mine
        theirs = recorded.answered(key) or recorded.failed(key)
        if theirs is not None:
            self.add(theirs.model_copy(update={"replayed": True, "purpose": purpose}))
        return theirs

    def add(self, one: Exchange) -> None:
        """Write an exchange to the file before anybody acts on it."""
        with self._lock:
            self._whole = lines.append(self._file, self._whole, one)
            self._take(one)

    def _take(self, one: Exchange) -> None:
        self._all.append(one)
        self.tokens += one.tokens
        self.money_usd = round(self.money_usd + one.money_usd, 8)
        if one.reply is not None:
            self._answered.setdefault(one.key, one)
        else:
            self._failed[one.key] = one


def without_secrets(address: str) -> str:
    """Return an address as it may be kept and shown: without user, password and query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def now() -> str:
    """Return the time in UTC, as exchanges carry it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _read(line: bytes, file: Path, number: int) -> Exchange:
    try:
        return Exchange.model_validate_json(line)
    except ValidationError as problem:
        raise RecordError(
            f"This exchange cannot be read: {problem.errors()[0]['msg']}.", where=f"{file}:{number}"
        ) from problem
