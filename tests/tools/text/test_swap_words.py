"""Random swap."""

from __future__ import annotations

from collections import Counter

import pytest

from tools.batches import Texts
from tools.text.swap_words import SwapWords, swap_words


def swapped(text: str, seed: int = 0, rate: float = 0.1) -> str | None:
    return swap_words(Texts([text]), [SwapWords(seed=seed, rate=rate)])[0]


def test_two_words_change_places():
    assert swapped("red green") == "green red"


def test_every_word_is_kept():
    text = "one two three four five six seven eight nine ten"
    for seed in range(50):
        made = swapped(text, seed, rate=0.5)
        assert made is not None
        assert made != text
        assert Counter(made.split()) == Counter(text.split())


def test_one_swap_moves_exactly_two_words():
    text = "one two three four five six"
    made = swapped(text, 3)
    assert made is not None
    assert sum(new != old for new, old in zip(made.split(), text.split(), strict=True)) == 2


@pytest.mark.parametrize("text", ["", "   ", "word", "no no no", "我喜欢吃苹果。", "? !", "สวัสดีครับ"])
def test_a_text_without_two_different_words_is_refused(text: str):
    assert swapped(text) is None


def test_marks_at_the_ends_of_words_stay_in_place():
    assert swapped("red, (green)!") == "green, (red)!"


def test_a_mark_that_stands_alone_stays_in_place():
    assert {swapped("red green ?", seed) for seed in range(20)} == {"green red ?"}


def test_the_first_word_has_the_capital_and_a_function_word_loses_it():
    assert swapped("Where now?") == "Now where?"
    assert swapped("Berlin calls.") == "Calls Berlin."


def test_white_space_stays_in_place():
    assert swapped(" red\n\tgreen ") == " green\n\tred "


def test_a_combining_sequence_stays_whole():
    assert swapped("cafe\u0301 e\u0301te\u0301!") == "e\u0301te\u0301 cafe\u0301!"


def test_every_seed_gives_another_text_than_its_parent_even_where_swaps_undo_each_other():
    assert all(swapped("a b", seed, rate=0.5) == "b a" for seed in range(20))
    assert all(swapped("a b c d", seed, rate=0.5) not in (None, "a b c d") for seed in range(300))
