"""The command line as a person or a program meets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import cli


def parsed(answer: tuple[int, str, str]) -> Any:
    return json.loads(answer[1])


def test_inspect_says_what_is_there_and_writes_nothing(call, texts, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    facts = parsed(call("inspect", texts, "--json"))
    assert {"samples", "splits", "classes", "cells", "near_duplicates", "leaks", "gaps", "attributes"} <= set(facts)
    assert facts["splits"] == {"train": 16, "test": 2}
    assert facts["classes"]["refund"]["rows"] == 6
    assert [(gap["cell"], gap["have"], gap["required"]) for gap in facts["gaps"]] == [({"label": "refund"}, 6, 10)]
    assert sorted(tmp_path.rglob("*")) == before
    code, out, _ = call("inspect", texts)
    assert code == 0
    assert "refund" in out
    assert "imbalance ratio 1.7" in out


def test_a_plan_can_be_written_read_and_carried_out(call, texts, tmp_path):
    code, _, err = call("plan", texts, "-o", "plan.yaml")
    assert code == 0, err
    assert "wei2019eda" in (tmp_path / "plan.yaml").read_text(encoding="utf-8")
    report = parsed(call("run", texts, "--plan", "plan.yaml", "--json"))
    assert report["rounds"] == 1
    assert report["made"] > 0
    assert call("plan", texts, "-o", "plan.yaml")[0] == 2, "a plan is never overwritten"


def test_run_then_audit(call, texts):
    code, out, err = call("run", texts)
    assert code == 0, err
    assert "label=refund" in out
    [run] = Path("runs").iterdir()
    assert {
        "job.yaml",
        "plan-1.yaml",
        "trace.jsonl",
        "head",
        "checkpoint.sqlite",
        "made",
        "report.html",
        "report.json",
        "export",
    } <= {file.name for file in run.iterdir()}
    assert run.name in call("audit", "list")[1]
    code, out, _ = call("audit", "show", run)
    assert [line.split()[2] for line in out.splitlines()][:6] == [
        "opened",
        "listen",
        "inspect",
        "retrieve",
        "plan",
        "approve",
    ]
    assert parsed(call("audit", "verify", run, "--json"))["ok"]
    made = next(line for line in (run / "export" / "train.csv").read_text().splitlines() if "text." in line)
    rows = parsed(call("audit", "show", run, "--json"))
    assert rows[0]["kind"] == "opened"
    sample = next(part for part in made.replace('"', "").split(",") if len(part) == 16 and part.isalnum())
    code, out, _ = call("audit", "why", run, sample)
    assert code == 0
    for word in (
        "outcome: accepted",
        "step: r",
        "call: text.",
        "evidence: ",
        "gate: near_duplicate accepted",
        "request: ",
    ):
        assert word in out, word
    facts = parsed(call("audit", "why", run, sample, "--json"))
    assert facts["kind"] == "made"
    code, out, _ = call("audit", "why", run, facts["parents"][0])
    assert code == 0
    assert "kind: real" in out
    assert call("audit", "why", run, "nobody")[0] == 2


def test_a_changed_trace_is_found(call, texts):
    assert call("run", texts)[0] == 0
    [run] = Path("runs").iterdir()
    trace = run / "trace.jsonl"
    trace.write_text(trace.read_text(encoding="utf-8").replace("agreed by", "signed by", 1), encoding="utf-8")
    code, out, _ = call("audit", "verify", run)
    assert code == 4
    assert "NOT ok, record" in out


def test_unmet_targets_give_exit_code_5(call, texts, tmp_path):
    (tmp_path / "job.yaml").write_text(
        "dataset: {path: texts}\ntargets: [{at_least: 30}]\nlimits: {samples: 5}\n", encoding="utf-8"
    )
    answer = call("run", "job.yaml", "--json")
    assert answer[0] == 5
    assert {line["reason"] for line in parsed(answer)["targets"]} == {"budget"}


def test_a_run_that_asks_gives_exit_code_3_and_goes_on_with_yes(call, texts, tmp_path):
    (tmp_path / "job.yaml").write_text("dataset: {path: texts}\npolicy: {approval: ask}\n", encoding="utf-8")
    code, _, err = call("run", "job.yaml")
    assert code == 3
    assert "--resume" in err
    [run] = Path("runs").iterdir()
    assert call("run", "--resume", run, "--yes")[0] == 0


def test_dry_run_makes_nothing(call, texts):
    report = parsed(call("run", texts, "--dry-run", "--json"))
    assert report["made"] == 0
    assert report["export"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run",), "Name a job or a dataset"),
        (("run", "nothing.csv"), "nothing.csv"),
        (("run", "bad.yaml"), "tagrets"),
        (("inspect", "nothing.csv"), "nothing.csv"),
        (("tools", "text.nothing"), "text.nothing"),
        (("audit", "show", "nowhere"), "nowhere"),
        (("audit", "verify", "nowhere"), "nowhere"),
        (("run", "--resume", "nowhere"), "nowhere"),
        (("run", "texts", "--plan", "nowhere.yaml"), "nowhere.yaml"),
        (("run", "texts", "--batch-size", "0"), "batch_size"),
        (("plan",), "Name a job"),
    ],
)
def test_bad_input_is_named_without_a_traceback(call, texts, tmp_path, words, said):
    (tmp_path / "bad.yaml").write_text("dataset: {path: texts}\ntagrets: []\n", encoding="utf-8")
    code, out, err = call(*words)
    assert code == 2
    assert said in err
    assert err.startswith("augplan: ")
    assert "Traceback" not in err
    assert out == ""
    assert not list(Path().glob("runs/*")), "a run that never began leaves no folder"


def test_tools_are_listed_with_what_they_need(call):
    entries = parsed(call("tools", "--json"))
    keys = {"name", "modality", "family", "labels", "runnable", "why_not", "licence", "remote", "cites"}
    assert all(keys <= set(entry) for entry in entries)
    assert {"text.swap_words", "image.cutmix", "speech.add_room"} <= {entry["name"] for entry in entries}
    code, out, _ = call("tools", "speech.add_room")
    assert code == 0
    assert "ko2017reverb" in out


def test_doctor_says_what_works(call):
    facts = parsed(call("doctor", "--json"))
    assert facts["tools"]["runnable"] > 20
    assert facts["packages"]["torch"]
    assert call("doctor")[0] == 0


def test_the_schema_of_a_job_is_printed(call):
    assert "targets" in parsed(call("plan", "--schema"))["properties"]


def test_a_fault_of_our_own_is_one_line_unless_more_is_asked_for(call, texts, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nothing to share")

    monkeypatch.setattr("agent.glance.survey", broken)
    code, _, err = call("inspect", texts)
    assert code == 4
    assert "ZeroDivisionError: nothing to share" in err
    assert "Traceback" not in err
    monkeypatch.setenv("AUGPLAN_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["augplan", "inspect", str(texts)])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_deny_that_matches_no_tool_is_said(call, texts, tmp_path):
    (tmp_path / "job.yaml").write_text(
        "dataset: {path: texts}\npolicy: {tools: {deny: [text.swapwords]}}\n", encoding="utf-8"
    )
    code, _, err = call("run", "job.yaml")
    assert code == 2
    assert "text.swapwords" in err


def test_a_class_said_by_one_group_each_is_no_trouble(call, tmp_path):
    lines = ["text,author"]
    lines += [
        f"remark number {at} of {name} about {topic},{name}"
        for at, (name, topic) in enumerate(
            (name, topic) for name in ("ann", "bob") for topic in ("rain", "tea", "cats")
        )
    ]
    (tmp_path / "said.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "job.yaml").write_text(
        "dataset: {path: said.csv, columns: {label: author, group: author}}\ntargets: [{at_least: 5}]\n",
        encoding="utf-8",
    )
    code, _, err = call("run", "job.yaml", "--json")
    assert code == 0, err


def test_runs_that_cannot_be_made_are_said(call, texts):
    code, _, err = call("run", texts, "--runs", "/proc/nowhere")
    assert code == 2
    assert "/proc/nowhere" in err


def test_a_tool_is_shown_with_its_bounds(call):
    [entry] = parsed(call("tools", "image.blur", "--json"))
    assert entry["parameters"]["sigma"]["maximum"] == 0.5
    assert entry["parameters"]["sigma"]["usual"] == [0.03, 0.055]
