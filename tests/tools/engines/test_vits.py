"""A VITS model as a GPU runs it, many lines at once; here under a name of the CPU by which it goes that way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize

from tools.engines.vits import Vits
from tools.engines.voice import Line

LINES = [
    Line("one two three four", "1", 1.0, 1),
    Line("…", "", 1.0, 2),
    Line("a", "", 0.5, 3),
    Line("seventeen hundred", "3", 1.3, 4),
    Line("zero", "", 1.0, 5),
]


@pytest.fixture
def many(engine_for: Any) -> Vits:
    engine = engine_for("voice")
    return Vits(engine.model, engine.tokenizer, engine.digest, "cpu:0")


def test_many_lines_are_planned_as_each_alone(many):
    with torch.inference_mode():
        together = many._plans(LINES)
        alone = [many._planned(line) for line in LINES]
    assert [plan is None for plan in together] == [False, True, False, False, False]
    for one, other in zip(together, alone, strict=True):
        if one is not None:
            assert one.latents.shape == other.latents.shape
            torch.testing.assert_close(one.latents, other.latents, atol=1e-4, rtol=1e-4)
            assert torch.equal(one.speaker, other.speaker)


def test_many_lines_sound_as_each_alone(many, engine_for):
    for one, other in zip(many.speak(LINES), engine_for("voice").speak(LINES), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one.samples, other.samples, atol=2e-3)


def test_a_line_that_is_too_long_costs_the_others_nothing(many, monkeypatch):
    whole = many.speak(LINES)
    most = sorted(wave.seconds for wave in whole if wave is not None)[-2]
    monkeypatch.setattr("tools.engines.vits.LONGEST_S", most)
    assert sum(wave is None for wave in many.speak(LINES)) == 2, "the longest, and the one without a letter"


def test_weights_of_the_flow_are_made_once():
    from transformers import VitsConfig, VitsModel

    small = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "ffn_dim": 16,
        "flow_size": 16,
        "spectrogram_bins": 9,
        "prior_encoder_num_flows": 1,
        "upsample_initial_channel": 16,
        "upsample_rates": [8],
        "upsample_kernel_sizes": [16],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1]],
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = VitsModel(VitsConfig(**small)).eval()
    parts = {name: part for name, part in model.flow.named_modules() if parametrize.is_parametrized(part, "weight")}
    before = {name: part.weight.detach().clone() for name, part in parts.items()}
    assert before
    Vits(model, None, "")
    assert not any(parametrize.is_parametrized(part) for part in model.flow.modules())
    assert all(torch.equal(model.flow.get_submodule(name).weight, weight) for name, weight in before.items())
