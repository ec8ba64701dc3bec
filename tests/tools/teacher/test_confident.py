from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tools.teacher import confident


def test_every_class_is_spread_over_all_folds():
    labels = ["a"] * 50 + ["b"] * 10 + ["c"] * 5
    folds = confident.cut_folds(labels, [None] * 65, 5, seed=3)
    counts = Counter(zip(labels, folds.tolist(), strict=True))
    assert {counts["a", fold] for fold in range(5)} == {10}
    assert {counts["b", fold] for fold in range(5)} == {2}
    assert {counts["c", fold] for fold in range(5)} == {1}


def test_rows_of_a_group_stay_together():
    groups = [f"speaker{at % 7}" for at in range(70)]
    folds = confident.cut_folds(["a", "b"] * 35, groups, 5, seed=3)
    homes = {group: set(folds[[at for at, own in enumerate(groups) if own == group]].tolist()) for group in groups}
    assert all(len(home) == 1 for home in homes.values())
    assert set(folds.tolist()) == {0, 1, 2, 3, 4}


def test_a_single_group_is_no_group():
    assert set(confident.cut_folds(["a"] * 10, ["anna"] * 10, 5, seed=0).tolist()) == {0, 1, 2, 3, 4}


def test_folds_follow_from_the_seed():
    labels, groups = ["a", "b", "c"] * 20, [None] * 60
    first = confident.cut_folds(labels, groups, 5, seed=1)
    assert first.tolist() == confident.cut_folds(labels, groups, 5, seed=1).tolist()
    assert first.tolist() != confident.cut_folds(labels, groups, 5, seed=2).tolist()


def test_rows_without_a_label_are_not_drawn():
    assert confident.draw_rows(["a", None, "b"], 10, 5, seed=0).tolist() == [0, 2]


def test_large_classes_give_way_first():
    labels = ["a"] * 100 + ["b"] * 20 + ["c"] * 4
    rows = confident.draw_rows(labels, 44, 5, seed=0)
    assert Counter(labels[row] for row in rows) == {"a": 20, "b": 20, "c": 4}
    assert rows.tolist() == sorted(rows.tolist())


def test_no_class_falls_below_the_least():
    rows = confident.draw_rows([str(at % 10) for at in range(200)], 20, 5, seed=0)
    assert len(rows) == 50


def test_thresholds_are_mean_probabilities_with_five_borrowed_rows():
    own, labels = np.array([0.9] * 10 + [0.1] * 5), np.array([0] * 10 + [1] * 5)
    assert confident.class_thresholds(own, labels, 3).tolist() == pytest.approx([11.5 / 15, 3.0 / 10, 0.5])


def test_a_class_contradicts_only_beyond_its_threshold_and_the_label():
    share = np.array([[0.2, 0.7, 0.1], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    beyond = confident.excess(share, np.array([0, 0, 0]), np.array([0.5, 0.6, 0.05]))
    assert (beyond >= 0).tolist() == [[False, True, False], [False, False, True], [False, False, False]]
    assert beyond[0, 1] == pytest.approx(0.25)


def test_thresholds_rise_until_few_enough_rows_are_contradicted():
    worst = np.array([0.9, 0.5, 0.2, 0.1] + [-np.inf] * 36)
    raised = confident.raise_for(worst, 0.05)
    assert raised == pytest.approx(0.2)
    assert (worst >= raised).sum() == 2
    assert confident.raise_for(worst, 0.1) == 0.0


def test_sharpness_grows_with_how_often_the_scores_are_right():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    right = np.eye(4)[labels] + rng.normal(0, 0.3, (400, 4))
    wrong = np.eye(4)[labels] + rng.normal(0, 3.0, (400, 4))
    assert confident.fit_sharpness(right, labels) > 4 * confident.fit_sharpness(wrong, labels)
