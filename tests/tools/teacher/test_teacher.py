from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from memory.datasets.media import Payload, Wave
from tools.teacher.teacher import Opinion, Teacher

SUBJECTS = {
    "refund": ["money back", "refund of the payment", "charged twice", "return the amount"],
    "travel": ["train to the coast", "flight and hotel", "ticket for the ferry", "bus to the airport"],
    "weather": ["rain in the morning", "snow and cold wind", "sunny and warm", "storm over the hills"],
}
STARTS = ["please tell me about the", "I would like to know of", "my question is on", "what can you say of"]


def sentence(label: str, at: int) -> str:
    rng = np.random.default_rng(at)
    return f"{STARTS[rng.integers(4)]} {SUBJECTS[label][rng.integers(4)]} on day {rng.integers(100)}"


class Rows:
    """Training rows in memory."""

    def __init__(self, modality: str, payloads: list[Payload], labels: list[Any], groups: list[Any] | None = None):
        self.modality, self.items = modality, payloads
        self.columns = {
            "id": [f"row{at}" for at in range(len(payloads))],
            "label": labels,
            "group": groups or [None] * len(payloads),
        }

    def rows(self, split: str) -> Any:
        return np.arange(len(self.items) if split == "train" else 0)

    def column(self, name: str) -> list[Any]:
        return self.columns[name]

    def payloads(self, rows: list[int]) -> list[Payload]:
        return [self.items[row] for row in rows]


def tailed(sizes: dict[str, int]) -> Rows:
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return Rows("text", [sentence(label, at) for at, label in enumerate(labels)], labels)


def ask(teacher: Teacher, rows: Rows, child: Payload, label: str | None, parent: int) -> Opinion:
    return teacher.opinions([child], [label], [f"row{parent}"], [rows.items[parent]])[0]


def test_a_flipped_label_is_contradicted_and_named():
    rows = tailed({"refund": 60, "travel": 30, "weather": 12})
    opinion = ask(Teacher(rows, 1), rows, sentence("travel", 9001), "refund", 0)
    assert not opinion.agrees
    assert opinion.margin is not None
    assert opinion.margin < 0
    assert opinion.why.startswith("reads as 'travel' (")
    assert "not as 'refund'" in opinion.why


def test_a_child_like_its_parent_keeps_its_label():
    rows = tailed({"refund": 60, "travel": 30, "weather": 12})
    opinion = ask(Teacher(rows, 1), rows, sentence("refund", 9002), "refund", 0)
    assert (opinion.agrees, opinion.why) == (True, "")


def test_a_long_tail_is_left_alone_and_its_flips_are_found():
    rows = tailed({"refund": 150, "travel": 30, "weather": 4})
    teacher = Teacher(rows, 1)
    parents = range(180, 184)
    kept = [ask(teacher, rows, sentence("weather", 500 + at), "weather", at).agrees for at in parents]
    flipped = [ask(teacher, rows, sentence("refund", 600 + at), "weather", at).agrees for at in parents]
    assert kept == [True] * 4
    assert sum(flipped) <= 1


def test_at_most_one_real_row_in_twenty_is_contradicted_even_where_labels_are_noise():
    rng = np.random.default_rng(0)
    labels = [list(SUBJECTS)[rng.integers(3)] for _ in range(200)]
    rows = Rows("text", [sentence("refund", at) for at in range(200)], labels)
    evidence = Teacher(rows, 1).evidence
    assert evidence is not None
    assert evidence.contradicted <= 0.05
    assert evidence.accuracy < 0.6


def test_what_contradicts_the_parent_too_is_no_evidence():
    rows = tailed({"refund": 60, "travel": 60})
    rows.items[0] = sentence("travel", 7000)
    opinion = ask(Teacher(rows, 1), rows, sentence("travel", 7001), "refund", 0)
    assert opinion.agrees
    assert opinion.why.startswith("abstains: reads as 'travel'")
    assert opinion.why.endswith("and so does its parent")


def test_the_parent_is_never_learned_from():
    rows = tailed({"refund": 40, "travel": 40})
    rows.items[3] = "zyx wvu tsr qpo"
    with_it = Teacher(rows, 1)
    rows.items[3] = "completely other words than before"
    teacher = Teacher(rows, 1)
    child = "zyx wvu tsr qpo"
    fold = teacher._parents["row3"][1]
    same = [one._models[fold].scores(one._features([child])) for one in (with_it, teacher)]
    assert np.array_equal(*same)
    other = (fold + 1) % 5
    differ = [one._models[other].scores(one._features([child])) for one in (with_it, teacher)]
    assert not np.array_equal(*differ)


@pytest.mark.parametrize(
    ("label", "why"),
    [(None, "there is no label"), ("parking", "no training row is labelled 'parking'")],
)
def test_without_a_known_label_the_teacher_abstains(label, why):
    rows = tailed({"refund": 20, "travel": 20})
    opinion = ask(Teacher(rows, 1), rows, sentence("travel", 1), label, 0)
    assert (opinion.agrees, opinion.margin) == (True, None)
    assert why in opinion.why


def test_with_one_class_the_teacher_abstains():
    rows = tailed({"refund": 20})
    opinion = ask(Teacher(rows, 1), rows, "anything at all", "refund", 0)
    assert (opinion.agrees, opinion.why) == (True, "abstains: the training rows have fewer than two classes")


def test_a_class_that_stands_only_in_the_parents_fold_is_not_judged():
    rows = tailed({"refund": 30, "travel": 30, "weather": 1})
    opinion = ask(Teacher(rows, 1), rows, sentence("travel", 1), "weather", 60)
    assert (opinion.agrees, opinion.why) == (
        True,
        "abstains: rows labelled 'weather' stand only in the fold of the parent",
    )


def test_a_class_of_one_speaker_is_not_judged_and_others_are():
    labels = ["refund", "travel"] * 30 + ["weather"] * 5
    groups = [f"speaker{at % 6}" for at in range(60)] + ["last"] * 5
    rows = Rows("text", [sentence(label, at) for at, label in enumerate(labels)], labels, groups)
    teacher = Teacher(rows, 1)
    assert "stand only in the fold" in ask(teacher, rows, sentence("refund", 70), "weather", 62).why
    assert not ask(teacher, rows, sentence("travel", 71), "refund", 0).agrees


def test_opinions_do_not_depend_on_what_they_are_asked_together_with():
    rows = tailed({"refund": 30, "travel": 30, "weather": 10})
    labels = [str(label) for label in rows.columns["label"]]
    children = [sentence(labels[(at * 7) % 70], 300 + at) for at in range(70)]
    ids = rows.columns["id"]
    together = Teacher(rows, 4).opinions(children, labels, ids, rows.items)
    alone = Teacher(rows, 4)
    singly = [ask(alone, rows, children[at], labels[at], at) for at in reversed(range(70))]
    assert together == singly[::-1]
    assert {opinion.agrees for opinion in together} == {True, False}


def drawn_images(sizes: tuple[int, ...]) -> Rows:
    rng = np.random.default_rng(0)
    labels = [f"bar{kind}" for kind, size in enumerate(sizes) for _ in range(size)]
    items: list[Payload] = []
    for label in labels:
        image = rng.integers(0, 60, (20, 20, 1)).astype(np.uint8)
        kind, at = int(label[-1]), int(rng.integers(6, 12))
        if kind == 0:
            image[at : at + 3] = 220
        elif kind == 1:
            image[:, at : at + 3] = 220
        else:
            image[4:16, 4:16] = 220
        items.append(image)
    return Rows("image", items, labels)


def drawn_clips() -> Rows:
    rng = np.random.default_rng(0)
    labels = [("low", "high")[at % 2] for at in range(40)]
    time = np.arange(3000) / 8000
    items: list[Payload] = []
    for label in labels:
        hz = (300 if label == "low" else 1500) * rng.uniform(0.9, 1.1)
        clip = 0.2 * np.sin(2 * np.pi * hz * time) + 0.005 * rng.standard_normal(3000)
        items.append(Wave(clip.astype(np.float32)[None], 8000))
    return Rows("speech", items, labels, [f"speaker{at // 5}" for at in range(40)])


@pytest.mark.parametrize("rows", [drawn_images((40, 20, 6)), drawn_clips()], ids=["image", "speech"])
def test_media_with_another_class_s_content_are_contradicted(rows):
    teacher = Teacher(rows, 1)
    labels, folds = rows.columns["label"], [fold for _, fold in teacher._parents.values()]
    judged = []
    for parent, label in enumerate(labels):
        foreign = next(at for at in range(len(labels)) if labels[at] != label and folds[at] == folds[parent])
        judged.append(ask(teacher, rows, rows.items[foreign], label, parent).agrees)
        assert ask(teacher, rows, rows.items[parent], label, parent).agrees
    assert np.mean(judged) < 0.1


def test_what_is_unlike_any_training_row_is_not_contradicted():
    rows = drawn_images((40, 40))
    teacher = Teacher(rows, 1)
    images = [image for image in rows.items[40:] if isinstance(image, np.ndarray)]
    ghosts = [(255 - image // 2).astype(np.uint8) for image in images]
    plain, ghostly = (
        teacher.opinions(children, ["bar0"] * 40, ["row0"] * 40, [rows.items[0]] * 40) for children in (images, ghosts)
    )
    assert sum(opinion.agrees for opinion in plain) <= 4
    assert all(opinion.agrees for opinion in ghostly)
    assert ghostly[0].why.startswith("abstains: reads as 'bar1'")
    assert ghostly[0].why.endswith("but it is unlike any training row")
    learnt = teacher.opinions(ghosts, ["bar0"] * 40, ["row0"] * 40, [rows.items[0]] * 40, [True] * 40)
    assert not any(opinion.agrees for opinion in learnt)
    assert learnt[0].why == "is unlike any training row, and was made after them"


def test_progress_is_told():
    told: list[tuple[str, int, int]] = []
    Teacher(tailed({"refund": 200, "travel": 100}), 1, lambda *facts: told.append(facts))
    assert told[0] == ("teacher: reading training rows", 256, 300)
    assert told[-1] == ("teacher: fitting models", 5, 5)
