"""Random insertion."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tools.batches import Texts
from tools.text.insert_words import InsertWords, insert_words


def inserted(text: str, seed: int = 0, rate: float = 0.1) -> str | None:
    return insert_words(Texts([text]), [InsertWords(seed=seed, rate=rate)])[0]


def test_as_many_copies_come_in_as_the_rate_says():
    text = "red green blue white black grey pink brown gold lime"
    for seed in range(30):
        made = (inserted(text, seed, 0.3) or "").split()
        assert len(made) == 13
        assert set(made) == set(text.split())


def test_a_copy_does_not_stand_beside_its_word():
    for seed in range(100):
        made = (inserted("red green blue white", seed) or "").split()
        assert len(made) == 5
        assert all(one != other for one, other in pairwise(made))


def test_function_words_are_not_copied():
    for seed in range(100):
        made = Counter((inserted("the of parcel and to", seed) or "").split())
        assert made == Counter(["the", "of", "parcel", "parcel", "and", "to"])


def test_a_text_of_function_words_alone_still_gets_one():
    assert len((inserted("to be or not to be", 1) or "").split()) == 7


@pytest.mark.parametrize("text", ["", " ", "word", "word !", "我喜欢吃苹果。"])
def test_a_text_with_fewer_than_two_words_is_refused(text: str):
    assert inserted(text) is None


def test_the_first_word_has_the_capital():
    assert {inserted("The parcel is", seed) for seed in range(60)} == {"Parcel the parcel is"}


def test_marks_are_not_copied_and_white_space_stays():
    made = {inserted("red,\n(green) of the", seed) for seed in range(60)}
    assert all(text is not None and "\n" in text and text.count(",") == 1 and text.count("(") == 1 for text in made)
