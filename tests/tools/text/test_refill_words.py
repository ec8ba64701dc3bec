"""Words go where they are drawn, and what comes is what the model expects there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.batches import Texts
from tools.engines.filler import Word
from tools.text.refill_words import RefillWords, refill_words


class Fixed:
    """Expects the same words everywhere, and remembers what it was asked."""

    mask, special, digest = "[MASK]", ("[MASK]", "[SEP]"), "fixed"

    def __init__(self, *words: tuple[str, float]) -> None:
        self.words, self.asked = [Word(*one) for one in words], list[str]()

    def fill(self, texts: Sequence[str], top: int) -> list[list[list[Word]] | None]:
        self.asked += texts
        return [None if "long" in text else [self.words[:top]] * text.count(self.mask) for text in texts]


def refill(text: str, filler: Fixed, seed: int = 1, **params: float) -> str | None:
    return refill_words(Texts([text], engine=filler), [RefillWords(seed=seed, **params)])[0]


def test_so_many_words_go_and_the_rest_stays():
    text = "one two three four five six seven eight nine ten"
    for rate, count in ((0.01, 1), (0.2, 2), (0.5, 5)):
        made = str(refill(text, Fixed(("new", 1.0)), rate=rate)).split()
        assert sum(word == "new" for word in made) == count
        assert all(new in (old, "new") for old, new in zip(text.split(), made, strict=True))


def test_every_word_is_drawn_in_time():
    drawn = Counter(refill("red green blue", Fixed(("new", 1.0)), seed=seed) for seed in range(300))
    assert set(drawn) == {"new green blue", "red new blue", "red green new"}
    assert min(drawn.values()) > 60


def test_words_come_by_their_chance():
    drawn = Counter(refill("red", Fixed(("often", 0.3), ("seldom", 0.1)), seed=seed) for seed in range(800))
    assert drawn["often"] == pytest.approx(600, abs=60)
    assert drawn["often"] + drawn["seldom"] == 800


def test_only_the_likeliest_are_drawn_from():
    filler = Fixed(("red", 0.5), ("first", 0.1), ("second", 0.1), ("third", 0.1))
    assert {refill("red", filler, seed=seed, top=2) for seed in range(60)} == {"first", "second"}


def test_marks_and_capitals_stay():
    filler = Fixed(("new", 1.0))
    assert refill("(House)?", filler) == "(New)?"
    assert refill("HOUSE!", filler) == "NEW!"
    assert filler.asked == ["([MASK])?", "[MASK]!"]
    assert refill("a\tb", filler, rate=0.5) in ("new\tb", "a\tnew")


def test_numbers_are_never_touched():
    assert {refill("order 4471 of 2024", Fixed(("new", 1.0)), seed=seed) for seed in range(40)} == {
        "new 4471 of 2024",
        "order 4471 new 2024",
    }


@pytest.mark.parametrize("text", ["", " ", "4471 ?!", "too long a text", "a [MASK] of its own", "one [SEP] two"])
def test_what_cannot_be_refilled_is_refused(text):
    assert refill(text, Fixed(("new", 1.0))) is None


def test_a_word_for_which_there_is_no_other_stays():
    assert refill("Red", Fixed(("red", 1.0))) is None
    assert refill("Red", Fixed()) is None
    assert refill("Red", Fixed(("nil", 0.0))) == "Nil"


@given(st.text(max_size=60), st.integers(0, 2**62))
def test_any_text_is_refilled_or_refused(text: str, seed: int):
    made = refill(text, Fixed(("new", 1.0)), seed=seed, rate=0.3)
    assert made is None or (made != text and "new" in made.lower() and "[MASK]" not in made)


def test_a_model_with_random_weights_refills_every_kind_of_text(engine_for):
    items = ["my parcel is late", "Grüße aus Köln: zu spät!", "one two three four five six seven eight nine ten"]
    params = [RefillWords(seed=at, rate=0.3) for at in range(3)]
    made = refill_words(Texts(items, engine=engine_for("filler")), params)
    assert all(text and text != item for text, item in zip(made, items, strict=True))
    assert str(made[1]).endswith("!")
