"""The literature: whole, unique, honest about what was read and where the number comes from."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources

import pytest

from memory.errors import RecordError
from memory.literature.notes import load, parse


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
        "needs": ["more sentences without a model", "does it help to change a few words?"],
        "evidence": "abstract",
    }
    return json.dumps({**note, **changes})


def effect(**changes: object) -> dict[str, object]:
    plain = {
        "families": ["lexical-edit"],
        "metric": "accuracy",
        "better": "higher",
        "scale": "percent",
        "dataset": "TREC",
        "outcome": "gain",
    }
    return {**plain, **changes}


def test_every_paper_of_the_survey_is_there_once():
    listed = [note for note in load().values() if note.listed]
    assert len(listed) == 93
    lines = Counter((one.section, one.status) for note in listed for one in note.listed)
    assert lines == {
        ("text", "peer-reviewed"): 15,
        ("text", "preprint"): 26,
        ("image", "peer-reviewed"): 13,
        ("image", "preprint"): 10,
        ("audio", "peer-reviewed"): 16,
        ("audio", "preprint"): 17,
    }


def test_what_is_odd_in_the_list_is_flagged():
    known = load()
    twice = {key for key, note in known.items() if "listed twice" in note.flags}
    assert twice == {"xu2024audiosetmix", "dhingra2024deid", "song2024labrag", "wu2024mixup"}
    assert "listed under another modality" in known["jung2024dalda"].flags
    assert known["gkournelos2024hrc"].flags == ("not augmentation", "listed under another modality")
    assert known["dai2023auggpt"].flags == ()


def test_a_paper_that_augments_nothing_has_no_family_and_no_effect():
    others = [note for note in load().values() if not note.is_augmentation]
    assert len(others) > 30
    assert not [note.key for note in others if note.families or note.effects]


def test_keys_are_unique_sorted_and_hold_the_year_of_the_paper_or_its_preprint():
    lines = (resources.files("memory.literature") / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    keys = [json.loads(one)["key"] for one in lines]
    assert keys == sorted(set(keys)) == list(load())
    years = {key: int(re.search(r"[0-9]{4}", key)[0]) for key in keys}  # type: ignore[index]
    assert not [key for key, year in years.items() if abs(load()[key].year - year) > 1]


def test_every_augmentation_that_was_read_says_how_it_works_when_it_helps_and_what_limits_it():
    for note in load().values():
        if note.is_augmentation and note.evidence != "citation-only":
            assert note.approach, note.key
            assert note.feeds, note.key
            assert note.limitations, note.key
            assert note.applies_when or note.remark, note.key


def test_every_paper_says_what_people_ask_that_it_answers():
    assert all(2 <= len(note.needs) <= 6 for note in load().values())
    needs = [need for note in load().values() for need in note.needs]
    assert len(set(needs)) == len(needs)


def test_a_reported_difference_is_value_less_baseline():
    measured = [one for note in load().values() for one in note.effects]
    both = [one for one in measured if None not in (one.value, one.baseline_value, one.delta)]
    assert len(both) > 60
    for one in both:
        assert one.delta == pytest.approx(one.value - one.baseline_value, abs=0.011)


def test_null_and_negative_results_are_kept():
    outcomes = Counter(one.outcome for note in load().values() for one in note.effects)
    assert outcomes["none"] >= 15
    assert outcomes["loss"] >= 10


def test_a_paper_without_an_address_says_that_only_its_reference_is_known():
    lost = [note for note in load().values() if not (note.arxiv or note.doi or note.urls)]
    assert len(lost) <= 5
    assert all(note.evidence == "citation-only" and note.remark for note in lost)
    assert all(url.startswith(("http://", "https://")) for note in load().values() for url in note.urls)


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
        (line(families=["wishful-thinking"]), "wishful-thinking"),
        (line(tasks=["wishful-thinking"]), "wishful-thinking"),
        (line(applies_when=["wishful-thinking"]), "wishful-thinking"),
        (line(limitations=[{"kind": "wishful-thinking", "text": "It may be wishful."}]), "wishful-thinking"),
        (line(effects=[effect(families=["noise"])]), "noise"),
        (line(evidence="citation-only", effects=[effect()]), "not read"),
        (line(is_augmentation=False, families=[], effects=[effect()]), "augments nothing"),
        (line(effects=[effect(delta=-1.0)]), "contradicts"),
        (line(effects=[effect(better="lower", delta=1.0)]), "contradicts"),
        (line(effects=[effect(scale="relative", value=3.0)]), "per cent of the baseline"),
        (line(feeds="sentences"), "what goes in"),
        (line(needs=["one"]), "needs"),
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
