"""The words of the field: whole, used, and true of the code."""

from __future__ import annotations

import pytest

from memory.errors import RecordError
from memory.literature import notes, vocabulary


def test_every_family_is_used_by_a_paper_itself_or_by_a_part_of_it():
    words = vocabulary.load()
    used = {wider for note in notes.load().values() for name in note.families for wider in words.lineage(name)}
    assert used == set(words.families)


def test_every_situation_task_and_limitation_is_used_by_a_paper():
    words, known = vocabulary.load(), notes.load().values()
    assert {name for note in known for name in note.applies_when} == set(words.situations)
    assert {name for note in known for name in note.tasks} == set(words.tasks)
    assert {one.kind for note in known for one in note.limitations} == set(words.limitations)


def test_a_family_lies_in_the_wider_ones_it_is_part_of():
    words = vocabulary.load()
    assert words.lineage("noise") == ("noise", "noise-reverb")
    assert words.lineage("lexical-edit") == ("lexical-edit",)


def test_a_parent_that_is_no_family_is_named():
    kept = vocabulary.load().model_dump(mode="json")
    kept["families"]["noise"]["parent"] = "wishful-thinking"
    with pytest.raises(RecordError, match=r"vocabulary\.yaml.*wishful-thinking"):
        vocabulary.parse(kept)


def test_a_limitation_is_answered_or_a_hole():
    kept = vocabulary.load().model_dump(mode="json")
    kept["limitations"]["leakage"] |= {"answers": [], "hole": None}
    with pytest.raises(RecordError, match=r"limitations\.leakage.*hole"):
        vocabulary.parse(kept)


def test_an_entry_that_cannot_be_read_is_named():
    kept = vocabulary.load().model_dump(mode="json")
    kept["situations"]["few-shot"]["meaning"] = 7
    with pytest.raises(RecordError, match=r"situations\.few-shot\.meaning"):
        vocabulary.parse(kept)
