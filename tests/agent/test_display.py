"""What a terminal shows, and that nothing of the data is read as markup."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from agent import display, wording

REPORT = {
    "dataset": "pets [bold]",
    "modality": "image",
    "stop_reason": "no_progress",
    "targets": [
        {"cell": {"label": "[red]cat[/red]"}, "required": 5, "before": 1, "after": 3, "met": False, "reason": "cap"},
        {"cell": {"label": "dog"}, "required": 5, "before": 5, "after": 5, "met": True, "reason": None},
    ],
    "made": 4,
    "accepted": 2,
    "rejected": {"leak": 2},
    "dropped": 0,
    "proof": None,
    "cost": {"seconds": 1.0},
    "export": "out",
    "run": "runs/x",
}


def watched(terminal: bool, quiet: bool = False) -> str:
    out = io.StringIO()
    with display.Watch(quiet, Console(file=out, force_terminal=terminal, width=100)) as watch:
        for done in (1, 2):
            watch({"node": "apply", "step": "r1.image.blur", "done": done, "of": 2})
        watch({"node": "judge", "step": "r1.image.blur", "done": 2, "of": 2})
    return out.getvalue()


def test_a_terminal_gets_one_live_bar():
    shown = watched(terminal=True)
    assert "judging r1.image.blur" in shown
    assert "\x1b[" in shown


def test_elsewhere_there_are_plain_lines_once_each():
    assert watched(terminal=False).splitlines() == ["making r1.image.blur: 2", "judging r1.image.blur: 2"]


def test_quiet_is_quiet():
    assert watched(terminal=True, quiet=True) == ""


def test_names_of_the_data_are_never_markup(capsys: pytest.CaptureFixture[str]):
    display.report(REPORT)
    shown = capsys.readouterr().out
    assert "label=[red]cat[/red]" in shown
    assert "pets [bold]" in shown
    assert "short: cap" in shown
    assert "4 made, 2 accepted; refused: leak 2" in shown


def test_a_long_table_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]):
    display.table("Many", ("name",), [(f"class {at}",) for at in range(100)])
    assert "and 76 more" in capsys.readouterr().out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]):
    display.json_out({"a": "ü"})
    assert json.loads(capsys.readouterr().out) == {"a": "ü"}


def test_what_became_of_a_recipe_is_said_once():
    left_out = {"r4.mix.1": "more of it brought no more", "r4.mix.2": "more of it brought no more"}
    notes = {"r1.mix.3": "repeats itself: 60 % of 30 were there already"}
    said = wording.fate({"kept": True, "left_out": left_out, "notes": notes})
    assert said == "kept; more of it brought no more; repeats itself: 60 % of 30 were there already"


def test_a_gain_of_nothing_has_no_sign_of_a_loss():
    assert wording.gain(-0.0001, -0.0002, 0.0) == "+0.0 [+0.0, +0.0]"


VARIED = {"[b]cat": {"n": 8, "real": 6.0, "made": 3.0}, "dog": {"n": 5, "real": 4.0, "made": 4.0}}


def test_variety_is_one_line_that_names_the_least_varied_class(capsys: pytest.CaptureFixture[str]):
    display.report({**REPORT, "diversity": VARIED})
    assert (
        "variety: made samples are 75 % as varied as real ones (Vendi score, 2 classes); least varied class [b]cat: "
        "3.0 different items in 8, real ones 6.0\n"
    ) in capsys.readouterr().out


def test_nothing_is_said_of_variety_where_nothing_was_compared(capsys: pytest.CaptureFixture[str]):
    display.report({**REPORT, "diversity": {}})
    assert "variety" not in capsys.readouterr().out
