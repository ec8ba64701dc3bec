"""`augplan outcomes` as a person or a program meets it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from memory import outcomes
from memory.outcomes import Outcome


def outcome(**changes: Any) -> Outcome:
    plain = {
        "run": "digits-20260131-120000",
        "ended": "2026-01-31T12:00:07+00:00",
        "modality": "image",
        "per_class": 20.0,
        "imbalance": 4.0,
        "pretrained": False,
        "arm": "usual image.affine",
        "families": ["geometric"],
        "tools": {"image.affine": "1"},
        "strength": "usual",
        "dose": 2.0,
        "before": 0.7,
        "gain": 0.031,
        "spread": 0.012,
        "measured_on": "folds",
        "units": 200,
        "made": 400,
        "accepted": 390,
        "seconds": 1.5,
    }
    return Outcome.model_validate({**plain, **changes})


OLD = outcome()
NEW = outcome(run="calls-1", ended="2026-02-01T09:00:00Z", gain=-0.02, per_class=None, imbalance=None, pretrained=None)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the memory of outcomes is in, with nothing there yet; the terminal is wide."""
    folder = tmp_path / "memory"
    monkeypatch.setenv("AUGPLAN_MEMORY", str(folder))
    monkeypatch.setenv("COLUMNS", "160")
    return folder


@pytest.fixture
def kept(place: Path) -> Path:
    """The same with two outcomes."""
    outcomes.add(place, [NEW, OLD])
    return place


def answer(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Sit at the terminal and type."""
    terminal = io.StringIO(words)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)


def test_outcomes_are_listed_the_newest_first(call, kept):
    code, out, err = call("outcomes", "list")
    assert code == 0, err
    [new] = [line for line in out.splitlines() if "calls-1" in line]
    [old] = [line for line in out.splitlines() if "digits-20260131-120000" in line]
    assert out.index(new) < out.index(old)
    cells = [cell.strip() for cell in old.strip("│").split("│")]
    assert cells == [
        "digits-20260131-120000",
        "usual image.affine",
        "image, 20 a class, imbalance 4.0, from scratch",
        "+3.1 ± 1.2",
        "folds",
    ]
    assert [cell.strip() for cell in new.strip("│").split("│")][2:4] == ["image", "-2.0 ± 1.2"]


def test_programs_get_every_field(call, kept):
    code, out, err = call("outcomes", "list", "--json")
    assert code == 0, err
    assert [Outcome.model_validate(one) for one in json.loads(out)] == [NEW, OLD]


def test_no_outcomes_are_no_fault(call, place):
    code, out, _ = call("outcomes", "list")
    assert (code, out) == (0, f"No outcomes are kept in {place}.\n")
    assert json.loads(call("outcomes", "list", "--json")[1]) == []
    assert call("outcomes", "reset")[:2] == (0, f"0 outcomes removed from {place}\n")
    assert not place.exists(), "looking writes nothing"


def test_an_export_is_a_copy_that_replaces_nothing(call, kept, tmp_path):
    code, out, err = call("outcomes", "export", "copy.jsonl")
    assert (code, out) == (0, "2 outcomes copied to copy.jsonl\n"), err
    assert (tmp_path / "copy.jsonl").read_bytes() == (kept / outcomes.FILE).read_bytes()
    code, _, err = call("outcomes", "export", "copy.jsonl")
    assert code == 2
    assert "copy.jsonl: This file exists already" in err


def test_reset_without_a_terminal_needs_yes(call, kept):
    code, out, err = call("outcomes", "reset")
    assert code == 3
    assert out == ""
    assert "Remove 2 outcomes" in err
    assert "--yes" in err
    assert outcomes.count(kept) == 2
    assert call("outcomes", "reset", "--yes")[:2] == (0, f"2 outcomes removed from {kept}\n")
    assert outcomes.read(kept) == []


def test_reset_asks_at_a_terminal(call, kept, monkeypatch):
    answer(monkeypatch, "n\n")
    code, out, _ = call("outcomes", "reset")
    assert code == 3
    assert "Nothing was removed." in out
    assert outcomes.count(kept) == 2
    answer(monkeypatch, "y\n")
    assert call("outcomes", "reset")[0] == 0
    assert outcomes.count(kept) == 0


def test_damage_is_named_with_the_way_on(call, kept):
    with (kept / outcomes.FILE).open("a", encoding="utf-8") as file:
        file.write("nonsense\n")
    code, out, err = call("outcomes", "list")
    assert (code, out) == (4, "")
    assert f"{outcomes.FILE}:3: " in err
    assert "augplan outcomes reset" in err
    assert call("outcomes", "reset", "--yes")[:2] == (0, f"3 outcomes removed from {kept}\n")
