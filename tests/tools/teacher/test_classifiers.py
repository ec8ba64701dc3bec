from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tools.teacher.classifiers import ComplementBayes, ProbabilisticLda


def test_complement_bayes_agrees_with_a_count_by_hand():
    rows = csr_matrix(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], np.float32))
    model = ComplementBayes.fit(rows, np.array([0, 0, 1]), 2)
    # beside class 0: counts (0, 0, 1); beside class 1: counts (2, 1, 0); one added, three known n-grams and one unknown
    seen = model.scores(csr_matrix(np.array([[1, 0, 0]], np.float32)))[0]
    assert seen[0] - seen[1] == pytest.approx(np.log((0 + 1) / 5) * -1 - np.log((2 + 1) / 7) * -1)


def test_complement_bayes_gives_a_class_without_rows_no_chance():
    rows = csr_matrix(np.eye(3, dtype=np.float32))
    scores = ComplementBayes.fit(rows, np.array([0, 0, 2]), 3).scores(rows)
    assert np.isneginf(scores[:, 1]).all()
    assert np.isfinite(scores[:, [0, 2]]).all()


def clouds(sizes: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.random.default_rng(99).normal(0, 3, (len(sizes), 20))
    return (centres[labels] + rng.normal(0, 1, (len(labels), 20))).astype(np.float32), labels


def test_probabilistic_lda_tells_clouds_apart_even_from_two_rows():
    train, labels = clouds((60, 60, 2, 2))
    test, truth = clouds((20, 20, 20, 20), seed=1)
    found = ProbabilisticLda.fit(train, labels, 4).scores(test).argmax(axis=1)
    assert (found == truth).mean() > 0.95


def test_probabilistic_lda_scores_do_not_depend_on_neighbours():
    train, labels = clouds((30, 30, 30))
    model = ProbabilisticLda.fit(train, labels, 3)
    together = model.scores(train[:17])
    assert all(np.array_equal(together[at], model.scores(train[at : at + 1])[0]) for at in range(17))


def test_what_lies_far_from_all_rows_is_novel():
    train, labels = clouds((60, 60, 6))
    model = ProbabilisticLda.fit(train, labels, 3)
    near, far = model.novelty(train), model.novelty(train[:10] + 30)
    assert far.min() > 10 * near.max()
    assert 10 < near.mean() < 20, "at most one for each of 20 directions"


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 3]])
def test_probabilistic_lda_survives_one_row_a_class_and_identical_rows(labels):
    for features in (np.ones((len(labels), 5), np.float32), np.eye(len(labels), 5, dtype=np.float32)):
        scores = ProbabilisticLda.fit(features, np.array(labels), len(labels) + 1).scores(features)
        assert np.isfinite(scores[:, :-1]).all()
        assert np.isneginf(scores[:, -1]).all()
