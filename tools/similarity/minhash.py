"""Texts that nearly repeat each other: MinHash finds candidates, their shingle sets decide.

The similarity of two texts is the Jaccard index of their sets of character 5-grams (shingles), after case
folding and with runs of white space as one space. A text of fewer than five characters is its own shingle.
Candidates share one of 26 bands of five MinHash values (Broder 1997; Leskovec, Rajaraman & Ullman 2014,
section 3.4), so a pair at the threshold of 0.8 is missed with probability (1 - 0.8^5)^26 = 3e-5. Bitmaps of the
shingles rule most false candidates out without losing a true one (Sandes, Teodoro & Melo 2018, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.seeds import generator

SHINGLE = 5
BANDS = 26
ROWS = 5
THRESHOLD = 0.8
_GAP = "\0" * SHINGLE
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FINISH = np.uint64(0xBF58476D1CE4E5B9)
_BITS = 512
_BLOCK = 1 << 16
"""Characters hashed at a time; a block stays in the processor's cache."""
_VERIFY = 1 << 20
"""Shingles compared at a time."""
_CROWDED = 1024
"""Pairs per text, counted in every band, beyond which a batch is halved before its texts meet each other."""
_TEXT_BITS = 12
_TEXT = (1 << _TEXT_BITS) - 1
"""Low bits that hold a text's place in its batch, so that one fast sort of whole numbers orders keys and texts."""
Ints = NDArray[np.int64]
_Bitmaps = tuple[NDArray[np.uint64], NDArray[np.int32]]
Pairs = tuple[Ints, Ints, NDArray[np.float64]]
"""Positions of the queries, positions of what they were compared with, similarities."""


def normal(text: str) -> str:
    """Return `text` case-folded, with every run of white space as one space and none at the ends."""
    return " ".join(text.casefold().split())


def shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], Ints]:
    """Return a 64-bit hash of every shingle, text after text, and how many each (normal) text has; at least one."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = (_GAP.join(texts) + _GAP).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32).astype(np.uint64) + np.uint64(1)
    starts = np.cumsum(lengths + len(_GAP)) - lengths - len(_GAP)
    codes[(starts + lengths)[:, None] + np.arange(len(_GAP))] = 0
    hashes = codes[: len(codes) - SHINGLE + 1].copy()
    for ahead in range(1, SHINGLE):
        hashes *= _MIX
        hashes += codes[ahead : ahead + len(hashes)]
    hashes ^= hashes >> np.uint64(29)
    hashes *= _FINISH
    hashes ^= hashes >> np.uint64(32)
    counts = np.maximum(lengths - SHINGLE + 1, 1)
    return hashes[_spans(starts, counts)], counts


def _spans(starts: Ints, counts: Ints) -> Ints:
    """Return start, start + 1, ... for `count` places, span after span."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def jaccard(texts: Sequence[str], left: Ints, right: Ints) -> NDArray[np.float64]:
    """Return the Jaccard index of the shingle sets of `texts[left]` and `texts[right]` (normal texts)."""
    found = np.empty(len(left))
    weights = np.fromiter(map(len, texts), np.int64, len(texts))
    blocks = np.cumsum(weights[left] + weights[right]) // _VERIFY
    for block in np.unique(blocks):
        these = np.flatnonzero(blocks == block)
        used, places = np.unique(np.concatenate([left[these], right[these]]), return_inverse=True)
        sets = _sets([texts[at] for at in used.tolist()])
        found[these] = _jaccard(sets, places[: len(these)], places[len(these) :])
    return found


def _sets(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """Return the distinct shingles of each text as ranks, text after text, and their number."""
    hashes, counts = shingles(texts)
    ranks = np.searchsorted(_distinct(hashes), hashes)
    keys = _distinct((np.repeat(np.arange(len(texts)), counts) << 32) | ranks)
    return keys & 0xFFFFFFFF, np.bincount(keys >> 32, minlength=len(texts))


def _distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values, ascending; many times faster than numpy.unique."""
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def _jaccard(sets: tuple[Ints, Ints], left: Ints, right: Ints) -> NDArray[np.float64]:
    ranks, sizes = sets
    starts = np.cumsum(sizes) - sizes
    both = np.concatenate([left, right])
    pairs = np.tile(np.arange(len(left)), 2)
    keys = np.sort((np.repeat(pairs, sizes[both]) << 32) | ranks[_spans(starts[both], sizes[both])])
    twice = keys[1:][keys[1:] == keys[:-1]] >> 32
    common = np.bincount(twice, minlength=len(left))
    shared: NDArray[np.float64] = common / (sizes[left] + sizes[right] - common)
    return shared


def _ordered(keys: Ints) -> Ints:
    """Return (texts, bands) keys with their text's place in the low bits, ascending; at most 4,096 texts."""
    return np.sort((keys << _TEXT_BITS | np.arange(len(keys))[:, None]).ravel())


@dataclass(frozen=True)
class TextPrints:
    """Texts as the index compares them."""

    texts: list[str]
    """Normal forms."""
    keys: NDArray[np.uint32]
    """(texts, bands): a hash of five MinHash values."""
    bits: NDArray[np.uint64]
    """(texts, 8): 512 bits, one set for every shingle by its hash."""
    counts: NDArray[np.int32]
    """(texts,): shingles, repeated ones too."""

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)

    def take(self, at: Ints) -> TextPrints:
        """Return the prints at positions `at`."""
        return TextPrints([self.texts[one] for one in at.tolist()], self.keys[at], self.bits[at], self.counts[at])


class TextIndex:
    """Normal texts, found again by any text whose Jaccard index with them reaches `threshold`.

    Positions count from 0 in the order of adding. Memory is the texts themselves and about 500 bytes each.
    """

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self.threshold = threshold
        self._texts: list[str] = []
        self._factors = generator(1997).integers(2**32, size=BANDS * ROWS, dtype=np.uint32) | np.uint32(1)
        self._lay_out(1024)

    def __len__(self) -> int:
        """Return the number of texts added."""
        return len(self._texts)

    def prints(self, texts: Sequence[str]) -> TextPrints:
        """Return the normal forms and band keys of `texts`."""
        forms = [normal(text) for text in texts]
        blocks = np.cumsum(np.fromiter(map(len, forms), np.int64, len(forms))) // _BLOCK
        cuts = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), len(forms)]
        parts = [self._part(forms[low:high]) for low, high in pairwise(cuts) if high > low]
        if len(parts) == 1:
            return parts[0]
        keys = np.concatenate([np.zeros((0, BANDS), np.uint32), *(part.keys for part in parts)])
        bits = np.concatenate([np.zeros((0, _BITS // 64), np.uint64), *(part.bits for part in parts)])
        counts = np.concatenate([np.zeros(0, np.int32), *(part.counts for part in parts)])
        return TextPrints(forms, keys, bits, counts)

    def add(self, prints: TextPrints) -> None:
        """Add texts, whether they repeat others or not."""
        first, count = len(self), len(prints)
        self._texts.extend(prints.texts)
        if len(self) > len(self._tags):
            tags, bits, counts = self._tags[:first], self._bits[:first], self._counts[:first]
            self._lay_out(1 << (len(self) - 1).bit_length())
            self._tags[:first], self._bits[:first], self._counts[:first] = tags, bits, counts
            self._link(0, first)
        self._tags[first : first + count] = prints.keys
        self._bits[first : first + count] = prints.bits
        self._counts[first : first + count] = prints.counts
        self._link(first, first + count)

    def search(self, prints: TextPrints, since: int = 0) -> Pairs:
        """Return every (query, text added at position `since` or later) at or above the threshold, ascending."""
        query, position = self._candidates(prints, since)
        used, places = np.unique(position, return_inverse=True)
        texts = [*prints.texts, *(self._texts[at] for at in used.tolist())]
        return self._verified(texts, (query, position), places + len(prints))

    def pairs(self, prints: TextPrints) -> Pairs | None:
        """Return every (text, earlier text) of one batch at or above the threshold; None when it is crowded."""
        ordered = _ordered(np.arange(BANDS) << 32 | prints.keys.astype(np.int64))
        texts, keys = ordered & _TEXT, ordered >> _TEXT_BITS
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else keys
        sizes = np.diff(np.r_[starts, len(keys)])
        if len(prints) > 1 and int((sizes * (sizes - 1) // 2).sum()) > _CROWDED * len(prints):
            return None
        before = np.arange(len(keys)) - np.repeat(starts, sizes)
        later = np.repeat(texts, before)
        earlier = texts[_spans(np.repeat(starts, sizes), before)]
        both = _distinct(later << _TEXT_BITS | earlier)
        later, earlier = both >> _TEXT_BITS, both & _TEXT
        likely = self._likely(
            (prints.bits[later], prints.counts[later]), (prints.bits[earlier], prints.counts[earlier])
        )
        later, earlier = later[likely], earlier[likely]
        return self._verified(prints.texts, (later, earlier), earlier)

    def _verified(self, texts: Sequence[str], pair: tuple[Ints, Ints], places: Ints) -> Pairs:
        shared = jaccard(texts, pair[0], places)
        near = shared >= self.threshold
        return pair[0][near], pair[1][near], shared[near]

    def _likely(self, one: _Bitmaps, other: _Bitmaps) -> NDArray[np.bool_]:
        """Return False where two texts cannot reach the threshold.

        Bits that differ are at most the shingles that only one has, and these are (1 - J) / (1 + J) of both sets'.
        """
        differ = np.bitwise_count(one[0] ^ other[0]).sum(1, dtype=np.int32)
        likely: NDArray[np.bool_] = differ * (1 + self.threshold) <= (1 - self.threshold) * (one[1] + other[1]) + 1e-6
        return likely

    def _part(self, forms: list[str]) -> TextPrints:
        hashes, counts = shingles(forms)
        spread = np.zeros((len(forms), _BITS), bool)
        spread[np.repeat(np.arange(len(forms)), counts), hashes & np.uint64(_BITS - 1)] = True
        bits = np.packbits(spread, axis=1).view(np.uint64)
        return TextPrints(forms, self._keys(hashes, counts), bits, counts.astype(np.int32))

    def _keys(self, hashes: NDArray[np.uint64], counts: Ints) -> NDArray[np.uint32]:
        low = (hashes >> np.uint64(32)).astype(np.uint32)
        starts = np.cumsum(counts) - counts
        signature = np.empty((BANDS * ROWS, len(counts)), np.uint32)
        product = np.empty_like(low)
        for row, factor in enumerate(self._factors):
            np.multiply(low, factor, out=product)
            np.minimum.reduceat(product, starts, out=signature[row])
        rows = signature.reshape(BANDS, ROWS, len(counts)).astype(np.uint64)
        key = np.zeros((BANDS, len(counts)), np.uint64)
        for row in range(ROWS):
            key = (key ^ rows[:, row]) * _MIX
            key ^= key >> np.uint64(32)
        return np.ascontiguousarray((key * _FINISH >> np.uint64(32)).astype(np.uint32).T)

    def _lay_out(self, capacity: int) -> None:
        """Make empty chains for `capacity` texts: per band a table of newest texts, and links to older ones."""
        self._tags = np.zeros((capacity, BANDS), np.uint32)
        self._bits = np.zeros((capacity, _BITS // 64), np.uint64)
        self._counts = np.zeros(capacity, np.int32)
        self._older = np.full((capacity, BANDS), -1, np.int32)
        self._newest = np.full(BANDS * capacity * 2, -1, np.int32)

    def _slots(self, keys: NDArray[np.uint32]) -> Ints:
        """Return the place of each key in the table of newest texts, (texts, bands)."""
        per_band = len(self._newest) // BANDS
        return (keys & np.uint32(per_band - 1)).astype(np.int64) + np.arange(BANDS) * per_band

    def _link(self, first: int, end: int) -> None:
        """Put the texts from `first` to `end` at the head of their chains."""
        for low in range(first, end, _TEXT):
            high = min(end, low + _TEXT)
            ordered = _ordered(self._slots(self._tags[low:high]))
            slots, texts = ordered >> _TEXT_BITS, (ordered & _TEXT) + low
            new = np.r_[True, slots[1:] != slots[:-1]]
            older = np.where(new, self._newest[slots], np.r_[0, texts[:-1]])
            self._older[texts, slots // (len(self._newest) // BANDS)] = older
            last = np.r_[new[1:], True]
            self._newest[slots[last]] = texts[last]

    def _candidates(self, prints: TextPrints, since: int) -> tuple[Ints, Ints]:
        """Return every (query, added text) that share a band and may reach the threshold, each once."""
        keys = prints.keys
        at = self._newest[self._slots(keys).ravel()].astype(np.int64)
        found = [np.zeros(0, np.int64)]
        flat = keys.ravel()
        live = np.flatnonzero(at >= since)
        at = at[live]
        while len(live):
            hit = self._tags[at, live % BANDS] == flat[live]
            query, position = live[hit] // BANDS, at[hit]
            stored = self._bits[position], self._counts[position]
            likely = self._likely((prints.bits[query], prints.counts[query]), stored)
            found.append(query[likely] * len(self) + position[likely])
            at = self._older[at, live % BANDS].astype(np.int64)
            live, at = live[at >= since], at[at >= since]
        query, position = np.divmod(_distinct(np.concatenate(found)), max(1, len(self)))
        return query, position
