"""Easy data augmentation, random insertion (Wei & Zou 2019, section 2), with words of the sentence itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.kernels.words import FUNCTION_WORDS, drop_capital, edges, put, raise_capital, split
from tools.seeds import draws


class InsertWords(Params):
    """How many words come in."""

    rate: float = Field(0.25, gt=0, le=0.5, description="Words inserted, as a share of the words; at least one.")
    usual: ClassVar = {"rate": (0.2, 0.4)}


@augment(InsertWords, family="lexical-edit", cites=("wei2019eda",), changes=("words",), cost=Cost(cpu_seconds=0.008))
def insert_words(batch: Texts, params: Sequence[InsertWords]) -> list[str | None]:
    """Insert copies of the text's own content words at random places: longer, repetitive; adds no new word.

    Random insertion of EDA (section 2) inserts a synonym of a random word that is no stop word. No thesaurus is used
    here: what is inserted is a copy of such a word, not next to it, n = rate x words times. English function
    words are not copied while there is another word; other languages have no such list. White space and the capital
    of the first word stay in place. A text with fewer than two words is refused, so are most texts in scripts
    without spaces.
    """
    texts = [split(text) for text in batch.items]
    counts = [
        2 * max(1, round(own.rate * len(words))) if len(words) > 1 else 0
        for (_, _, words), own in zip(texts, params, strict=True)
    ]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for (parts, between, words), count in zip(texts, counts, strict=True):
        made.append(_insert(parts, between, words, drawn[start : start + count]) if count else None)
        start += count
    return made


def _insert(parts: list[str], between: str, places: Sequence[int], drawn: list[int]) -> str:
    many = len(places)
    sources = [_content_word(parts, places, number) for number in drawn[::2]]
    copies = [edges(parts[places[source]])[1] for source in sources]
    head = places[0]
    for source, word, number in zip(sources, copies, drawn[1::2], strict=True):
        # Before any word but the copied one and the one after it, so that it is not simply said twice.
        slot = (source + 2 + (number * (many - 2) >> 32)) % many if many > 2 else number * many >> 32
        at = places[slot]
        parts[at] = f"{word} {parts[at]}" if at != head else _insert_first(word, parts[head])
    return between.join(parts)


def _insert_first(word: str, rest: str) -> str:
    """Return `word` and `rest`, the start of the text, with the capital on the word that now comes first."""
    first, space, others = rest.partition(" ")
    old = edges(first)[1]
    new = [word]
    raise_capital(new, 0, old)
    return f"{new[0]} {put(first, drop_capital(old))}{space}{others}"


def _content_word(parts: list[str], places: Sequence[int], number: int) -> int:
    """Return which word to copy: a random one that is no function word; where all are, any."""
    many = len(places)
    for _ in range(4):  # each try uses a few bits of the number; what is left over is the next number
        drawn, number = number * many >> 32, number * many & 0xFFFFFFFF
        if parts[places[drawn]].lower() not in FUNCTION_WORDS:
            return drawn
    content = [nth for nth, at in enumerate(places) if edges(parts[at])[1].lower() not in FUNCTION_WORDS]
    return content[number * len(content) >> 32] if content else drawn
