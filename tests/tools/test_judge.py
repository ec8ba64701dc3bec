from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memory.datasets.made import Candidate, Judged
from memory.datasets.media import Payload, Wave
from memory.errors import RecordError, UsageError
from memory.job import Columns, Policy
from memory.records import Verdict
from tools.card import Tool
from tools.catalogue import select
from tools.judge import Judge, gates_for
from tools.seeds import generator

TOPICS = {
    "refund": ["money", "refund", "payment", "charged", "card", "invoice", "amount", "bank"],
    "travel": ["train", "coast", "flight", "hotel", "ferry", "airport", "ticket", "luggage"],
    "weather": ["rain", "snow", "wind", "storm", "sunny", "cloud", "frost", "thunder"],
}


def sentence(label: str, seed: int) -> str:
    rng = generator(seed)
    words = [TOPICS[label][at] for at in rng.permutation(8)[:6]]
    names = ["".join(chr(97 + at) for at in rng.integers(0, 26, 5)) for _ in words]
    return " ".join(f"{name} {word}" for name, word in zip(names, words, strict=True))


class Rows:
    """A dataset in memory: training rows and one evaluation split."""

    attribute_names: tuple[str, ...] = ("channel",)
    columns = Columns(payload="text", label="intent", group="author")

    def __init__(self, modality: str, train: list[tuple[Payload, str]], test: list[tuple[Payload, str]]) -> None:
        self.modality, self.items = modality, [payload for payload, _ in train + test]
        self.parts = {"train": np.arange(len(train)), "test": len(train) + np.arange(len(test))}
        self.cells: dict[str, list[Any]] = {
            "id": [f"row{at}" for at in range(len(train))] + [f"test{at}" for at in range(len(test))],
            "label": [label for _, label in train + test],
            "group": [None] * len(self.items),
            "channel": ["mail"] * len(self.items),
        }
        self.decoded = 0

    def splits(self) -> dict[str, int]:
        return {name: len(rows) for name, rows in self.parts.items()}

    def rows(self, split: str) -> Any:
        return self.parts[split]

    def column(self, name: str) -> list[Any]:
        return self.cells[name]

    def payloads(self, rows: list[int]) -> list[Payload]:
        self.decoded += len(rows)
        return [self.items[row] for row in rows]


def texts() -> Rows:
    labels = ["refund"] * 60 + ["travel"] * 30 + ["weather"] * 10
    train = [(sentence(label, at), label) for at, label in enumerate(labels)]
    return Rows("text", train, [(sentence(label, 5000 + at), label) for at, label in enumerate(TOPICS)])


def made(rows: Rows, parent: int, at: int = 0, **facts: Any) -> Candidate:
    usual: dict[str, Any] = {
        "id": f"made{at}",
        "step": "step",
        "position": at,
        "attempt": 0,
        "parents": (f"row{parent}",),
        "cell": {"label": rows.cells["label"][parent]},
        "label": rows.cells["label"][parent],
        "group": None,
        "attributes": {"channel": "mail"},
        "calls": ({"tool": "text.swap_words"},),
        "seed": 1,
    }
    return Candidate(**{**usual, **facts})


def judge_of(rows: Any, **facts: Any) -> Judge:
    return Judge(rows, None, 7, gates_for(rows.modality, Policy()), **facts)


def one(rows: Rows, payload: Payload, parent: int = 0, **facts: Any) -> Judged:
    return judge_of(rows).judge([made(rows, parent, **facts)], [payload])[0]


def test_a_fresh_sample_of_its_class_passes_every_gate_in_order():
    judged = one(texts(), sentence("refund", 900))
    assert judged.accepted
    assert [verdict.gate for verdict in judged.verdicts] == [
        "text_sanity",
        "in_cell",
        "label_kept",
        "leak",
        "near_duplicate",
    ]
    assert judged.rejected_by is None


def test_a_tool_that_flips_labels_is_rejected_by_the_teacher():
    rows = texts()
    judge = judge_of(rows)
    flips = [made(rows, at, at) for at in range(30)]
    judged = judge.judge(flips, [sentence("travel", 2000 + at) for at in range(30)])
    assert sum(one.rejected_by == "label_kept" for one in judged) >= 27
    assert "reads as 'travel'" in judged[0].verdicts[-1].why


def test_a_sample_whose_label_was_changed_is_rejected_by_the_teacher():
    judged = one(texts(), sentence("refund", 900), label="travel", cell={"label": "travel"})
    assert judged.rejected_by == "label_kept"


def test_a_repeated_sample_is_rejected_across_calls():
    rows = texts()
    judge = judge_of(rows)
    text = sentence("refund", 900)
    assert judge.judge([made(rows, 0, 0)], [text])[0].accepted
    again = judge.judge([made(rows, 1, 1)], [text])[0]
    assert again.rejected_by == "near_duplicate"
    assert "the accepted sample 'made0'" in again.verdicts[-1].why


def test_an_unchanged_parent_is_rejected_as_a_near_duplicate():
    rows = texts()
    judged = one(rows, rows.items[3], parent=3)
    assert judged.rejected_by == "near_duplicate"
    assert "its parent 'row3'" in judged.verdicts[-1].why


def test_a_copy_of_a_test_row_is_rejected_as_a_leak():
    rows = texts()
    judged = one(rows, rows.items[rows.cells["id"].index("test0")])
    assert judged.rejected_by == "leak"
    assert "the evaluation row 'test0'" in judged.verdicts[-1].why


def test_an_empty_text_goes_no_further_than_the_first_gate():
    judged = one(texts(), "   ")
    assert [verdict.gate for verdict in judged.verdicts] == ["text_sanity"]
    assert judged.attributes == {}


def test_a_sample_beside_its_cell_is_rejected_on_what_was_measured():
    cell = {"label": "refund", "channel": "mail", "words": "<5"}
    judged = one(texts(), sentence("refund", 900), cell=cell)
    assert judged.rejected_by == "in_cell"
    assert judged.verdicts[-1].why == f"words: wanted '<5', got {judged.attributes['words']!r}"


def test_an_attribute_of_the_data_is_inherited_and_not_reported_as_measured():
    judged = one(texts(), sentence("refund", 900), cell={"label": "refund", "channel": "mail"})
    assert judged.accepted
    assert "channel" not in judged.attributes
    assert judged.attributes["words"]


def test_label_and_group_may_be_called_by_their_columns():
    cell = {"intent": "refund", "author": "anna"}
    assert one(texts(), sentence("refund", 900), cell=cell, group="anna").accepted
    judged = one(texts(), sentence("refund", 900), cell=cell, group="otto")
    assert judged.verdicts[-1].why == "author: wanted 'anna', got 'otto'"


def test_a_refused_candidate_is_told_why_and_needs_no_media():
    rows = texts()
    judge = judge_of(rows)
    judged = judge.judge([made(rows, 0, refused="text.swap_words refused this sample")], [None])
    assert judged[0].verdicts == (Verdict(gate="refused", accepted=False, why="text.swap_words refused this sample"),)
    assert rows.decoded == 0, "nothing had to be read"


def test_a_mixed_sample_counts_for_no_cell_and_skips_the_teacher():
    mixed = {"label": None, "soft_label": {"refund": 0.7, "travel": 0.3}}
    judged = one(texts(), sentence("travel", 900), **mixed)
    assert judged.accepted
    assert judged.verdicts[2].why == "abstains: the label is mixed"
    other = one(texts(), sentence("travel", 900), **{**mixed, "cell": {"label": "travel"}})
    assert other.accepted, "it counts for no cell, so it can miss none"


def planted(rows: Rows) -> tuple[list[Candidate], list[Payload | None]]:
    """Return 60 candidates: fresh ones, repeats, flips, leaks, empties and refusals, in a drawn order."""
    rng = generator(5)
    candidates: list[Candidate] = []
    payloads: list[Payload | None] = []
    for at in range(60):
        parent = int(rng.integers(100))
        label = rows.cells["label"][parent]
        kind = int(rng.integers(7))
        payload = sentence(label, 800 + at // 3)
        if kind == 1:
            payload = sentence("travel", 800 + at)
        elif kind == 2:
            payload = rows.items[100 + at % 3]
        elif kind == 3:
            payload = ""
        refused = "no" if kind == 4 else None
        candidates.append(made(rows, parent, at, refused=refused))
        payloads.append(None if refused else payload)
    return candidates, payloads


@pytest.mark.parametrize("size", [1, 7])
def test_judgements_do_not_depend_on_how_samples_are_divided(size):
    rows = texts()
    candidates, payloads = planted(rows)
    whole = judge_of(rows).judge(candidates, payloads)
    judge = judge_of(rows)
    parts = [
        one
        for start in range(0, 60, size)
        for one in judge.judge(candidates[start : start + size], payloads[start : start + size])
    ]
    assert parts == whole
    reasons = {one.rejected_by for one in whole}
    assert reasons >= {None, "refused", "text_sanity", "label_kept", "near_duplicate"}


def test_a_run_taken_up_again_remembers_what_it_accepted():
    rows = texts()
    candidates, payloads = planted(rows)
    whole = judge_of(rows).judge(candidates, payloads)
    again = judge_of(rows)
    kept = [at for at in range(30) if whole[at].accepted]
    again.remember([candidates[at].id for at in kept], [str(payloads[at]) for at in kept])
    assert again.judge(candidates[30:], payloads[30:]) == whole[30:]


def test_the_same_seed_gives_the_same_scores_and_gates_may_come_in_any_order():
    rows = texts()
    candidates, payloads = planted(rows)
    first = judge_of(rows).judge(candidates, payloads)
    second = Judge(rows, None, 7, select("gate", "text")[::-1]).judge(candidates, payloads)
    assert first == second


def test_a_gate_of_ones_own_runs_before_leak_and_near_duplicate():
    def polite(batch: Any, reference: Any, params: Any) -> list[Verdict]:
        return [Verdict(gate="polite", accepted="please" in str(text), why="rude") for text in batch.payloads]

    own = Tool(name="gates.polite", kind="gate", modality="any", summary="Polite.", run=polite)
    rows = texts()
    judge = Judge(rows, None, 7, [*select("gate", "text"), own])
    judged = judge.judge([made(rows, 0)], [sentence("refund", 900)])[0]
    assert judged.rejected_by == "polite"
    assert [verdict.gate for verdict in judged.verdicts][-2:] == ["label_kept", "polite"]
    assert len(judge.reference.seen) == 100


def test_a_parent_outside_training_is_a_broken_record():
    rows = texts()
    with pytest.raises(RecordError, match="made0 names the parent 'test0', which is not a training row"):
        judge_of(rows).judge([made(rows, 0, parents=("test0",))], ["text"])


def test_a_sample_without_media_is_a_broken_record():
    rows = texts()
    with pytest.raises(RecordError, match="made0 was not refused"):
        judge_of(rows).judge([made(rows, 0)], [None])


def test_no_candidate_gives_no_judgement():
    assert judge_of(texts()).judge([], []) == []


def test_progress_is_told():
    told: list[str] = []
    judge = judge_of(texts(), progress=lambda what, done, of: told.append(f"{what} {done}/{of}"))
    assert judge.reference.modality == "text"
    assert told[:2] == ["gates: reading split train 100/100", "gates: reading split test 3/3"]


# --- media ----------------------------------------------------------------------------------------


def clips() -> Rows:
    rng = generator(3)
    time = np.arange(4000) / 8000

    def clip(at: int) -> tuple[Payload, str]:
        label = ("low", "high")[at % 2]
        hz = (300 if at % 2 == 0 else 1500) * rng.uniform(0.7, 1.4)
        sweep = np.sin(2 * np.pi * (hz * time + rng.uniform(-200, 200) * time**2))
        noise = 0.01 * rng.standard_normal(4000)
        return Wave(
            (0.3 * sweep * np.hanning(4000) ** rng.uniform(0.2, 2) + noise).astype(np.float32)[None], 8000
        ), label

    return Rows("speech", [clip(at) for at in range(40)], [clip(at) for at in range(4)])


def changed(samples: Any, kind: str) -> Any:
    found = samples.copy()
    if kind == "nan":
        found[0, 100] = np.nan
    elif kind == "silent":
        found *= 1e-5
    elif kind == "clipped":
        found = np.clip(found * 50, -1, 1)
    else:
        found = found[:, :1000]
    return found


@pytest.mark.parametrize(
    ("kind", "why"),
    [("nan", "1 values are NaN"), ("silent", "silent: "), ("clipped", "clipped: "), ("short", "lasts 0.12 s")],
)
def test_a_spoilt_clip_is_rejected_by_the_sanity_gate(kind, why):
    rows = clips()
    spoilt = Wave(changed(rows.items[0].samples, kind), 8000)  # type: ignore[union-attr]
    judged = one(rows, spoilt)
    assert [verdict.gate for verdict in judged.verdicts] == ["speech_sanity"]
    assert judged.verdicts[0].why.startswith(why)


def test_a_fresh_clip_passes():
    rows = clips()
    time = np.arange(4000) / 8000
    sweep = 0.3 * np.sin(2 * np.pi * (260 * time + 150 * time**2)) * np.hanning(4000) ** 4
    noise = 0.01 * generator(8).standard_normal(4000)
    judged = one(rows, Wave((sweep + noise).astype(np.float32)[None], 8000))
    assert judged.accepted, judged.verdicts[-1]


def pictures() -> Rows:
    rng = generator(2)

    def picture(at: int) -> tuple[Payload, str]:
        image = rng.integers(0, 90, (24, 24, 3)).astype(np.uint8)
        place = int(rng.integers(3, 18))
        if at % 2 == 0:
            image[place : place + 4] = 230
        else:
            image[:, place : place + 4] = 230
        return image, ("rows", "columns")[at % 2]

    return Rows("image", [picture(at) for at in range(40)], [picture(at) for at in range(4)])


def test_a_blank_picture_is_rejected_and_a_shifted_one_is_not():
    rows = pictures()
    blank = one(rows, np.full((24, 24, 3), 128, np.uint8))
    assert (blank.rejected_by, blank.verdicts[0].why[:6]) == ("image_sanity", "blank:")
    parent = rows.items[0]
    assert isinstance(parent, np.ndarray)
    noise = generator(1).integers(0, 25, parent.shape).astype(np.uint8)
    assert one(rows, np.roll(parent, 9, axis=0) + noise).accepted


def test_a_picture_turned_into_the_other_class_is_rejected_by_the_teacher():
    rows = pictures()
    parent = rows.items[0]
    assert isinstance(parent, np.ndarray)
    assert one(rows, np.roll(parent, 5, axis=0).transpose(1, 0, 2).copy()).rejected_by == "label_kept"


# --- gates that ask a model -----------------------------------------------------------------------


def test_a_gate_that_asks_a_model_is_no_part_of_a_run_that_names_none():
    assert {tool.name for tool in select("gate", "speech")} - {tool.name for tool in gates_for("speech", Policy())} == {
        "gates.intelligible"
    }
    assert {tool.name for tool in select("gate", "image")} - {tool.name for tool in gates_for("image", Policy())} == {
        "gates.shows_label"
    }
    assert gates_for("text", Policy(asr_model="nobody/nothing")) == select("gate", "text")


def test_a_model_that_is_named_and_not_here_ends_the_run():
    with pytest.raises(UsageError, match=r"gates\.intelligible cannot check what is made: nobody/nothing is no folder"):
        gates_for("speech", Policy(asr_model="nobody/nothing"))


def asks(batch: Any, reference: Any, params: Any) -> list[Verdict]:
    """Ask the model of a run, like a gate."""
    said = reference.engine("recogniser")
    return [Verdict(gate="asks", accepted=said == text, why=f"heard {said!r}") for text in batch.payloads]


ASKS = Tool(name="gates.asks", kind="gate", modality="any", summary="Asks.", run=asks)


def test_the_engine_of_a_gate_is_built_once_and_from_the_place_of_the_run(monkeypatch):
    built: list[Any] = []
    text = sentence("refund", 900)
    monkeypatch.setattr("tools.candidates.build", lambda name, place: built.append((name, place)) or text)
    rows, place = texts(), SimpleNamespace(seed=7)
    judge = Judge(rows, None, 7, [*gates_for("text", Policy()), ASKS], place=place)  # type: ignore[arg-type]
    judged = judge.judge([made(rows, 0, 0), made(rows, 1, 1)], [text, sentence("refund", 901)])
    judged += judge.judge([made(rows, 2, 2)], [sentence("refund", 902)])
    assert [one.rejected_by for one in judged] == [None, "asks", "asks"]
    assert built == [("recogniser", place)]


def test_without_a_place_a_gate_that_asks_says_so():
    rows = texts()
    judge = Judge(rows, None, 7, [ASKS])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot ask the recogniser"):
        judge.judge([made(rows, 0)], [sentence("refund", 900)])
