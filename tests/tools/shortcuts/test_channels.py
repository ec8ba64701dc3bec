from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.datasets.media import Wave
from memory.job import Source
from memory.records import Modality
from tools.batches import Waves, padded_length
from tools.catalogue import load, select
from tools.coverage.bins import axis_name, bin_of, bins_of
from tools.coverage.coverage import survey
from tools.seeds import draw, generator, seed_for
from tools.shortcuts.channels import CHANNEL, MOST_DRIFT, _chance, _least_p, association, confounds, drift

RATE_HZ = 16_000


def clips(count: int, seed: int) -> list[Wave]:
    """Syllables of wide hiss over a quiet floor: 0.6 s each, 15 to 45 dB between the two."""
    rng = generator(seed)
    time = np.arange(int(0.6 * RATE_HZ)) / RATE_HZ
    made = []
    for _ in range(count):
        spoken = rng.normal(0, 0.1, len(time)) * (np.sin(2 * np.pi * 3 * time) > 0)
        floor = rng.normal(0, 0.1 * 10 ** (-rng.uniform(15, 45) / 20), len(time))
        made.append(Wave((spoken + floor).astype(np.float32)[None], RATE_HZ))
    return made


def through(name: str, waves: list[Wave], **fixed: float) -> list[Wave]:
    tool, length = load()[name], waves[0].samples.shape[-1]
    samples = torch.zeros((len(waves), 1, padded_length(length)))
    for at, wave in enumerate(waves):
        samples[at, :, :length] = torch.from_numpy(wave.samples)
    params = [draw(tool, fixed, seed_for(1, str(at))) for at in range(len(waves))]
    made = tool.run(Waves(samples, [length] * len(waves), RATE_HZ, []), params)
    return [Wave(one.numpy(), RATE_HZ) for one in made]


def codes(measure: str, waves: list[Wave]) -> np.ndarray:
    tool = load()[f"measures.{measure}"]
    ranges = bins_of(tool)
    return np.array([ranges.index(bin_of(tool, value)) for value in tool.run(waves)])


def test_a_class_heard_only_over_the_telephone_is_found():
    labels = np.repeat([0, 1, 2], 12)
    waves = through("speech.telephone_band", clips(12, seed=1)) + clips(24, seed=2)
    axes = {name: codes(name, waves) for name in ("bandwidth", "snr")}
    [found] = confounds(labels, axes, seed=0)
    assert found.axis == "bandwidth"
    assert found.strength > 0.9
    assert found.p < 0.01
    assert found.cells[0] == (0, axes["bandwidth"][0])


def test_all_classes_over_the_telephone_now_and_then_are_no_confound():
    labels = np.tile([0, 1, 2], 12)
    waves = through("speech.telephone_band", clips(18, seed=1)) + clips(18, seed=2)
    axes = {name: codes(name, waves) for name in ("bandwidth", "snr")}
    assert len(set(axes["bandwidth"].tolist())) > 1
    assert confounds(labels, axes, seed=0) == []


def test_a_rare_class_made_noisy_only_drifts_and_noise_for_all_does_not():
    labels, waves = np.array([0] * 20 + [1] * 20 + [2] * 20 + [3] * 4), clips(64, seed=3)
    real = codes("snr", waves)

    def rise(parents: np.ndarray) -> tuple[float, float]:
        made = codes("snr", through("speech.add_noise", [waves[at] for at in parents], snr_db=-5.0))
        both = np.concatenate([labels, labels[parents]])
        after = both, np.concatenate([real, made])
        return drift((labels, real), after), drift((both, np.concatenate([real, real[parents]])), after)

    assert min(rise(60 + np.arange(16) % 4)) > MOST_DRIFT
    assert max(rise(np.arange(0, 64, 4))) < 0


def test_values_that_shift_by_chance_do_not_drift_and_one_value_for_all_does():
    shifted = moved = 0
    for seed in range(100):
        rng = generator(seed)
        labels, values = np.array([0] * 20 + [1] * 20 + [2] * 20 + [3] * 5), rng.integers(0, 3, 65)
        parents = 60 + rng.integers(0, 5, 15)
        both, copies = np.concatenate([labels, labels[parents]]), np.concatenate([values, values[parents]])
        near = np.clip(values[parents] + rng.integers(-1, 2, 15), 0, 2)
        shifted += drift((both, copies), (both, np.concatenate([values, near]))) > MOST_DRIFT
        moved += drift((both, copies), (both, np.concatenate([values, np.full(15, 3)]))) > MOST_DRIFT
        assert drift((both, copies), (both, copies)) == 0
    assert shifted <= 3
    assert moved >= 90


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_one_class_with_a_value_of_its_own_is_found_among_many(classes):
    for seed in range(10):
        rng = generator(seed)
        labels, values = rng.integers(0, classes, 150), rng.integers(0, 4, 150)
        values[labels == 1] = 7
        [found] = confounds(labels, {"size": values, "level": rng.integers(0, 4, 150)}, seed)
        assert (found.axis, found.cells[0]) == ("size", (1, 7))


def test_half_of_the_classes_on_another_channel_are_found():
    rng = generator(4)
    labels = rng.integers(0, 10, 200)
    values = (labels % 2) ^ (rng.random(200) < 0.05)
    [found] = confounds(labels, {"level": values}, seed=1)
    assert 0.8 < found.strength < 1
    assert all(label % 2 == value for label, value in found.cells)


def test_independent_axes_raise_no_alarm_over_many_seeds():
    alarms = 0
    for seed in range(60):
        rng = generator(seed)
        labels = rng.integers(0, 2 + seed % 5, 20)
        alarms += bool(confounds(labels, {str(at): rng.integers(0, 3, 20) for at in range(4)}, seed))
    assert alarms == 0


@pytest.mark.parametrize("name", ["digits", "numbers"])
def test_bundled_sets_raise_no_alarm_even_in_small_parts(name, tmp_path):
    coverage = survey(open_dataset(Source(path=str(materialise(name, tmp_path))), tmp_path / "work", 0))
    labels = coverage.axis("label").codes
    axes = {axis: coverage.axis(axis).codes for axis in coverage.derived if axis in CHANNEL[coverage.modality]}
    assert confounds(labels, axes, seed=0) == []
    for seed in range(20):
        part = generator(seed).permutation(len(labels))[:30]
        assert confounds(labels[part], {axis: values[part] for axis, values in axes.items()}, seed) == []


def test_v_is_that_of_the_formula():
    table = np.array([[10, 2, 3], [1, 8, 6]])
    labels, values = np.repeat([0, 0, 0, 1, 1, 1], table.ravel()), np.repeat([0, 1, 2] * 2, table.ravel())
    phi2 = (4.5**2 / 5.5 + 3**2 / 5 + 1.5**2 / 4.5) * 2 / 30
    over = phi2 - 2 / 29
    assert association(labels, values) == pytest.approx((over / (2 - 1 / 29 - 1)) ** 0.5)


def test_p_is_the_share_of_tables_as_far_from_independence():
    # Of the 70 ways to place four ones, two give a table as far from independence.
    table = np.array([[4.0, 0.0], [0.0, 4.0]])
    assert _chance(table, 20_000, generator(1)) == pytest.approx(2 / 70, rel=0.15)
    table = np.array([[9.0, 4.0, 1.0], [3.0, 6.0, 7.0]])
    labels, values = np.repeat([0, 0, 0, 1, 1, 1], [9, 4, 1, 3, 6, 7]), np.repeat([0, 1, 2] * 2, [9, 4, 1, 3, 6, 7])
    rng, strength = generator(2), association(labels, values)
    as_far = np.mean([association(rng.permutation(labels), values) >= strength - 1e-9 for _ in range(2000)])
    assert _chance(table, 20_000, rng) == pytest.approx(as_far, abs=0.01)


def test_two_samples_that_agree_are_no_evidence():
    labels, values = np.arange(30) % 10, np.zeros(30, int)
    labels[[0, 10, 20]] = 0, 0, 1
    values[[0, 10]] = 1
    assert association(labels, values) > 0.8
    assert _chance(np.array([[2.0, 0.0], [0.0, 28.0]]), 1000, generator(0)) < 0.01
    assert confounds(labels, {"level": values}, seed=0) == []


def test_more_axes_ask_for_smaller_p():
    assert _least_p([0.004, 0.2, 0.001]) == 0.004
    assert _least_p([0.004, 0.2, 0.3]) == -1
    assert _least_p([0.2, 0.009]) == -1
    assert _least_p([]) == -1


def test_unknown_values_are_left_out():
    labels, values = np.repeat([0, 1], 40), np.repeat([0, 1], 40)
    more = np.concatenate([labels, np.full(30, -1), np.zeros(30, int)])
    unknown = np.concatenate([values, np.zeros(30, int), np.full(30, -1)])
    assert association(more, unknown) == association(labels, values) == 1
    assert confounds(more, {"level": unknown}, 3) == confounds(labels, {"level": values}, 3)


def test_an_axis_is_judged_alike_beside_others():
    rng = generator(9)
    labels = rng.integers(0, 4, 60)
    alone = {"level": np.where(rng.random(60) < 0.95, labels, 0)}
    [first] = confounds(labels, alone, seed=2)
    assert first in confounds(labels, {"snr": rng.integers(0, 3, 60), **alone}, seed=2)


def test_one_value_or_nothing_is_no_association():
    nothing = np.zeros(0, int)
    assert association(nothing, nothing) == association(np.arange(5), np.zeros(5, int)) == 0
    assert association(np.array([3]), np.array([1])) == 0
    assert confounds(np.arange(30) % 3, {"size": np.zeros(30, int), "level": np.full(30, -1)}, 0) == []
    assert confounds(np.arange(3), {}, 0) == []


def test_codes_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="3 labels and 2 values"):
        association(np.zeros(3, int), np.zeros(2, int))


def test_every_axis_of_the_channel_is_measured():
    for modality in get_args(Modality):
        assert CHANNEL[modality] <= {axis_name(tool) for tool in select("measure", modality)}


@given(some.lists(some.tuples(some.integers(-1, 3), some.integers(-1, 3)), max_size=60))
def test_association_is_a_share_and_does_not_depend_on_names_or_sides(pairs):
    labels, values = np.array([one for one, _ in pairs], int), np.array([one for _, one in pairs], int)
    strength = association(labels, values)
    assert 0 <= strength <= 1
    assert association(values, labels) == pytest.approx(strength, abs=1e-6)
    assert association(np.where(labels < 0, -1, 9 - labels), values) == pytest.approx(strength, abs=1e-6)
    assert drift((labels, values), (labels, values)) == 0
