"""Evidence: no citation without a record, no record that is not about augmentation."""

from __future__ import annotations

import pytest

from agent import evidence
from memory.literature import notes
from memory.literature.notes import Effect
from tools.catalogue import select


@pytest.mark.parametrize("modality", ["text", "image", "speech"])
def test_every_strategy_is_bound_to_a_tool_and_every_tool_has_one(modality):
    tools = select("augment", modality)
    found = evidence.retrieve(notes.load(), modality, tools)
    assert found == sorted(found, key=lambda one: (-one.score, one.key))
    assert all(one.tools and 0 < one.score <= 1 for one in found)
    assert {name for one in found for name in one.tools} == {tool.name for tool in tools}


def test_taking_a_record_away_takes_its_citation_away():
    tools = select("augment", "text")
    fewer = {key: note for key, note in notes.load().items() if key != "wei2019eda"}
    assert "wei2019eda" not in {one.key for one in evidence.retrieve(fewer, "text", tools)}
    assert evidence.notes_digest(fewer) != evidence.notes_digest(notes.load())


def test_a_falling_error_rate_is_a_gain():
    assert evidence._gain(Effect(metric="word error rate", dataset="x", delta=-1.0)) == 1.0
    assert evidence._gain(Effect(metric="accuracy", dataset="x", delta=-1.0)) == -1.0
