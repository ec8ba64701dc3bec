"""A flag beats the environment beats the default; what cannot be read is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings import from_environment
from memory.errors import UsageError
from tools import devices


def test_flags_beat_the_environment_which_beats_defaults(monkeypatch):
    assert from_environment().batch_size == 64
    monkeypatch.setenv("AUGPLAN_BATCH_SIZE", "8")
    monkeypatch.setenv("AUGPLAN_RUNS", "elsewhere")
    assert (from_environment().batch_size, from_environment().runs) == (8, Path("elsewhere"))
    assert from_environment(batch_size=16, runs=None).batch_size == 16


@pytest.mark.parametrize(("name", "value"), [("BATCH_SIZE", "many"), ("WORKERS", "0"), ("DEVICE", "abacus")])
def test_a_setting_that_cannot_be_read_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"AUGPLAN_{name}", value)
    with pytest.raises(UsageError, match=name.lower()):
        from_environment()


def test_texts_stay_on_the_processor():
    assert devices.choose("auto", "text") == devices.choose("cuda", "text") == "cpu"


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto", "image") == "cpu"
    with pytest.raises(UsageError, match="no GPU"):
        devices.choose("cuda", "image")
