"""The language model of the run as a writer: many prompts at once, one checked text or a refusal for each."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from threading import Lock

from memory.digests import digest
from memory.errors import ModelError, UsageError
from memory.exchanges import Message, Reply, Request
from memory.job import Policy
from prompts.render import render
from tools.engines.engine import Place
from tools.kernels.words import FUNCTION_WORDS, edges
from tools.models.asker import Asker, json_of
from tools.models.purse import ask_in_turn
from tools.weights.hub import how_to_get
from tools.weights.table import serving, why_forbidden

PROMPTS = (
    "writer",
    "paraphrase",
    "paraphrase_hinted",
    "write_examples",
    "write_by_attributes",
    "write_boundary",
    "write_back_translation",
    "write_counterfactual",
    "mix_languages",
    "write_transcript",
)
"""Prompts that a writer is asked with; the first holds the rules and goes before every other."""
MOST_CHARACTERS = 8_000
"""A longer item is not sent: what is cut off in a prompt is lost without a word."""
ENGINES = ("writer", "written_speech")
"""Engines whose tools ask the language model of the run for every sample."""
_MOST_LABEL = 200
SPARE_TOKENS = 512
"""Room for the JSON around a text, and for models that think before they write."""
_TAG = re.compile(r"[<\uFF1C\uFE64](?=\s*/?\s*(?:text|label|other|words|earlier)\b)", re.IGNORECASE)
_HARMLESS = "\u2039"
"""A single angle quotation mark: it looks like a bracket and is none."""
_CANNOT = r"can['\u2019]t|can ?not|won['\u2019]t|am unable to|am not able to"
_REFUSAL = re.compile(
    r"\W*(?:as an ai\b|(?:i(?:['\u2019]| a)m (?:very )?sorry,? but |sorry,? (?:but )?)?"
    rf"i (?:{_CANNOT}) (?:assist|comply|fulfil|help|provide|generate|write|rewrite|paraphrase|translate)\w* "
    r"(?:you )?(?:with )?(?:this|that|your|such)\b)",
    re.IGNORECASE,
)
_TOPICS = 40
_ROWS = 4096


@dataclass(frozen=True)
class Ask:
    """What is asked for one item."""

    prompt: str
    """One of PROMPTS."""
    slots: Mapping[str, str]
    """What fills it, the item as `text`; tags of prompts in it are made harmless (`harmless`)."""
    longest: int
    """Most characters of an answer; a longer one is refused."""
    seed: int
    temperature: float
    unlike: tuple[str, ...] = ()
    """Texts that an answer may not repeat."""
    first: str | None = None
    """A field that is answered before the text and thrown away, such as a translation on the way."""


class Writer:
    """Writes through one asker. Several threads may write at once: an asker keeps them apart."""

    def __init__(
        self, asker: Asker, labels: Sequence[str], topics: Callable[[], Mapping[str, Sequence[str]]] = dict
    ) -> None:
        """Keep the known `labels`; `topics` gives label -> words that are typical of it, and is called at most once."""
        self.asker, self.labels = asker, tuple(labels)
        self._topics_of, self._lock, self._shared = topics, Lock(), Lock()
        texts = {name: resources.files("prompts").joinpath(f"{name}.md").read_text("utf-8") for name in PROMPTS}
        self.digest = f"{asker.model}@{digest(texts)[:16]}"

    def topics(self, label: str) -> Sequence[str]:
        """Return words of the training texts that are typical of a label, the most telling first; () for an unknown."""
        with self._lock:
            return self._topics.get(label, ())

    @cached_property
    def _topics(self) -> Mapping[str, Sequence[str]]:
        return self._topics_of()

    def write(self, purpose: str, asks: Sequence[Ask | None]) -> list[str | None]:
        """Return one text an ask, in order; None for an ask that is None, and where there is no usable answer.

        Blank items and those over MOST_CHARACTERS are not sent. An answer is unusable when it is empty, cut off or too
        long, refuses, keeps tags of the prompt, or repeats what it must be unlike. A request that fails costs its own
        item only; what the budget does not cover is not sent. Why stands in the record of exchanges.
        """
        requests = [self._request(one) if one is not None and _may_be_sent(one) else None for one in asks]
        replies = replies_to(self.asker, purpose, {one.key: one for one in requests if one is not None})
        return [
            None if ask is None or request is None else _usable(replies[request.key], ask)
            for ask, request in zip(asks, requests, strict=True)
        ]

    def write_shared(self, purpose: str, asks: Sequence[Ask | None]) -> list[str | None]:
        """Do what `write` does with requests that other threads may make too: each is sent once, and all hear the same.

        Otherwise two answers to one request could both be used, and the record would give only the first again.
        """
        with self._shared:
            return self.write(purpose, asks)

    def _request(self, ask: Ask) -> Request:
        slots = {name: harmless(value) for name, value in ask.slots.items()}
        messages = (
            Message(role="system", content=render(PROMPTS[0]).text),
            Message(role="user", content=render(ask.prompt, **slots).text),
        )
        return Request(
            model=self.asker.model,
            messages=messages,
            reply_schema=_schema(ask),
            max_tokens=SPARE_TOKENS + ask.longest * (2 if ask.first else 1),
            temperature=ask.temperature,
            seed=ask.seed,
        )


def replies_to(asker: Asker, purpose: str, requests: Mapping[str, Request]) -> dict[str, Reply | ModelError]:
    """Return the reply to each request by its key; equal requests are one. See `tools.models.purse.ask_in_turn`."""

    def together(keys: list[str]) -> dict[str, Reply | ModelError]:
        return dict(zip(keys, asker.write_all(purpose, [requests[key] for key in keys]), strict=True))

    return ask_in_turn(list(requests), together)


def why_missing(policy: Policy) -> str | None:
    """Return how to name a language model where the job names none, or what keeps the named one away; else None."""
    if policy.model is None:
        first = serving("writer")[0]
        return (
            "policy.model names no language model; name one at an endpoint (openai:NAME, with remote: allow), a folder "
            f"or hub id of a transformers model, or {first.name}: {how_to_get(first)}"
        )
    from tools.models.choose import why_missing as why_no_model

    return why_forbidden(policy.model, policy) or why_no_model(policy.model, policy.remote == "allow")


def build(place: Place) -> Writer:
    """Return the writer of a run. Raises UsageError where the job names no language model."""
    if place.asker is None:
        raise UsageError(why_missing(place.policy) or "This run has no language model.", where="policy.model")
    column = place.dataset.column("label")
    labels = sorted({str(column[row]) for row in place.coverage.train.tolist() if column[row] is not None})
    return Writer(place.asker, labels, lambda: typical_words(place))


def harmless(data: str) -> str:
    """Return data in which no tag of a prompt opens or closes: its bracket becomes another sign. Always valid UTF-8."""
    return _TAG.sub(_HARMLESS, data.encode("utf-8", "replace").decode())


def one_line(label: str) -> str:
    """Return a label as it stands in a prompt: one line, at most 200 characters."""
    return " ".join(label.split())[:_MOST_LABEL]


def size(text: str, share: float) -> str:
    """Return a length in words, `share` times that of a text: of few words in scripts without spaces, in characters."""
    words = len(text.split())
    if words > 1 or len(text) < 20:
        wanted = max(1, round(share * words))
        return f"about {wanted} word{'s' if wanted > 1 else ''}"
    return f"about {max(1, round(share * len(text)))} characters"


def typical_words(place: Place) -> dict[str, tuple[str, ...]]:
    """Return label -> at most 40 words typical of its training texts, the most telling first.

    A word scores df ln((df + 1) (N' + 2) / ((df' + 1) (N + 2))), where df of the N texts of the label hold it and df'
    of the N' others. Only positive scores count, and only words of three or more letters that two texts of the label
    hold; English function words are left out.
    """
    labels, rows = place.dataset.column("label"), place.coverage.train.tolist()
    counts: dict[str, Counter[str]] = {}
    sizes: Counter[str] = Counter()
    for start in range(0, len(rows), _ROWS):
        part = [row for row in rows[start : start + _ROWS] if labels[row] is not None]
        for row, text in zip(part, place.dataset.payloads(part), strict=True):
            sizes[str(labels[row])] += 1
            counts.setdefault(str(labels[row]), Counter()).update(_words(str(text)))
    total = sum(counts.values(), Counter[str]())
    return {label: _telling(own, total, sizes[label], sizes.total()) for label, own in counts.items()}


def _words(text: str) -> set[str]:
    found = {edges(word)[1] for word in text.lower().split()}
    return {word for word in found if len(word) > 2 and word.isalpha() and word not in FUNCTION_WORDS}


def _telling(own: Counter[str], total: Counter[str], size: int, all_sizes: int) -> tuple[str, ...]:
    scores = {
        word: df * math.log((df + 1) * (all_sizes - size + 2) / ((total[word] - df + 1) * (size + 2)))
        for word, df in own.items()
        if df > 1
    }
    best = sorted((word for word, score in scores.items() if score > 0), key=lambda word: (-scores[word], word))
    return tuple(best[:_TOPICS])


def _may_be_sent(ask: Ask) -> bool:
    text = ask.slots["text"]
    return bool(text.strip()) and len(text) <= MOST_CHARACTERS


def _schema(ask: Ask) -> dict[str, object]:
    names = ["text"] if ask.first is None else [ask.first, "text"]
    most = 1 << ask.longest.bit_length()  # few schemas: an endpoint takes seconds to read a new one
    fields = {name: {"type": "string", "minLength": 1, "maxLength": most} for name in names}
    return {
        "title": "Written",
        "type": "object",
        "properties": fields,
        "required": names,
        "additionalProperties": False,
    }


def _usable(reply: Reply | ModelError, ask: Ask) -> str | None:
    """Return the text of a reply, or None where it cannot be used."""
    if isinstance(reply, ModelError) or reply.finish != "stop":
        return None
    try:
        answer = json.loads(json_of(reply.text))
    except (ValueError, RecursionError):
        return None
    text = answer.get("text") if isinstance(answer, dict) else None
    text = text.strip() if isinstance(text, str) else ""
    if not text or len(text) > ask.longest or _TAG.search(text):
        return None
    if _REFUSAL.match(text) and not any(_REFUSAL.match(one) for one in ask.unlike):
        return None
    return None if _plain(text) in {_plain(one) for one in ask.unlike} else text


def _plain(text: str) -> str:
    """Return a text without what makes no other text of it: case, and white space but single spaces."""
    return " ".join(text.casefold().split())
