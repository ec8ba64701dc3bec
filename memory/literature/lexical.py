"""Ranking by words: BM25 in SQLite's full-text index, over Porter stems (Robertson & Zaragoza 2009)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Self

_STOP = """
a about all am an and any are as at be been but by can could did do does each every for from get got had has have how i
if in into is it its just make may me more most much my need no not of on one only or other our out own s should so some
still such t than that the their them then there these they this those to too up us use very was we were what when where
which while who why will with without would you your
"""
"""Words that say nothing of what is looked for."""


class Lexical:
    """Documents of a few weighted fields, held in memory and built in milliseconds."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Make an index of the fields named in `weights`; a word counts as much as its field weighs."""
        self._weights = MappingProxyType(dict(weights))
        self._stop = frozenset(_STOP.split())
        columns = ", ".join(f'"{name}"' for name in self._weights)
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE documents USING fts5(key UNINDEXED, {columns}, tokenize='porter unicode61')"
        )

    def add(self, documents: Iterable[tuple[str, Mapping[str, str]]]) -> Self:
        """Add documents as (key, field -> text)."""
        places = ", ".join("?" * (len(self._weights) + 1))
        rows = [(key, *(fields[name] for name in self._weights)) for key, fields in documents]
        self._connection.executemany(f"INSERT INTO documents VALUES ({places})", rows)  # noqa: S608  question marks
        return self

    def scores(self, text: str) -> dict[str, float]:
        """Return key -> BM25 score of every document that shares a word with `text`; higher is better, all above 0."""
        words = dict.fromkeys(word for word in re.findall(r"\w+", text.lower()) if word not in self._stop)
        if not words:
            return {}
        weights = ", ".join(str(weight) for weight in (0.0, *self._weights.values()))
        found = self._connection.execute(
            f"SELECT key, bm25(documents, {weights}) FROM documents WHERE documents MATCH ?",  # noqa: S608  numbers
            (" OR ".join(f'"{word}"' for word in words),),
        )
        return {key: -score for key, score in found}

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()
