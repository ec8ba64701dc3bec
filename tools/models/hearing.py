"""Pictures and speech from an endpoint: on record, paid for, and heard again without asking, like every exchange."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memory.errors import ModelError
from memory.exchanges import Exchange, Exchanges, Message, Reply, Request, now, without_secrets
from tools.models.purse import Purse, Share

FREE = Share("An answer")
"""What an answer costs that nothing is charged for."""


class Hearing:
    """What is on record in a run, and in the run that it replays. Threads may take from it at the same time."""

    def __init__(self, exchanges: Exchanges, recorded: Exchanges | None = None, purse: Purse | None = None) -> None:
        """Keep where answers are.

        `recorded`: exchanges of an earlier run; where they are given, nothing is asked. `purse`: what answers are paid
        from, shared with all that the job pays for; None: one without limits and prices.
        """
        self.exchanges, self.recorded = exchanges, recorded
        self.purse = purse or Purse(exchanges)

    def take(self, purpose: str, to: str, request: Request, ask: Callable[[], bytes], share: Share = FREE) -> bytes:
        """Return the bytes that answer a request: those on record, else what `ask` brings, which is put on record.

        `share` is what an answer costs; it is paid when one came. What `ask` raises is put on record too, and raised.
        Raises SpentError, and asks nothing, where the purse does not cover it; ModelError in a replay that has no such
        answer.
        """
        known = self._known(purpose, request)
        if known is None and self.recorded is not None:
            self.purse.check(share)
            raise ModelError("The record holds no answer to this request: the run has left what was recorded.")
        if known is None:
            self.purse.set_aside(share)
            known = self._asked(purpose, to, request, ask, share)
        return base64.b64decode(known.text)

    def _known(self, purpose: str, request: Request) -> Reply | None:
        known = self.exchanges.recall(purpose, request.key, self.recorded)
        if known is not None and known.reply is None:
            raise ModelError(str(known.problem))
        return None if known is None else known.reply

    def _asked(self, purpose: str, to: str, request: Request, ask: Callable[[], bytes], share: Share) -> Reply:
        """Ask, put on record what came of it, and pay for an answer."""
        began, reply, problem = time.perf_counter(), None, "it was broken off"
        try:
            reply = Reply(text=base64.b64encode(ask()).decode())
        except Exception as failed:
            problem = f"{type(failed).__name__}: {failed}"
            raise
        finally:
            one = Exchange(
                key=request.key,
                at=now(),
                purpose=purpose,
                to=without_secrets(to),
                request=request,
                reply=reply,
                problem=None if reply is not None else problem,
                money_usd=0.0 if reply is None else share.money_usd,
                seconds=round(time.perf_counter() - began, 3),
            )
            self.purse.settle(share, one)
        return reply


def request_of(model: str, asked: Mapping[str, Any], seed: int, pictures: Sequence[bytes] = ()) -> Request:
    """Return what is sent as a request: its plain values as JSON, its pictures (PNG) beside them."""
    shown = tuple(f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in pictures)
    words = json.dumps(dict(asked), ensure_ascii=False, sort_keys=True)
    return Request(model=model, messages=(Message(role="user", content=words, images=shown),), max_tokens=1, seed=seed)
