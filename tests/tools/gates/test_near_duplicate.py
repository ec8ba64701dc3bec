from __future__ import annotations

from tools.gates.near_duplicate import near_duplicate

PARENT = "where can I see how much of my parcel's journey is left"
OTHER = "please send the money back to my card as soon as you can"
NEW = "the parcel went to a neighbour who is on holiday until may"


def test_a_copy_of_the_parent_is_rejected_as_such(run_gate, batch_of, reference_to):
    verdict = run_gate(near_duplicate, batch_of([(PARENT, PARENT)]), reference_to(training={"row0": PARENT}))[0]
    assert (verdict.accepted, verdict.score, verdict.threshold) == (False, 1.0, 0.8)
    assert verdict.why == "1.00 like its parent 'row0'; 0.80 is a near-duplicate"


def test_a_copy_of_another_training_row_is_rejected(run_gate, batch_of, reference_to):
    reference = reference_to(training={"row0": PARENT, "row9": OTHER})
    assert "the training row 'row9'" in run_gate(near_duplicate, batch_of([(OTHER, PARENT)]), reference)[0].why


def test_a_repeat_of_an_accepted_sample_is_rejected_in_the_same_batch_and_later(run_gate, batch_of, reference_to):
    reference = reference_to(training={"row0": PARENT})
    first = run_gate(near_duplicate, batch_of([(NEW, PARENT), (NEW, PARENT)]), reference)
    assert [verdict.accepted for verdict in first] == [True, False]
    assert "the accepted sample 'made0'" in first[1].why
    assert not run_gate(near_duplicate, batch_of([(NEW + "!", PARENT)]), reference)[0].accepted


def test_what_is_rejected_is_not_held(run_gate, batch_of, reference_to):
    reference = reference_to(training={"row0": PARENT})
    run_gate(near_duplicate, batch_of([(PARENT, PARENT)]), reference)
    assert len(reference.seen) == 1
