from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tools.shortcuts.repeats import LEAST_MADE, Repetition, is_repetitive, repetition


def test_a_constant_is_repetitive():
    found = repetition(["thank you"] * 12, [None] + ["near_duplicate"] * 11)
    assert found == Repetition(share_exact=1.0, share_near=11 / 12, of=12)
    assert is_repetitive(found)


def test_different_samples_are_not():
    found = repetition([str(at) for at in range(200)], [None] * 200)
    assert found == Repetition(0.0, 0.0, 200)
    assert not is_repetitive(found)


def test_what_was_refused_is_not_made():
    found = repetition(["a", None, "a", None, "b"], [None, "refused", "near_duplicate", "refused", "leak"])
    assert found == Repetition(share_exact=2 / 3, share_near=1 / 3, of=3)
    assert repetition([None, None], ["refused", "refused"]) == Repetition(0.0, 0.0, 0)
    assert not is_repetitive(repetition([], []))


def test_a_few_equal_samples_are_no_evidence():
    assert not is_repetitive(repetition(["a"] * (LEAST_MADE - 1), [None] * (LEAST_MADE - 1)))
    assert is_repetitive(repetition(["a"] * LEAST_MADE, [None] * LEAST_MADE))


def test_half_of_many_is_not_yet_surely_more_than_half():
    assert not is_repetitive(Repetition(0.52, 0.0, 100))
    assert not is_repetitive(Repetition(0.7, 0.0, 20))
    assert is_repetitive(Repetition(0.7, 0.0, 100))


def test_near_duplicates_alone_can_be_enough():
    contents = [str(at) for at in range(60)]
    assert is_repetitive(repetition(contents, ["near_duplicate"] * 60))
    assert not is_repetitive(repetition(contents, ["near_duplicate"] * 42 + [None] * 18))


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="zip"):
        repetition(["a"], [])


@given(some.lists(some.tuples(some.none() | some.sampled_from("abcdef"), some.sampled_from([None, "near_duplicate"]))))
def test_shares_do_not_depend_on_the_order_and_a_copy_of_all_makes_all_repeats(rows):
    contents, gates = [row[0] for row in rows], [row[1] for row in rows]
    found = repetition(contents, gates)
    assert repetition(contents[::-1], gates[::-1]) == found
    assert 0 <= found.share_exact <= 1
    assert found.share_exact * found.of != 1  # one sample alone repeats nothing
    assert repetition(contents * 2, gates * 2).share_exact == (1.0 if found.of else 0.0)
