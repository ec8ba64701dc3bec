from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memory.datasets.media import Wave
from memory.errors import UsageError
from tools.coverage import reach as module
from tools.coverage.reach import Reach, features
from tools.seeds import generator

SPELLED = "please send my money back where is the train it rains all day long on card order ticket late again"
WORDS = SPELLED.split()


def sentences(count: int, seed: int) -> list[str]:
    rng = generator(seed)
    return [" ".join(rng.choice(WORDS, int(rng.integers(4, 9)))) for _ in range(count)]


def cloud(count: int, seed: int, *, centre: float = 0.0, columns: int = 6) -> Any:
    return (centre + generator(seed).standard_normal((count, columns))).astype(np.float32)


def fit(rows: Any, labels: list[str | None] | None = None, groups: Any = None, counted: Any = None) -> Reach:
    n = rows.shape[0]
    return Reach.fit(rows, labels or ["a"] * n, groups or [None] * n, [True] * n if counted is None else counted)


# --- features --------------------------------------------------------------------------------------


def payloads(modality: str) -> list[Any]:
    rng = generator(5)
    if modality == "text":
        return [*sentences(5, 1), "", "x" * 3000]
    if modality == "image":
        return [rng.integers(0, 256, (12 + at, 20, 1 + 2 * (at % 2))).astype(np.uint8) for at in range(4)]
    return [Wave((0.1 * rng.standard_normal((1, 1000 + 500 * at))).astype(np.float32), 8000) for at in range(4)]


def dense(rows: Any) -> Any:
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


@pytest.mark.parametrize("modality", ["text", "image", "speech"])
def test_a_vector_depends_on_its_payload_alone(modality):
    items = payloads(modality)
    together = features(modality, items)
    assert together.shape[0] == len(items)
    for at, item in enumerate(items):
        assert np.array_equal(dense(features(modality, [item]))[0], dense(together[at : at + 1])[0])


@pytest.mark.parametrize("modality", ["text", "image", "speech"])
def test_no_payload_gives_no_row_of_the_same_width(modality):
    assert features(modality, []).shape == (0, features(modality, payloads(modality)[:1]).shape[1])


def test_texts_have_length_one_and_equal_ones_are_no_distance_apart():
    rows = features("text", [*sentences(5, 1), ""])
    assert np.allclose(np.asarray(rows.multiply(rows).sum(axis=1)).ravel()[:5], 1.0, atol=1e-6)
    looked = fit(rows).look(rows, ["a"] * 6)
    assert looked.distance.tolist() == [0.0] * 6
    assert looked.nearest.tolist() == list(range(6))


# --- nearest rows ----------------------------------------------------------------------------------


def plain(train: Any, labels: list[Any], items: Any, asked: list[Any]) -> list[list[float]]:
    """The distance of every item to every row of its label, one pair at a time, on standardised columns."""
    spread = train.std(axis=0, dtype=np.float64)
    spread = np.maximum(spread, 0.3 * np.median(spread))
    return [
        [
            float(np.linalg.norm((item - row) / spread)) if own == label else np.inf
            for row, own in zip(train.astype(np.float64), labels, strict=True)
        ]
        for item, label in zip(items.astype(np.float64), asked, strict=True)
    ]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 40), st.integers(0, 20), st.integers(1, 4), st.integers(0, 2**30))
@example(15, 5, 1, 153070168)
def test_the_nearest_row_is_the_plain_one(rows, items, labels, seed):
    train, held = cloud(rows, seed), cloud(items, seed + 1)
    own = generator(seed).integers(0, labels, rows).astype(str).tolist()
    asked = generator(seed + 1).integers(0, labels + 1, items).astype(str).tolist()
    looked = fit(train, own).look(held, asked)
    apart = plain(train, own, held, asked)
    assert np.allclose(looked.distance, [min(line) for line in apart], atol=0.03)
    for line, nearest, label in zip(apart, looked.nearest.tolist(), asked, strict=True):
        assert (nearest == -1) == (label not in own)
        if nearest >= 0:  # columns are counted in steps, so of two rows as near either may be the one
            assert line[nearest] <= min(line) + 0.03


@pytest.mark.parametrize("kind", ["dense", "text"])
def test_blocks_and_neighbours_in_a_batch_change_nothing(kind, monkeypatch):
    rows = cloud(90, 1) if kind == "dense" else features("text", sentences(90, 1))
    labels = [f"{at % 3}" for at in range(90)]
    whole = fit(rows[:60], labels[:60])
    looked = whole.look(rows[60:], labels[60:])
    monkeypatch.setattr(module, "BLOCK", 7)
    cut = fit(rows[:60], labels[:60])
    assert cut.radii == whole.radii
    for at in range(30):
        one = cut.look(rows[60 + at : 61 + at], labels[60 + at : 61 + at])
        assert one.distance[0] == looked.distance[at]
        assert one.nearest[0] == looked.nearest[at]


def test_among_equals_the_earliest_row_is_named(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    same = np.repeat(cloud(1, 1), 5, axis=0)
    rows = np.concatenate([cloud(3, 2, centre=9), same])
    assert fit(rows).look(same[:1], ["a"]).nearest.tolist() == [3]


# --- radii -----------------------------------------------------------------------------------------


def test_the_radius_is_the_distance_of_rank_nine_tenths():
    rows = np.array([[0.0], [1.0], [3.0], [6.0], [10.0], [15.0], [21.0], [28.0], [36.0], [45.0]], np.float32)
    own = fit(rows)
    distances = np.array([1, 1, 2, 3, 4, 5, 6, 7, 8, 9]) / rows.std()
    assert own.radii["a"] == pytest.approx(distances[-1], abs=0.02)  # rank ceil(0.9 * 11) = 10
    double = fit(np.concatenate([rows, rows + 1000]))
    assert double.radii["a"] == pytest.approx(8 / np.concatenate([rows, rows + 1000]).std(), abs=0.02)  # rank 19 of 20


@pytest.mark.parametrize("kind", ["dense", "text"])
def test_items_like_the_training_rows_are_covered_nine_times_in_ten(kind):
    shares = []
    for seed in range(6):
        rows = cloud(400, seed) if kind == "dense" else features("text", sentences(400, seed))
        shares.append(fit(rows[:150]).look(rows[150:], ["a"] * 250).share)
    assert 0.85 < np.mean(shares) < 0.95


def test_a_planted_cluster_away_from_training_is_not_covered():
    held = np.concatenate([cloud(40, 2), cloud(10, 3, centre=8)])
    looked = fit(cloud(100, 1)).look(held, ["a"] * 50)
    assert not looked.covered[40:].any()
    assert looked.covered[:40].mean() > 0.75
    assert (looked.distance[40:] > looked.radius[40:]).all()


def test_labels_keep_to_themselves():
    rows = np.concatenate([cloud(30, 1), cloud(30, 2, centre=8)])
    looked = fit(rows, ["near"] * 30 + ["off"] * 30).look(cloud(20, 3), ["off"] * 20)
    assert not looked.covered.any()
    assert (looked.nearest >= 30).all()


def speakers(per_speaker: int = 10) -> tuple[Any, list[str | None]]:
    """Eight speakers, whose own clips are much more alike than those of two of them."""
    rng = generator(9)
    rows = [5 * rng.standard_normal(6) + 0.1 * rng.standard_normal((per_speaker, 6)) for _ in range(8)]
    return np.concatenate(rows).astype(np.float32), [f"s{at}" for at in range(8) for _ in range(per_speaker)]


def test_a_speakers_own_clips_do_not_set_the_measure():
    rows, groups = speakers()
    divided, mixed = fit(rows, groups=groups), fit(rows)
    assert divided.radii["a"] > 10 * mixed.radii["a"]
    apart = [fit(rows, groups=groups).look(rows[at : at + 1], ["a"]).distance[0] for at in range(0, len(rows), 10)]
    assert max(apart) < 0.05  # looking itself asks for no other group
    assert fit(rows, groups=["one"] * len(rows)).radii == mixed.radii


def test_a_row_without_a_group_is_a_group_of_its_own():
    rows, groups = speakers()
    lone = [None if group in ("s0", "s1") else group for group in groups]
    freed = fit(rows[:20], groups=[*lone[:18], "x", "y"])
    assert freed.radii == fit(rows[:20]).radii


def test_a_label_of_one_group_gets_the_median_where_others_have_several():
    rows, groups = speakers()
    more = np.concatenate([rows, rows[:10] + 1])
    found = fit(more, ["a"] * 80 + ["b"] * 10, groups=[*groups, *["s0"] * 10])
    assert set(found.radii) == {"a"}
    assert found.look(more[80:], ["b"] * 10).radius.tolist() == [found.radii["a"]] * 10


def test_where_no_label_has_two_groups_groups_do_not_count():
    rows = cloud(40, 1)
    labels: list[str | None] = ["a"] * 20 + ["b"] * 20
    found = fit(rows, labels, groups=["s"] * 20 + ["t"] * 20)
    assert found.radii == fit(rows, labels).radii
    assert set(found.radii) == {"a", "b"}


def test_near_duplicates_do_not_set_the_radius():
    rows = cloud(30, 1)
    twice = np.concatenate([rows, rows])
    counted = [True] * 30 + [False] * 30
    assert fit(twice, counted=counted).radii == fit(rows).radii
    assert fit(twice).radii == {"a": 0.0}
    assert fit(twice, counted=counted).count == 60


def test_one_row_gets_the_median_and_few_rows_at_least_that():
    labels: list[str | None] = ["a"] * 30 + ["b"] * 30 + ["c"] * 30 + ["few"] * 3 + ["one"]
    rows = np.concatenate([cloud(30, 1), 2 * cloud(30, 2), 4 * cloud(30, 3), 0.01 * cloud(3, 4), cloud(1, 5)])
    found = fit(rows, labels)
    middle = sorted(found.radii[label] for label in "abc")[1]
    assert found.radius == middle
    assert found.radii["few"] == middle
    assert "one" not in found.radii
    looked = found.look(rows[-1:] + np.float32(0.01), ["one"])
    assert (looked.radius.tolist(), looked.nearest.tolist(), looked.covered.tolist()) == ([middle], [93], [True])


def test_where_every_label_has_one_row_only_the_same_is_covered():
    rows = cloud(3, 1)
    found = fit(rows, ["a", "b", "c"])
    assert (found.radii, found.radius) == ({}, 0.0)
    looked = found.look(np.concatenate([rows[:1], rows[:1] + 1]), ["a", "a"])
    assert looked.covered.tolist() == [True, False]


def test_a_label_that_training_lacks_has_no_neighbour():
    looked = fit(cloud(20, 1)).look(cloud(2, 2), ["b", None])
    assert looked.nearest.tolist() == [-1, -1]
    assert np.isinf(looked.distance).all()
    assert not looked.covered.any()


def test_rows_without_a_label_are_compared_with_each_other():
    looked = fit(cloud(50, 1), [None] * 50).look(cloud(20, 2), [None] * 20)
    assert looked.share is not None
    assert looked.share > 0.7


def test_a_constant_column_decides_nothing_by_itself():
    rows = cloud(100, 1)
    rows[:, 0] = 3.0
    rows[0, 0] = 3.001
    held = cloud(100, 2)
    held[:, 0] = 3.05
    share = fit(rows).look(held, ["a"] * 100).share
    assert share is not None
    assert share > 0.8


def test_constant_training_rows_can_be_looked_at():
    found = fit(np.ones((4, 3), np.float32))
    assert found.look(np.ones((1, 3), np.float32), ["a"]).covered.tolist() == [True]
    assert found.look(np.full((1, 3), 2, np.float32), ["a"]).covered.tolist() == [False]


# --- made items ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "text"])
def test_made_items_close_by_cover_and_the_radius_stays(kind):
    if kind == "dense":
        rows, held, made = cloud(60, 1), cloud(5, 2, centre=8), cloud(20, 3, centre=8)
    else:
        strange = ["zyx wvu tsr qpo", "zyx wvu tsr", "wvu tsr qpo"]
        rows, held, made = (features("text", texts) for texts in (sentences(60, 1), strange[:2], strange[2:]))
    before = fit(rows)
    after = before.with_made(made, ["a"] * made.shape[0])
    asked = ["a"] * held.shape[0]
    assert not before.look(held, asked).covered.any()
    looked = after.look(held, asked)
    assert looked.covered.mean() >= 0.8
    assert (looked.nearest >= 60).all()
    assert (after.radii, after.radius, after.count) == (before.radii, before.radius, 60 + made.shape[0])
    assert not before.look(held, asked).covered.any()


def test_made_items_elsewhere_or_of_another_label_cover_nothing():
    before, held = fit(cloud(60, 1)), cloud(5, 2, centre=8)
    assert not before.with_made(cloud(20, 3, centre=-8), ["a"] * 20).look(held, ["a"] * 5).covered.any()
    assert not before.with_made(cloud(20, 3, centre=8), ["b"] * 20).look(held, ["a"] * 5).covered.any()


def test_copies_of_training_rows_add_no_coverage():
    rows, held = cloud(60, 1), cloud(50, 2)
    before = fit(rows)
    looked = before.with_made(rows, ["a"] * 60).look(held, ["a"] * 50)
    assert looked.covered.tolist() == before.look(held, ["a"] * 50).covered.tolist()
    assert (looked.nearest < 60).all()


def test_made_items_in_parts_are_numbered_on():
    first = fit(cloud(10, 1)).with_made(cloud(2, 2, centre=20), ["a", "a"])
    then = first.with_made(cloud(2, 3, centre=40), ["a", "b"])
    assert then.look(cloud(2, 3, centre=40), ["a", "b"]).nearest.tolist() == [12, 13]
    assert then.count == 14


# --- empty and wrong input -------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["text", "image"])
def test_nothing_to_look_at_and_nothing_to_look_in(modality):
    none, some = features(modality, []), features(modality, payloads(modality))
    asked = ["a"] * some.shape[0]
    empty = fit(none, [])
    assert (empty.radii, empty.radius, empty.count) == ({}, 0.0, 0)
    assert empty.look(some, asked).nearest.tolist() == [-1] * len(asked)
    looked = fit(some).with_made(none, []).look(none, [])
    assert (looked.share, looked.covered.shape, looked.nearest.dtype) == (None, (0,), np.int64)
    assert empty.with_made(some, asked).look(some, asked).covered.all()


def test_lengths_that_differ_are_refused():
    rows = cloud(3, 1)
    with pytest.raises(UsageError, match="same number"):
        Reach.fit(rows, ["a"] * 3, [None] * 2, [True] * 3)
    with pytest.raises(UsageError, match="3 items"):
        fit(rows).look(rows, ["a"])
    with pytest.raises(UsageError, match="3 made items"):
        fit(rows).with_made(rows, [])
