"""`augplan chat` and `augplan audit replay` as they are typed."""

from __future__ import annotations

import io
import json

import pytest


@pytest.fixture
def talk(call, monkeypatch, tmp_path):
    """Hold a chat whose lines come through a pipe."""

    def go(*words: object, lines: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        return call("chat", *words, "--runs", tmp_path / "runs")

    return go


def test_a_chat_shows_what_was_typed_and_what_was_said_and_can_be_gone_on_with(talk, texts, tmp_path):
    code, out, err = talk(texts, lines="\nbring refund to a dozen\n\nquit\nnever heard\n")
    assert code == 0, err
    assert "you> bring refund to a dozen" in out
    assert "refund: at least 12 items (6 now)" in out
    assert "never heard" not in out
    [chat] = (tmp_path / "runs").glob("chat-*")
    assert f"augplan chat --resume {chat}" in out
    code, out, err = talk("--resume", chat, lines="yes\nyes\nyes\nyes\n")
    assert code == 0, err
    assert "Stopped: targets_met" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["--resume", "."], "no chat folder"),
        (["x", "--resume", "y"], "goes on with its own data"),
    ],
)
def test_what_cannot_be_talked_about_is_said(talk, words, said):
    code, out, err = talk(*words)
    assert code == 2
    assert said in out + err


def test_a_model_that_may_not_be_asked_is_refused_at_once(talk, texts):
    code, out, _ = talk(texts, "--model", "openai:any")
    assert code == 2
    assert "remote: allow" in out


def test_a_run_is_replayed_and_a_changed_one_is_named(call, texts, tmp_path):
    runs = tmp_path / "runs"
    code, out, err = call("run", texts, "--runs", runs, "--json")
    assert code == 0, err
    run = json.loads(out)["run"]
    code, out, err = call("audit", "replay", run, "--runs", runs, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["ok"]
    assert found["decisions"] == found["of"] > 0
    rows = (texts / "train.csv").read_text(encoding="utf-8")
    (texts / "train.csv").write_text(rows.replace("blue jacket", "green jacket"), encoding="utf-8")
    code, out, _ = call("audit", "replay", run, "--runs", runs)
    assert code == 4
    assert "OTHER CONTENT" in out
    assert "the dataset is not what it was" in out
    code, _, err = call("audit", "replay", tmp_path, "--runs", runs)
    assert code == 2
