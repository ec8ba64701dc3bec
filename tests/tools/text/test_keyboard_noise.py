"""Typing errors."""

from __future__ import annotations

import pytest

from tools.batches import Texts
from tools.text.keyboard_noise import NEIGHBOURS, KeyboardNoise, keyboard_noise


def mistyped(text: str, seed: int = 0, rate: float = 0.4) -> str | None:
    return keyboard_noise(Texts([text]), [KeyboardNoise(seed=seed, rate=rate)])[0]


def test_neighbours_are_mutual():
    assert set(NEIGHBOURS) == set("abcdefghijklmnopqrstuvwxyz")
    assert all(key in NEIGHBOURS[other] for key, others in NEIGHBOURS.items() for other in others)


def test_a_word_gets_one_of_the_four_typos():
    expected = {"kyes", "kes", "kys"}  # e and y swapped, y dropped, e dropped
    expected |= {f"ke{key}ys" for key in NEIGHBOURS["e"]} | {f"key{key}s" for key in NEIGHBOURS["y"]}
    expected |= {f"k{key}ys" for key in NEIGHBOURS["e"]} | {f"ke{key}s" for key in NEIGHBOURS["y"]}
    assert {mistyped("keys", seed) for seed in range(1000)} == expected


@pytest.mark.parametrize("kept", ["4471", "not", "who", "?"])
def test_digits_short_words_and_marks_stay(kept: str):
    for seed in range(40):
        made = mistyped(f"parcel {kept} arrives", seed, 1.0)
        assert made is not None
        assert made.split()[1] == kept


def test_first_and_last_letters_stay():
    for seed in range(100):
        made = mistyped("parcels", seed)
        assert made is not None
        assert (made[0], made[-1]) == ("p", "s")
        assert made != "parcels"


def test_the_rate_is_the_share_of_mistyped_words():
    text = "alpha bravo delta gamma omega sigma theta kappa lambda zeta"
    for seed in range(20):
        made = mistyped(text, seed, 0.3)
        assert made is not None
        assert sum(new != old for new, old in zip(made.split(), text.split(), strict=True)) == 3


@pytest.mark.parametrize(
    "text", ["", " \n", "123 456", "to be or not", "我喜欢吃苹果。", "Добрый вечер", "สวัสดีครับ", "😀😀😀😀"]
)
def test_a_text_without_a_long_latin_word_is_refused(text: str):
    assert mistyped(text) is None


def test_upper_case_stays_upper_case():
    assert all((mistyped("PARCEL", seed) or "x").isupper() for seed in range(50))


def test_letters_beyond_a_to_z_and_combining_marks_stay():
    for seed in range(100):
        made = mistyped("Größe", seed)
        assert made is not None
        assert "ß" in made
        decomposed = mistyped("cafe\u0301 parcel", seed, 1.0)
        assert decomposed is not None
        assert "e\u0301 p" in decomposed


def test_white_space_stays():
    made = mistyped("  some\n\nwords ", 1)
    assert made is not None
    assert made.startswith("  s")
    assert "\n\nw" in made
    assert made.endswith("s ")
