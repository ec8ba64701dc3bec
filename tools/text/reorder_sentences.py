"""The sentence-level form of random swap (Wei & Zou 2019, section 2): sentences change places, words do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.seeds import distinct, draws

_CLOSERS = "\"'”\u2019»)\\]」』】\uff09》"
_WIDE = "。\uff01\uff1f｡।॥؟\u06d4"
_END = re.compile(rf"[.!?…]+[{_CLOSERS}]*(?=\s|$)|[{_WIDE}]+[{_CLOSERS}]*|\n\s*\n")
_NEXT = re.compile(r"\s*(\S?)")
_LAST_WORD = re.compile(r"[^\s(\[\"'“\u2018„«]*\Z")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms mx dr prof rev hon gen col capt lt sgt sen rep gov st mt jr sr no nos vol fig figs eq sec ch pp ed eds vs
    etc cf al approx dept est inc ltd co corp jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur
    thurs fri sat sun ph.d o.ä bzw ca usw vgl nr hr fr str abb bspw evtl ggf inkl mme mlle env p.ex sra srta dña dto núm
    pág ej sig sigg dott ing
    """.split()  # noqa: SIM905 - a list of strings would take a page
)


class ReorderSentences(Params):
    """How many sentences move."""

    rate: float = Field(1.0, gt=0, le=1, description="Share of the sentences that change places; at least two do.")
    usual: ClassVar = {"rate": (0.5, 1.0)}


@augment(ReorderSentences, family="lexical-edit", cites=("wei2019eda",), cost=Cost(cpu_seconds=0.01))
def reorder_sentences(batch: Texts, params: Sequence[ReorderSentences]) -> list[str | None]:
    """Put the sentences of a text in another order: every sentence is kept whole; can break an argument or a story.

    round(rate x sentences), at least two, drawn at random move on by a random number of places among themselves.
    White space stays in place. A text is refused when it holds fewer than two sentences with an end mark, or when all
    are the same. Words and marks stay, so few character 5-grams change: a near-duplicate gate refuses many results.
    """
    texts = [split_sentences(text) for text in batch.items]
    counts = [
        max(2, round(own.rate * len(sentences))) + 1 if len(sentences) > 1 else 0
        for (sentences, _), own in zip(texts, params, strict=True)
    ]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for text, (sentences, gaps), count in zip(batch.items, texts, counts, strict=True):
        made.append(_reorder(text, sentences, gaps, drawn[start : start + count]) if count else None)
        start += count
    return made


def _reorder(text: str, sentences: list[str], gaps: list[str], drawn: list[int]) -> str | None:
    places = distinct(drawn[1:], len(sentences))
    order = list(sentences)
    # A turn moves every chosen sentence; drawn among the turns, none is the identity.
    turn = 1 + (drawn[0] * (len(places) - 1) >> 32)
    for at, place in enumerate(places):
        order[place] = sentences[places[(at + turn) % len(places)]]
    made = gaps[0] + "".join(sentence + gap for sentence, gap in zip(order, gaps[1:], strict=True))
    return made if made != text else None


def split_sentences(text: str) -> tuple[list[str], list[str]]:
    """Return the sentences that have an end mark, and what stands before, between and after them.

    There is one gap more than sentences; laid one after the other they are `text` again. A sentence ends at `. ! ? …`
    before white space, at the end marks of Chinese, Japanese, Hindi, Arabic and Urdu anywhere, and at an empty line.
    It does not end where a lower-case letter follows (unless the mark stands alone, as in tokenised text), nor at a
    full stop after an abbreviation, initials, or a number of one or two digits. A last piece without an end mark and
    a piece without a letter or digit are part of a gap.
    """
    sentences: list[str] = []
    gaps = [""]
    start = 0
    for found in _END.finditer(text):
        if not _ends_sentence(text, found):
            continue
        piece = text[start : found.end()]
        body = piece.strip()
        start = found.end()
        if _LETTER_OR_DIGIT.search(body):
            before = piece.index(body)
            gaps[-1] += piece[:before]
            sentences.append(body)
            gaps.append(piece[before + len(body) :])
        else:
            gaps[-1] += piece
    gaps[-1] += text[start:]
    return sentences, gaps


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    mark = found.group()
    following = _NEXT.match(text, found.end())[1]  # type: ignore[index]
    mark = found.group()
    if mark[0] in _WIDE or mark[0] == "\n":
        return True
    if following.islower():
        return len(mark) == 1 and mark != "…" and text[max(0, found.start() - 1) : found.start()].isspace()
    if mark != "." or not following:
        return True
    last = _LAST_WORD.search(text, max(0, found.start() - 20), found.start())
    word = last.group() if last else ""
    number = word.isdigit() and len(word) <= 2
    return following not in ",;:" and not (
        number or _DOTTED.fullmatch(word) or word.lower().rpartition("-")[2] in _ABBREVIATIONS
    )
