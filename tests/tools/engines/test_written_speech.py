"""A writer and a voice as one engine: what it lacks, which voice it takes, and how a learnt voice is told a manner."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memory.datasets.media import Wave
from memory.errors import UsageError
from memory.exchanges import Exchanges
from memory.job import Policy
from tools.engines import espeak, voice
from tools.engines.espeak import Manner
from tools.engines.voice import Line
from tools.engines.writer import Writer
from tools.engines.written_speech import ByModel, ByRule, Spoken, Turn, WrittenSpeech, build, why_missing
from tools.models.asker import Asker

MODEL = {"model": "openai:any", "remote": "allow"}


class Listener:
    """A learnt voice that keeps its lines, and says nothing to `mute`."""

    digest = "listener"

    def __init__(self, english: bool = True) -> None:
        self.english, self.heard = english, list[Line]()

    def speak(self, lines: Sequence[Line]) -> list[Wave | None]:
        self.heard += lines
        return [None if line.text == "mute" else Wave(np.ones((1, 8), np.float32), 8000) for line in lines]


class Program:
    """espeak-ng as it is asked."""

    digest = "program"

    def __init__(self) -> None:
        self.heard: list[tuple[str, Manner]] = []

    def speak(self, text: str, manner: Manner) -> Wave:
        self.heard.append((text, manner))
        return Wave(np.ones((1, 8), np.float32), 22050)


def turn(text: str = "dim it", rate: int = 160, pitch: int = 50, speaker: str = "", voice: str = "en-us") -> Turn:
    return Turn(text, Manner(voice, "m3", rate, pitch), speaker, 5)


@pytest.fixture
def no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hugging Face cache has no voice."""
    monkeypatch.setattr(voice, "files_of", lambda _: {})


def place(policy: Policy, folder: Any, asked: bool = True) -> Any:
    asker = Asker(Exchanges(folder), model="any") if asked else None
    dataset = SimpleNamespace(column=lambda _: ["dim", "brighten", None])
    return SimpleNamespace(
        policy=policy, asker=asker, dataset=dataset, coverage=SimpleNamespace(train=np.array([0, 1, 2]))
    )


# --- which ---


def test_a_writer_is_missed_first(monkeypatch):
    monkeypatch.setattr(espeak, "_command", lambda: None)
    assert "policy.model names no language model" in str(why_missing(Policy()))


@pytest.mark.usefixtures("no_voice")
@pytest.mark.parametrize(("command", "told"), [(None, "espeak-ng is not installed"), (("espeak-ng",), None)])
def test_then_a_voice(monkeypatch, command, told):
    monkeypatch.setattr(espeak, "_command", lambda: command)
    assert (why_missing(Policy(**MODEL)) or "").split(";")[0] == (told or "")


def test_a_voice_that_is_named_is_the_one_that_is_missed(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak, "_command", lambda: None)
    assert why_missing(Policy(**MODEL, speech_model="openai:talker")) is None
    assert "has no config.json" in str(why_missing(Policy(**MODEL, speech_model=str(tmp_path))))


@pytest.mark.usefixtures("no_voice")
def test_without_a_name_and_a_learnt_voice_espeak_speaks(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak, "build", lambda _: Program())
    engine = build(place(Policy(**MODEL), tmp_path))
    assert isinstance(engine.speaker, ByRule)
    assert engine.writer.labels == ("brighten", "dim")


def test_without_a_name_the_learnt_voice_that_is_here_speaks(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak, "_command", lambda: None)
    monkeypatch.setattr(voice, "why_missing", lambda _: None)
    monkeypatch.setattr(voice, "build", lambda _: Listener())
    assert why_missing(Policy(**MODEL)) is None
    engine = build(place(Policy(**MODEL), tmp_path))
    assert isinstance(engine.speaker, ByModel)
    monkeypatch.setattr(voice, "why_missing", lambda _: "no voice")
    monkeypatch.setattr(espeak, "build", lambda _: Program())
    assert build(place(Policy(**MODEL), tmp_path)).digest != engine.digest


def test_a_named_voice_speaks(monkeypatch, tmp_path):
    learnt = Listener()
    monkeypatch.setattr(voice, "build", lambda _: learnt)
    engine = build(place(Policy(**MODEL, speech_model="openai:talker"), tmp_path))
    engine.speaker.speak([turn()])
    assert isinstance(engine.speaker, ByModel)
    assert [line.text for line in learnt.heard] == ["dim it"]


def test_what_is_missing_is_raised(tmp_path):
    with pytest.raises(UsageError, match=r"policy\.model names no language model"):
        build(place(Policy(), tmp_path, asked=False))
    with pytest.raises(UsageError, match=r"policy\.speech_model: .* has no config\.json"):
        build(place(Policy(**MODEL, speech_model=str(tmp_path)), tmp_path))


def test_the_digest_names_the_writer_and_the_voice(tmp_path):
    writers = [Writer(Asker(Exchanges(tmp_path), model=name), ()) for name in ("small", "large")]
    speakers: list[Any] = [ByRule(Program()), ByModel(Listener())]  # type: ignore[arg-type]
    digests = [WrittenSpeech(writer, speaker).digest for writer in writers for speaker in speakers]
    assert len(set(digests)) == 4
    assert WrittenSpeech(writers[0], speakers[0]).digest == digests[0]


# --- how it speaks ---


def test_espeak_is_told_the_manner():
    program = Program()
    (spoken,) = ByRule(program).speak([turn("at 7", 120, 30)])  # type: ignore[arg-type]
    assert program.heard == [("at 7", Manner("en-us", "m3", 120, 30))]
    assert spoken is not None
    assert spoken.semitones == 0


@pytest.mark.parametrize(("pitch", "semitones"), [(50, 0.0), (25, -2.0), (75, 2.0), (0, -4.0), (99, 3.92)])
def test_a_learnt_voice_is_shifted_and_slowed_by_as_much(pitch: int, semitones: float):
    learnt = Listener()
    (spoken,) = ByModel(learnt).speak([turn(rate=200, pitch=pitch)])
    assert isinstance(spoken, Spoken)
    assert spoken.semitones == pytest.approx(semitones)
    assert learnt.heard[0].rate * 2 ** (semitones / 12) == pytest.approx(200 / 160)


def test_a_learnt_voice_is_told_words_speaker_and_seed():
    voice = Listener()
    ByModel(voice).speak([turn("at 7", speaker="2")])
    assert voice.heard == [Line("at 7", "2", 1.0, 5)]


def test_a_line_that_gave_no_sound_shifts_no_other():
    made = ByModel(Listener()).speak([turn("mute"), turn("dim", pitch=75)])
    assert [one is None for one in made] == [True, False]
    assert ByModel(Listener()).speak([]) == []


def test_scripts_are_judged_by_the_voice_that_reads():
    rule, english, other = ByRule(Program()), ByModel(Listener()), ByModel(Listener(english=False))  # type: ignore[arg-type]
    russian = Manner("ru", "", 160, 50)
    assert [one.reads("свет", Manner("en-gb", "", 160, 50)) for one in (rule, english, other)] == [False, False, True]
    assert [one.reads("свет", russian) for one in (rule, english, other)] == [True, False, True]
    assert rule.reads("light 7", Manner("en-us", "", 160, 50))
