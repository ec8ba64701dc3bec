"""The vectors of the literature in Chroma: a cache, built from the notes when it is first needed, never repaired.

A folder is named by the digest of all that went into it, so a changed note or another encoder makes another folder. It
is built beside its place under a lock and then moved there: whoever finds it, finds it whole. Chroma is used through
its embedded client only; its server is never started.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from memory import locks
from memory.errors import UsageError

Vector = NDArray[np.float32]
Say = Callable[[dict[str, Any]], None]
Progress = Callable[[int], None]
_PATIENCE_S = 600.0
"""How long another process may take to build the same index."""
_BATCH = 256


class Encoder(Protocol):
    """What turns texts into vectors."""

    name: str
    digest: str
    """Names everything that can change a vector."""

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vector:
        """Return one unit vector a text, (texts, dimensions); `progress` is told how many are done."""


class _BrokenError(Exception):
    """A folder is no whole index that can be opened here."""


class Store:
    """An open folder of vectors: the passages of every note, and the words of the vocabulary."""

    def __init__(self, folder: Path, size: int, scratch: tempfile.TemporaryDirectory[str] | None = None) -> None:
        """Open a folder that is whole. `scratch` is thrown away when the store is closed."""
        if not (folder / "chroma.sqlite3").is_file():  # Chroma would make a new one
            raise _BrokenError(f"{folder} holds no index")
        self.folder, self._scratch = folder, scratch
        self._client: Any = None
        try:
            self._client = _client(folder)
            self._passages = self._client.get_collection("passages", embedding_function=None)
            self._words = self._client.get_collection("words", embedding_function=None)
            there = self._passages.count()
        except Exception as problem:
            self._let_go()
            raise _BrokenError(f"{folder} cannot be opened: {problem}") from problem
        if there != size:
            self._let_go()
            raise _BrokenError(f"{folder} holds {there} passages, not {size}")

    @classmethod
    def open(cls, cache: Path, digest: str, content: Content, encoder: Encoder, say: Say) -> Self:
        """Open the index named by `digest`, and build it first where it is missing or broken.

        Where the cache cannot be written to, a copy or a new index lives in a temporary folder as long as this process.
        Raises UsageError when the encoder cannot run.
        """
        folder, size = cache / f"literature-{digest[:16]}", len(content.passages)
        with suppress(_BrokenError):
            return cls(folder, size)
        if _is_writable(cache):
            try:
                with locks.held(cache / "literature.lock", _PATIENCE_S):
                    return cls._build(folder, content, encoder, say)
            except locks.BusyError as problem:
                raise UsageError(
                    "Another process has been building the index of the literature for ten minutes.", where=str(cache)
                ) from problem
        scratch = tempfile.TemporaryDirectory(prefix="augplan-index-")
        place = Path(scratch.name) / folder.name
        if folder.is_dir():
            _copy(folder, place)  # whole, but Chroma opens no folder that it cannot write to
        return cls._build(place, content, encoder, say, scratch)

    @classmethod
    def _build(
        cls,
        folder: Path,
        content: Content,
        encoder: Encoder,
        say: Say,
        scratch: tempfile.TemporaryDirectory[str] | None = None,
    ) -> Self:
        try:
            return cls(folder, len(content.passages), scratch)  # somebody else was faster, or a copy serves
        except _BrokenError:
            texts = [*content.texts, *content.words.values()]
            vectors = encoder.encode(texts, lambda done: say({"node": "index", "done": done, "of": len(texts)}))
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        _write(partial, content, vectors)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        return cls(folder, len(content.passages), scratch)

    def nearest(self, vector: Vector, most: int) -> dict[str, list[float]]:
        """Return key -> cosines of its passages among the `most` that are nearest to `vector`, the highest first."""
        found = self._passages.query(query_embeddings=[vector], n_results=most, include=["distances"])
        near: dict[str, list[float]] = {}
        for name, distance in zip(found["ids"][0], found["distances"][0], strict=True):
            near.setdefault(name.split("#")[0], []).append(1.0 - distance)
        return near

    def vectors(self, names: Sequence[str]) -> Vector:
        """Return the vectors of words of the vocabulary, in the order asked for."""
        found = self._words.get(ids=list(names), include=["embeddings"])
        place = {name: at for at, name in enumerate(found["ids"])}
        embeddings = np.asarray(found["embeddings"], np.float32)
        return embeddings[[place[name] for name in names]]

    def close(self) -> None:
        """Let go of the folder; a temporary one is removed."""
        self._let_go()
        if self._scratch is not None:
            self._scratch.cleanup()

    def _let_go(self) -> None:
        if self._client is not None:
            self._client.close()


class Content:
    """What an index is built from."""

    def __init__(self, passages: Sequence[tuple[str, str]], words: Mapping[str, str]) -> None:
        """Keep passages as (key of the note, text), and name -> phrase of the vocabulary."""
        self.passages, self.words = passages, words

    @property
    def texts(self) -> list[str]:
        """The texts of all passages."""
        return [text for _, text in self.passages]


def _is_writable(cache: Path) -> bool:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "literature.lock").open("ab").close()
    except OSError:
        return False
    return True


def _copy(folder: Path, place: Path) -> None:
    """Copy a folder so that the copy can be written to, whatever the rights of the original."""
    for source in sorted(folder.rglob("*")):
        target = place / source.relative_to(folder)
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _client(folder: Path) -> Any:
    """Return Chroma's embedded client; its telemetry is off, and its own embedder is never asked for."""
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _write(folder: Path, content: Content, vectors: Vector) -> None:
    client, count = _client(folder), len(content.passages)
    try:
        # An exhaustive search: there are few passages, and the same question must get the same answer.
        space = {"hnsw": {"space": "cosine", "ef_search": count + 100}}
        passages = client.create_collection("passages", embedding_function=None, configuration=space)
        for start in range(0, count, _BATCH):
            part = content.passages[start : start + _BATCH]
            passages.add(
                ids=[f"{key}#{start + at}" for at, (key, _) in enumerate(part)],
                embeddings=vectors[start : start + len(part)],
                documents=[text for _, text in part],
            )
        words = client.create_collection("words", embedding_function=None)
        words.add(ids=list(content.words), embeddings=vectors[count:], documents=list(content.words.values()))
    finally:
        client.close()
