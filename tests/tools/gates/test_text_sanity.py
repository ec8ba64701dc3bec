from __future__ import annotations

import pytest

from tools.gates.text_sanity import text_sanity

PARENT = "where is the parcel that I ordered last week"


def one(run_gate, batch_of, child, parent=PARENT, **params):
    return run_gate(text_sanity, batch_of([(child, parent)]), **params)[0]


def test_a_text_about_as_long_as_its_parent_passes_with_its_share_of_the_length(run_gate, batch_of):
    verdict = one(run_gate, batch_of, "abcdefghijkl", "abcdefghijklmnop")
    assert verdict.accepted
    assert verdict.score == 0.75


@pytest.mark.parametrize("empty", ["", "  \n\t "])
def test_nothing_but_white_space_is_rejected(run_gate, batch_of, empty):
    verdict = one(run_gate, batch_of, empty)
    assert not verdict.accepted
    assert verdict.why == "nothing but white space is left"


def test_a_text_cut_to_less_than_half_is_rejected_with_both_lengths(run_gate, batch_of):
    verdict = one(run_gate, batch_of, PARENT[:19])
    assert (verdict.accepted, verdict.score, verdict.threshold) == (False, round(19 / 44, 6), 0.5)
    assert verdict.why == "cut short: 19 characters of the parent's 44"


def test_a_text_blown_up_to_more_than_twice_is_rejected_with_both_lengths(run_gate, batch_of):
    verdict = one(run_gate, batch_of, PARENT + " " + PARENT)
    assert (verdict.accepted, verdict.threshold) == (False, 2.0)
    assert verdict.why == "blown up: 89 characters from the parent's 44"


def test_a_few_characters_are_no_matter_for_a_short_text(run_gate, batch_of):
    assert one(run_gate, batch_of, "good morning", "hello").accepted
    assert not one(run_gate, batch_of, "good morning", "hello", slack=0).accepted


@pytest.mark.parametrize(("strange", "name"), [("\ufffd", "U+FFFD"), ("\x07", "U+0007"), ("\ud800", "U+D800")])
def test_a_control_or_replacement_character_is_rejected_by_name(run_gate, batch_of, strange, name):
    verdict = one(run_gate, batch_of, PARENT[:-1] + strange + "k")
    assert not verdict.accepted
    assert name in verdict.why


def test_what_the_parent_holds_too_and_line_ends_are_no_fault(run_gate, batch_of):
    assert one(run_gate, batch_of, PARENT + "\x07", PARENT + "\x07!").accepted
    assert one(run_gate, batch_of, PARENT.replace(" that", "\r\n\tthat")).accepted


def test_a_text_written_anew_may_have_any_length_but_none(run_gate, batch_of):
    texts = ["Hi.", PARENT * 5, "   "]
    verdicts = run_gate(text_sanity, batch_of([(text, PARENT) for text in texts], scratch=True))
    assert [verdict.accepted for verdict in verdicts] == [True, True, False]
