"""A question put by a person: what is found, what is said of it, what is refused."""

from __future__ import annotations

import json

import pytest

from agent import library
from agent.library import Question
from agent.settings import Settings
from memory.bundled import materialise
from memory.errors import UsageError
from memory.job import Policy
from memory.literature import notes
from memory.literature.notes import Effect
from tools.weights import table

FORM = {"key", "title", "score", "family", "modality", "prior", "tools"}


@pytest.fixture
def ask(cache):
    def go(question: Question, policy: Policy | None = None) -> library.Answer:
        return library.ask(question, policy or Policy(), Settings(cache=cache), lambda _event: None)

    return go


@pytest.mark.parametrize(
    ("words", "modality", "key"),
    [
        ("our support tickets are full of typos", "text", "pruthi2019misspellings"),
        ("things are half hidden behind something", "image", "zhong2020randomerasing"),
        ("the talker stands on the other side of the room", "speech", "ko2017reverb"),
    ],
)
def test_a_need_in_plain_words_finds_the_paper(ask, words, modality, key):
    answer = ask(Question(words, modality=modality, limit=5))
    assert answer.answered
    assert answer.ranking == "hybrid"
    assert key in {one["key"] for one in answer.entries}
    assert all(modality in one["modalities"] for one in answer.entries)
    assert set(answer.entries[0]) >= FORM
    json.dumps(answer.entries)


def test_a_question_that_nothing_answers_is_told_from_the_rest(ask):
    answer = ask(Question("convert a folder of PNG files to WebP"))
    assert not answer.answered
    assert not answer.entries[0]["answers"]


def test_filters_keep_what_fits(ask):
    entries = ask(Question("more data", within=("rare-speaker",), limit=50)).entries
    assert entries
    assert all("rare-speaker" in one["applies_when"] for one in entries)
    runnable = ask(Question("more varied training data", runnable=True, limit=200)).entries
    assert runnable
    assert all(one["tools"] for one in runnable)


def test_only_what_a_licence_allows_is_runnable(ask, monkeypatch):
    monkeypatch.setattr(table, "PERMISSIVE", ())
    assert ask(Question("noise", runnable=True)).entries == []
    assert ask(Question("noise", runnable=True), Policy(licences="any")).entries


def test_a_dataset_puts_its_own_question(ask, tmp_path):
    data = materialise("requests", tmp_path)
    answer = ask(Question(data=data / "job.yaml", limit=3))
    assert answer.regime.modality == "text"
    assert answer.regime.per_class
    more = ask(Question("typing mistakes", data=data / "job.yaml", limit=200))
    scores = {one["key"]: one["score"] for one in more.entries}
    plain = {one["key"]: one["score"] for one in ask(Question(data=data / "job.yaml", limit=200)).entries}
    assert scores["pruthi2019misspellings"] > plain["pruthi2019misspellings"]
    with pytest.raises(UsageError, match="are text, not image"):
        ask(Question(data=data / "job.yaml", modality="image"))


def test_a_regime_changes_what_to_expect(ask):
    def mean(**regime) -> float:
        [one] = [
            one
            for one in ask(Question("swap and delete words at random", modality="text", **regime)).entries
            if one["key"] == "wei2019eda"
        ]
        return one["prior"]["mean"]

    assert mean(pretrained=False, per_class=150.0) > mean(pretrained=True, per_class=150.0)


def test_papers_that_augment_nothing_are_shown_and_flagged(ask):
    [one] = ask(Question("retrieve contact names that sound alike for a voice assistant", limit=1)).entries
    assert one["flags"][0] == "not augmentation"
    assert (one["family"], one["prior"], one["tools"]) == (None, None, [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"modality": "smell"}, "--modality"),
        ({"student": "rabbit"}, "--student"),
    ],
)
def test_a_word_that_is_none_is_named(given, said):
    plain = {"words": "x", "data": None, "modality": None, "within": (), "runnable": False, "per_class": None}
    with pytest.raises(UsageError, match=said):
        library.question_of(**{**plain, "student": None, "limit": 1, **given})


def test_a_licence_that_is_none_is_named():
    with pytest.raises(UsageError, match="--licences"):
        library.policy_of(encoder=None, remote=False, licences="stolen")


@pytest.mark.parametrize(
    ("effect", "told"),
    [
        ({"baseline_value": 76.9, "value": 79.9, "delta": 3.0}, "accuracy: 76.9 -> 79.9; TREC"),
        ({"scale": "relative", "better": "lower", "delta": -4.3}, "accuracy: -4.3 %; TREC"),
        ({"delta": 2.0, "best_case": True}, "accuracy: +2 (up to); TREC"),
        ({"scale": "unclear", "outcome": "none", "isolated": False}, "accuracy: no effect (with other changes); TREC"),
    ],
)
def test_an_effect_is_told_in_one_line(effect, told):
    plain = {"families": ("noise",), "metric": "accuracy", "better": "higher", "scale": "percent", "dataset": "TREC"}
    assert library.told(Effect.model_validate({**plain, "outcome": "gain", **effect})) == told


def test_a_paper_has_the_most_lasting_address_there_is():
    known = notes.load()
    assert library.address_of(known["wei2019eda"]) == "https://doi.org/10.18653/v1/D19-1670"
    assert (
        library.address_of(known["dai2023auggpt"].model_copy(update={"doi": None}))
        == "https://arxiv.org/abs/2302.13007"
    )
    assert library.address_of(known["xu2024arllm"]) is None
