"""Cutting evaluation rows: by group, by share, the same for the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from memory.datasets.splits import cut, known_split, split_in_name
from memory.errors import UsageError

SHARES = st.fixed_dictionaries({"validation": st.floats(0.05, 0.25), "test": st.floats(0.05, 0.25)})


@st.composite
def rows(draw):
    count = draw(st.integers(1, 120))
    labels = draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    names = [None, *(f"g{n}" for n in range(draw(st.integers(1, 20))))]
    groups = draw(st.lists(st.sampled_from(names), min_size=count, max_size=count))
    return labels, groups


def units(groups) -> int:
    return len({group for group in groups if group}) + sum(group is None for group in groups)


@given(rows(), SHARES, st.integers(0, 2**63 - 1))
def test_a_group_never_stands_in_two_splits(made, shares, seed):
    labels, groups = made
    assume(units(groups) > 2)
    taken = cut(labels, groups, shares, seed)
    for group in set(groups) - {None}:
        assert len({int(split) for split, one in zip(taken, groups, strict=True) if one == group}) == 1


@given(rows(), SHARES, st.integers(0, 2**63 - 1))
def test_every_row_goes_to_one_split_and_none_is_empty(made, shares, seed):
    labels, groups = made
    assume(units(groups) > 2)
    taken = cut(labels, groups, shares, seed)
    assert len(taken) == len(labels)
    assert set(taken.tolist()) == {0, 1, 2}


@given(rows(), SHARES, st.integers(0, 2**63 - 1))
def test_the_same_seed_gives_the_same_split(made, shares, seed):
    labels, groups = made
    assume(units(groups) > 2)
    assert np.array_equal(cut(labels, groups, shares, seed), cut(labels, groups, shares, seed))


@given(rows(), SHARES, st.integers(0, 2**63 - 1))
def test_a_split_misses_its_share_by_at_most_one_group(made, shares, seed):
    labels, groups = made
    assume(units(groups) > 2)
    taken = cut(labels, groups, shares, seed)
    largest = max(Counter(group for group in groups if group).values(), default=1)
    for position, share in enumerate(shares.values()):
        assert abs(int((taken == position + 1).sum()) - share * len(labels)) <= largest


@given(st.lists(st.sampled_from("abcd"), min_size=20, max_size=300), st.integers(0, 2**63 - 1))
def test_without_groups_labels_keep_their_proportions(labels, seed):
    taken = cut(labels, None, {"test": 0.3}, seed)
    for label, count in Counter(labels).items():
        there = sum(1 for split, one in zip(taken, labels, strict=True) if split and one == label)
        assert abs(there - 0.3 * count) <= 2.5


def test_shares_are_exact_where_they_can_be():
    taken = cut(["a", "b"] * 50, None, {"validation": 0.2, "test": 0.1}, seed=1)
    assert Counter(taken.tolist()) == {0: 70, 1: 20, 2: 10}
    assert Counter(taken[::2].tolist()) == {0: 35, 1: 10, 2: 5}


def test_another_seed_gives_another_split():
    labels = ["a"] * 100
    assert not np.array_equal(cut(labels, None, {"test": 0.5}, 1), cut(labels, None, {"test": 0.5}, 2))


def test_the_only_item_of_a_class_stays_in_training():
    for seed in range(50):
        taken = cut(["a"] * 20 + ["rare"], None, {"test": 0.4}, seed)
        assert taken[20] == 0


def test_too_few_groups_are_refused():
    with pytest.raises(UsageError, match="2 groups"):
        cut(["a"] * 10, ["x"] * 5 + ["y"] * 5, {"validation": 0.1, "test": 0.1}, 0)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Train", "train"),
        ("dev", "validation"),
        ("valid", "validation"),
        ("eval", "test"),
        ("TEST ", "test"),
        ("x", None),
    ],
)
def test_usual_names_of_splits_are_known(name, split):
    assert known_split(name) == split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00001", "train"),
        ("my_val.v2", "validation"),
        ("sst2.test", "test"),
        ("latest", None),
        ("data", None),
    ],
)
def test_a_split_is_read_off_a_file_name(name, split):
    assert split_in_name(name) == split
