"""Pictures and speech from an endpoint, on record like every other exchange: heard again without asking again."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memory.errors import ModelError
from memory.exchanges import Exchange, Exchanges, Message, Reply, Request, now, without_secrets


@dataclass(frozen=True)
class Hearing:
    """What is on record in a run, and in the run that it replays. Threads may take from it at the same time."""

    exchanges: Exchanges
    recorded: Exchanges | None = None
    """Exchanges of an earlier run; where they are given, nothing is asked."""

    def take(self, purpose: str, to: str, request: Request, ask: Callable[[], bytes]) -> bytes:
        """Return the bytes that answer a request: those on record, else what `ask` brings, which is put on record.

        What `ask` raises is put on record too, and raised. Raises ModelError in a replay that has no such answer.
        """
        known = self.exchanges.answered(request.key)
        if known is None and self.recorded is not None:
            known = self.recorded.answered(request.key) or self.recorded.failed(request.key)
            if known is None:
                raise ModelError("The record holds no answer to this request: the run has left what was recorded.")
            self.exchanges.add(known.model_copy(update={"replayed": True, "purpose": purpose}))
            if known.reply is None:
                raise ModelError(str(known.problem))
        if known is not None and known.reply is not None:
            return base64.b64decode(known.reply.text)
        began, reply, problem = time.perf_counter(), None, "it was broken off"
        try:
            content = ask()
            reply, problem = Reply(text=base64.b64encode(content).decode()), ""
        except Exception as failed:
            problem = f"{type(failed).__name__}: {failed}"
            raise
        finally:
            seconds = round(time.perf_counter() - began, 3)
            one = Exchange(
                key=request.key,
                at=now(),
                purpose=purpose,
                to=without_secrets(to),
                request=request,
                reply=reply,
                seconds=seconds,
            )
            self.exchanges.add(one if reply is not None else one.model_copy(update={"problem": problem}))
        return content


def request_of(model: str, asked: Mapping[str, Any], seed: int, pictures: Sequence[bytes] = ()) -> Request:
    """Return what is sent as a request: its plain values as JSON, its pictures (PNG) beside them."""
    shown = tuple(f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in pictures)
    words = json.dumps(dict(asked), ensure_ascii=False, sort_keys=True)
    return Request(model=model, messages=(Message(role="user", content=words, images=shown),), max_tokens=1, seed=seed)
