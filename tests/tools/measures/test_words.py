from __future__ import annotations

from tools.measures.words import words


def test_white_space_separates_words():
    assert words(["one two", "  one\t two\nthree ", "well-known", "", "   "]) == [2.0, 3.0, 1.0, 0.0, 0.0]


def test_two_characters_without_spaces_are_a_word_rounded_up():
    assert words(["你好", "你好吗", "สวัสดี"]) == [1.0, 2.0, 3.0]


def test_mixed_text_counts_both_ways():
    assert words(["GPU很快 really"]) == [3.0]


def test_accents_are_no_word_breaks():
    assert words(["Grüße aus Köln"]) == [3.0]
