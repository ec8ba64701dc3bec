from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from tools.probe.features import TextFeatures, text_features
from tools.probe.logistic import STRENGTH, Regression, Scale


@pytest.fixture
def texts() -> tuple[TextFeatures, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 3
    vocabulary = np.array([f"w{at}" for at in range(60)])
    made = [" ".join(vocabulary[(rng.integers(0, 25, 8) + 15 * code) % 60]) for code in labels]
    return text_features(made), labels


def test_tf_idf_is_that_of_scikit_learn(texts):
    features, _ = texts
    train, test = np.arange(50), np.arange(50, 80)
    scale = Scale.of(features.counts[train])
    reference = TfidfTransformer().fit(features.counts[train][:, scale.columns])
    expected = reference.transform(features.counts[test][:, scale.columns]).toarray()
    assert scale.apply(features, test).words.toarray() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dimensions", [0, 6])
def test_a_fit_is_that_of_scikit_learn(texts, dimensions):
    features, labels = texts
    dense = np.random.default_rng(1).normal(size=(80, dimensions)).astype(np.float32)
    features = TextFeatures(features.counts, dense)
    weights = np.random.default_rng(2).uniform(0.1, 1.9, 50)
    train, test = np.arange(50), np.arange(50, 80)
    ours = Regression.fit(features, train, labels[train], weights, 3).log_probabilities(features, test)
    scale = Scale.of(features.counts[train])
    seen = [np.hstack([scale.apply(features, at).words.toarray(), dense[at]]) for at in (train, test)]
    theirs = LogisticRegression(C=STRENGTH, max_iter=2000, tol=1e-8).fit(seen[0], labels[train], sample_weight=weights)
    assert ours == pytest.approx(theirs.predict_log_proba(seen[1]), abs=0.02)


def test_words_of_other_rows_change_nothing(texts):
    features, labels = texts
    train, test = np.arange(50), np.arange(50, 60)
    whole = Regression.fit(features, train, labels[train], np.ones(50), 3).log_probabilities(features, test)
    fewer = TextFeatures(features.counts[:60], None)
    assert np.array_equal(
        whole, Regression.fit(fewer, train, labels[train], np.ones(50), 3).log_probabilities(fewer, test)
    )


def test_texts_without_words_are_no_danger():
    features = text_features(["", "", "card", ""])
    rows = np.arange(4)
    said = Regression.fit(features, rows, np.array([0, 0, 1, 0]), np.ones(4), 2).log_probabilities(features, rows)
    assert said.argmax(axis=1).tolist() == [0, 0, 1, 0]
    nothing = text_features(["", ""])
    said = Regression.fit(nothing, rows[:2], np.array([0, 1]), np.ones(2), 2).log_probabilities(nothing, rows[:2])
    assert np.exp(said) == pytest.approx(0.5)
