from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.kernels.heard import error_rate, plain


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Say  ZERO, please!", "say zero please"),
        ("7", "seven"),
        ("room 42", "room forty two"),
        ("¹ in Ⅷ", "one in viii"),
        ("don't | don\u2019t", "dont dont"),
        ("Straße", "strasse"),
        ("नमस्ते", "नमस्ते"),
        ("?!", ""),
    ],
)
def test_a_text_in_its_plain_form(text, form):
    assert plain(text) == form


@pytest.mark.parametrize(
    ("wanted", "heard", "rate"),
    [
        ("turn on the light", "turn on the light", 0.0),
        ("turn on the light", "turn off the light", 0.25),
        ("turn on the light", "", 1.0),
        ("turn on", "turn on the light", 1.0),
        ("seven", "sefen", 0.2),
        ("seven", "se ven", 0.0),
        ("seven", "nine", 0.8),
        ("on", "one two three", 4.5),
    ],
)
def test_errors_count_words_and_of_one_word_its_characters(wanted, heard, rate):
    assert error_rate(wanted, heard) == pytest.approx(rate)


def test_nothing_wanted_has_no_rate():
    with pytest.raises(ValueError, match="empty"):
        error_rate("", "zero")


@given(st.text(max_size=30))
def test_the_plain_form_is_plain_already(text):
    form = plain(text)
    assert plain(form) == form
    assert not form or error_rate(form, form) == 0
