from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tools.probe.folds import cut

ROWS = 24


def connected(rows: int, groups: list[str | None], twins: dict[int, int]) -> list[int]:
    """Components the slow way: the least row reached, until nothing changes."""
    edges = [*twins.items(), *((a, b) for a in range(rows) for b in range(a) if groups[a] and groups[a] == groups[b])]
    found = list(range(rows))
    for _ in range(rows):
        for one, other in edges:
            found[one] = found[other] = min(found[one], found[other])
    return found


@given(
    st.lists(st.sampled_from([None, "ann", "bob", "cy", "di"]), min_size=ROWS, max_size=ROWS),
    st.dictionaries(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1), max_size=12),
    st.integers(2, 5),
    st.integers(0, 99),
)
def test_groups_and_twins_are_never_divided(groups, twins, folds, seed):
    fold = cut(["x", "y"] * (ROWS // 2), groups, twins, folds, seed)
    assert set(fold.tolist()) <= set(range(folds))
    single = len(set(groups) - {None}) < 2
    component = connected(ROWS, [None] * ROWS if single else groups, twins)
    if len(set(component)) > 1:
        assert all(len({fold[row] for row in range(ROWS) if component[row] == one}) == 1 for one in component)


def test_a_single_group_is_divided_but_its_twins_are_not():
    fold = cut(["x"] * 12, ["ann"] * 12, {1: 0, 2: 1, 9: 8}, 3, seed=1)
    assert sorted(np.bincount(fold)) == [4, 4, 4]
    assert fold[0] == fold[1] == fold[2]
    assert fold[8] == fold[9]


def test_twins_join_groups():
    groups = ["ann"] * 4 + ["bob"] * 4 + ["cy"] * 4
    fold = cut(["x"] * 12, groups, {4: 3}, 2, seed=1)
    assert len(set(fold[:8].tolist())) == 1
    assert fold[8] != fold[0]


def test_classes_are_spread_evenly_and_the_seed_decides():
    labels = ["x"] * 30 + ["y"] * 10
    fold = cut(labels, [None] * 40, {}, 5, seed=3)
    assert np.bincount(fold[:30]).tolist() == [6] * 5
    assert np.bincount(fold[30:]).tolist() == [2] * 5
    assert np.array_equal(fold, cut(labels, [None] * 40, {}, 5, seed=3))
    assert not np.array_equal(fold, cut(labels, [None] * 40, {}, 5, seed=4))
