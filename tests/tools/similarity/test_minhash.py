from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.seeds import generator
from tools.similarity.minhash import TextIndex, jaccard, normal, shingles


def sets(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 5] for at in range(max(1, len(text) - 4)))


def by_hand(one: str, other: str) -> float:
    left, right = sets(normal(one)), sets(normal(other))
    return len(left & right) / len(left | right)


def compared(texts: list[str], left: list[int], right: list[int]) -> list[float]:
    return jaccard([normal(text) for text in texts], np.array(left), np.array(right)).tolist()


def test_case_and_white_space_do_not_count():
    assert normal("  Straße\t IST\n\nlang ") == "strasse ist lang"


def test_the_jaccard_index_is_that_of_the_five_grams():
    assert compared(["abcdefg", "abcdefh", "abcde", "bcdef"], [0, 2, 0, 0], [1, 3, 2, 0]) == [0.5, 0.0, 1 / 3, 1.0]


def test_a_short_text_is_its_own_shingle():
    assert compared(["ab", "AB ", "abc", "", "  "], [0, 0, 3, 0], [1, 2, 4, 3]) == [1.0, 0.0, 1.0, 0.0]


def test_repeated_shingles_count_once():
    assert compared(["aaaaaaaaaaaa", "aaaaa"], [0], [1]) == [1.0]


def test_a_null_character_is_a_character():
    assert compared(["\0", "", "\0\0"], [0, 0], [1, 2]) == [0.0, 0.0]


def test_every_text_has_at_least_one_shingle():
    hashes, counts = shingles(["", "abcd", "abcdef"])
    assert counts.tolist() == [1, 1, 2]
    assert len(hashes) == 4


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("ab \0ß漢\ud800", max_size=12), min_size=2, max_size=8))
def test_any_texts_agree_with_python_sets(texts):
    left, right = np.triu_indices(len(texts))
    want = [by_hand(texts[one], texts[other]) for one, other in zip(left, right, strict=True)]
    assert compared(texts, left.tolist(), right.tolist()) == want


def test_blocks_do_not_change_the_result(monkeypatch):
    texts = [f"text number {at} of a few that are alike" for at in range(30)]
    left, right = (part.tolist() for part in np.triu_indices(30))
    whole = compared(texts, left, right)
    monkeypatch.setattr("tools.similarity.minhash._VERIFY", 100)
    assert compared(texts, left, right) == whole


def near_pairs(pairs: int, similarity: float) -> tuple[list[str], list[str]]:
    """Texts of 104 different five-grams, and each with its end replaced so that the Jaccard index is just reached."""
    rng, left, right = generator(12), [], []
    changed = int((1 - similarity) / (1 + similarity) * 104)
    for _ in range(pairs):
        text = "".join(map(chr, rng.integers(0x4E00, 0x9000, 108)))
        left.append(text)
        right.append(text[: 108 - changed] + "".join(map(chr, rng.integers(0x1000, 0x1100, changed))))
    return left, right


def test_of_5000_pairs_at_the_threshold_all_but_a_few_are_found():
    left, right = near_pairs(5000, 0.8)
    similar = jaccard([*left, *right], np.arange(5000), np.arange(5000, 10000))
    assert 0.8 <= similar.min() <= similar.max() < 0.82
    index = TextIndex()
    index.add(index.prints(left))
    query, position, _ = index.search(index.prints(right))
    assert np.array_equal(query, position)
    assert len(query) >= 4998


def test_growing_loses_nothing():
    index = TextIndex()
    texts = [f"{at} {at * 7919} a line of its own {at * 104729}" for at in range(5000)]
    for low in range(0, 5000, 700):
        index.add(index.prints(texts[low : low + 700]))
    query, position, similar = index.search(index.prints(texts))
    exact = similar == 1.0
    assert np.array_equal(query[exact], np.arange(5000))
    assert np.array_equal(position[exact], np.arange(5000))


def test_only_what_was_added_since_is_searched():
    index = TextIndex()
    index.add(index.prints(["the same line", "the same line"]))
    assert index.search(index.prints(["the same line"]), since=1)[1].tolist() == [1]


@pytest.mark.parametrize("copies", [1, 200])
def test_a_crowded_batch_says_so(copies):
    index = TextIndex()
    found = index.pairs(index.prints(["one and the same text"] * copies))
    assert (found is None) == (copies == 200)
