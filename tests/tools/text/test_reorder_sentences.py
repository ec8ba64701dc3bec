"""Sentences in another order."""

from __future__ import annotations

import pytest

from tools.batches import Texts
from tools.text.reorder_sentences import ReorderSentences, reorder_sentences, split_sentences


def reordered(text: str, seed: int = 0, rate: float = 1.0) -> str | None:
    return reorder_sentences(Texts([text]), [ReorderSentences(seed=seed, rate=rate)])[0]


def test_two_sentences_change_places():
    assert reordered("It rains. Stay here!") == "Stay here! It rains."


def test_three_sentences_give_orders_in_which_all_move():
    made = {reordered("One. Two. Three.", seed) for seed in range(40)}
    assert made == {"Two. Three. One.", "Three. One. Two."}


def test_a_share_moves_and_the_rest_stays():
    made = {reordered("One. Two. Three.", seed, 0.1) for seed in range(60)}
    assert made == {"Two. One. Three.", "Three. Two. One.", "One. Three. Two."}


@pytest.mark.parametrize(
    "text", ["", "  ", "One sentence only.", "no end mark", "Same. Same.", "Hello there. an open end", "我喜欢吃苹果。"]
)
def test_a_text_without_two_different_sentences_is_refused(text: str):
    assert reordered(text) is None


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith met Mr. Jones. They spoke.", ["Dr. Smith met Mr. Jones.", "They spoke."]),
        ("It costs 3.50 today. Buy it!", ["It costs 3.50 today.", "Buy it!"]),
        ("J. R. R. Tolkien wrote it. Who else?", ["J. R. R. Tolkien wrote it.", "Who else?"]),
        ("Ask e.g. Anna. Or not.", ["Ask e.g. Anna.", "Or not."]),
        ("Er kam am 3. Mai, d.h. Montag. Gut.", ["Er kam am 3. Mai, d.h. Montag.", "Gut."]),
        ('He said "Stop!" and left. Then silence.', ['He said "Stop!" and left.', "Then silence."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("好的。真的吗\uff1f是\uff01", ["好的。", "真的吗\uff1f", "是\uff01"]),
        ("यह अच्छा है। वह आया।", ["यह अच्छा है।", "वह आया।"]),
        ("هل أنت هنا؟ نعم.", ["هل أنت هنا؟", "نعم."]),
        ("a fine film . see it !", ["a fine film .", "see it !"]),
        ("A title\n\nIts text.", ["A title", "Its text."]),
        ("Done. . .", ["Done."]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]):
    found, gaps = split_sentences(text)
    assert found == sentences
    assert gaps[0] + "".join(map("".join, zip(found, gaps[1:], strict=True))) == text


def test_white_space_and_an_open_end_stay_in_place():
    assert reordered(" One.\n\nTwo!  And so on") == " Two!\n\nOne.  And so on"
