"""Search in the literature: by meaning and by words, with a score that is a probability.

    question ─┬─ meaning: mean cosine of the three nearest passages of a note (Chroma)  ─┐
              ├─ words:   BM25 over note and vocabulary (SQLite)                         ├─▶ logistic ─▶ score
              └─ what is known of the dataset: situations, task, families                ─┘

The score says how likely it is that a note answers the question; a low best score says that none does. Its weights were
fitted on the development half of `tests/benchmarks/queries.jsonl` (`retrieval.py --fit`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field

from memory.digests import digest
from memory.errors import UsageError
from memory.literature.lexical import Lexical
from memory.literature.notes import Note
from memory.literature.passages import FIELDS, fields, passages, phrase
from memory.literature.store import Content, Encoder, Say, Store, Vector
from memory.literature.vocabulary import Vocabulary
from memory.records import Modality, Record

_FORM = 1
"""Raised when passages are made or stored in another way."""
NEAREST = 3
"""Passages of a note that its cosine is the mean of."""
_MOST = 250
"""Passages that a question is compared with; a note without any among them counts as far as the last of them."""
HYBRID = (-10.2, 12.6, 1.9)
"""Intercept, weight of the cosine, weight of the square root of BM25."""
LEXICAL = (-7.3, 0.0, 2.5)
"""The same where there is no encoder."""
KNOWN = 1.5
"""Weight of the share of what is known that a note is tagged with."""
ANSWERED = 0.2
"""A best score under this says that the literature has no answer."""


class Query(Record):
    """A question: in words, by what is known of a dataset, or both."""

    words: str = ""
    known: tuple[str, ...] = ()
    """Names of the vocabulary that hold: `tasks:keyword-spotting`, `situations:few-shot`, `families:noise`."""
    modality: Modality | None = None
    """Only notes of this modality are searched; None means all."""
    within: tuple[str, ...] = ()
    """Situations of which a note must be for at least one; () means any note."""
    only: tuple[str, ...] | None = None
    """Keys of the notes to search; None means all."""


class Found(Record):
    """One note that a search found."""

    key: str
    score: float = Field(ge=0, le=1)
    """Probability that the note answers the question."""
    cosine: float | None = None
    """Mean cosine of the passages nearest in meaning; None where there is no encoder."""
    bm25: float = 0.0


class Index:
    """The literature, open for search."""

    def __init__(
        self,
        notes: Mapping[str, Note],
        words: Vocabulary,
        store: Store | None,
        encoder: Encoder | None,
        why: str | None,
    ) -> None:
        """Use `open`, which finds out what there is."""
        self._notes, self._store, self._encoder = notes, store, encoder
        self._phrases = {name: phrase(name, word) for name, word in words.words()}
        self.why_lexical = why
        """Why meaning is not compared, or None."""
        self.digest = index_digest(notes, words, encoder if store else None)
        self._tags = {key: _tags(note, words) for key, note in notes.items()}
        documents = ((key, fields(note, words)) for key, note in notes.items())
        self._lexical = Lexical(dict.fromkeys(FIELDS, 1.0)).add(documents)

    @classmethod
    def open(
        cls,
        cache: Path,
        notes: Mapping[str, Note],
        words: Vocabulary,
        encoder: Encoder | None,
        say: Say = lambda _event: None,
        *,
        why: str | None = None,
    ) -> Self:
        """Open the index kept in `cache`, and build it where it is missing or anything it rests on has changed.

        Without an encoder only words are compared, and `why_lexical` gives `why`. Raises UsageError when the
        encoder is there and cannot run.
        """
        if encoder is None:
            return cls(notes, words, None, None, why or "no encoder was asked for")
        content = Content(
            [(key, text) for key, note in notes.items() for text in passages(note)],
            {name: phrase(name, word) for name, word in words.words()},
        )
        store = Store.open(cache, index_digest(notes, words, encoder), content, encoder, say)
        return cls(notes, words, store, encoder, None)

    @property
    def ranking(self) -> Literal["hybrid", "lexical"]:
        """Whether meaning and words are compared, or words only."""
        return "hybrid" if self._store else "lexical"

    def search(self, query: Query, limit: int | None = None) -> list[Found]:
        """Return notes, the likeliest answer first; all that pass the filters where there is no limit.

        Raises UsageError for a question without words and without anything known, and for an unknown name.
        """
        self._check(query)
        keys = [key for key, note in self._notes.items() if _passes(note, query)]
        cosines = self._cosines(query, keys) if self._store else {}
        bm25 = self._lexical.scores(self._spelled(query))
        found = [self._found(key, cosines.get(key), bm25.get(key, 0.0), query) for key in keys]
        return sorted(found, key=lambda one: (-one.score, one.key))[:limit]

    def close(self) -> None:
        """Let go of the files."""
        self._lexical.close()
        if self._store:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, query: Query) -> None:
        for name in (*query.known, *(f"situations:{name}" for name in query.within)):
            if name not in self._phrases:
                kind, bare = name.split(":")
                there = ", ".join(other.split(":")[1] for other in self._phrases if other.startswith(f"{kind}:"))
                raise UsageError(f"There is no {bare!r} among the {kind}; there are: {there}.")
        if not query.words.strip() and not query.known:
            raise UsageError("A search needs words; say what you look for.")

    def _spelled(self, query: Query) -> str:
        return " ".join([query.words, *(self._phrases[name] for name in query.known)])

    def _cosines(self, query: Query, keys: Sequence[str]) -> dict[str, float]:
        """Return the mean cosine of every note over the parts of a question: its words, and each thing known."""
        parts = self._vectors(query)
        total = dict.fromkeys(keys, 0.0)
        assert self._store is not None, "asked for with a store only"
        for vector in parts:
            near = self._store.nearest(vector, _MOST)
            last = min((cosine for cosines in near.values() for cosine in cosines), default=0.0)
            for key in keys:
                best = [*near.get(key, [])[:NEAREST], *[last] * NEAREST][:NEAREST]
                total[key] += sum(best) / NEAREST
        return {key: value / len(parts) for key, value in total.items()}

    def _vectors(self, query: Query) -> list[Vector]:
        """Return a vector for the words, made by the encoder, and one for all that is known, which are kept."""
        assert self._store is not None, "asked for with a store only"
        assert self._encoder is not None, "a store has an encoder"
        vectors = list(self._encoder.encode([query.words])) if query.words.strip() else []
        if query.known:
            mean = self._store.vectors(query.known).mean(axis=0)
            vectors.append(mean / np.linalg.norm(mean))
        return vectors

    def _found(self, key: str, cosine: float | None, bm25: float, query: Query) -> Found:
        intercept, by_meaning, by_words = LEXICAL if cosine is None else HYBRID
        share = len(self._tags[key] & set(query.known)) / max(1, len(query.known))
        at = intercept + by_meaning * (cosine or 0.0) + by_words * math.sqrt(bm25) + KNOWN * share
        score = round(1.0 / (1.0 + math.exp(-at)), 4)
        return Found(key=key, score=score, cosine=None if cosine is None else round(cosine, 4), bm25=round(bm25, 3))


def index_digest(notes: Mapping[str, Note], words: Vocabulary, encoder: Encoder | None) -> str:
    """Return what names an index: the notes, the vocabulary, the encoder, and how passages are made of them."""
    content = [note.model_dump(mode="json") for note in notes.values()]
    made_by = None if encoder is None else encoder.digest
    return digest({"form": _FORM, "notes": content, "words": words.model_dump(mode="json"), "encoder": made_by})


def _tags(note: Note, words: Vocabulary) -> set[str]:
    """Return the names of the vocabulary that hold for a note, as a query gives them."""
    families = {wider for family in note.families for wider in words.lineage(family)}
    named = (("families", families), ("situations", note.applies_when), ("tasks", note.tasks))
    return {f"{kind}:{name}" for kind, names in named for name in names}


def _passes(note: Note, query: Query) -> bool:
    return (
        (query.modality is None or query.modality in note.modalities)
        and (query.only is None or note.key in query.only)
        and (not query.within or bool(set(query.within) & set(note.applies_when)))
    )
