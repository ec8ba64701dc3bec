from __future__ import annotations

import numpy as np

from tools.gates.image_sanity import image_sanity

RAMP = np.repeat(np.arange(20, 148, 8, dtype=np.uint8)[None, :, None], 16, axis=0)


def digit(stroke: int = 200, width: int = 2) -> np.ndarray:
    image = np.zeros((16, 16, 1), np.uint8)
    image[:, :width] = stroke
    return image


def one(run_gate, batch_of, child, parent=RAMP):
    return run_gate(image_sanity, batch_of([(child, parent)]))[0]


def test_an_image_like_its_parent_passes_with_its_spread(run_gate, batch_of):
    verdict = one(run_gate, batch_of, RAMP[::-1].copy())
    assert verdict.accepted
    assert verdict.score == round(float(RAMP.std()), 6)


def test_a_blank_image_is_rejected_with_both_spreads(run_gate, batch_of):
    verdict = one(run_gate, batch_of, np.full_like(RAMP, 90))
    assert not verdict.accepted
    assert verdict.why == "blank: the pixels spread by 0.0 levels, the parent's by 36.9"


def test_an_image_of_hardly_any_contrast_is_blank_too(run_gate, batch_of):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 1)).astype(np.uint8)
    grey = (noise // 100 + 90).astype(np.uint8)
    assert one(run_gate, batch_of, grey, noise).why.startswith("blank")


def test_a_flat_parent_excuses_a_flat_child(run_gate, batch_of):
    assert one(run_gate, batch_of, np.full_like(RAMP, 90), np.full_like(RAMP, 91)).accepted


def test_a_saturated_image_is_rejected_with_both_shares(run_gate, batch_of):
    verdict = one(run_gate, batch_of, np.where(RAMP > 80, 255, 0).astype(np.uint8))
    assert (verdict.accepted, verdict.score, verdict.threshold) == (False, 1.0, 0.9)
    assert verdict.why == "saturated: 100% of the values are 0 or 255, in the parent 0%"


def test_a_digit_on_black_is_not_saturated_when_its_parent_is_one(run_gate, batch_of):
    thin = digit(width=1)
    assert float((thin == 0).mean()) > 0.9
    assert one(run_gate, batch_of, thin, digit()).accepted
    assert not one(run_gate, batch_of, thin, RAMP).accepted


def test_another_shape_is_rejected(run_gate, batch_of):
    verdict = one(run_gate, batch_of, RAMP[:8])
    assert verdict.why == "has the shape (8, 16, 1), its parent (16, 16, 1)"
    assert not verdict.accepted
