from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from memory.datasets.media import Payload, Wave
from memory.errors import UsageError
from memory.job import Columns
from memory.records import Cell, Gap
from tools.catalogue import load
from tools.coverage.coverage import Coverage, bin_of, measure_all, profile, survey
from tools.seeds import generator


class Rows:
    """A dataset in memory; a row is (split, payload, label, group, channel)."""

    def __init__(self, modality: str, rows: list[tuple[str, Payload, str | None, str | None, str | None]]) -> None:
        self.modality, self.items = modality, [row[1] for row in rows]
        self.columns = Columns(payload="text", label="intent", group="group", attributes=("channel",))
        self.cells: dict[str, list[Any]] = {
            "id": [f"r{at}" for at in range(len(rows))],
            "split": [row[0] for row in rows],
            "label": [row[2] for row in rows],
            "group": [row[3] for row in rows],
            "channel": [row[4] for row in rows],
        }
        self.decoded: list[int] = []
        self.store: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.items)

    def splits(self) -> dict[str, int]:
        splits = self.cells["split"]
        return {name: splits.count(name) for name in dict.fromkeys(splits)}

    def rows(self, split: str) -> Any:
        return np.array([at for at, one in enumerate(self.cells["split"]) if one == split], np.int64)

    def axes(self) -> tuple[str, ...]:
        return ("label", "group", "intent", "channel")

    def column(self, axis: str) -> list[str | None]:
        return self.cells["label" if axis == "intent" else axis]

    def payloads(self, rows: Any) -> list[Payload]:
        self.decoded.extend(rows)
        return [self.items[row] for row in rows]

    def keep(self, name: str, arrays: dict[str, Any], facts: dict[str, Any]) -> None:
        assert all(array.dtype != object for array in arrays.values())
        self.store[name] = ({key: array.copy() for key, array in arrays.items()}, json.loads(json.dumps(facts)))

    def kept(self, name: str) -> Any:
        return self.store.get(name)


LONG = "Please send the money for my last order back to the card that I paid it with"


def texts() -> Rows:
    return Rows(
        "text",
        [
            ("test", LONG + "!", "refund", "tom", "web"),
            ("train", LONG, "refund", "anna", "mail"),
            ("train", "Where is my train", "travel", "anna", "web"),
            ("train", LONG.upper() + "!", "refund", "ben", "mail"),
            ("train", "It rains here all day long", "weather", None, None),
            ("train", "where  is my train", "travel", "ben", "mail"),
            ("test", "A sentence nobody has seen in training", "weather", "anna", "web"),
            ("test", "a sentence nobody has seen in training", "weather", "tom", "web"),
            ("train", "123", None, "ben", "web"),
        ],
    )


def cells(counts: dict[Cell, int]) -> dict[str, int]:
    return {cell.key: have for cell, have in counts.items()}


def spelled(**at: str) -> str:
    return Cell(at=at).key


def test_near_duplicates_of_earlier_training_rows_do_not_count():
    found = survey(texts())
    assert found.train.tolist() == [1, 2, 3, 4, 5, 8]
    assert found.counted.tolist() == [True, True, False, True, False, True]
    assert found.duplicate_of == {3: 1, 5: 2}
    assert cells(found.count(("label",), {})) == {"label=refund": 1, "label=travel": 1, "label=weather": 1}
    assert found.real_per_label() == {"refund": 1, "travel": 1, "weather": 1}


def test_cells_span_the_values_seen_in_training():
    found = survey(texts())
    assert cells(found.count(("label", "group"), {})) == {
        spelled(label="refund", group="anna"): 1,
        spelled(label="refund", group="ben"): 0,
        spelled(label="travel", group="anna"): 1,
        spelled(label="travel", group="ben"): 0,
        spelled(label="weather", group="anna"): 0,
        spelled(label="weather", group="ben"): 0,
    }


def test_only_limits_an_axis_and_may_name_what_is_not_there():
    found = survey(texts())
    assert cells(found.count(("channel", "label"), {"label": ("travel", "chess")})) == {
        spelled(channel="mail", label="travel"): 0,
        spelled(channel="mail", label="chess"): 0,
        spelled(channel="web", label="travel"): 1,
        spelled(channel="web", label="chess"): 0,
    }


def test_a_measure_is_an_axis_whose_ranges_ascend():
    found = survey(texts())
    assert found.derived == ("script", "type_token_ratio", "words")
    assert found.axes["words"].values == ["<5", "5-15", "15-50"]
    assert cells(found.count(("words",), {})) == {"words=<5": 2, "words=5-15": 1, "words=15-50": 1}
    assert found.axes["script"].values == ["Latin"]
    assert found.axes["script"].codes.tolist() == [0, 0, 0, 0, 0, -1]


def test_the_source_column_of_a_role_is_an_axis_too():
    found = survey(texts())
    assert cells(found.count(("intent",), {})) == {"intent=refund": 1, "intent=travel": 1, "intent=weather": 1}


def test_rows_in_a_cell_come_counted_first():
    found = survey(texts())
    assert found.rows_in(Cell(at={"channel": "mail"})).tolist() == [1, 3, 5]
    assert found.rows_in(Cell(at={"group": "ben"})).tolist() == [8, 3, 5]
    assert found.rows_in(Cell(at={"label": "travel", "channel": "mail"})).tolist() == [5]
    assert found.rows_in(Cell(at={"label": "chess"})).tolist() == []
    assert found.rows_in(Cell(at={})).tolist() == [1, 2, 4, 8, 3, 5]


@pytest.mark.parametrize(
    "ask", [lambda found: found.count(("age",), {}), lambda found: found.rows_in(Cell(at={"age": "9"}))]
)
def test_an_unknown_axis_is_refused_with_those_there_are(ask):
    with pytest.raises(UsageError, match=r"no axis 'age'.*label, group"):
        ask(survey(texts()))


def test_too_many_cells_are_refused():
    wide = Rows("text", [("train", f"{at} words", f"l{at}", f"g{at}", None) for at in range(1001)])
    with pytest.raises(UsageError, match="1,002,001 cells"):
        survey(wide).count(("label", "group"), {})


def test_no_training_row_is_refused():
    with pytest.raises(UsageError, match="no training row"):
        survey(Rows("text", [("test", "a", "b", None, None)]))


def same(one: Coverage, other: Coverage) -> bool:
    return (
        json.dumps([one.count(("label", "words"), {}).__repr__(), one.duplicate_of])
        == json.dumps([other.count(("label", "words"), {}).__repr__(), other.duplicate_of])
        and one.reading.measured == other.reading.measured
        and np.array_equal(one.reading.leaks.rows, other.reading.leaks.rows)
        and np.array_equal(one.reading.leaks.similarity, other.reading.leaks.similarity)
    )


def test_every_row_is_decoded_once_and_never_again():
    data = texts()
    first = survey(data)
    assert sorted(data.decoded) == list(range(9))
    assert same(survey(data), first)
    assert len(data.decoded) == 9


def test_a_reading_made_by_other_measures_is_made_anew():
    data = texts()
    survey(data)
    data.store["coverage"][1]["made_with"]["measures.words"] = "older"
    survey(data)
    assert len(data.decoded) == 18


def test_progress_reaches_every_row():
    said: list[tuple[int, int]] = []
    survey(texts(), lambda done, of: said.append((done, of)))
    assert said == [(6, 9), (9, 9)]


def test_evaluation_rows_that_repeat_training_are_leaks_even_of_uncounted_rows():
    reading = survey(texts()).reading
    assert reading.leaks.rows.tolist() == [[0, 3]]
    assert reading.leaks.similarity.tolist() == [1.0]
    assert reading.evaluation_repeats.rows.tolist() == [[7, 6]]


def test_an_attribute_of_the_data_hides_the_measure_of_that_name():
    data = texts()
    data.cells["words"] = ["few"] * 9
    data.axes = lambda: ("label", "words")  # type: ignore[method-assign]
    found = survey(data)
    assert found.axes["words"].values == ["few"]
    assert found.derived == ("script", "type_token_ratio")
    assert found.bins(["one two"]) == [{"script": "Latin", "type_token_ratio": ">=0.9"}]


def test_made_samples_stand_in_the_same_ranges():
    found = survey(texts())
    assert found.bins(["a b c", "12"]) == measure_all("text", ["a b c", "12"])
    assert found.bins(["a b c", "12"])[0] == {"words": "<5", "script": "Latin", "type_token_ratio": ">=0.9"}
    assert found.bins(["12"])[0]["script"] == "unknown"


@pytest.mark.parametrize(
    ("measure", "value", "name"),
    [
        ("words", 4.9, "<5"),
        ("words", 5, "5-15"),
        ("words", 50, ">=50"),
        ("words", None, "unknown"),
        ("words", float("nan"), "unknown"),
        ("script", "Han", "Han"),
        ("level", -35.0, "-40 to -30"),
        ("level", -50.0, "<-40"),
        ("brightness", 0.3, "0.25-0.5"),
    ],
)
def test_a_value_falls_in_a_named_range(measure, value, name):
    assert bin_of(load()[f"measures.{measure}"], value) == name


def media(modality: str) -> Rows:
    rng = generator(4)
    if modality == "image":
        made: list[Any] = [rng.integers(0, 256, (20, 30, 3)).astype(np.uint8) for _ in range(70)]
    else:
        noise = [rng.standard_normal((1, 3000)) * rng.random(3000) ** 3 for _ in range(70)]
        made = [
            Wave((0.02 * (at + 1) * one / np.abs(one).max()).astype(np.float32), 8000) for at, one in enumerate(noise)
        ]
        made = [Wave(one.samples / 2, 8000) for one in made]
    made[40], made[69] = made[3], made[5]
    return Rows(modality, [("train" if at < 60 else "test", one, "a", None, None) for at, one in enumerate(made)])


@pytest.mark.parametrize("modality", ["image", "speech"])
def test_media_are_read_ahead_in_order(modality):
    data = media(modality)
    found = survey(data)
    assert found.duplicate_of == {40: 3}
    assert found.reading.leaks.rows.tolist() == [[69, 5]]
    assert sorted(data.decoded) == list(range(70))
    axis = "brightness" if modality == "image" else "level"
    assert found.reading.measured[axis] == load()[f"measures.{axis}"].run(data.items)
    assert "group" not in found.axes


# --- the profile -----------------------------------------------------------------------------------


def test_the_profile_is_json_with_every_part():
    data = texts()
    gap = Gap(target=0, cell=Cell(at={"label": "travel"}), required=5, before=1, have=1, parents=2)
    said = profile(data, survey(data), [gap])
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert (said["samples"], said["splits"]) == (9, {"test": 3, "train": 6})
    assert said["classes"]["travel"] == {"rows": 2, "counted": 1}
    assert said["imbalance_ratio"] == 1.0
    assert said["near_duplicates"]["count"] == 2
    assert said["near_duplicates"]["share"] == pytest.approx(2 / 6)
    assert [pair[:2] for pair in said["near_duplicates"]["examples"]] == [["r3", "r1"], ["r5", "r2"]]
    assert said["near_duplicates"]["in_evaluation"] == 1
    assert said["leaks"] == {
        "count": 1,
        "between_splits": [["r0", "r3", 1.0]],
        "group_count": 1,
        "groups": [{"group": "anna", "splits": ["test", "train"]}],
    }
    assert said["gaps"][0]["cell"] == {"label": "travel"}
    assert said["cells"]["axes"] == ["label", "group"]
    assert (said["cells"]["count"], said["cells"]["empty"]) == (6, 4)
    assert said["attributes"]["words"] == {
        "unit": "words",
        "min": 1.0,
        "median": 5.0,
        "max": 17.0,
        "bins": {"<5": 3, "5-15": 1, "15-50": 2},
    }
    assert said["attributes"]["script"]["bins"] == {"Latin": 5, "unknown": 1}
    assert said["attributes"]["channel"]["bins"] == {"mail": 3, "web": 2, "unknown": 1}
    assert said["uncovered_patterns"] == {"fewer_than": 5, "count": 1, "first": [{"pattern": {}, "counted": 4}]}


def test_one_request_closes_several_patterns():
    kinds = [("big", "web")] * 12 + [("small", "web")] * 2 + [("big", "mail")] * 2
    rows = [("train", f"{at} {at * 977} {at * at} lines", label, None, by) for at, (label, by) in enumerate(kinds)]
    data = Rows("text", rows)
    said = profile(data, survey(data))
    assert {tuple(one["pattern"].items()) for one in said["uncovered_patterns"]["first"]} == {
        (("label", "small"),),
        (("channel", "mail"),),
    }
    [request] = said["requests"]
    assert request["cell"] == {"label": "small", "channel": "mail"}
    assert request["closes"] == 2


def test_gaps_not_given_are_null():
    data = texts()
    assert profile(data, survey(data))["gaps"] is None


def test_the_effective_number_is_that_of_cui_2019():
    rows = [("train", f"{at} {at * 977} {at * at} lines", "big" if at < 9 else "small", None, None) for at in range(10)]
    data = Rows("text", rows)
    said = profile(data, survey(data))
    assert said["imbalance_ratio"] == 9.0
    assert said["effective_number"]["small"] == pytest.approx(1.0)
    assert said["effective_number"]["big"] == pytest.approx((1 - 0.9**9) / 0.1)


def test_examples_are_capped():
    copies = [("train", "the very same sentence", "a", None, None)] * 50
    data = Rows("text", copies)
    said = profile(data, survey(data))
    assert said["near_duplicates"]["count"] == 49
    assert len(said["near_duplicates"]["examples"]) == 20
