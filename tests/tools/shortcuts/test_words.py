from __future__ import annotations

import csv
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tools.batches import Corpus, Texts
from tools.catalogue import select
from tools.seeds import draw, generator, seed_for
from tools.shortcuts.words import LEAST_SHARE, cue_words

TOOLS = {tool.name: tool for tool in select("augment", "text") if tool.needs.engine is None}


@pytest.fixture(scope="module")
def requests() -> list[tuple[str, str]]:
    source = resources.files("memory.bundled") / "requests" / "train.csv"
    return [(row["text"], row["intent"]) for row in csv.DictReader(source.read_text(encoding="utf-8").splitlines())]


@pytest.fixture(scope="module")
def corpus(requests: list[tuple[str, str]]) -> Corpus:
    texts = [text.lower().split() for text, _ in requests]
    words = {word for text in texts for word in text}
    return Corpus(
        len(texts),
        {word: sum(word in text for text in texts) for word in words},
        {word: sum(text.count(word) for text in texts) for word in words},
    )


def edited(tool: str, parents: list[str], corpus: Corpus, seed: int = 0) -> list[str | None]:
    params = [draw(TOOLS[tool], {}, seed_for(seed, str(at))) for at in range(len(parents))]
    return TOOLS[tool].run(Texts(parents, corpus), params)


def put_in(text: str, word: str, seed: int) -> str:
    parts = text.split()
    at = int(generator(seed).integers(len(parts) + 1))
    return " ".join([*parts[:at], word, *parts[at:]])


def test_a_word_put_into_every_made_text_is_found(requests):
    parents, labels = [text for text, _ in requests], [label for _, label in requests]
    made = [put_in(text, "Indeed", at) for at, text in enumerate(parents)]
    [cue] = cue_words(parents, made, labels)
    assert (cue.word, cue.where, cue.label) == ("indeed", "anywhere", None)
    assert (cue.made, cue.parents, cue.of) == (len(parents), 0, len(parents))
    assert cue.z > 8


def test_a_word_of_one_class_names_the_class(requests):
    parents, labels = [text for text, _ in requests], [label for _, label in requests]
    made = [put_in(text, "indeed", at) if label == "account" else text for at, (text, label) in enumerate(requests)]
    [cue] = cue_words(parents, made, labels)
    assert (cue.word, cue.label) == ("indeed", "account")
    assert cue.made == cue.of == labels.count("account")


def test_two_classes_with_the_word_are_both_named(requests):
    parents, labels = [text for text, _ in requests], [label for _, label in requests]
    marked = {"refund", "account"}
    made = [put_in(text, "indeed", at) if label in marked else text for at, (text, label) in enumerate(requests)]
    assert {cue.label for cue in cue_words(parents, made, labels)} == marked


def test_a_fixed_beginning_is_found_at_its_place(requests):
    parents, labels = [text for text, _ in requests], [label for _, label in requests]
    made = [f"Certainly: {text}" for text in parents]
    assert [(cue.word, cue.where) for cue in cue_words(parents, made, labels)] == [("certainly", "first")]


def test_a_fixed_end_of_a_common_word_is_found_at_its_place():
    parents = [f"please send number {at} to me today" for at in range(40)]
    made = [f"{text} please" for text in parents]
    [cue] = cue_words(parents, made, [None] * 40)
    assert (cue.word, cue.where, cue.made, cue.parents) == ("please", "last", 40, 0)


def test_case_and_marks_do_not_hide_a_word():
    parents = [f"number {at} is late" for at in range(30)]
    made = [f"{'SURELY' if at % 2 else 'surely'}, number {at} is late" for at in range(30)]
    assert [cue.word for cue in cue_words(parents, made, ["late"] * 30)] == ["surely"]


def test_a_tool_that_returns_a_constant_is_told_by_its_words(requests):
    parents, labels = [text for text, _ in requests], [label for _, label in requests]
    found = {cue.word for cue in cue_words(parents, ["thank you kindly"] * len(parents), labels)}
    assert found >= {"thank", "kindly"}


def test_texts_that_were_not_changed_hold_no_cue(requests):
    parents, labels = [text for text, _ in requests], [label for _, label in requests]
    assert cue_words(parents, parents, labels) == []


def test_what_a_class_says_anyway_is_no_cue():
    parents = [f"cancel order {at}" if at % 2 else f"where is parcel {at}" for at in range(80)]
    labels = ["cancel" if at % 2 else "delivery" for at in range(80)]
    made = [" ".join(reversed(text.split())) for text in parents]
    assert not [cue for cue in cue_words(parents, made, labels) if cue.where == "anywhere"]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("rows", [20, 160])
def test_edits_raise_no_alarm(tool, rows, requests, corpus):
    for seed in range(3):
        chosen = generator(seed).permutation(len(requests))[:rows].tolist() * (2 if rows > 20 else 8)
        parents = [requests[at][0] for at in chosen]
        made = edited(tool, parents, corpus, seed)
        kept = [at for at, text in enumerate(made) if text is not None]
        labels = [requests[chosen[at]][1] for at in kept]
        assert cue_words([parents[at] for at in kept], [str(made[at]) for at in kept], labels) == []


def test_many_texts_of_one_parent_are_one_case():
    parents = [text for text in ("can you help", "it is late", "my card broke", "who pays now") for _ in range(20)]
    changed = [f"perhaps {text}" if text[0] in "ci" else text for text in parents]
    assert cue_words(parents, changed, [None] * 80) == []
    assert cue_words(["can you help"] * 80, ["perhaps can you help"] * 80, [None] * 80) == []
    mixed = [f"perhaps {text}" if at % 2 else text for at, text in enumerate(parents)]
    assert [cue.made for cue in cue_words(parents, mixed, [None] * 80)] == [40]


def test_too_few_texts_say_nothing():
    parents = [f"number {at}" for at in range(15)]
    assert cue_words(parents, [f"indeed {text}" for text in parents], [None] * 15) == []
    assert cue_words([], [], []) == []


def test_a_rare_word_is_no_cue_however_many_texts_there_are():
    parents = [f"number {at} is late" for at in range(600)]
    made = [f"alas {text}" if at % 6 == 0 else text for at, text in enumerate(parents)]
    assert LEAST_SHARE > 1 / 6
    assert cue_words(parents, made, [None] * 600) == []


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="zip"):
        cue_words(["a", "b"], ["a"], [None, None])
    with pytest.raises(ValueError, match="zip"):
        cue_words(["a", "b"], ["a", "b"], [None])


@given(some.lists(some.tuples(some.text("abc ", max_size=8), some.text("abc ", max_size=8), some.sampled_from("xyz"))))
def test_counts_are_of_the_texts_and_order_does_not_matter(rows):
    def told(rows):
        return cue_words([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])

    rows = rows * 6
    found = told(rows)
    assert [(cue.word, cue.made, cue.label) for cue in told(rows[::-1])] == [
        (cue.word, cue.made, cue.label) for cue in found
    ]
    for cue in found:
        mine = [row for row in rows if cue.label in (None, row[2])]
        assert len(mine) == cue.of
        assert (cue.made - cue.parents) / cue.of >= LEAST_SHARE
        if cue.where == "anywhere":
            assert cue.made == sum(cue.word in row[1].split() for row in mine)
            assert cue.parents == sum(cue.word in row[0].split() for row in mine)
