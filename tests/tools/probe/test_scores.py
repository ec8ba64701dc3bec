from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tools.probe.scores import compare, item_weights, macro_f1

CLASSES = 3


def compared(truth, before, after, **changed):
    given_ = {"classes": CLASSES, "weights": np.ones(len(truth)), "units": np.arange(len(truth)), "seed": 5}
    return compare(truth, np.atleast_2d(before), np.atleast_2d(after), **{**given_, **changed})


def answers(rng: np.random.Generator, truth: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return what is said of items that are right with the probabilities `right`."""
    wrong = (truth + rng.integers(1, CLASSES, len(truth))) % CLASSES
    return np.where(rng.random(len(truth)) < right, truth, wrong)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_macro_f1_is_that_of_scikit_learn(seed, items):
    rng = np.random.default_rng(seed)
    truth, said, weights = rng.integers(4, size=items), rng.integers(5, size=items), rng.random(items) + 0.1
    labels = np.unique(truth)
    expected = f1_score(truth, said, labels=labels, average="macro", sample_weight=weights, zero_division=0)
    assert macro_f1(truth, said, 5, weights) == pytest.approx(expected)


def test_macro_f1_of_nothing_is_zero():
    assert macro_f1(np.zeros(0, np.int64), np.zeros(0, np.int64), 3) == 0


def test_weights_give_every_class_its_share():
    truth = np.array([0, 0, 0, 0, 1, 1])
    weights = item_weights(truth, 3, np.array([0.2, 0.6, 0.2]))
    assert weights.mean() == pytest.approx(1)
    assert weights[truth == 1].sum() / weights[truth == 0].sum() == pytest.approx(3)
    assert item_weights(truth, 3, None).tolist() == [1] * 6
    assert item_weights(truth, 3, np.array([0, 0, 1.0])).tolist() == [1] * 6


def test_scores_are_means_over_runs_and_the_gain_is_their_difference():
    rng = np.random.default_rng(1)
    truth = rng.integers(CLASSES, size=90)
    before = np.stack([answers(rng, truth, np.full(90, 0.5)) for _ in range(3)])
    after = np.stack([answers(rng, truth, np.full(90, 0.8)) for _ in range(3)])
    found = compared(truth, before, after)
    assert found.before == pytest.approx(np.mean([macro_f1(truth, run, CLASSES) for run in before]))
    assert found.after == pytest.approx(np.mean([macro_f1(truth, run, CLASSES) for run in after]))
    assert found.gain == pytest.approx(found.after - found.before)
    assert found.low < found.gain < found.high
    assert found.units == 90
    assert [one.items for one in found.per_class] == np.bincount(truth).tolist()
    assert found.gain == pytest.approx(np.mean([one.gain for one in found.per_class]))
    assert found == compared(truth, before, after)
    assert found != compared(truth, before, after, seed=6)


def test_no_difference_has_no_spread():
    truth = np.array([0, 1, 2] * 10)
    said = np.array([0, 1, 1] * 10)
    found = compared(truth, said, said)
    assert (found.gain, found.spread, found.low, found.high) == (0, 0, 0, 0)


def test_answers_of_a_pair_are_compared_item_by_item():
    rng = np.random.default_rng(2)
    truth = rng.integers(CLASSES, size=300)
    before = answers(rng, truth, np.full(300, 0.6))
    after = before.copy()
    after[np.flatnonzero(before != truth)[:20]] = truth[np.flatnonzero(before != truth)[:20]]
    shuffled = answers(rng, truth, np.full(300, macro_f1(truth, after, CLASSES)))
    assert compared(truth, before, after).spread < compared(truth, before, shuffled).spread / 2


def test_the_interval_is_wider_for_few_units():
    rng = np.random.default_rng(3)
    truth, units = rng.integers(CLASSES, size=400), np.repeat(np.arange(4), 100)
    before = answers(rng, truth, np.full(400, 0.6))
    after = answers(rng, truth, np.array([0.5, 0.6, 0.8, 0.9])[units])
    alone, together = compared(truth, before, after), compared(truth, before, after, units=units)
    assert together.high - together.low > 1.3 * (alone.high - alone.low)
    assert together.units == 4


def test_few_units_are_widened_by_the_lost_degree_of_freedom():
    truth = np.array([0, 1, 0, 1])
    after = np.array([0, 1, 0, 0])
    found = compared(truth, 1 - after, after, classes=2, units=np.array([0, 0, 1, 1]), draws=4000)
    # of two units both are drawn once in half of the draws, and one of them twice in a quarter each
    gains = [macro_f1(t, a, 2) - macro_f1(t, 1 - a, 2) for t, a in [(truth[:2], after[:2]), (truth[2:], after[2:])]]
    plain = np.std([gains[0], gains[1], found.gain, found.gain])
    assert found.spread == pytest.approx(np.sqrt(2) * plain, rel=0.05)


def test_items_of_a_single_unit_are_drawn_and_it_is_said():
    rng = np.random.default_rng(4)
    truth = rng.integers(CLASSES, size=60)
    before, after = answers(rng, truth, np.full(60, 0.5)), answers(rng, truth, np.full(60, 0.7))
    found = compared(truth, before, after, units=np.full(60, 7))
    assert found.units == 1
    assert found.spread == compared(truth, before, after).spread > 0


def test_runs_are_drawn_too():
    truth = np.array([0, 1] * 200)
    good, bad = truth, 1 - truth
    steady = compared(truth, np.stack([bad, bad]), np.stack([good, good]), classes=2)
    shaky = compared(truth, np.stack([bad, bad]), np.stack([good, bad]), classes=2)
    assert steady.spread == pytest.approx(0)
    assert shaky.spread > 0.2


@pytest.mark.parametrize(("units", "size"), [(150, 1), (40, 5), (12, 20)])
def test_the_interval_holds_the_truth_about_nine_times_in_ten(units, size):
    """Two-thirds of the items are right before; a unit's gain is drawn around 0.1."""
    hits, trials = 0, 150
    unit, truth = np.repeat(np.arange(units), size), np.arange(units * size) % CLASSES
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        right = 0.65 + rng.choice([-0.1, 0.1], units)
        before = answers(rng, truth, right[unit])
        after = answers(rng, truth, (right + 0.1 + rng.choice([-0.1, 0.1], units))[unit])
        found = compared(truth, before, after, units=unit, seed=trial, draws=300)
        # wrong answers spread evenly over balanced classes, so every class's F1 is the share of right ones
        hits += found.low <= 0.1 <= found.high
    assert 0.82 <= hits / trials <= 0.97


def test_a_class_without_items_does_not_count():
    truth = np.array([0, 1] * 10)
    found = compared(truth, truth, truth, classes=4)
    assert found.before == 1
    assert found.per_class[3].items == 0
    assert found.per_class[3].gain == 0
