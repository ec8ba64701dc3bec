from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.errors import UsageError
from tools.coverage.patterns import uncovered

Columns = dict[str, tuple[list[str], list[int]]]


def axes(columns: Columns):
    return {name: (values, np.array(codes, np.int32)) for name, (values, codes) in columns.items()}


def brute_force(columns: Columns, threshold: int, size: int) -> list[tuple[dict[str, str], int]]:
    """Definition by definition: too few items, and every parent (one value opened) has enough."""
    items = len(next(iter(columns.values()))[1])

    def count(pattern: dict[str, str]) -> int:
        fixed = [(columns[name][1], columns[name][0].index(value)) for name, value in pattern.items()]
        return sum(all(codes[at] == value for codes, value in fixed) for at in range(items))

    found = []
    for level in range(size + 1):
        for names in combinations(columns, level):
            for values in product(*(columns[name][0] for name in names)):
                pattern = dict(zip(names, values, strict=True))
                parents = [{key: value for key, value in pattern.items() if key != name} for name in names]
                if count(pattern) < threshold and all(count(parent) >= threshold for parent in parents):
                    found.append((pattern, count(pattern)))
    return found


SMALL: Columns = {
    "label": (["a", "b", "c"], [0, 0, 0, 0, 1, 1, 2]),
    "speaker": (["x", "y"], [0, 0, 0, 1, 0, 0, 1]),
}


def test_a_rare_value_stands_alone_and_a_rare_pair_of_common_values_too():
    found = uncovered(axes(SMALL), 2)
    assert found.first == (
        ({"label": "c"}, 1),
        ({"label": "a", "speaker": "y"}, 1),
        ({"label": "b", "speaker": "y"}, 0),
    )
    assert found.count == 3


def test_too_few_items_leave_the_open_pattern():
    assert uncovered(axes(SMALL), 8).first == (({}, 7),)


def test_everything_covered_gives_nothing():
    assert uncovered(axes({"label": (["a"], [0, 0])}), 2) == uncovered(axes({"label": (["a"], [0])}), 1)
    assert uncovered(axes({"label": (["a"], [0, 0])}), 2).count == 0


def test_uncounted_items_and_unknown_values_do_not_match():
    counted = np.array([1, 1, 1, 1, 1, 0, 1], bool)
    assert uncovered(axes(SMALL), 2, counted=counted).first[0] == ({"label": "b"}, 1)
    assert uncovered(axes({"label": (["a", "b"], [0, 0, -1])}), 2).first == (({"label": "b"}, 0),)


columns = st.integers(0, 14).flatmap(
    lambda items: st.lists(
        st.integers(1, 3).flatmap(
            lambda values: st.tuples(
                st.just([f"v{at}" for at in range(values)]),
                st.lists(st.integers(-1, values - 1), min_size=items, max_size=items),
            )
        ),
        min_size=1,
        max_size=4,
    )
)


@settings(deadline=None, max_examples=150)
@given(columns, st.integers(1, 5), st.integers(1, 4))
def test_any_table_agrees_with_the_definition(drawn, threshold, size):
    table: Columns = {f"axis{at}": one for at, one in enumerate(drawn)}
    want = brute_force(table, threshold, min(size, len(table)))
    found = uncovered(axes(table), threshold, size=size)
    assert list(found.first) == want
    assert found.count == len(want)
    assert uncovered(axes(table), threshold, size=size, most=1).first == tuple(want[:1])


def test_large_axes_are_counted_without_spanning_them():
    many = np.arange(100_000, dtype=np.int32)
    table = {name: ([str(at) for at in range(50_000)], many % 50_000) for name in ("one", "other")}
    found = uncovered(table, 2, most=3)
    assert found.count == 50_000 * 50_000 - 50_000
    assert found.first == tuple(({"one": "0", "other": str(at)}, 0) for at in (1, 2, 3))


@pytest.mark.parametrize(("table", "threshold"), [({}, 1), (SMALL, 0), ({**SMALL, "odd": (["a"], [0])}, 1)])
def test_what_makes_no_sense_is_refused(table, threshold):
    with pytest.raises(UsageError):
        uncovered(axes(table), threshold)
