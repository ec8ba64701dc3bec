"""TF-IDF word replacement of unsupervised data augmentation (UDA; Xie et al. 2020, appendix on TF-IDF)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar

from pydantic import Field

from tools.batches import Corpus, Texts
from tools.card import Cost, Needs, Params, augment
from tools.kernels.words import edges, put, split
from tools.seeds import draws


class ReplaceWords(Params):
    """How many words are replaced."""

    rate: float = Field(0.25, gt=0, le=0.9, description="Mean probability of a word to be replaced; at least one is.")
    usual: ClassVar = {"rate": (0.15, 0.35)}


@dataclass(frozen=True)
class Vocabulary:
    """What the corpus says of its words, made once for it."""

    idf: Mapping[str, float]
    words: Sequence[str]
    """Words that may come in, sorted."""
    bounds: Sequence[float]
    """Running sum of their weights."""
    unseen: float
    """IDF of a word that the corpus lacks: as if one text held it."""


@augment(
    ReplaceWords,
    family="lexical-edit",
    cites=("xie2020uda",),
    needs=Needs(corpus=True),
    cost=Cost(cpu_seconds=0.025),
)
def replace_words(batch: Texts, params: Sequence[ReplaceWords]) -> list[str | None]:
    """Replace words that say little (low TF-IDF) by such words of the training texts; can break grammar.

    For a text x of |x| words, TFIDF(w) = TF(w) IDF(w), where TF(w) is the share of w in x and IDF(w) = ln(N / df(w))
    over the N training texts. With C = max TFIDF(w) and Z = sum_i (C - TFIDF(x_i)) / |x|, word x_i is replaced with
    probability min(rate (C - TFIDF(x_i)) / Z, 1); where Z = 0, with probability `rate`. Where none would be replaced,
    the word of the lowest TF-IDF is. The new word w is drawn with probability proportional to max_v S(v) - S(w),
    S(w) = freq(w) IDF(w), freq(w) its number of occurrences in the training texts; evenly where all are equal.

    Words are compared in lower case and without the marks at their ends, which stay, as do white space and the case
    pattern. Words without a letter (numbers) neither go nor come. A text with fewer than two words is refused, so
    are most texts in scripts without spaces, and every text when the corpus is empty.
    """
    if batch.corpus.documents < 1 or not batch.corpus.term_frequency:
        return [None] * len(batch)
    vocabulary = count_vocabulary(batch.corpus)
    texts = [split(text) for text in batch.items]
    places = [words if "".join(parts).isalpha() else _with_letters(parts, words) for parts, _, words in texts]
    counts = [2 * len(words) if len(words) > 1 and vocabulary.words else 0 for words in places]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for (parts, between, _), words, count, own in zip(texts, places, counts, params, strict=True):
        changed = bool(count) and _replace(parts, words, drawn[start : start + count], own.rate, vocabulary)
        made.append(between.join(parts) if changed else None)
        start += count
    return made


def _replace(parts: list[str], places: Sequence[int], drawn: list[int], rate: float, vocabulary: Vocabulary) -> bool:
    """Replace words of `parts` in place; return False when no other word was to be had."""
    old = [edges(parts[at])[1] for at in places]
    chances = replacement_chances([word.lower() for word in old], rate, vocabulary)
    chosen = [nth for nth, chance in enumerate(chances) if drawn[nth] < chance * 2**32]
    changed = False
    for nth in chosen or [chances.index(max(chances))]:
        new = _other_word(drawn[len(old) + nth], old[nth].lower(), vocabulary)
        if new is not None:
            parts[places[nth]] = put(parts[places[nth]], _in_case_of(old[nth], new))
            changed = True
    return changed


def replacement_chances(words: Sequence[str], rate: float, vocabulary: Vocabulary) -> list[float]:
    """Return the probability of each word of a text (lower-cased) to be replaced."""
    idf, unseen = vocabulary.idf, vocabulary.unseen
    # The |x| of TF stands above and below the line and falls out.
    scores = [idf.get(word, unseen) for word in words]
    if len(set(words)) < len(words):
        counts = Counter(words)
        scores = [score * counts[word] for score, word in zip(scores, words, strict=True)]
    highest = max(scores)
    lacking = [highest - score for score in scores]
    mean = math.fsum(lacking) / len(words)
    if mean == 0:
        return [rate] * len(words)
    return [min(rate * one / mean, 1.0) for one in lacking]


def _other_word(number: int, old: str, vocabulary: Vocabulary) -> str | None:
    """Return a word drawn by weight; the next in the vocabulary where that is the old one; None where there is none."""
    words = vocabulary.words
    at = min(bisect_right(vocabulary.bounds, number / 2**32 * vocabulary.bounds[-1]), len(words) - 1)
    if words[at] == old:
        at = (at + 1) % len(words)
    return words[at] if words[at] != old else None


def _in_case_of(old: str, new: str) -> str:
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new


def _with_letters(parts: list[str], places: Sequence[int]) -> list[int]:
    return [at for at in places if _has_letter(parts[at])]


def _has_letter(part: str) -> bool:
    return part.isalpha() or any(map(str.isalpha, part))


@lru_cache(maxsize=2)
def count_vocabulary(corpus: Corpus) -> Vocabulary:
    """Return IDF and replacement weights; counts of words that differ in the marks at their ends are added up.

    Kept for the latest corpora, as all batches of a run share one.
    """
    frequency: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for counts, sums in ((corpus.term_frequency, frequency), (corpus.document_frequency, documents)):
        for token, count in counts.items():
            word = edges(token)[1].lower()
            if _has_letter(word):
                sums[word] += count
    words = sorted(frequency)
    unseen = math.log(corpus.documents)
    idf = {word: math.log(corpus.documents / min(max(documents[word], 1), corpus.documents)) for word in words}
    scores = [frequency[word] * idf[word] for word in words]
    highest = max(scores, default=0.0)
    weights = [highest - score for score in scores]
    if not any(weights):
        weights = [1.0] * len(words)
    return Vocabulary(idf, words, list(accumulate(weights)), unseen)
