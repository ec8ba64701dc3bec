"""Near-duplicates a second, against a plain Python MinHash LSH in the same run, and how many planted ones are found.

    python tests/benchmarks/near_duplicates.py                 20,000 sentences, both ways
    python tests/benchmarks/near_duplicates.py --texts 1000000 --ours

The plain way hashes every shingle with SHA-1 and fills the same bands, text after text, as the common library does.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import time
from collections.abc import Iterator

import numpy as np

from tools.seeds import generator
from tools.similarity.minhash import BANDS, ROWS, SHINGLE, normal
from tools.similarity.seen import Seen, similarity

PRIME = (1 << 61) - 1


def vocabulary(words: int = 8000) -> list[str]:
    rng = generator(1)
    return ["".join(chr(97 + at) for at in rng.integers(0, 26, length)) for length in rng.integers(2, 11, words)]


def batches(texts: int, size: int = 1024) -> Iterator[list[str]]:
    """Yield sentences of 15 words; each tenth is one of the batch before with one word changed."""
    words, rng, before = vocabulary(), generator(2), []
    for low in range(0, texts, size):
        drawn = rng.integers(len(words), size=(min(size, texts - low), 15)).tolist()
        batch = [" ".join([words[at] for at in row]) for row in drawn]
        for at in range(0, len(batch) if before else 0, 10):
            copy = before[at].split()
            copy[at % 15] = words[at]
            batch[at] = " ".join(copy)
        before = batch[1:] + batch[:1]
        yield batch


def plain(texts: list[str]) -> list[int]:
    """MinHash LSH without verification, one text at a time: -1 or the first text that shares a band."""
    rng = generator(3)
    scale, shift = (rng.integers(1, PRIME, BANDS * ROWS, dtype=np.uint64) for _ in range(2))
    tables: list[dict[bytes, int]] = [{} for _ in range(BANDS)]
    found = []
    for place, text in enumerate(texts):
        form = normal(text)
        shingles = {form[at : at + SHINGLE] for at in range(max(1, len(form) - SHINGLE + 1))}
        raw = [int.from_bytes(hashlib.sha1(one.encode()).digest()[:4], "little") for one in shingles]
        hashes = np.array(raw, np.uint64)[:, None]
        signature = ((hashes * scale + shift) % np.uint64(PRIME) & np.uint64(0xFFFFFFFF)).min(0)
        keys = [signature[at * ROWS : (at + 1) * ROWS].tobytes() for at in range(BANDS)]
        hits = [table[key] for table, key in zip(tables, keys, strict=True) if key in table]
        found.append(min(hits, default=-1))
        if not hits:
            for table, key in zip(tables, keys, strict=True):
                table[key] = place
    return found


def ours(given: Iterator[list[str]]) -> tuple[list[int], float]:
    seen, found, seconds = Seen("text"), [], 0.0
    for batch in given:
        start = time.perf_counter()
        matches = seen.admit([str(len(found) + at) for at in range(len(batch))], batch)
        seconds += time.perf_counter() - start
        found.extend(-1 if match is None else int(match.id) for match in matches)
    return found, seconds


def recall(texts: list[str], found: list[int]) -> str:
    """Compare with the planted pairs whose similarity reaches the threshold."""
    planted = [at for at in range(1024, len(texts)) if (at % 1024) % 10 == 0 and (at % 1024) + 1 < 1024]
    similar = similarity("text", [texts[at - 1024 + 1] for at in planted], [texts[at] for at in planted])
    due = [at for at, value in zip(planted, similar, strict=True) if value >= 0.8]
    return f"{sum(found[at] >= 0 for at in due)} of {len(due)} planted pairs at or above 0.8"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--texts", type=int, default=20_000)
    asked.add_argument("--ours", action="store_true", help="leave the plain way out")
    options = asked.parse_args()
    found, seconds = ours(batches(options.texts))
    speed = options.texts / seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ours   {seconds:8.2f} s  {speed:9.0f} texts/s  {sum(of >= 0 for of in found)} repeats  peak {peak:.0f} MiB")
    if options.ours:
        return
    texts = [text for batch in batches(options.texts) for text in batch]
    start = time.perf_counter()
    others = plain(texts)
    taken = time.perf_counter() - start
    print(f"plain  {taken:8.2f} s  {options.texts / taken:9.0f} texts/s  {sum(of >= 0 for of in others)} repeats")
    print(f"ratio  {taken / seconds:8.1f}\nours found {recall(texts, found)}; plain {recall(texts, others)}")


if __name__ == "__main__":
    main()
