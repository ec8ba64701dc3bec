"""Words and the marks around them."""

from __future__ import annotations

import pytest

from tools.kernels.words import drop_capital, edges, put, raise_capital, split, words_at


@pytest.mark.parametrize("text", ["a b", " a  b\n", "", "one", "a\tb , c", "\u3000全角 空白"])
def test_the_parts_join_to_the_text_again(text: str):
    parts, between, _ = split(text)
    assert between.join(parts) == text


def test_positions_are_those_of_words():
    assert list(split("red , green ?")[2]) == [0, 2]
    assert list(split(" red\ngreen ")[2]) == [2, 4]
    assert list(words_at(["don't", "...", "4", "👍", "a_b"])) == [0, 2, 4]


@pytest.mark.parametrize(
    ("token", "parts"),
    [
        ("house?", ("", "house", "?")),
        ("(left", ("(", "left", "")),
        ("'quoted'!", ("'", "quoted", "'!")),
        ("don't", ("", "don't", "")),
        ("cafe\u0301.", ("", "cafe\u0301", ".")),
        ("की।", ("", "की", "।")),
        ("\U0001f469\u200d\U0001f4bbhello", ("", "\U0001f469\u200d\U0001f4bbhello", "")),
        ("hello\U0001f469\u200d\U0001f4bb", ("", "hello\U0001f469\u200d\U0001f4bb", "")),
        ("hello\U0001f44d\U0001f3fd", ("", "hello", "\U0001f44d\U0001f3fd")),
    ],
)
def test_marks_come_off_and_combining_sequences_stay_whole(token: str, parts: tuple[str, str, str]):
    assert edges(token) == parts


def test_a_word_is_put_between_the_marks():
    assert put("(house),", "garden") == "(garden),"


def test_capitals():
    parts = ["(green", "Where"]
    raise_capital(parts, 0, "Where")
    assert parts == ["(Green", "Where"]
    lower = ["iPhone", "x"]
    raise_capital(lower, 0, "Where")
    assert lower == ["iPhone", "x"]
    assert [drop_capital(word) for word in ("Where", "Berlin", "I", "THE")] == ["where", "Berlin", "I", "THE"]
