from __future__ import annotations

import numpy as np
import pytest

from memory.errors import UsageError
from tools.coverage.holes import Hole
from tools.coverage.slices import InUse, errors, moved, seldom, still_wrong
from tools.seeds import generator

# --- slices with errors ----------------------------------------------------------------------------


def items(count: int, seed: int, axes: int = 3) -> list[dict[str, str]]:
    rng = generator(seed)
    return [
        {"label": "ab"[int(rng.integers(2))], **{f"axis{at}": f"v{rng.integers(4)}" for at in range(axes)}}
        for _ in range(count)
    ]


AXES = ["axis0", "axis1", "axis2"]


def test_a_planted_slice_is_found_with_its_errors():
    at = items(600, 1)
    rng = generator(2)
    planted = [one["label"] == "a" and one["axis1"] == "v2" for one in at]
    wrong = [bool(rng.random() < (0.6 if bad else 0.1)) for bad in planted]
    [found] = errors(range(1000, 1600), wrong, at, AXES)
    assert found.at == {"label": "a", "axis1": "v2"}
    assert found.kind == "errors"
    assert found.items == tuple(1000 + one for one in range(600) if planted[one] and wrong[one])
    rest = [wrong[one] for one in range(600) if at[one]["label"] == "a" and not planted[one]]
    assert found.weight == pytest.approx(len(found.items) - sum(planted) * np.mean(rest))


@pytest.mark.parametrize("rates", [{"a": 0.25, "b": 0.25}, {"a": 0.7, "b": 0.05}])
def test_where_a_label_is_equally_hard_everywhere_no_more_is_reported_than_the_level_allows(rates):
    reported = 0
    for seed in range(150):
        at = items(300, seed)
        rng = generator(1000 + seed)
        wrong = [bool(rng.random() < rates[one["label"]]) for one in at]
        reported += bool(errors(range(300), wrong, at, AXES))
    assert reported <= 150 * 0.1 + 2 * (150 * 0.1 * 0.9) ** 0.5


def test_one_strong_slice_has_the_chance_of_the_exact_test():
    at = [{"label": "a", "axis0": "v0" if one < 5 else "v1"} for one in range(20)]
    wrong = [one < 5 for one in range(20)]  # 1 / C(20, 5) = 6e-5
    [found] = errors(range(20), wrong, at, ["axis0"])
    assert (found.at["axis0"], found.weight) == ("v0", 5.0)
    assert found.why == "the probe gets 5 of 5 wrong, and 0 of 15 of the rest of its label"
    assert errors(range(20), wrong, at, ["axis0"], least=6) == []
    few = [one in (0, 10) for one in range(20)]  # 1 - C(15, 2) / C(20, 2) = 0.45
    assert errors(range(20), few, at, ["axis0"]) == []


def test_a_rest_of_too_few_items_says_nothing():
    at = [{"label": "a", "axis0": "v0" if one < 17 else "v1"} for one in range(20)]
    wrong = [one < 17 for one in range(20)]
    assert errors(range(20), wrong, at, ["axis0"]) == []
    assert [one.at["axis0"] for one in errors(range(20), wrong, at, ["axis0"], least=3)] == ["v0"]


def test_what_is_not_known_is_no_slice():
    at = [{"label": "a", "axis0": "unknown" if one < 5 else "v1"} for one in range(20)]
    wrong = [one < 5 for one in range(20)]
    assert errors(range(20), wrong, at, ["axis0", "axis9", "label"]) == []
    assert errors(range(20), wrong, [{"axis0": one["axis0"]} for one in at], ["axis0"]) == []
    assert errors([], [], [], AXES) == []


def test_lengths_that_differ_are_refused():
    with pytest.raises(UsageError, match="differ"):
        errors(range(3), [True], items(3, 1), AXES)
    with pytest.raises(UsageError, match="differ"):
        still_wrong([], items(3, 1), [0.0], [0.0, 0.0, 0.0])


def test_errors_are_told_again_for_each_slice_and_for_no_other_hole():
    holes = [
        Hole("errors", (), {"label": "a", "x": "1"}, 1.0, ""),
        Hole("errors", (), {"label": "a", "x": "9"}, 1.0, ""),
        Hole("far", (7,), {"label": "a"}, 1.0, ""),
    ]
    at = [{"label": "a", "x": "1"}, {"label": "a", "x": "1"}, {"label": "b", "x": "1"}, {"label": "a", "x": "2"}]
    assert still_wrong(holes, at, [1.0, 0.5, 1.0, 1.0], [0.5, 0.0, 1.0, 1.0]) == [
        {"cell": {"label": "a", "x": "1"}, "items": 2, "before": 0.75, "after": 0.25},
        {"cell": {"label": "a", "x": "9"}, "items": 0, "before": None, "after": None},
    ]


# --- ranges in use ---------------------------------------------------------------------------------


def places(label: str, **counts: int) -> list[dict[str, str]]:
    return [{"label": label, "level": level} for level, count in counts.items() for _ in range(count)]


def test_a_range_is_moved_that_is_common_in_use_and_seldom_in_training():
    seen = InUse(("level",), places("a", quiet=98, loud=2), places("a", quiet=4, loud=6))
    assert list(moved(seen)) == [("level", "loud", 0.6, 0.02)]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"quiet": 70, "loud": 30}, {"quiet": 5, "loud": 5}),  # common here as well
        ({"quiet": 100}, {"quiet": 19, "loud": 1}),  # seldom in use too
        ({"quiet": 100}, {"quiet": 2, "unknown": 8}),  # nothing that could be asked for
    ],
)
def test_what_is_no_move_is_not_told(here, there):
    assert list(moved(InUse(("level",), places("a", **here), places("a", **there)))) == []


def test_ranges_in_use_are_holes_of_each_label_that_misses_them():
    here = places("a", quiet=100) + places("b", quiet=40, loud=60) + places("c", quiet=40)
    there = places("a", quiet=5, loud=15) + places("b", loud=20) + places("c", loud=4)
    assert [one.at for one in seldom(InUse(("level",), here, there), {"a": 40, "b": 40, "c": 40})] == [
        {"label": "a", "level": "loud"}
    ]


def test_a_range_in_use_weighs_its_share_and_wants_what_makes_it_common_enough():
    here, there = places("a", quiet=98, loud=2), places("a", quiet=4, loud=16)
    [found] = seldom(InUse(("level",), here, there), {"a": 50})
    assert (found.kind, found.weight) == ("use", pytest.approx((0.8 - 0.02) * 50))
    assert found.why == "80 % of the items in use stand there, and 2 % of the training items"
    for made, still in ((found.wants - 1, 1), (found.wants, 0)):
        more = [*here, *places("a", loud=made)]
        assert len(seldom(InUse(("level",), more, there), {"a": 50})) == still


def test_labels_that_no_held_out_item_has_and_no_use_ask_for_nothing():
    here, there = places("a", quiet=100), places("a", loud=20)
    assert seldom(InUse(("level",), here, there), {"b": 9}) == []
    assert seldom(InUse((), here, []), {"a": 9}) == []
    assert seldom(InUse(("level",), here, []), {"a": 9}) == []
