from __future__ import annotations

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.gates.speech_sanity import speech_sanity


def one(run_gate, batch_of, child, parent):
    return run_gate(speech_sanity, batch_of([(child, parent)]))[0]


def test_a_clip_like_its_parent_passes_with_its_level(run_gate, batch_of, tone):
    verdict = one(run_gate, batch_of, tone(0.1), tone(0.2))
    assert verdict.accepted
    assert verdict.score == pytest.approx(20 * np.log10(0.1) - 3.01, abs=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_rejected_and_counted(run_gate, batch_of, tone, bad):
    samples = tone().samples.copy()
    samples[0, 5:8] = bad
    verdict = one(run_gate, batch_of, Wave(samples, 8000), tone())
    assert (verdict.accepted, verdict.why) == (False, "3 values are NaN or infinite")


def test_digital_silence_is_rejected(run_gate, batch_of, tone):
    verdict = one(run_gate, batch_of, tone(0.0), tone())
    assert (verdict.accepted, verdict.score) == (False, -200.0)
    assert verdict.why == "silent: -200 dB of full scale, its parent -23 dB"


def test_a_clip_more_than_30_db_under_its_parent_is_silent(run_gate, batch_of, tone):
    assert not one(run_gate, batch_of, tone(0.5 * 10 ** (-31 / 20)), tone(0.5)).accepted
    assert one(run_gate, batch_of, tone(0.5 * 10 ** (-29 / 20)), tone(0.5)).accepted


def test_a_parent_under_the_floor_excuses_a_child_as_quiet(run_gate, batch_of, tone):
    assert one(run_gate, batch_of, tone(0.0004), tone(0.0005)).accepted


def test_a_clipped_clip_is_rejected_with_both_shares(run_gate, batch_of, tone):
    loud = Wave(np.clip(tone(5.0).samples, -1, 1), 8000)
    verdict = one(run_gate, batch_of, loud, tone(0.5))
    assert not verdict.accepted
    assert verdict.why.startswith("clipped: ")
    assert verdict.threshold == 0.01
    assert one(run_gate, batch_of, loud, loud).accepted


@pytest.mark.parametrize(("seconds", "accepted"), [(0.4, False), (0.5, True), (2.0, True), (2.1, False)])
def test_the_duration_may_move_from_half_to_twice(run_gate, batch_of, tone, seconds, accepted):
    verdict = one(run_gate, batch_of, tone(seconds=seconds), tone())
    assert verdict.accepted is accepted
    assert accepted or verdict.why == f"lasts {seconds:.2f} s, its parent 1.00 s"


def test_an_empty_clip_is_rejected_for_its_duration(run_gate, batch_of, tone):
    verdict = one(run_gate, batch_of, Wave(np.zeros((1, 0), np.float32), 8000), tone())
    assert verdict.why == "lasts 0.00 s, its parent 1.00 s"


def test_a_clip_made_anew_need_not_last_as_long_as_its_parent(run_gate, batch_of, tone):
    [short, click] = run_gate(speech_sanity, batch_of([(tone(seconds=0.3), tone())], scratch=True)) + run_gate(
        speech_sanity, batch_of([(tone(seconds=0.05), tone())], scratch=True)
    )
    assert short.accepted
    assert click.why == "lasts 0.05 s, too short to say anything"
