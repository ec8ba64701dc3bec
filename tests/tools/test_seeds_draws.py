"""Draws of a whole batch."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from memory.errors import UsageError
from tools.seeds import distinct, draws


def test_the_numbers_are_the_upper_halves_of_splitmix64():
    # The first three outputs for seed 1234567, as published with the generator's reference code.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert draws([1234567], [3]).tolist() == [number >> 32 for number in published]


def test_a_seed_gives_the_same_numbers_beside_any_other():
    together = draws([1, 2**63 - 1, 3], [2, 0, 3]).tolist()
    assert together == draws([1], [2]).tolist() + draws([3], [3]).tolist()
    assert draws([3], [5]).tolist()[:3] == together[2:]


def test_no_seeds_give_nothing():
    assert draws([], []).tolist() == []


def test_numbers_are_uniform():
    counts = Counter((draws(range(6000), [1] * 6000) * 6 >> 32).tolist())
    assert all(counts[face] == pytest.approx(1000, abs=130) for face in range(6))


def test_every_set_of_distinct_numbers_is_equally_likely():
    numbers = draws([9], [12_000]).tolist()
    sets = Counter(tuple(distinct(numbers[at : at + 2], 4)) for at in range(0, 12_000, 2))
    assert set(sets) == set(combinations(range(4), 2))
    assert all(count == pytest.approx(1000, abs=130) for count in sets.values())


def test_all_numbers_can_be_taken_but_no_more():
    assert distinct([0, 2**32 - 1, 5], 3) == [0, 1, 2]
    with pytest.raises(UsageError, match="4 different numbers below 3"):
        distinct([1, 2, 3, 4], 3)
