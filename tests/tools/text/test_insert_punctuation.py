"""AEDA."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tools.batches import Texts
from tools.text.insert_punctuation import MARKS, InsertPunctuation, insert_punctuation

TEXT = "one two three four five six seven eight nine"


def marked(text: str, seed: int = 0, rate: float = 0.3) -> str | None:
    return insert_punctuation(Texts([text]), [InsertPunctuation(seed=seed, rate=rate)])[0]


def test_words_and_their_order_are_kept():
    for seed in range(30):
        made = (marked(TEXT, seed) or "").split()
        assert [word for word in made if word not in MARKS] == TEXT.split()


@pytest.mark.parametrize(("rate", "count"), [(0.01, 1), (0.22, 2), (0.34, 3)])
def test_between_one_and_a_third_of_the_words_get_a_mark(rate: float, count: int):
    for seed in range(30):
        made = (marked(TEXT, seed, rate) or "").split()
        assert sum(word in MARKS for word in made) == count
        assert made[-1] == "nine"
        assert not any(one in MARKS and other in MARKS for one, other in pairwise(made))


def test_all_six_marks_are_used_evenly():
    made = [mark for seed in range(600) for mark in (marked(TEXT, seed) or "").split() if mark in MARKS]
    assert len(made) == 1800
    assert all(made.count(mark) == pytest.approx(300, abs=70) for mark in MARKS)


@pytest.mark.parametrize("text", ["", "\t", "word", "word .", "我喜欢吃苹果。"])
def test_a_text_with_fewer_than_two_words_is_refused(text: str):
    assert marked(text) is None


def test_white_space_stays():
    made = {marked("red\n\n green", seed) for seed in range(60)}
    assert made == {f"{mark} red\n\n green" for mark in MARKS} | {f"red\n\n {mark} green" for mark in MARKS}
