"""Reading errors."""

from __future__ import annotations

import pytest

from tools.batches import Texts
from tools.text.ocr_noise import CONFUSIONS, OcrNoise, ocr_noise


def misread(text: str, seed: int = 0, rate: float = 0.08) -> str | None:
    return ocr_noise(Texts([text]), [OcrNoise(seed=seed, rate=rate)])[0]


def test_no_shape_is_read_as_itself_and_no_digit_as_another_digit():
    for shape, others in CONFUSIONS.items():
        assert shape not in others
        assert not (shape.isdigit() and any(other.isdigit() for other in others))


@pytest.mark.parametrize(("text", "readings"), [("rn", {"m"}), ("cl", {"d"}), ("1", {"l", "I"}), ("O", {"0", "Q"})])
def test_a_shape_is_read_as_one_like_it(text: str, readings: set[str]):
    assert {misread(text, seed) for seed in range(40)} == readings


def test_the_longest_shape_counts():
    assert {misread("barn"[2:], seed) for seed in range(20)} == {"m"}


def test_the_rate_is_the_share_of_misread_shapes():
    text = "e " * 20
    for seed in range(20):
        made = misread(text, seed, 0.25)
        assert made is not None
        assert made.count("c") == 5
        assert made.count("e") == 15


@pytest.mark.parametrize("text", ["", "  ", "?!", "我喜欢吃苹果。", "สวัสดี", "😀"])
def test_a_text_without_a_confusable_shape_is_refused(text: str):
    assert misread(text) is None


def test_a_letter_with_a_combining_mark_and_a_keycap_stay():
    assert misread("e\u0301 1\ufe0f\u20e3") is None
    assert all(misread("e\u0301 e", seed) == "e\u0301 c" for seed in range(20))


def test_white_space_stays():
    assert misread("\n e\t") == "\n c\t"
