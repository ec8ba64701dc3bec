from __future__ import annotations

from itertools import combinations
from math import e, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.errors import UsageError
from memory.records import Cell
from tools.coverage import patterns
from tools.coverage.coverage import Axis, Coverage
from tools.coverage.holes import Hole, Request, by_kind, closed, far, hitting_set, possible, rare, shown
from tools.coverage.onepass import Reading, Twins
from tools.coverage.reach import Reach
from tools.seeds import generator


def hole(weight: float = 1.0, kind: Any = "pattern", items: tuple[int, ...] = (), wants: int = 1, **at: str) -> Hole:
    return Hole(kind, items, at, weight, "", wants)


def cell(**at: str) -> Cell:
    return Cell(at=at)


# --- patterns --------------------------------------------------------------------------------------


def coverage(columns: dict[str, list[str]], counted: list[bool] | None = None) -> Coverage:
    size = len(next(iter(columns.values())))
    values = {name: sorted(set(column)) for name, column in columns.items()}
    axes = {
        name: Axis(name, values[name], np.array([values[name].index(one) for one in column], np.int32))
        for name, column in columns.items()
    }
    none = Twins(np.zeros((0, 2), np.int64), np.zeros(0))
    known = np.array(counted or [True] * size)
    return Coverage("text", np.arange(size), axes, (), known, {}, Reading({}, none, none, none))


def uncovered(data: Coverage, axes: list[str], threshold: int, most: int = 200) -> list[Hole]:
    columns = {name: (data.axis(name).values, data.axis(name).codes) for name in axes}
    return rare(patterns.uncovered(columns, threshold, counted=data.counted, most=most), threshold)


def test_rare_combinations_are_holes_that_weigh_what_they_miss():
    found = uncovered(coverage({"label": [*"aaaabbc"], "speaker": [*"xxxyxxy"]}), ["label", "speaker"], 2)
    assert [(one.kind, one.items, one.at, one.weight) for one in found] == [
        ("pattern", (), {"label": "c"}, 1.0),
        ("pattern", (), {"label": "a", "speaker": "y"}, 1.0),
        ("pattern", (), {"label": "b", "speaker": "y"}, 2.0),
    ]
    assert [one.wants for one in found] == [1, 1, 2]
    assert found[0].why == "1 of at least 2 training items"


def test_near_duplicates_do_not_fill_a_pattern():
    data = {"label": [*"aabb"]}
    assert uncovered(coverage(data), ["label"], 2) == []
    found = uncovered(coverage(data, [True, True, True, False]), ["label"], 2)
    assert [one.at for one in found] == [{"label": "b"}]


def test_the_list_of_patterns_is_capped():
    data = coverage({"label": [str(at) for at in range(30)]})
    assert len(uncovered(data, ["label"], 2, most=4)) == 4


@pytest.mark.parametrize(("axes", "threshold"), [([], 2), (["age"], 2), (["label"], 0)])
def test_patterns_of_nothing_are_refused(axes, threshold):
    with pytest.raises(UsageError):
        uncovered(coverage({"label": [*"ab"]}), axes, threshold)


def test_a_pattern_weighs_the_held_out_items_that_show_it():
    training = coverage({"label": [*"aaaaaaaabb"], "speaker": [*"xxxxxxyyxx"]})
    columns = {name: (training.axis(name).values, training.axis(name).codes) for name in ("label", "speaker")}
    found = patterns.uncovered(columns, 3, counted=training.counted)
    assert [at for at, _ in found.first] == [{"label": "b"}, {"speaker": "y"}]
    held = [{"label": "a", "speaker": "y"}, {"label": "b", "speaker": "y"}, {"label": "a", "speaker": "x"}]
    b, y = shown(found, 3, [70, 71, 72], held, 10)
    assert (b.items, b.weight, b.wants) == ((71,), 1.0, 1)
    assert (y.items, y.weight) == ((70, 71), 2.0)


def test_a_pattern_that_only_training_shows_weighs_what_its_share_lets_expect():
    training = coverage({"label": [*"aaaaaaaabb"]})
    found = patterns.uncovered({"label": (["a", "b", "c"], training.axis("label").codes)}, 3)
    [b] = shown(found, 3, range(20), [{"label": "a"}] * 20, 10)
    assert (b.at, b.items, b.weight) == ({"label": "b"}, (), 20 * 2 / 10)


def test_fewer_items_than_a_pattern_needs_are_no_place_to_make_items_for():
    assert shown(patterns.Patterns(1, (({}, 2),)), 5, [1], [{"label": "a"}], 2) == []


# --- far items -------------------------------------------------------------------------------------


def clouds() -> tuple[Reach, Any, list[dict[str, str]]]:
    """Training items around 0; 40 held-out items there and 10 around 8, which are loud."""
    rng = generator(3)
    train = rng.standard_normal((100, 5)).astype(np.float32)
    held = (rng.standard_normal((50, 5)) + np.where(np.arange(50) < 40, 0, 8)[:, None]).astype(np.float32)
    at = [{"label": "a", "level": "quiet" if one < 40 else "loud", "snr": "unknown"} for one in range(50)]
    return Reach.fit(train, ["a"] * 100, [None] * 100, [True] * 100), held, at


def test_a_planted_cluster_away_from_training_is_far():
    reach, held, at = clouds()
    found = far(range(500, 550), reach.look(held, ["a"] * 50), at)
    items = [one.items[0] for one in found]
    assert set(range(540, 550)) <= set(items)
    assert len(items) < 20
    loud = [one for one in found if one.items[0] >= 540]
    assert all(one.at == {"label": "a", "level": "loud"} and one.weight == 1.0 for one in loud)
    assert "is usual among training items" in loud[0].why
    [request] = hitting_set(loud, None, 5)
    assert request.cell == cell(label="a", level="loud")
    assert request.weight == 10.0


def test_an_item_of_a_label_that_training_lacks_says_so():
    reach, held, _ = clouds()
    [one] = far([7], reach.look(held[:1], ["b"]), [{"label": "b"}])
    assert one.why == "no training item is labelled 'b'"


def test_nothing_held_out_is_no_hole():
    reach, held, _ = clouds()
    assert far([], reach.look(held[:0], []), []) == []


# --- requests --------------------------------------------------------------------------------------


def lands(request: Cell, one: Hole) -> bool:
    return all(request.at.get(axis) == value for axis, value in one.at.items())


places = st.dictionaries(st.sampled_from(["label", "x", "y", "z"]), st.sampled_from("01"), min_size=1, max_size=3)
cells = st.lists(places.map(lambda at: Cell(at=at)), max_size=7)


def least_requests(holes: list[Hole], candidates: list[Cell]) -> int:
    """The fewest requests that close all that can be closed, by trying all."""
    can = {at for at, one in enumerate(holes) if any(lands(request, one) for request in candidates)}
    for size in range(len(candidates) + 1):
        for chosen in combinations(candidates, size):
            if can <= {at for at, one in enumerate(holes) if any(lands(request, one) for request in chosen)}:
                return size
    raise AssertionError


@settings(deadline=None, max_examples=150)
@given(st.lists(places, max_size=8), cells)
def test_requests_are_few(drawn, candidates):
    holes = [hole(**at) for at in drawn]
    found = hitting_set(holes, candidates, 100)
    fewest = least_requests(holes, candidates)
    largest = max((sum(lands(request, one) for one in holes) for request in candidates), default=0)
    bound = sum(1 / size for size in range(1, largest + 1))
    assert bound <= 1 + log(max(1, len(holes)))
    assert fewest <= len(found) <= max(1.0, bound) * fewest
    if fewest <= 1:
        assert len(found) == fewest
    done = [at for request in found for at in request.closes]
    assert sorted(done) == [at for at, one in enumerate(holes) if any(lands(request, one) for request in candidates)]
    assert all(lands(request.cell, holes[at]) for request in found for at in request.closes)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(places, st.integers(1, 9)), max_size=8), cells, st.integers(0, 3))
def test_within_a_number_of_requests_most_of_the_weight_is_closed(drawn, candidates, most):
    holes = [hole(float(weight), **at) for at, weight in drawn]

    def reached(chosen: Any) -> float:
        return sum(one.weight for one in holes if any(lands(request, one) for request in chosen))

    best = max((reached(chosen) for size in range(most + 1) for chosen in combinations(candidates, size)), default=0.0)
    found = hitting_set(holes, candidates, most)
    assert len(found) <= most
    assert sum(request.weight for request in found) == reached([request.cell for request in found])
    assert sum(request.weight for request in found) >= (1 - 1 / e) * best
    if most == 1:
        assert sum(request.weight for request in found) == best


@settings(deadline=None, max_examples=100)
@given(st.lists(places, max_size=8), st.randoms(use_true_random=False))
def test_order_changes_no_request_and_every_hole_is_closed(drawn, shuffle):
    holes = [hole(**at) for at in drawn]
    mixed = list(holes)
    shuffle.shuffle(mixed)
    found = hitting_set(holes, None, 100)
    assert [request.cell for request in found] == [request.cell for request in hitting_set(mixed, None, 100)]
    assert sorted(at for request in found for at in request.closes) == list(range(len(holes)))


def test_disjoint_holes_come_heaviest_first():
    holes = [hole(2.0, label="a"), hole(5.0, label="b"), hole(3.0, label="c")]
    assert hitting_set(holes, None, 2) == [
        Request(cell(label="b"), (1,), 5.0),
        Request(cell(label="c"), (2,), 3.0),
    ]


def test_what_a_request_still_adds_decides_and_not_what_it_added_at_first():
    holes = [hole(p="1"), hole(q="1"), hole(r="1"), hole(s="1"), hole(t="1")]
    asked = [cell(p="1", q="1", r="1"), cell(q="1", r="1", s="1"), cell(s="1", t="1")]
    found = hitting_set(holes, asked, 2)
    assert [(request.cell, request.closes) for request in found] == [(asked[0], (0, 1, 2)), (asked[2], (3, 4))]


def test_a_narrow_request_closes_the_wide_holes_around_it():
    holes = [
        hole(label="a"),
        hole(label="a", x="1"),
        hole(x="1"),
        hole(kind="far", items=(7,), label="a", x="1", y="2"),
        hole(label="b", x="1"),
    ]
    found = hitting_set(holes, None, 5)
    assert found[0] == Request(cell(label="a", x="1", y="2"), (0, 1, 2, 3), 4.0)
    assert found[1] == Request(cell(label="b", x="1"), (4,), 1.0)


def test_at_equal_weight_the_wider_request_is_taken_then_the_first_by_name():
    holes = [hole(label="a")]
    asked = [cell(label="a", x="1"), cell(label="a", w="1"), cell(label="a")]
    assert hitting_set(holes, asked, 1)[0].cell == cell(label="a")
    assert hitting_set(holes, asked[:2], 1)[0].cell == cell(label="a", w="1")


def test_a_request_that_could_land_elsewhere_closes_nothing():
    exact = hole(label="a", x="1")
    for request in (
        cell(label="a"),
        cell(x="1"),
        cell(label="a", x="2"),
        cell(label="b", x="1"),
        cell(label="a", y="1"),
    ):
        assert hitting_set([exact], [request], 5) == []
    assert hitting_set([exact], [cell(label="a", x="1", y="9")], 5)[0].closes == (0,)


def test_of_a_far_item_on_many_axes_three_that_it_shares_with_others_are_enough():
    holes = [
        hole(kind="far", items=(at,), label="a", x="1", y="2", z=str(at), w=str(at // 2), v=str(at % 2))
        for at in range(4)
    ]
    [found] = hitting_set(holes, None, 9)
    assert (found.cell, found.closes) == (cell(label="a", x="1", y="2"), (0, 1, 2, 3))
    assert hitting_set(holes, [cell(label="a", x="1", y="2", z="0")], 9)[0].closes == (0,)
    assert hitting_set(holes, [cell(label="a", x="1")], 9) == []
    assert hitting_set(holes, [cell(x="1", y="2", z="0")], 9) == []


def test_two_slices_of_the_same_items_are_closed_together():
    slices = [
        hole(3.0, "errors", (1, 2, 3), label="a", x="1"),
        hole(3.0, "errors", (3, 4), label="a", y="2"),
        hole(3.0, "errors", (8, 9), label="a", z="4"),
    ]
    found = hitting_set(slices, None, 9)
    assert [request.cell for request in found] == [cell(label="a", x="1", y="2"), cell(label="a", z="4")]


def test_one_request_closes_holes_of_all_kinds():
    found = [
        hole(1.0, "far", (1,), label="a", x="1", y="2", z="3"),
        hole(2.0, "pattern", (1, 4), label="a", x="1"),
        hole(6.5, "errors", (1, 2, 3), label="a", y="2"),
        hole(30.0, "use", label="a", x="1"),
        hole(8.0, "use", label="b", x="1"),
    ]
    one, other = hitting_set(found, None, 9)
    assert one == Request(cell(label="a", x="1", y="2"), (0, 1, 2, 3), 39.5)
    assert other == Request(cell(label="b", x="1"), (4,), 8.0)


def test_all_that_may_be_asked_for_is_what_a_hole_or_an_item_shows():
    found = [hole(1.0, "far", (1,), label="a", x="1"), hole(1.0, "pattern", (1,), y="2"), hole(1.0, "use", z="3")]
    assert {frozenset(one.at.items()) for one in possible(found)} == {
        frozenset(one.items())
        for one in (
            {"label": "a"},
            {"label": "a", "x": "1"},
            {"label": "a", "y": "2"},
            {"label": "a", "x": "1", "y": "2"},
            {"y": "2"},
            {"z": "3"},
        )
    }


def test_holes_without_a_label_or_without_any_axis_can_be_asked_for():
    assert hitting_set([hole(x="1")], None, 1)[0].cell == cell(x="1")
    assert hitting_set([hole()], None, 1)[0].cell == cell()
    assert hitting_set([hole(), hole(label="a")], None, 1)[0].closes == (0, 1)


def test_nothing_lacking_and_nothing_allowed_ask_for_nothing():
    assert hitting_set([], None, 5) == []
    assert hitting_set([], [cell(label="a")], 5) == []
    assert hitting_set([hole(label="a")], [], 5) == []
    assert hitting_set([hole(label="a")], None, 0) == []
    assert hitting_set([hole(0.0, label="a")], None, 5) == []


# --- closure ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pattern", "errors", "use"])
def test_what_is_counted_is_closed_by_as_many_as_it_wants(kind):
    holes = [hole(6.5, kind, (3,), wants=2, label="a", x="1")]
    at = {"label": "a", "x": "1", "y": "7"}
    assert closed(holes, [at], None) == [False]
    assert closed(holes, [at, {"label": "a", "x": "2"}, {"label": "a"}], None) == [False]
    assert closed(holes, [at, at], None) == [True]


def test_closure_is_told_by_kind():
    holes = [hole(kind=kind) for kind in ("far", "use", "far", "pattern")]
    told = by_kind(holes, [True, False, False, True])
    assert told == {"far": [1, 2], "pattern": [1, 1], "errors": [0, 0], "use": [0, 1]}
    with pytest.raises(UsageError, match="differ"):
        by_kind(holes, [True])


def test_far_items_are_closed_only_by_made_items_that_come_close():
    reach, held, at = clouds()
    labels, rows = ["a"] * 50, range(500, 550)
    holes = far(rows, reach.look(held, labels), at)
    there = (8 + generator(5).standard_normal((150, 5))).astype(np.float32)
    near = reach.with_made(there, ["a"] * 150).look(held, labels)
    stays = reach.with_made(-there, ["a"] * 150).look(held, labels)
    planted = [one.items[0] >= 540 for one in holes]
    made = [at[45]] * 150
    done = closed(holes, made, near, rows=rows)
    assert sum(one for one, loud in zip(done, planted, strict=True) if loud) >= 9
    assert not any(one for one, loud in zip(done, planted, strict=True) if not loud)
    assert closed(holes, made, stays, rows=rows) == [False] * len(holes)
    assert closed(holes, made, None) == [False] * len(holes)


def test_an_item_that_was_not_looked_at_again_is_an_error():
    reach, held, at = clouds()
    holes = far(range(50), reach.look(held, ["a"] * 50), at)
    with pytest.raises(UsageError, match="Row"):
        closed(holes, [], reach.look(held[:5], ["a"] * 5), rows=range(900, 905))


def test_lengths_that_differ_are_refused():
    reach, held, at = clouds()
    looked = reach.look(held, ["a"] * 50)
    for ask in (
        lambda: far(range(3), looked, at),
        lambda: shown(patterns.Patterns(0, ()), 5, range(3), at, 9),
        lambda: closed([hole()], [], looked, rows=range(3)),
    ):
        with pytest.raises(UsageError, match="differ"):
            ask()
