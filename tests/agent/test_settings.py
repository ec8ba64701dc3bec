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


def test_a_key_is_never_shown_or_stored(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    settings = from_environment()
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-secret"
    assert settings.openai_base_url == "http://127.0.0.1:1/v1"
    assert "sk-secret" not in repr(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_caches_go_where_caches_go(monkeypatch, tmp_path):
    monkeypatch.delenv("AUGPLAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert from_environment().cache == tmp_path / "augplan"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert from_environment().cache == tmp_path / "home" / ".cache" / "augplan"
    monkeypatch.setenv("AUGPLAN_CACHE", "elsewhere")
    assert from_environment().cache == Path("elsewhere")


def test_the_memory_goes_where_the_data_of_a_person_go(monkeypatch, tmp_path):
    monkeypatch.delenv("AUGPLAN_MEMORY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert from_environment().memory == tmp_path / "augplan"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert from_environment().memory == tmp_path / "home" / ".local" / "share" / "augplan"
    monkeypatch.setenv("AUGPLAN_MEMORY", "elsewhere")
    assert from_environment().memory == Path("elsewhere")


def test_without_a_home_folder_there_is_still_a_place(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("AUGPLAN_MEMORY", "AUGPLAN_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    settings = from_environment()
    assert settings.memory.name == settings.cache.name == "augplan"
    assert settings.memory.is_absolute()


def test_texts_stay_on_the_processor():
    assert devices.choose("auto", "text") == devices.choose("cuda", "text") == "cpu"


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto", "image") == "cpu"
    with pytest.raises(UsageError, match="no GPU"):
        devices.choose("cuda", "image")
