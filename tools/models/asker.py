"""`ask` a model for a record, or for text: checked, repaired, paid for within limits, and written down.

request ─▶ answered before? ─▶ recorded elsewhere? ─▶ within the limits? ─▶ source ─▶ exchanges.jsonl
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from memory.errors import ModelError
from memory.exchanges import Exchange, Exchanges, Message, Reply, Request, now
from prompts.render import render
from tools.models import tokens
from tools.models.purse import Budget, Purse, Share
from tools.models.schema import in_words
from tools.models.source import Source

Answer = TypeVar("Answer", bound=BaseModel)
REPAIRS = 2
"""Times that an unusable answer goes back with the reasons."""
_STUCK_TEMPERATURE = 0.7
"""Of the last repair: the likeliest words were of no use by then."""
SHOWN_BACK = 6_000
"""Characters of an unusable answer that its author sees again."""
MOST_PROBLEMS = 12
_TOGETHER = 64
"""Questions that are paid for and written down together: what a kill can cost."""


@dataclass(frozen=True)
class Asked(Generic[Answer]):
    """A usable answer, and what it took."""

    value: Answer
    exchanges: tuple[str, ...]
    """Keys of the requests that led to it, in order."""
    repaired: tuple[tuple[str, ...], ...] = ()
    """What was wrong with each answer before it."""


class Asker:
    """Asks one source within one budget, and keeps every exchange. Threads may ask at the same time."""

    def __init__(
        self,
        exchanges: Exchanges,
        source: Source | None = None,
        recorded: Exchanges | None = None,
        *,
        purse: Purse | None = None,
        budget: Budget | None = None,
        model: str = "",
    ) -> None:
        """Keep whom to ask; nothing is sent before it is asked.

        `source` None: only what was recorded can be heard. `recorded`: exchanges of an earlier run; a request that
        stands there is answered from there. `purse`: shared with all that the job pays for; None: one of its own, with
        this `budget`. `model`: its name in requests; that of the source where none is given.
        """
        self.exchanges, self.source, self.recorded = exchanges, source, recorded
        self.purse = purse or Purse(exchanges, budget or Budget())
        self.model = model or (source.name if source is not None else "")

    def ask(
        self,
        purpose: str,
        messages: Sequence[Message],
        answer: type[Answer],
        check: Callable[[Answer], Sequence[str]] = lambda _value: (),
        max_tokens: int = 2_048,
    ) -> Asked[Answer]:
        """Return an `answer` that fits its schema and passes `check`, which names what is wrong with it.

        An unusable answer goes back with the reasons, `REPAIRS` times. Raises ModelError with the reasons then, and at
        once where the model gives no answer; SpentError where the budget does not cover the question.
        """
        said, keys, repaired = list(messages), list[str](), list[tuple[str, ...]]()
        schema = answer.model_json_schema()
        for turn in range(REPAIRS + 1):
            request = Request(
                model=self.model,
                messages=tuple(said),
                reply_schema=schema,
                max_tokens=max_tokens,
                temperature=_STUCK_TEMPERATURE if turn == REPAIRS else 0.0,
                seed=turn,  # the same answer twice leads to the same words, and is still another question
            )
            reply = self._reply(purpose, request)
            keys.append(request.key)
            value, problems = _read(reply, answer, check)
            if value is not None:
                return Asked(value, tuple(keys), tuple(repaired))
            repaired.append(tuple(problems))
            said = [*messages, Message(role="assistant", content=reply.text[:SHOWN_BACK] or "(nothing)")]
            told = render("repair", problems=_listed(problems)).text
            if not json_of(reply.text).startswith("{"):  # a server that passes schemas over has not shown it this one
                told += f"\n\n{in_words(schema)}"
            said.append(Message(role="user", content=told))
        raise ModelError(f"No usable answer to {purpose!r} in {len(keys)} tries: {problems[0]}", problems=problems)

    def write(
        self,
        purpose: str,
        messages: Sequence[Message],
        max_tokens: int = 1_024,
        on_text: Callable[[str], None] | None = None,
    ) -> str:
        """Return plain text; `on_text` is handed pieces of it as they come. Raises as `ask` does."""
        request = Request(model=self.model, messages=tuple(messages), max_tokens=max_tokens)
        return self._reply(purpose, request, on_text).text

    def write_all(self, purpose: str, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Return one reply a request, in order, or why there is none; many are asked at once.

        The same request is asked once. What the budget does not cover is not sent: those get a SpentError.
        """
        keys = [request.key for request in requests]
        todo = dict(zip(keys, requests, strict=True))
        out: dict[str, Reply | ModelError] = {}
        for start in range(0, len(todo), _TOGETHER):
            out |= self._group(purpose, dict(list(todo.items())[start : start + _TOGETHER]))
        return [out[key] for key in keys]

    # --- one exchange ---------------------------------------------------------------------------------

    def _reply(self, purpose: str, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        known = self._known(purpose, request)
        if isinstance(known, ModelError):
            raise known
        if known is not None:
            if on_text is not None:
                on_text(known.text)
            return known
        share = self._reserve(request)
        assert self.source is not None, "without a source nothing is reserved"
        began = time.perf_counter()
        try:
            reply: Reply | ModelError = self.source.complete(request, on_text)
        except ModelError as problem:
            reply = problem
        except BaseException:
            self.purse.give_back(share)
            raise
        self._settle(purpose, request, share, reply, time.perf_counter() - began)
        if isinstance(reply, ModelError):
            raise reply
        return reply

    def _group(self, purpose: str, requests: Mapping[str, Request]) -> dict[str, Reply | ModelError]:
        """Return key -> answer, from the record or from the source in one go, for requests by their keys."""
        out: dict[str, Reply | ModelError] = {}
        shares: dict[str, Share] = {}
        for key, request in requests.items():
            known = self._known(purpose, request)
            if known is not None:
                out[key] = known
                continue
            try:
                shares[key] = self._reserve(request)
            except ModelError as problem:
                out[key] = problem
        began = time.perf_counter()
        for key, reply in zip(shares, self._all_of(requests, shares), strict=True):
            seconds = (time.perf_counter() - began) / len(shares)
            self._settle(purpose, requests[key], shares[key], reply, seconds)
            out[key] = reply
        return out

    def _all_of(self, requests: Mapping[str, Request], shares: Mapping[str, Share]) -> list[Reply | ModelError]:
        """Return the answers of the source to the requests for which a share was set aside."""
        if self.source is None or not shares:
            return []
        try:
            return self.source.complete_all([requests[key] for key in shares])
        except BaseException:
            for share in shares.values():
                self.purse.give_back(share)
            raise

    def _known(self, purpose: str, request: Request) -> Reply | ModelError | None:
        """Return what is on record: this run's own answer, or what the run that is replayed was told, failures too."""
        known = self.exchanges.recall(purpose, request.key, self.recorded)
        return None if known is None else known.reply or ModelError(str(known.problem))

    def _reserve(self, request: Request) -> Share:
        """Set aside what a request may cost at most. Raises SpentError where that is more than is left."""
        asked, answered = tokens.asked(request), request.max_tokens  # asked: by a cautious estimate
        share = Share("A question", asked + answered, self.purse.price.of(asked, answered))
        if self.source is None:
            self.purse.check(share)
            raise ModelError(
                "The record holds no answer to this request: the run has left what was recorded. Replay it with "
                "the same job, seed and version."
            )
        self.purse.set_aside(share)
        return share

    def _settle(self, purpose: str, request: Request, share: Share, reply: Reply | ModelError, seconds: float) -> None:
        assert self.source is not None, "only a source settles"
        spent = reply if isinstance(reply, Reply) else None
        one = Exchange(
            key=request.key,
            at=now(),
            purpose=purpose,
            to=self.source.to,
            request=request,
            reply=spent,
            problem=str(reply) if isinstance(reply, ModelError) else None,
            money_usd=0.0 if spent is None else self.purse.price.of(spent.tokens_in, spent.tokens_out),
            seconds=round(seconds, 3),
        )
        self.purse.settle(share, one)


def _read(
    reply: Reply, answer: type[Answer], check: Callable[[Answer], Sequence[str]]
) -> tuple[Answer | None, list[str]]:
    """Return the record that a reply holds, or what is wrong with it."""
    if reply.finish == "refused":
        return None, ["You refused. If the task cannot be done, fill in the answer and say so in its words."]
    try:
        value = answer.model_validate_json(json_of(reply.text))
    except ValidationError as problem:
        cut = ["The answer was cut off; give a shorter one."] if reply.finish == "length" else []
        return None, cut + [_told(one) for one in problem.errors()[:MOST_PROBLEMS]]
    problems = list(check(value))[:MOST_PROBLEMS]
    return (None, problems) if problems else (value, [])


def json_of(text: str) -> str:
    """Return the JSON object in a text: servers without schemas wrap it in prose or in a fenced block."""
    low, high = text.find("{"), text.rfind("}")
    found = text[low : high + 1] if 0 <= low < high else text
    try:
        return json.dumps(json.loads(found))
    except (ValueError, RecursionError):
        return found


def _told(problem: object) -> str:
    assert isinstance(problem, dict), "pydantic names each error by its place and message"
    place = ".".join(str(part) for part in problem["loc"]) or "the answer"
    return f"{place}: {problem['msg']}."


def _listed(problems: Sequence[str]) -> str:
    return "\n".join(f"- {one}" for one in problems)
