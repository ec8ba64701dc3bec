from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memory.datasets.media import Payload, Wave
from memory.errors import UsageError
from tools.probe import network
from tools.probe.probe import LEAST_STEPS, MOST_STEPS, Fit, Probe, steps_for

WORDS = ("lost stolen card missing", "refund money back please", "open branch hours today")
STEPS = 30


def text(rng: np.random.Generator, code: int) -> str:
    return " ".join([*rng.choice(WORDS[code].split(), 2), *rng.choice(["the", "my", "is", "a"], 4)])


def bars(rng: np.random.Generator, code: int) -> np.ndarray:
    """Return a bar that lies, stands, or leans, on noise."""
    image = rng.integers(0, 90, (28, 28))
    place = int(rng.integers(8, 20))
    if code == 2:
        np.fill_diagonal(image[:, max(0, place - 14) :], 255)
    else:
        image[(place, slice(None)) if code == 0 else (slice(None), place)] = 255
    return image.astype(np.uint8)[:, :, None]


def tone(rng: np.random.Generator, code: int) -> Wave:
    time = np.arange(int(rng.integers(2000, 4000))) / 8000
    sound = np.sin(2 * np.pi * (400, 900, 2000)[code] * rng.uniform(0.9, 1.1) * time)
    return Wave((0.3 * sound + rng.normal(0, 0.03, len(time))).astype(np.float32)[None], 8000)


MAKERS = {"text": text, "image": bars, "speech": tone}


def items(modality: str, count: int, seed: int = 0) -> tuple[list[Payload], np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    return [MAKERS[modality](rng, int(code)) for code in labels], labels


def a_fit(codes: np.ndarray, first: int, **changed) -> Fit:
    """Train on the first items, and ask about the rest."""
    rows = np.arange(first)
    return replace(Fit(rows, codes[:first], np.ones(first), np.arange(first, len(codes)), 3), **changed)


@pytest.fixture(params=["text", "image", "speech"])
def setting(request):
    payloads, labels = items(request.param, 72)
    probe = Probe(request.param, 4, steps=STEPS, workers=1)
    return probe, probe.features(payloads), labels


def test_a_learner_beats_chance_by_far(setting):
    probe, features, labels = setting
    fit = a_fit(labels, 36)
    [said] = probe.predict(features, [fit])
    assert said.shape == (36, 4)
    assert said.dtype == np.float32
    assert (said.argmax(axis=1) == labels[36:]).mean() > 0.8
    assert np.exp(said).sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_a_class_without_rows_has_no_chance(setting):
    probe, features, labels = setting
    rows = np.flatnonzero(labels[:36] != 1)
    [said] = probe.predict(features, [a_fit(labels, 36, train=rows, labels=labels[rows], weights=np.ones(len(rows)))])
    assert np.isneginf(said[:, [1, 3]]).all()
    assert np.isfinite(said[:, [0, 2]]).all()


def test_a_single_class_is_certain(setting):
    probe, features, labels = setting
    [said] = probe.predict(features, [a_fit(labels, 36, train=np.array([2]), labels=np.array([2]), weights=np.ones(1))])
    assert said[:, 2] == pytest.approx(0)


def test_the_same_fit_gives_the_same_answer_whatever_stands_beside_it(setting):
    probe, features, labels = setting
    fit = a_fit(labels, 36)
    other = a_fit(labels, 24, test=np.arange(24, 30), seed=9)
    [alone] = probe.predict(features, [fit])
    side_by_side = Probe(probe.modality, 4, steps=STEPS, workers=2).predict(features, [other, fit, other])
    assert np.array_equal(alone, side_by_side[1])
    assert np.array_equal(side_by_side[0], side_by_side[2])
    assert side_by_side[0].shape == (6, 4)


def test_an_answer_does_not_depend_on_the_other_items(setting):
    probe, features, labels = setting
    [whole] = probe.predict(features, [a_fit(labels, 36)])
    for at in (0, 17):
        [alone] = probe.predict(features, [a_fit(labels, 36, test=np.array([36 + at]))])
        assert np.array_equal(alone[0], whole[at])
    [none] = probe.predict(features, [a_fit(labels, 36, test=np.zeros(0, np.int64))])
    assert none.shape == (0, 4)


def test_weights_matter(setting):
    probe, features, labels = setting
    heavy = np.where(labels[:36] == 0, 2.9, 0.05)
    plain, leaning = probe.predict(features, [a_fit(labels, 36), a_fit(labels, 36, weights=heavy)])
    assert leaning[:, 0].mean() > plain[:, 0].mean()


def test_features_in_lots_are_features_at_once(setting):
    probe, features, labels = setting
    payloads, _ = items(probe.modality, 72)
    lots = probe.stack([probe.features(payloads[:30]), probe.features([]), probe.features(payloads[30:])])
    fit = a_fit(labels, 36)
    assert np.array_equal(probe.predict(features, [fit])[0], probe.predict(lots, [fit])[0])


def test_training_needs_rows(setting):
    probe, features, labels = setting
    nothing = np.zeros(0, np.int64)
    with pytest.raises(UsageError, match="Fit 1 of the probe has no training rows"):
        probe.predict(features, [a_fit(labels, 36), a_fit(labels, 36, train=nothing, labels=nothing)])


@pytest.mark.parametrize("modality", ["image", "speech"])
def test_steps_are_equal_whatever_is_trained_on(modality, monkeypatch):
    payloads, labels = items(modality, 40)
    trained = []
    train = network.train

    def counting(model, shown, codes, weights, order):
        trained.append((len(shown), tuple(order.shape)))
        train(model, shown, codes, weights, order)

    monkeypatch.setattr(network, "train", counting)
    probe = Probe(modality, 3, steps=7, workers=1)
    probe.predict(probe.features(payloads), [a_fit(labels, rows) for rows in (3, 9, 36)])
    assert trained == [(3, (7, network.BATCH)), (9, (7, network.BATCH)), (36, (7, network.BATCH))]


@pytest.mark.parametrize("modality", ["image", "speech"])
def test_the_seed_decides_about_a_network(modality):
    payloads, labels = items(modality, 40)
    probe = Probe(modality, 3, steps=7, workers=1)
    one, other = probe.predict(probe.features(payloads), [a_fit(labels, 30, seed=seed) for seed in (1, 2)])
    assert not np.array_equal(one, other)


def test_colour_is_seen_only_with_three_channels():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    base = rng.integers(40, 60, (60, 16, 16, 3)).astype(np.uint8)
    base[labels == 0, :, :, 0] += 114  # as light as the other: 0.299 x 114 = 0.587 x 58
    base[labels == 1, :, :, 1] += 58
    hits = []
    for channels in (1, 3):
        probe = Probe("image", 2, channels=channels, steps=STEPS, workers=1)
        [said] = probe.predict(probe.features(list(base)), [a_fit(labels, 30)])
        hits.append((said.argmax(axis=1) == labels[30:]).mean())
    assert hits[1] == 1.0
    assert hits[0] < 0.9


def test_an_encoder_tells_texts_apart_that_share_no_word():
    class Meaning:
        def encode(self, texts):
            animal = np.array(["dog" in text or "cat" in text for text in texts], np.float32)
            return np.stack([animal, 1 - animal], axis=1)

    texts, labels = ["a dog", "the car", "my cat", "one bus"], np.array([0, 1, 0, 1])
    fit = Fit(np.array([0, 1]), labels[:2], np.ones(2), np.array([2, 3]), 1)
    with_meaning = Probe("text", 2, encoder=Meaning())
    [said] = with_meaning.predict(with_meaning.features(texts), [fit])
    assert said.argmax(axis=1).tolist() == [0, 1]
    words_alone = Probe("text", 2)
    [said] = words_alone.predict(words_alone.features(texts), [fit])
    assert said[0] == pytest.approx(said[1])


def test_steps_follow_the_rows_within_bounds():
    assert steps_for("image", 1) == LEAST_STEPS
    assert steps_for("image", 200) == 200 * 96 // network.BATCH
    assert steps_for("speech", 10**6) == MOST_STEPS


@pytest.mark.gpu
def test_a_gpu_learns_as_well():
    payloads, labels = items("image", 72)
    probe = Probe("image", 3, steps=STEPS, device="cuda")
    [said] = probe.predict(probe.features(payloads), [a_fit(labels, 36)])
    assert (said.argmax(axis=1) == labels[36:]).mean() > 0.8
