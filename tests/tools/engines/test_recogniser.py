"""Recognisers of speech that `policy.asr_model` can name: real classes with tiny random weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memory.datasets.media import Wave
from memory.errors import UsageError
from memory.job import Policy
from tools.engines import recogniser


@pytest.fixture(scope="module")
def tiny() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_recogniser", Path(__file__).parents[1] / "tiny/recogniser.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(tiny: Any, folder: Path) -> Any:
    return recogniser.build(tiny.place(Policy(asr_model=str(folder))))


@pytest.fixture(scope="module")
def whisper(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return built(tiny, tiny.save_whisper(tmp_path_factory.mktemp("model") / "whisper"))


def test_a_clip_is_heard_alike_alone_and_with_others(tiny, engine_for, whisper):
    clips = tiny.Clips().items
    for engine in (engine_for("recogniser"), whisper):
        state = torch.get_rng_state()
        together = engine.hear(clips)
        assert torch.equal(state, torch.get_rng_state())
        assert [engine.hear([clip])[0] for clip in clips] == together
        assert engine.hear(clips[::-1]) == together[::-1]
        assert len(set(together)) > 1


@pytest.mark.parametrize("model_type", ["wav2vec2", "hubert", "wavlm"])
def test_ctc_models_of_several_kinds_are_read_by_their_likeliest_tokens(tiny, tmp_path, model_type):
    engine = built(tiny, tiny.save_ctc(tmp_path / "model", "N", model_type))
    assert engine.hear(tiny.Clips().items[:2]) == ["n", "n"], "repeats are one letter"


def test_what_is_heard_does_not_depend_on_rate_or_channels_of_the_file(tiny, engine_for):
    seen = []

    class Ear:
        rate_hz, longest_s = 16000, 60.0

        def read(self, sound: torch.Tensor) -> str:
            seen.append(sound)
            return "Zero!"

    engine = recogniser.Recogniser(Ear(), engine_for("recogniser")._rows, "x")
    time = np.arange(8000) / 16000
    sine = (0.3 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)
    assert engine.hear([Wave(np.stack([sine, sine]), 16000), Wave(sine[None, ::2], 8000)]) == ["zero", "zero"]
    assert [len(one) for one in seen] == [16000, 16000]
    torch.testing.assert_close(seen[0][4200:11800], seen[1][4200:11800], atol=0.01, rtol=0)
    assert not seen[0][:4000].any(), "silence on either side"


def test_whisper_hears_all_clips_in_the_language_of_the_real_ones(tiny, whisper, tmp_path):
    whisper.hear(tiny.Clips().items[:1])
    assert whisper.ear.language in tiny.LANGUAGES
    english = built(tiny, tiny.save_whisper(tmp_path / "english", multilingual=False))
    assert english.hear(tiny.Clips().items[:1]) != [None]
    assert english.ear.language is None


def test_a_clip_beyond_what_it_hears_at_once_is_not_heard(whisper):
    assert whisper.hear([Wave(np.zeros((1, 31 * 8000), np.float32), 8000)]) == [None]


def test_it_knows_the_words_of_the_labels(engine_for):
    assert engine_for("recogniser").words == {"zero": "zero", "one": "one"}


def test_it_shows_itself_on_real_rows(tiny, tmp_path):
    engine = built(tiny, tiny.save_ctc(tmp_path / "model", "N"))
    assert engine.errors_on_real("one") == pytest.approx((2 / 3, 2 / 3)), "n for one"
    assert engine.errors_on_real("zero") == (1.0, 1.0), "one of them has a transcript of three words"


# --- which ----------------------------------------------------------------------------------------


def test_nothing_is_named():
    assert "policy.asr_model names no model" in str(recogniser.why_missing(Policy()))


def test_what_is_named_must_be_here_whole_and_of_a_kind_that_hears(tiny, tmp_path):
    folder = tiny.save_ctc(tmp_path / "model")
    assert recogniser.why_missing(Policy(asr_model=str(folder))) is None
    (folder / "preprocessor_config.json").rename(tmp_path / "kept.json")
    missing = str(recogniser.why_missing(Policy(asr_model=str(folder))))
    assert missing.endswith("has no preprocessor_config.json or processor_config.json on this machine")
    with pytest.raises(UsageError, match="has no preprocessor_config"):
        built(tiny, folder)
    (tmp_path / "kept.json").rename(folder / "preprocessor_config.json")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert "a model of type 'bert'; what serves is a CTC model" in str(
        recogniser.why_missing(Policy(asr_model=str(folder)))
    )


def test_licences_are_those_of_the_policy():
    named = "facebook/mms-1b-all"
    assert "under CC-BY-NC-4.0" in str(recogniser.why_missing(Policy(asr_model=named)))
    assert f"hf download {named}" in str(recogniser.why_missing(Policy(asr_model=named, licences="any")))
    assert "hf download openai/whisper-tiny" in str(recogniser.why_missing(Policy(asr_model="openai/whisper-tiny")))


def test_another_model_has_another_digest(tiny, tmp_path):
    one, other = (built(tiny, tiny.save_ctc(tmp_path / at / "model", at)) for at in ("A", "B"))
    again = built(tiny, tiny.save_ctc(tmp_path / "again" / "model", "A"))
    assert one.digest.startswith("model@")
    assert one.digest == again.digest != other.digest
