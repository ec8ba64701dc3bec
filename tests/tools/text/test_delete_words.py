"""Random deletion."""

from __future__ import annotations

import pytest

from tools.batches import Texts
from tools.text.delete_words import DeleteWords, delete_words


def deleted(text: str, seed: int = 0, rate: float = 0.15) -> str | None:
    return delete_words(Texts([text]), [DeleteWords(seed=seed, rate=rate)])[0]


def test_at_least_one_word_goes_and_one_stays():
    for rate in (0.01, 0.5):
        assert {deleted("one two", seed, rate) for seed in range(60)} == {"one", "two"}


def test_the_words_left_keep_their_order():
    words = [f"w{at:02}" for at in range(20)]
    for seed in range(30):
        made = (deleted(" ".join(words), seed, 0.5) or "").split()
        assert 0 < len(made) < 20
        assert made == sorted(made)


def test_the_share_of_deleted_words_is_the_rate():
    text = " ".join(f"w{at}" for at in range(100))
    left = [len((deleted(text, seed, 0.2) or "").split()) for seed in range(200)]
    assert sum(left) / 200 == pytest.approx(80, abs=1)


@pytest.mark.parametrize("text", ["", "  \n", "word", "word ?", "我喜欢吃苹果。"])
def test_a_text_with_fewer_than_two_words_is_refused(text: str):
    assert deleted(text) is None


def test_the_mark_at_the_end_goes_to_the_word_before():
    assert {deleted("Go home!", seed) for seed in range(20)} == {"Go!", "Home!"}


def test_an_opening_mark_goes_to_the_word_after_and_a_pair_goes_with_its_word():
    assert {deleted("(red green", seed) for seed in range(20)} == {"(green", "(red"}
    assert {deleted("red 'green' blue", seed, 0.01) for seed in range(40)} == {
        "red blue",
        "'green' blue",
        "red 'green'",
    }


def test_a_mark_that_stands_alone_stays():
    assert {deleted("red green ?", seed) for seed in range(20)} == {"red ?", "green ?"}


def test_white_space_around_a_deleted_word_goes_with_it():
    assert {deleted("red\n\ngreen  blue", seed, 0.01) for seed in range(40)} == {
        "red\n\ngreen",
        "red  blue",
        "green  blue",
    }
