"""The memory of outcomes: whole or as it was, one report a run, nothing lost between processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from memory import atomic, locks, outcomes
from memory.errors import RecordError, UsageError
from memory.outcomes import Outcome

PLAIN = {
    "run": "digits-20260131-120000",
    "ended": "2026-01-31T12:00:07+00:00",
    "modality": "image",
    "per_class": 20.0,
    "imbalance": 4.0,
    "pretrained": None,
    "arm": "usual image.affine",
    "families": ["geometric"],
    "tools": {"image.affine": "1"},
    "strength": "usual",
    "dose": 2.0,
    "before": 0.7,
    "gain": 0.03,
    "spread": 0.01,
    "measured_on": "folds",
    "units": 200,
    "made": 400,
    "accepted": 390,
    "seconds": 1.5,
}


def outcome(**changes: Any) -> Outcome:
    return Outcome.model_validate({**PLAIN, **changes})


def lines(folder: Path) -> list[str]:
    return (folder / outcomes.FILE).read_text(encoding="utf-8").splitlines()


def test_what_is_added_is_read_back_in_order(tmp_path: Path):
    folder = tmp_path / "not" / "there" / "yet"
    assert outcomes.read(folder) == []
    first, second = outcome(), outcome(run="b", pretrained=True, per_class=None, families=[], tools={})
    outcomes.add(folder, [first])
    outcomes.add(folder, [second, outcome(run="b", arm="usual image.blur")])
    assert outcomes.read(folder)[:2] == [first, second]
    assert outcomes.count(folder) == len(lines(folder)) == 3


def test_nothing_to_add_makes_no_folder(tmp_path: Path):
    outcomes.add(tmp_path / "memory", [])
    assert list(tmp_path.iterdir()) == []


def test_a_run_reports_once(tmp_path: Path):
    outcomes.add(tmp_path, [outcome(run="a"), outcome(run="b", arm="one"), outcome(run="b", arm="two")])
    outcomes.add(tmp_path, [outcome(run="b", arm="one", gain=0.05)])
    assert [(one.run, one.arm, one.gain) for one in outcomes.read(tmp_path)] == [
        ("a", "usual image.affine", 0.03),
        ("b", "one", 0.05),
    ]


def test_a_line_holds_the_fields_of_an_outcome_and_nothing_else(tmp_path: Path):
    outcomes.add(tmp_path, [outcome()])
    [line] = lines(tmp_path)
    assert set(json.loads(line)) == set(Outcome.model_fields) == set(PLAIN)
    with pytest.raises(ValidationError, match="label"):
        outcome(label="refund")


@pytest.mark.parametrize(
    "changes",
    [
        {"ended": "2026-01-31T12:00:07"},
        {"ended": "2026-01-31T12:00:07+02:00"},
        {"ended": "yesterday"},
        {"before": 70.0},
        {"gain": float("nan")},
        {"spread": -0.1},
        {"measured_on": "train"},
        {"units": 0},
        {"arm": ""},
        {"arm": "x" * 201},
    ],
)
def test_what_cannot_be_an_outcome_is_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        outcome(**changes)


@pytest.mark.parametrize(
    "damage", ["{", "[]", "\x00", '{"run": "a"}', json.dumps({**PLAIN, "before": "0.7"}), "\udcff"]
)
def test_a_damaged_line_is_named_and_the_file_is_left_alone(tmp_path: Path, damage: str):
    outcomes.add(tmp_path, [outcome(run="a"), outcome(run="b")])
    file = tmp_path / outcomes.FILE
    good = lines(tmp_path)
    content = "\n".join([good[0], damage, good[1], ""]).encode("utf-8", "surrogateescape")
    file.write_bytes(content)
    with pytest.raises(RecordError, match=rf"{outcomes.FILE}:2: .*augplan outcomes reset"):
        outcomes.read(tmp_path)
    with pytest.raises(RecordError):
        outcomes.add(tmp_path, [outcome(run="c")])
    assert file.read_bytes() == content
    assert outcomes.reset(tmp_path) == 3
    assert outcomes.read(tmp_path) == []


def test_a_line_that_a_person_removed_is_no_damage(tmp_path: Path):
    outcomes.add(tmp_path, [outcome(run="a"), outcome(run="b")])
    (tmp_path / outcomes.FILE).write_text("\n" + lines(tmp_path)[1], encoding="utf-8")
    outcomes.add(tmp_path, [outcome(run="c")])
    assert [one.run for one in outcomes.read(tmp_path)] == ["b", "c"]


def test_reset_removes_all_and_says_how_many(tmp_path: Path):
    assert outcomes.reset(tmp_path / "nothing") == 0
    assert not (tmp_path / "nothing").exists()
    outcomes.add(tmp_path, [outcome(run="a"), outcome(run="b")])
    assert outcomes.reset(tmp_path) == 2
    assert (outcomes.read(tmp_path), outcomes.reset(tmp_path)) == ([], 0)


def test_an_export_is_a_copy_and_replaces_nothing(tmp_path: Path):
    outcomes.add(tmp_path, [outcome(run="a"), outcome(run="b", arm="usual bläh")])
    assert outcomes.export(tmp_path, tmp_path / "copy.jsonl") == 2
    assert (tmp_path / "copy.jsonl").read_bytes() == (tmp_path / outcomes.FILE).read_bytes()
    for place in ("copy.jsonl", "nowhere/copy.jsonl"):
        with pytest.raises(UsageError, match=place):
            outcomes.export(tmp_path, tmp_path / place)
    assert outcomes.export(tmp_path / "nothing", tmp_path / "empty.jsonl") == 0
    assert (tmp_path / "empty.jsonl").read_bytes() == b""


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch):
    outcomes.add(tmp_path, [outcome(run="a")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        outcomes.add(tmp_path, [outcome(run="b")])
    monkeypatch.undo()
    assert [one.run for one in outcomes.read(tmp_path)] == ["a"]


@pytest.mark.parametrize("place", ["/proc", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_is_said(place: str):
    with pytest.raises(UsageError, match=f"{place}: .* cannot be written.*AUGPLAN_MEMORY"):
        outcomes.add(Path(place), [outcome()])


def test_a_file_that_may_not_be_changed_is_said_and_can_be_read(tmp_path: Path, monkeypatch):
    outcomes.add(tmp_path, [outcome()])

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(atomic, "write", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    for change in (lambda: outcomes.add(tmp_path, [outcome(run="b")]), lambda: outcomes.reset(tmp_path)):
        with pytest.raises(UsageError, match="cannot be written: Permission denied"):
            change()
    assert outcomes.read(tmp_path) == [outcome()]


def test_what_stands_in_the_place_of_the_file_is_said(tmp_path: Path):
    (tmp_path / outcomes.FILE).mkdir()
    with pytest.raises(UsageError, match=rf"{outcomes.FILE}: This file cannot be read"):
        outcomes.read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file: "):
        outcomes.add(tmp_path / "file", [outcome()])


def test_a_lock_that_is_kept_is_said(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(outcomes, "_PATIENCE_S", 0.05)
    with locks.held(tmp_path / "outcomes.lock", 1.0), pytest.raises(UsageError, match="Another process"):
        outcomes.add(tmp_path, [outcome()])
    assert outcomes.read(tmp_path) == []


ADD = (
    "import sys; from pathlib import Path; from memory import outcomes\n"
    "one = outcomes.Outcome.model_validate_json(sys.argv[2])\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "for at in range(12):\n"
    "    outcomes.add(Path(sys.argv[1]), [one.model_copy(update={'run': f'{one.run}-{at}'})])\n"
)


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path):
    names = ("a", "b", "c")
    others = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, str(tmp_path), outcome(run=name).model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for other in others:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
    for other in others:
        assert other.stdin is not None
        other.stdin.write("go\n")
        other.stdin.flush()
    for other in others:
        with other:
            assert other.wait(30) == 0
    runs = [one.run for one in outcomes.read(tmp_path)]
    assert sorted(runs) == sorted(f"{name}-{at}" for name in names for at in range(12))


@given(order=some.permutations(["a", "b", "c", "d"]), gain=some.floats(-1, 1))
def test_a_digest_names_a_set_of_outcomes(order, gain):
    kept = [outcome(run=name, gain=gain) for name in "abcd"]
    assert outcomes.digest([outcome(run=name, gain=gain) for name in order]) == outcomes.digest(kept)
    assert outcomes.digest(kept[:3]) != outcomes.digest(kept)
    changed = [*kept[:3], kept[3].model_copy(update={"accepted": 1})]
    assert outcomes.digest(changed) != outcomes.digest(kept)


@given(
    gain=some.floats(-1, 1),
    seconds=some.floats(0, 1e9),
    arm=some.text(min_size=1, max_size=50),
    dose=some.floats(0, 99),
)
def test_an_outcome_survives_its_line(tmp_path_factory, gain, seconds, arm, dose):
    folder = tmp_path_factory.getbasetemp() / "lines"
    one = outcome(gain=gain, seconds=seconds, arm=arm, dose=dose)
    outcomes.add(folder, [one])
    assert outcomes.read(folder) == [one]
