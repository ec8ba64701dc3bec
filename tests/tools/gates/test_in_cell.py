from __future__ import annotations

from memory.records import Cell
from tools.gates.in_cell import in_cell


def verdicts(run_gate, batch_of, cell, has):
    return run_gate(in_cell, batch_of([("a", "a")], cells=[cell], attributes=[has]))[0]


def test_a_sample_on_all_axes_of_its_cell_passes(run_gate, batch_of):
    cell = Cell(at={"label": "refund", "words": "5-15"})
    assert verdicts(run_gate, batch_of, cell, {"label": "refund", "words": "5-15", "script": "Latin"}).accepted


def test_every_missed_axis_is_named_with_what_was_wanted_and_got(run_gate, batch_of):
    cell = Cell(at={"label": "refund", "words": "5-15", "channel": "mail"})
    verdict = verdicts(run_gate, batch_of, cell, {"label": "refund", "words": "<5"})
    assert not verdict.accepted
    assert verdict.why == "words: wanted '5-15', got '<5'; channel: wanted 'mail', has none"


def test_a_sample_made_for_no_cell_passes(run_gate, batch_of):
    assert verdicts(run_gate, batch_of, None, {}).accepted
