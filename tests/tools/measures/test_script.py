from __future__ import annotations

from tools.measures.script import script


def test_the_script_of_most_letters_is_named():
    given = ["hello", "Grüße", "привет", "你好", "مرحبا", "γειά", "สวัสดี", "こんにちは", "안녕", "नमस्ते"]
    named = ["Latin", "Latin", "Cyrillic", "Han", "Arabic", "Greek", "Thai", "Hiragana", "Hangul", "Devanagari"]
    assert script(given) == named


def test_the_majority_decides_and_signs_do_not_count():
    assert script(["привет ok 12345678!!!", "hello мир"]) == ["Cyrillic", "Latin"]


def test_no_letter_no_script():
    assert script(["", "123 + 4!", "😀😀"]) == [None, None, None]


def test_equal_numbers_take_the_first_name():
    assert script(["ab вг"]) == ["Cyrillic"]


def test_a_lone_surrogate_is_no_letter():
    assert script(["\ud800"]) == [None]
