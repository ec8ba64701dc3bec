from __future__ import annotations

from tools.gates.label_kept import label_kept
from tools.teacher.teacher import Opinion


def test_the_teachers_opinion_is_the_verdict(run_gate, batch_of, reference_to, teacher_that):
    teacher = teacher_that(Opinion(False, -0.7, "reads as 'no'"))
    verdict = run_gate(label_kept, batch_of([("child", "parent")]), reference_to(teacher=teacher))[0]
    assert (verdict.accepted, verdict.score, verdict.why) == (False, -0.7, "reads as 'no'")


def test_a_mixed_label_is_not_shown_to_the_teacher(run_gate, batch_of, reference_to, teacher_that):
    teacher = teacher_that(Opinion(False, -0.7, "reads as 'no'"))
    batch = batch_of([("one", "p"), ("two", "p"), ("three", "p")], mixed=[True, False, True])
    verdicts = run_gate(label_kept, batch, reference_to(teacher=teacher))
    assert [verdict.accepted for verdict in verdicts] == [True, False, True]
    assert verdicts[0].why == "abstains: the label is mixed"
    assert teacher.asked == ["two"]
