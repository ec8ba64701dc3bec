"""The literature: whole, unique, honest about what was read."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from memory.errors import RecordError
from memory.literature.notes import families, load, parse

CITED = {
    "wei2019eda",
    "karimi2021aeda",
    "xie2020uda",
    "longpre2020effective",
    "belinkov2018noise",
    "pruthi2019misspellings",
    "namysl2021ocr",
    "cubuk2020randaugment",
    "muller2021trivialaugment",
    "zhong2020randomerasing",
    "devries2017cutout",
    "zhang2018mixup",
    "yun2019cutmix",
    "shorten2019survey",
    "hendrycks2019corruptions",
    "krizhevsky2012imagenet",
    "ko2015speed",
    "ko2017reverb",
    "allen1979image",
    "park2019specaugment",
    "snyder2015musan",
    "vu2019codec",
    "salamon2017environmental",
    "jaitly2013vtlp",
    "peddinti2015aspire",
    "piczak2015environmental",
    "chen2023limited",
    "broder1997resemblance",
    "asudeh2019coverage",
    "cui2019effective",
    "northcutt2021confident",
    "zauner2010phash",
    "kim2008wada",
}


def line(**changes: object) -> str:
    note = {
        "key": "doe2020try",
        "title": "Trying",
        "authors": ["Doe, J."],
        "year": 2020,
        "venue": "Workshop 2020",
        "modalities": ["text"],
        "families": ["lexical-edit"],
        "is_augmentation": True,
        "task": "classification",
        "approach": "Change a few words of every sentence and keep its label.",
        "evidence": "abstract",
    }
    return json.dumps({**note, **changes})


def test_every_key_that_tools_may_cite_is_there():
    assert set(load()) == CITED


def test_keys_are_unique_and_hold_the_year():
    lines = (resources.files("memory.literature") / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    keys = [json.loads(one)["key"] for one in lines]
    assert len(keys) == len(set(keys)) == len(load())
    assert all(str(note.year) in note.key for note in load().values())


def test_methods_that_only_measure_have_no_family():
    measuring = {note.key for note in load().values() if not note.is_augmentation}
    assert measuring == {
        "broder1997resemblance",
        "zauner2010phash",
        "asudeh2019coverage",
        "cui2019effective",
        "northcutt2021confident",
        "kim2008wada",
    }


def test_every_augmentation_says_what_limits_it_and_what_helps():
    assert all(note.limitations and note.mitigations for note in load().values())


def test_a_reported_difference_is_value_less_baseline():
    measured = [effect for note in load().values() for effect in note.effects]
    both = [one for one in measured if None not in (one.value, one.baseline_value, one.delta)]
    assert len(both) > 20
    for one in both:
        assert one.delta == pytest.approx(one.value - one.baseline_value, abs=0.011)


def test_every_paper_can_be_found():
    assert all(note.arxiv or note.doi or note.urls for note in load().values())
    assert all(url.startswith(("http://", "https://")) for note in load().values() for url in note.urls)


def test_families_are_those_of_the_augmentations():
    assert {"lexical-edit", "geometric", "reverberation", "sample-mixing"} <= families()
    assert families() == {family for note in load().values() if note.is_augmentation for family in note.families}


def test_the_notes_cannot_be_changed():
    with pytest.raises(TypeError):
        load()["doe2020try"] = None  # type: ignore[index]


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (line(year="soon"), "year"),
        (line(evidence="hearsay"), "evidence"),
        (line(surprise=1), "surprise"),
        (line(families=[]), "families"),
        (line(evidence="citation-only", effects=[{"metric": "accuracy", "dataset": "TREC"}]), "not read"),
        ("{", "the line"),
        ("", "the line"),
    ],
)
def test_a_bad_note_is_named_by_its_line(bad: str, word: str):
    with pytest.raises(RecordError, match=rf"notes\.jsonl:2.*{word}"):
        parse(f"{line()}\n{bad}\n")


def test_a_repeated_key_is_named_by_its_line():
    with pytest.raises(RecordError, match=r"notes\.jsonl:2.*doe2020try"):
        parse(f"{line()}\n{line(title='Trying again')}\n")
