from __future__ import annotations

from tools.gates.leak import leak

TEST_ROW = "where can I see how much of my parcel's journey is left"


def test_a_copy_of_an_evaluation_row_is_rejected_by_that_rows_id(run_gate, batch_of, reference_to):
    reference = reference_to(held_out={"test-7": TEST_ROW, "test-8": "please cancel the order of last monday"})
    verdict = run_gate(leak, batch_of([(TEST_ROW.upper(), "parent")]), reference)[0]
    assert (verdict.accepted, verdict.score, verdict.threshold) == (False, 1.0, 0.8)
    assert verdict.why == "1.00 like the evaluation row 'test-7'; 0.80 is a near-duplicate"


def test_a_copy_of_a_training_row_is_no_leak(run_gate, batch_of, reference_to):
    reference = reference_to(training={"row0": TEST_ROW}, held_out={"test-8": "please cancel the order of monday"})
    assert run_gate(leak, batch_of([(TEST_ROW, TEST_ROW)]), reference)[0].accepted
