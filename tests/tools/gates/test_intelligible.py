from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.gates.intelligible import intelligible


class Ear:
    """Hears of each clip the text that its rate names, and of real rows what it was told."""

    digest = "ear@1"
    words: ClassVar = {"zero": "zero", "one": "one", "three": "three", "tree": "tree"}

    def __init__(self, texts: list[str | None], real: tuple[float, ...] = (0.0,) * 8) -> None:
        self.texts, self.real = texts, real
        self.read: list[str] = []

    def hear(self, clips: list[Wave]) -> list[str | None]:
        return [self.texts[clip.rate_hz] for clip in clips]

    def errors_on_real(self, label: str) -> tuple[float, ...]:
        self.read.append(label)
        return self.real


@pytest.fixture
def judged(run_gate, batch_of, reference_to):
    """Judge clips that are heard as texts and were to say their label or something else, by an ear."""

    def go(ear: Ear, label: str = "zero", said: str | None = "", scratch: bool = True, **params: Any) -> list[Any]:
        clips = [Wave(np.zeros((1, 10), np.float32), at) for at in range(len(ear.texts))]
        batch = replace(batch_of([(clip, clip) for clip in clips], scratch=scratch), labels=[label] * len(clips))
        batch = replace(batch, said=[label if said == "" else said] * len(clips))
        reference = replace(reference_to(modality="speech"), engines={"recogniser": ear})
        return run_gate(intelligible, batch, reference, **params)

    return go


def test_other_words_are_rejected_and_the_verdict_says_what_was_heard(judged):
    right, near, wrong = judged(Ear(["zero", "zeroh", "nine"]))
    assert (right.accepted, right.score, right.why) == (True, 0.0, "heard 'zero', wanted 'zero' (ear@1)")
    assert (near.accepted, near.score, near.threshold) == (True, 0.25, 0.34)
    assert (wrong.accepted, wrong.score, wrong.why) == (False, 1.0, "heard 'nine', wanted 'zero' (ear@1)")


def test_a_sentence_counts_its_words(judged):
    ear, said = Ear(["turn on a light", "turn the light"]), "Turn on the light, please!"
    kept, lost = judged(ear, said=said, words=0.4)
    assert (kept.accepted, kept.score) == (True, 0.4)
    assert (lost.accepted, lost.score) == (True, 0.4)
    assert [one.accepted for one in judged(ear, said=said, words=0.3)] == [False, False]


def test_the_words_of_another_class_are_rejected_however_close(judged):
    (found,) = judged(Ear(["tree"]), label="three")
    assert not found.accepted
    assert found.score == 0.2
    assert found.why == "heard 'tree', wanted 'three' (ear@1), which are the words of 'tree'"


def test_with_words_of_its_own_classes_do_not_count(judged):
    assert judged(Ear(["tree"]), said="Trees", label="three")[0].accepted


def test_a_text_that_was_written_for_the_clip_is_what_it_must_say(judged):
    right, wrong = judged(Ear(["i want my money back", "where is my parcel"]), said="I want my money back.")
    assert (right.accepted, right.score) == (True, 0.0)
    assert not wrong.accepted
    assert "wanted 'i want my money back'" in wrong.why


def test_what_it_cannot_hear_in_real_rows_it_does_not_judge(judged):
    (found,) = judged(Ear(["nine"], real=(0.0, 1.0, 1.0, 0.5)))
    assert (found.accepted, found.score) == (True, 1.0)
    assert found.why.startswith(
        "abstains: heard 'nine', wanted 'zero' (ear@1); of 4 real rows of 'zero' it understands"
    )
    assert judged(Ear(["nine"], real=()))[0].why.endswith("of 0 real rows of 'zero' it understands 0%")


def test_real_rows_are_read_only_where_a_clip_would_be_rejected(judged):
    ear = Ear(["zero"])
    judged(ear)
    assert ear.read == []
    ear = Ear(["nine", "zero"])
    judged(ear)
    assert ear.read == ["zero"]


def test_recordings_that_were_changed_are_not_heard_at_all(judged, batch_of, run_gate, reference_to):
    clip = Wave(np.zeros((1, 10), np.float32), 8000)
    for batch in (
        batch_of([(clip, clip)]),
        batch_of([(clip, clip)], scratch=True, mixed=[True]),
        replace(batch_of([(clip, clip)], scratch=True), labels=[None]),
    ):
        (found,) = run_gate(intelligible, batch, reference_to(modality="speech"))  # no place: it would raise
        assert (found.accepted, found.score) == (True, None)
        assert found.why.startswith("abstains: is a recording")


def test_clips_without_words_and_clips_too_long_are_left_alone(judged):
    assert judged(Ear(["zero"]), said=None)[0].why == "abstains: there are no words to say"
    assert judged(Ear([None]))[0].why == "abstains: it is longer than the recogniser hears at once"


def test_the_card_names_its_engine():
    from tools.catalogue import load

    assert load()["gates.intelligible"].needs.engine == "recogniser"


def test_a_tiny_recogniser_that_understands_nothing_abstains(engine_for, batch_of, run_gate, reference_to):
    ear = engine_for("recogniser")
    clip = ear._rows.dataset.items[1]
    batch = replace(batch_of([(clip, clip)], scratch=True), labels=["one"], said=["one"])
    (found,) = run_gate(intelligible, batch, replace(reference_to(modality="speech"), engines={"recogniser": ear}))
    assert found.accepted
    assert found.why.startswith("abstains: heard ")
    assert "it understands 0%" in found.why
