"""Words that give made texts away, or one class of them: what a tool puts in far more often than it takes out.

Made texts are compared with the texts that they were made from, so a word that belongs to a class or to the data is
no cue. Log-odds of document counts with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, eqs. 16-22),
where texts of one parent count as a cluster (Rao & Scott 1992).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Literal

Where = Literal["anywhere", "first", "last"]
Mark = tuple[str, Where]
"""A word and its position."""

PRIOR_TEXTS = 10.0
"""Weight of the prior: this many texts on each side hold a word as often as both sides together do.

Under 4, a word that no parent holds is found only when most made texts do, as the variance of the zero rules; over
20, groups of 20 texts show nothing.
"""
LEAST_SHARE = 0.2
"""How much larger the share of the made texts must be than that of the parents.

Typing errors of one tool reach 0.17 where nearly every text of a class holds the same word; a learner gets little
from less.
"""
LEAST_Z = 4.0
FALSE_ALARMS = 0.01
"""Chance of any false word in a call, by Bonferroni; with more than some 300 words it asks more than `LEAST_Z`."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class CueWord:
    """A word that made texts can be told by."""

    word: str
    """Case folded."""
    where: Where
    """As the first or the last word of a text, or anywhere in it."""
    made: int
    """Made texts that hold it there."""
    parents: int
    """Their parents that hold it there; a parent of several texts counts for each."""
    of: int
    """Made texts compared: all, or those of `label`."""
    z: float
    """Log-odds ratio of made and parents in standard errors."""
    label: str | None
    """The class whose made texts hold it more than twice as often as those of the others; None when there is none."""


@dataclass(frozen=True)
class _Pairs:
    """Made texts with their parents as sets of marks."""

    before: Sequence[set[Mark]]
    after: Sequence[set[Mark]]
    family: Sequence[str]
    """The parent's text: texts with equal ones are a cluster."""


@dataclass(frozen=True)
class _Group:
    """The made texts of one label, or all for None."""

    label: str | None
    rows: Sequence[int]
    made: Counter[Mark]
    parents: Counter[Mark]

    def tried(self) -> Iterator[Mark]:
        """Yield the marks that can reach the least share: by both counts together, which a test may be chosen by."""
        least = LEAST_SHARE * len(self.rows)
        for mark in self.made.keys() | self.parents.keys():
            if self.made[mark] + self.parents[mark] >= least:
                yield mark

    def excess(self, mark: Mark) -> float:
        """Return by how much the share of made texts that hold `mark` is larger than that of their parents."""
        return (self.made[mark] - self.parents[mark]) / len(self.rows)


def cue_words(parents: Sequence[str], made: Sequence[str], labels: Sequence[str | None]) -> list[CueWord]:
    """Return the words by which made texts, or those of one class, can be told from real ones; strongest first.

    `parents[i]` is the text that `made[i]` was made from, `labels[i]` the label of both. It takes 16 texts of at
    least two parents to find a word that all of them hold. Raises ValueError when the lengths differ.
    """
    marks = {text: _marks(text) for text in {*parents, *made}}
    pairs = _Pairs([marks[text] for text in parents], [marks[text] for text in made], parents)
    groups = _groups(pairs, labels)
    tried = [(group, mark) for group in groups for mark in group.tried()]
    least = max(LEAST_Z, NormalDist().inv_cdf(1 - FALSE_ALARMS / max(1, len(tried))))
    found: dict[str, list[CueWord]] = {}
    for group, mark in tried:
        cue = _cue(pairs, group, mark)
        if cue is not None and cue.z >= least:
            found.setdefault(cue.word, []).append(cue)
    named = [cue for cues in found.values() for cue in _tell(cues, groups)]
    return sorted(named, key=lambda cue: (-cue.z, cue.word, cue.label or ""))


def _marks(text: str) -> set[Mark]:
    words = _WORD.findall(text.casefold())
    found: set[Mark] = {(word, "anywhere") for word in words}
    return found | {(words[0], "first"), (words[-1], "last")} if words else found


def _groups(pairs: _Pairs, labels: Sequence[str | None]) -> list[_Group]:
    """Return all texts and, where there are several labels, the texts of each."""
    rows: dict[str | None, list[int]] = {None: []}
    for row, (label, _, _) in enumerate(zip(labels, pairs.before, pairs.after, strict=True)):
        rows[None].append(row)
        if label is not None:
            rows.setdefault(label, []).append(row)
    several = len(set(labels)) > 1
    return [
        _Group(
            label,
            mine,
            Counter(mark for row in mine for mark in pairs.after[row]),
            Counter(mark for row in mine for mark in pairs.before[row]),
        )
        for label, mine in rows.items()
        if label is None or several
    ]


def _cue(pairs: _Pairs, group: _Group, mark: Mark) -> CueWord | None:
    """Return the cue that `mark` would be in `group`; None where too few texts hold it."""
    if group.excess(mark) < LEAST_SHARE:
        return None
    made, parents, of = group.made[mark], group.parents[mark], len(group.rows)
    by = _design_effect(pairs, group, mark)
    z = _log_odds(made / by, parents / by, of / by)
    return CueWord(*mark, made, parents, of, z, group.label)


def _log_odds(made: float, parents: float, of: float) -> float:
    """Return the log-odds ratio of two counts of `of` texts, in standard errors (Monroe et al., eqs. 16, 18, 22).

    The prior of a word is its share on both sides together, with half a text more so that neither end is certain.
    """
    holds = PRIOR_TEXTS * (made + parents + 0.5) / (2 * of + 1)
    lacks = PRIOR_TEXTS - holds
    ratio = math.log((made + holds) / (of - made + lacks)) - math.log((parents + holds) / (of - parents + lacks))
    counts = (made + holds, of - made + lacks, parents + holds, of - parents + lacks)
    return ratio / math.sqrt(math.fsum(1 / count for count in counts))


def _design_effect(pairs: _Pairs, group: _Group, mark: Mark) -> float:
    """Return how often the variance of the mean change is that of independent texts, at least 1 (Rao & Scott 1992).

    Infinite for one parent: what a tool does to a text is then not told from what it does to texts.
    """
    changes = [(mark in pairs.after[row]) - (mark in pairs.before[row]) for row in group.rows]
    mean = fmean(changes)
    sums: dict[str, float] = {}
    for row, change in zip(group.rows, changes, strict=True):
        sums[pairs.family[row]] = sums.get(pairs.family[row], 0.0) + change - mean
    if len(sums) == 1:
        return math.inf
    apart = math.fsum((change - mean) ** 2 for change in changes)
    return max(1.0, math.fsum(one * one for one in sums.values()) / apart) if apart else 1.0


def _tell(cues: Sequence[CueWord], groups: Sequence[_Group]) -> list[CueWord]:
    """Return what to say of one word: the classes that it tells apart, once each, or else where it stands out most."""
    of = {group.label: group for group in groups}
    apart = [cue for cue in cues if cue.label is not None and _stands_apart(of[None], of[cue.label], cue)]
    if not apart:
        return [max(cues, key=_plainest)]
    labels = dict.fromkeys(cue.label for cue in apart)
    return [max((cue for cue in apart if cue.label == label), key=_plainest) for label in labels]


def _plainest(cue: CueWord) -> tuple[bool, float, bool]:
    """Order the cues of one word; by z, a position that no parent has would lose against one that a parent has."""
    return cue.label is None, (cue.made - cue.parents) / cue.of, cue.where != "anywhere"


def _stands_apart(everything: _Group, group: _Group, cue: CueWord) -> bool:
    """Return whether the texts of a label gain the word more than twice as often as all others together."""
    mark = (cue.word, cue.where)
    mine, rest = len(group.rows), len(everything.rows) - len(group.rows)
    others = everything.excess(mark) * (mine + rest) - group.excess(mark) * mine
    return group.excess(mark) * rest > 2 * others
