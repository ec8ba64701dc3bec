"""Ranking by words: stems, fields, and nothing for nothing."""

from __future__ import annotations

import pytest

from memory.literature.lexical import Lexical


@pytest.fixture
def small():
    lexical = Lexical({"head": 1.0, "body": 1.0}).add(
        [
            ("masks", {"head": "Blank out bands", "body": "Frequency bands of a spectrogram are masked."}),
            ("noise", {"head": "Mix in noise", "body": "Recordings of kitchens are mixed into speech."}),
            ("other", {"head": 'Quote "this" AND that', "body": "Nothing of the kind."}),
        ]
    )
    yield lexical
    lexical.close()


def test_words_are_compared_by_their_stems(small):
    assert list(small.scores("masking a frequency band")) == ["masks"]
    assert list(small.scores("a noisy kitchen recording")) == ["noise"]


def test_more_shared_words_score_higher(small):
    both = small.scores("kitchen noise recordings bands")
    assert both["noise"] > both["masks"] > 0


@pytest.mark.parametrize("text", ["", "how do I do this?", "???", "wombat"])
def test_nothing_shared_is_no_score(small, text):
    assert small.scores(text) == {}


def test_a_question_is_words_and_never_an_expression(small):
    assert set(small.scores('quote" OR head:noise NEAR( *')) == {"other", "noise"}


def test_a_field_may_weigh_more():
    documents = [("a", {"head": "noise", "body": "x y"}), ("b", {"head": "x y", "body": "noise"})]
    documents += [(name, {"head": "w", "body": "v"}) for name in "cdef"]
    lexical = Lexical({"head": 5.0, "body": 1.0}).add(documents)
    scores = lexical.scores("noise")
    assert scores["a"] > scores["b"]
    lexical.close()
