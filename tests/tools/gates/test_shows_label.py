from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tools.gates.shows_label import shows_label


class Model:
    """Reads a picture as cat, by the share that its first value names, in hundredths."""

    digest = "clip@1"

    def __init__(self, real: tuple[bool, ...] = (True,) * 8, classes: tuple[str, ...] = ("bird", "cat", "dog")) -> None:
        self.real, self.classes = real, classes
        self.read: list[str] = []

    def shares(self, pictures: list[Any]) -> Any:
        cat = np.array([picture[0, 0, 0] / 100 for picture in pictures])
        rest = (1 - cat) / (len(self.classes) - 1)
        return np.stack([cat if name == "cat" else rest for name in self.classes], axis=1)

    def right_on_real(self, label: str) -> tuple[bool, ...]:
        self.read.append(label)
        return self.real


def picture(hundredths: int) -> Any:
    return np.full((4, 4, 3), hundredths, np.uint8)


@pytest.fixture
def judged(run_gate, batch_of, reference_to):
    """Judge (child, parent) pictures by the shares of cat in them."""

    def go(
        model: Any, pairs: list[tuple[int, int]], label: Any = "cat", scratch: bool = True, **more: Any
    ) -> list[Any]:
        batch = batch_of([(picture(child), picture(parent)) for child, parent in pairs], scratch=scratch, **more)
        batch = replace(batch, labels=[label] * len(pairs))
        return run_gate(shows_label, batch, replace(reference_to(modality="image"), engines={"matcher": model}))

    return go


def test_another_class_must_lead_by_the_margin(judged):
    sure, behind, beaten = judged(Model(), [(90, 90), (28, 90), (10, 90)])
    assert (sure.accepted, sure.score, sure.threshold) == (True, 0.85, -0.2)
    assert sure.why == "scores 'cat' 0.90, 'bird' 0.05 (clip@1)"
    assert (behind.accepted, behind.score) == (True, -0.08)
    assert (beaten.accepted, beaten.score) == (False, -0.35)
    assert beaten.why == "scores 'bird' 0.45, 'cat' 0.10 (clip@1)"


@pytest.mark.parametrize(
    ("real", "accepted"),
    [((True,) * 3 + (False,), False), ((True,) * 3, True), ((True, True, False, False), True), ((), True)],
)
def test_a_class_that_it_does_not_read_in_real_pictures_is_left_alone(judged, real, accepted):
    (found,) = judged(Model(real), [(10, 90)])
    assert found.accepted is accepted
    right = f"abstains: scores 'bird' 0.45, 'cat' 0.10 (clip@1), but of {len(real)} real rows of 'cat' it reads"
    assert found.why.startswith(right) is accepted


def test_real_rows_are_read_only_where_a_picture_would_be_rejected(judged):
    model = Model()
    judged(model, [(90, 90)])
    assert model.read == []


def test_a_changed_picture_is_excused_by_its_parent_and_a_new_one_is_not(judged):
    (changed,) = judged(Model(), [(10, 12)], scratch=False)
    assert changed.accepted
    assert changed.why.endswith("and it misreads the parent too")
    assert not judged(Model(), [(10, 12)])[0].accepted
    assert not judged(Model(), [(10, 60)], scratch=False)[0].accepted


def test_labels_without_a_name_or_a_rival_are_left_alone(judged):
    assert judged(Model(), [(10, 10)], label="__")[0].why.startswith("abstains: no two classes have a name")
    assert judged(Model(classes=("cat",)), [(10, 10)])[0].why.startswith("abstains: no two classes have a name")


def test_mixed_and_missing_labels_are_not_shown_to_any_model(judged, run_gate, batch_of, reference_to):
    batch = batch_of([(picture(1), picture(1))], mixed=[True])
    (found,) = run_gate(shows_label, batch, reference_to(modality="image"))  # no place: it would raise
    assert found.why == "abstains: the label is mixed or missing"
    assert judged(Model(), [(10, 10)], label=None)[0].why == found.why


def test_the_tiny_models_verdicts_are_those_of_its_shares(engine_for, batch_of, run_gate, reference_to):
    model = engine_for("matcher")
    pictures = model._rows.dataset.items[:6]
    batch = replace(batch_of([(one, one) for one in pictures], scratch=True), labels=["cat"] * 6)
    found = run_gate(
        shows_label, batch, replace(reference_to(modality="image"), engines={"matcher": model}), margin=0.0
    )
    shares = model.shares(pictures)
    assert [one.score for one in found] == [round(float(own[0] - own[1]), 6) for own in shares]
    assert not all(one.score >= 0 for one in found)
    assert all(one.accepted for one in found), "it does not read real cats either"
