"""The voices that `policy.speech_model` can name: which may be used, and what a VITS model and an endpoint make."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from memory.datasets.media import Wave
from memory.errors import UsageError
from memory.job import Policy
from tools.engines import phonemes, vits, voice
from tools.engines.phonemes import Phonemes
from tools.engines.voice import Line, build, files_of, why_missing
from tools.weights import table
from tools.weights.table import Weights


def lines_of(*texts: str, voice: str = "", rate: float = 1.0) -> list[Line]:
    return [Line(text, voice, rate, 100 + at) for at, text in enumerate(texts)]


def same(one: Wave | None, other: Wave | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.rate_hz == other.rate_hz and np.array_equal(one.samples, other.samples)


@pytest.fixture
def save_voice() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_voice", Path(__file__).parents[1] / "tiny" / "voice.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.save


# --- which ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vits"}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"phonemize": False}))
    (tmp_path / "vocab.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    return tmp_path


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache; returns where the voice that is taken without a name would be."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub" / "models--kakao-enterprise--vits-vctk" / "snapshots" / ("0a" * 20)


def test_without_a_name_a_voice_is_looked_for_and_never_fetched(hub: Path):
    told = str(why_missing(Policy()))
    assert "policy.speech_model names nothing" in told
    assert "kakao-enterprise/vits-vctk is not in the Hugging Face cache; run: augplan fetch vits-vctk" in told
    with pytest.raises(UsageError, match="names nothing"):
        build(SimpleNamespace(policy=Policy()))  # type: ignore[arg-type]


def test_without_a_name_the_voice_of_the_cache_speaks(hub: Path, save_voice):
    save_voice(hub)
    assert why_missing(Policy()) is None
    place: Any = SimpleNamespace(policy=Policy(), device="cpu", endpoint=("", None))
    engine, named = build(place), vits.load(files_of(str(hub)), "cpu")
    assert engine.digest == named.digest
    assert same(engine.speak(lines_of("one"))[0], named.speak(lines_of("one"))[0])


def test_an_endpoint_needs_leave_to_send():
    assert "policy.remote is deny" in str(why_missing(Policy(speech_model="openai:any")))
    assert why_missing(Policy(speech_model="openai:any", remote="allow")) is None
    assert why_missing(Policy(speech_model="openai:", remote="allow")) is not None


def test_an_endpoint_needs_an_address():
    place = SimpleNamespace(policy=Policy(speech_model="openai:any", remote="allow"), endpoint=("", None))
    with pytest.raises(UsageError, match="No address"):
        build(place)  # type: ignore[arg-type]


def test_a_folder_with_everything_will_do(folder: Path):
    assert why_missing(Policy(speech_model=str(folder))) is None


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("config.json", {"model_type": "bark"}, "type 'bark'"),
        ("config.json", [], "cannot be read"),
        ("tokenizer_config.json", {"phonemize": False, "is_uroman": True}, "pip install uroman"),
        ("tokenizer_config.json", {}, "pip install 'augplan[speech]'"),
    ],
)
def test_what_a_folder_lacks_is_told(folder: Path, file, content, told, monkeypatch):
    monkeypatch.setattr(voice.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(phonemes, "_command", lambda: None)
    (folder / file).write_text(json.dumps(content))
    assert told in str(why_missing(Policy(speech_model=str(folder))))


def test_phonemes_need_nothing_but_espeak(folder: Path, monkeypatch):
    monkeypatch.setattr(phonemes, "_command", lambda: ("espeak-ng",))
    (folder / "tokenizer_config.json").write_text("{}")
    assert why_missing(Policy(speech_model=str(folder))) is None


def test_missing_files_are_named(folder: Path):
    (folder / "model.safetensors").unlink()
    assert "has no model.safetensors" in str(why_missing(Policy(speech_model=str(folder))))


def test_a_hub_id_that_is_not_in_the_cache_names_the_command():
    assert "hf download nobody/nothing" in str(why_missing(Policy(speech_model="nobody/nothing")))


def test_a_known_licence_that_is_not_permissive_is_refused():
    named = "facebook/mms-tts-eng"
    assert "under CC-BY-NC-4.0" in str(why_missing(Policy(speech_model=named)))
    assert f"hf download {named}" in str(why_missing(Policy(speech_model=named, licences="any")))
    assert "augplan fetch vits-vctk (MIT" in str(why_missing(Policy(speech_model="kakao-enterprise/vits-vctk")))


def test_a_licence_of_the_table_counts_under_both_names(monkeypatch):
    own = Weights("talker", "somebody/talker", "CC-BY-NC-4.0", 0.1, ("voice",), table.VITS)
    monkeypatch.setattr(table, "TABLE", {**table.TABLE, "talker": own})
    for name in ("talker", "somebody/talker"):
        assert "is under CC-BY-NC-4.0" in str(why_missing(Policy(speech_model=name)))
        assert "is under" not in str(why_missing(Policy(speech_model=name, licences="any")))


# --- a model on this machine -----------------------------------------------------------------------


def test_a_line_is_the_same_alone_and_in_any_batch(engine_for):
    engine, lines = engine_for("voice"), lines_of("zero", "seventeen", "a", "one two three", "zero")
    state = torch.get_rng_state()
    together = engine.speak(lines)
    assert torch.equal(state, torch.get_rng_state())
    assert all(same(engine.speak([line])[0], made) for line, made in zip(lines, together, strict=True))
    assert all(same(one, other) for one, other in zip(engine.speak(lines[::-1]), together[::-1], strict=True))
    assert not same(together[0], together[4]), "another seed is another voice"


def test_a_voice_that_reads_letters_is_shown_digits_as_words(engine_for):
    engine = engine_for("voice")
    assert engine.english
    digits, words = (engine.speak([Line(text, "1", 1.0, 5)])[0] for text in ("at 17", "at seventeen"))
    assert same(digits, words)


def test_it_is_what_the_models_own_forward_pass_makes(engine_for, monkeypatch):
    engine = engine_for("voice")
    monkeypatch.setattr(engine.model, "noise_scale", 0.0)
    monkeypatch.setattr(engine.model, "noise_scale_duration", 0.0)
    for text, speaker in (("seven eleven", 2), ("zero", 1)):
        (made,) = engine.speak(lines_of(text, voice=str(speaker)))
        with torch.inference_mode():
            own = engine.model(**engine.tokenizer(text, return_tensors="pt"), speaker_id=speaker).waveform[0].numpy()
        assert made.samples.shape == (1, own.size)
        tail = 1000  # padding reaches the last frames
        np.testing.assert_allclose(made.samples[0, :-tail], own[:-tail], atol=1e-5)


def test_many_decoded_at_once_differ_by_rounding_alone(engine_for):
    engine = engine_for("voice")
    with torch.inference_mode():
        plans = [engine._planned(line) for line in lines_of("zero", "one two", "three")]
        together = engine._decoded(plans, 512)
        alone = [engine._decoded([plan], 512)[0] for plan in plans]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_rate_and_speaker_are_heard(engine_for):
    engine = engine_for("voice")
    (usual,) = engine.speak(lines_of("seventeen", voice="1"))
    (slow,) = engine.speak(lines_of("seventeen", voice="1", rate=0.5))
    (other,) = engine.speak(lines_of("seventeen", voice="3"))
    assert 1.6 < slow.seconds / usual.seconds < 2.4
    assert not same(usual, other)


def test_what_cannot_be_said_is_refused(engine_for, monkeypatch):
    engine = engine_for("voice")
    assert engine.speak(lines_of("第二", "…")) == [None, None]
    with pytest.raises(UsageError, match="no speaker '4'"):
        engine.speak(lines_of("one", voice="4"))
    monkeypatch.setattr(vits, "LONGEST_S", 0.1)
    assert engine.speak(lines_of("seventeen")) == [None]


def test_without_a_voice_a_speaker_is_drawn_for_each_line(engine_for):
    engine = engine_for("voice")
    drawn = [engine._begun(Line("one", "", 1.0, seed)).speaker for seed in range(40)]
    assert set(drawn) == {0, 1, 2, 3}
    assert drawn == [engine._begun(Line("one", "", 1.0, seed)).speaker for seed in range(40)]
    assert {engine._begun(Line("one", "2", 1.0, seed)).speaker for seed in range(9)} == {2}


def test_a_model_that_reads_phonemes_is_shown_them(tmp_path: Path, save_voice, monkeypatch):
    spelling = {"one": "wʌn", "yes": "jɛs"}
    said = Phonemes(lambda clauses: [spelling.get(clause, clause) for clause in clauses])
    other = Phonemes(lambda clauses: [clause.upper() for clause in clauses])
    files = files_of(str(save_voice(tmp_path, vocab_size=12)))
    files["vocab.json"].write_text(json.dumps({letter: at for at, letter in enumerate("_wʌnjɛs,! ɹ")}))
    settings = json.loads(files["tokenizer_config.json"].read_text())
    files["tokenizer_config.json"].write_text(json.dumps({**settings, "phonemize": True, "normalize": True}))
    monkeypatch.setattr(phonemes, "build", lambda: said)
    engine = vits.load(files, "cpu")
    shown = [line.text for line in engine._as_read(lines_of("one, yes!", "(one)", "日"))]
    assert shown == ["wʌn, jɛs!", "(wʌn)", "日"]
    assert engine.tokenizer("(wʌn)")["input_ids"] == [0, 1, 0, 2, 0, 3, 0], "what it does not know is dropped"
    first, _, nothing = engine.speak(lines_of("one, yes!", "one", "日"))
    assert first.seconds > 0
    assert nothing is None
    assert same(engine.speak(lines_of("one, yes!"))[0], first)
    monkeypatch.setattr(phonemes, "build", lambda: other)
    assert vits.load(files, "cpu").digest != engine.digest, "it names how a text is read"


@pytest.mark.parametrize("config", [{"num_speakers": 1, "speaker_embedding_size": 0}, {"plain": True}])
def test_one_voice_and_plain_durations(config, tmp_path: Path, save_voice):
    own = {"use_stochastic_duration_prediction": False} if config.pop("plain", False) else config
    engine = vits.load(files_of(str(save_voice(tmp_path, **own))), "cpu")
    first, second = engine.speak(lines_of("one", "two"))
    assert first.seconds > 0
    assert second.seconds > 0


def test_weights_that_are_not_whole_are_refused(tmp_path: Path, save_voice):
    from safetensors.torch import load_file, save_file

    files = files_of(str(save_voice(tmp_path)))
    whole = load_file(files["model.safetensors"])
    save_file(dict(list(whole.items())[5:]), files["model.safetensors"], {"format": "pt"})
    with pytest.raises(UsageError, match="lack 5 parts"):
        vits.load(files, "cpu")
