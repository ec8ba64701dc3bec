"""The purse of a run: what may be spent, what was, and what is set aside for requests in flight.

Everything that a job pays for takes from one purse: questions to the language model, pictures, speech.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from memory.errors import SpentError
from memory.exchanges import Exchange, Exchanges
from memory.job import Job, Price

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Key = TypeVar("Key")


@dataclass(frozen=True)
class Budget:
    """What may be spent at most; None means no limit."""

    tokens: int | None = None
    money_usd: float | None = None


@dataclass(frozen=True)
class Share:
    """The most that one request can take."""

    what: str = "A question"
    """What is asked for, in words."""
    tokens: int = 0
    money_usd: float = 0.0


@dataclass
class Purse:
    """Keeps requests within one budget. Threads may set aside and settle at the same time: they never overspend."""

    exchanges: Exchanges
    """What was paid: by this sitting, and by those before it."""
    budget: Budget = field(default_factory=Budget)
    price: Price = field(default_factory=Price)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _tokens: int = field(default=0, repr=False)
    _money_usd: float = field(default=0.0, repr=False)

    @property
    def aside(self) -> Share:
        """What is set aside for all requests in flight together."""
        return Share("All in flight", self._tokens, self._money_usd)

    def check(self, share: Share) -> None:
        """Raise SpentError where a share is more than is left; nothing is set aside."""
        with self._lock:
            self._check(share)

    def set_aside(self, share: Share) -> None:
        """Set a share aside before its request is sent. Raises SpentError where it is more than is left."""
        with self._lock:
            self._check(share)
            self._add(share, 1)

    def give_back(self, share: Share) -> None:
        """Give back what was set aside for a request that came to no end."""
        with self._lock:
            self._add(share, -1)

    def settle(self, share: Share, one: Exchange) -> None:
        """Put an exchange on record, with what it did cost, in the place of the share that was set aside for it."""
        with self._lock:
            self._add(share, -1)
            self.exchanges.add(one)

    def _check(self, share: Share) -> None:
        left = _left(self.budget.tokens, self.exchanges.tokens + self._tokens)
        if share.tokens > left:
            raise SpentError(
                f"{share.what} takes up to {share.tokens} tokens, and {left:.0f} are left in limits.tokens."
            )
        money = _left(self.budget.money_usd, self.exchanges.money_usd + self._money_usd)
        if share.money_usd > money:
            raise SpentError(
                f"{share.what} costs up to {_shown(share.money_usd)} dollars, and {_shown(money)} are left in "
                "limits.money_usd."
            )

    def _add(self, share: Share, times: int) -> None:
        self._tokens += times * share.tokens
        self._money_usd = round(self._money_usd + times * share.money_usd, 8)


def purse_of(job: Job, exchanges: Exchanges) -> Purse:
    """Return the purse that a job fills, for what stands in `exchanges`."""
    limits = job.limits
    return Purse(exchanges, Budget(limits.tokens, limits.money_usd), job.policy.price or Price())


def ask_in_turn(keys: Sequence[Key], ask: Callable[[list[Key]], Mapping[Key, Answer]]) -> dict[Key, Answer]:
    """Return what `ask` answers for each key, several asked at a time.

    A request is set aside with the most that it may cost. Those for which that was too much (a SpentError stands for
    their answer) are asked again once the others have been settled, for as long as any goes through.
    """
    out: dict[Key, Answer] = {}
    todo = list(keys)
    while todo:
        out |= ask(todo)
        left = [key for key in todo if isinstance(out[key], SpentError)]
        todo = left if len(left) < len(todo) else []
    return out


def ask_all(items: Sequence[Item], ask: Callable[[Item], Answer], in_flight: int) -> list[Answer]:
    """Return what `ask` returns for each item, in order, `in_flight` at a time; see `ask_in_turn`."""
    with ThreadPoolExecutor(in_flight) as pool:

        def together(places: list[int]) -> dict[int, Answer]:
            return dict(zip(places, pool.map(lambda at: ask(items[at]), places), strict=True))

        out = ask_in_turn(range(len(items)), together)
    return [out[at] for at in range(len(items))]


def _left(limit: float | None, spent: float) -> float:
    return math.inf if limit is None else max(0.0, round(limit - spent, 8))


def _shown(money_usd: float) -> str:
    return f"{money_usd:.6f}".rstrip("0").rstrip(".")
