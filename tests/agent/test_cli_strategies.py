"""`augplan strategies` as a person or a program meets it."""

from __future__ import annotations

import json

import pytest

from agent import evidence
from memory.errors import UsageError


def test_papers_are_shown_with_what_they_measured_and_who_does_it(call):
    code, out, err = call("strategies", "swap and delete words at random", "--modality", "text", "--limit", 2)
    assert code == 0, err
    assert "EDA: Easy Data Augmentation" in out
    assert "expected gain" in out
    assert "measured: accuracy: 76.9 -> 79.9" in out
    assert "text.swap_words" in out
    assert "https://doi.org/10.18653/v1/D19-1670" in out


def test_programs_get_one_document_best_first(call):
    code, out, err = call("strategies", "loud kitchen", "--modality", "speech", "--limit", 4, "--json")
    assert code == 0, err
    entries = json.loads(out)
    assert len(entries) == 4
    scores = [one["score"] for one in entries]
    assert scores == sorted(scores, reverse=True)
    assert {"key", "title", "score", "family", "modality", "prior", "tools"} <= set(entries[0])


def test_a_question_without_an_answer_says_so(call):
    code, out, err = call("strategies", "convert PNG files to WebP", "--json")
    assert code == 0
    assert "no answer" in err
    assert json.loads(out)[0]["answers"] is False


def test_a_dataset_may_ask(call, texts):
    code, out, err = call("strategies", "--data", texts, "--limit", 3, "--student", "pretrained", "--json")
    assert code == 0, err
    assert len(json.loads(out)) == 3


def test_words_alone_serve_where_the_encoder_is_missing(call, monkeypatch):
    def missing(*_: object, **__: object) -> None:
        raise UsageError("The weights of all-MiniLM-L6-v2 are not on this machine.")

    monkeypatch.setattr(evidence, "choose", missing)
    code, out, err = call("strategies", "background noise", "--modality", "speech", "--limit", 1)
    assert code == 0
    assert "Only words are compared, not meanings: The weights" in err
    assert "expected gain" in out


def test_a_paper_without_effects_or_tools_is_shown_as_it_is(call):
    code, out, _ = call("strategies", "retrieve names that sound alike", "--limit", 1, "--encoder", "lexical")
    assert code == 0
    assert "[not augmentation" in out
    code, out, _ = call("strategies", "sound effects from text, AudioLDM", "--limit", 1, "--encoder", "lexical")
    assert "tools: none yet" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["strategies"], "needs words"),
        (["strategies", "x", "--modality", "smell"], "--modality"),
        (["strategies", "x", "--student", "rabbit"], "--student"),
        (["strategies", "x", "--when", "sunny"], "no 'sunny' among the situations"),
        (["strategies", "x", "--encoder", "some/thing"], "no encoder 'some/thing'"),
        (["strategies", "x", "--encoder", "openai:text-embedding-3-small"], "remote: allow"),
        (["strategies", "--data", "nothing.csv"], "nothing.csv"),
    ],
)
def test_what_cannot_be_asked_is_named(call, words, said):
    code, out, err = call(*words)
    assert code == 2
    assert said in err
    assert not out
