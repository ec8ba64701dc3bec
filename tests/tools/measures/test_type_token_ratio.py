from __future__ import annotations

from tools.measures.type_token_ratio import type_token_ratio


def test_distinct_words_are_divided_by_all_words():
    assert type_token_ratio(["a b c d", "the cat the dog", "no No NO no"]) == [1.0, 0.75, 0.25]


def test_characters_without_spaces_stand_alone():
    assert type_token_ratio(["你好你好"]) == [0.5]


def test_no_words_no_ratio():
    assert type_token_ratio(["", "  "]) == [None, None]
