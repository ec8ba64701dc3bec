from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from memory.datasets.media import Wave
from tools.coverage import diversity
from tools.coverage.diversity import Spread, compare, cosines, vendi
from tools.seeds import generator

# --- the score ------------------------------------------------------------------------------------


def test_n_different_items_count_n_and_n_equal_ones_count_one():
    assert vendi(np.eye(7)) == pytest.approx(7)
    assert vendi(np.ones((7, 7))) == pytest.approx(1)


def test_two_kinds_in_equal_parts_count_two_whatever_their_number():
    kinds = np.array([0, 0, 0, 1, 1, 1])
    assert vendi((kinds[:, None] == kinds).astype(float)) == pytest.approx(2)


def test_the_score_of_two_items_by_hand():
    high, low = 0.75, 0.25  # eigenvalues of [[1, .5], [.5, 1]] / 2
    by_hand = np.exp(-(high * np.log(high) + low * np.log(low)))
    assert vendi(np.array([[1.0, 0.5], [0.5, 1.0]])) == pytest.approx(by_hand)


def test_no_items_have_no_variety():
    with pytest.raises(ValueError, match="no variety"):
        vendi(np.zeros((0, 0)))


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 6))
def test_the_score_lies_between_one_and_the_number_of_items(seed, items, features):
    likeness = cosines(generator(seed).standard_normal((items, features)))
    assert 1 - 1e-9 <= vendi(likeness) <= min(items, features) + 1e-9


def test_cosines_are_the_same_for_sparse_features_and_an_empty_item_is_like_itself_alone():
    dense = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = cosines(dense)
    np.testing.assert_allclose(found, [[1, 0.5**0.5, 0], [0.5**0.5, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(cosines(csr_matrix(dense)), found)


# --- classes of a dataset -------------------------------------------------------------------------


class Rows:
    """Training rows of some labels, and how often each was decoded."""

    def __init__(self, modality: Any, items: list[tuple[Any, str | None]]) -> None:
        self.modality, self.items, self.read = modality, items, 0

    def column(self, name: str) -> list[str | None]:
        return [label for _, label in self.items]

    def payloads(self, rows: Any) -> list[Any]:
        self.read += len(rows)
        return [self.items[row][0] for row in rows]


def compared(rows: Rows, made: list[tuple[Any, str]], seed: int = 1, counted: Any = None) -> dict[str, Spread]:
    cover: Any = SimpleNamespace(
        train=np.arange(len(rows.items)), counted=np.ones(len(rows.items), bool) if counted is None else counted
    )
    labels: dict[str, list[str]] = {}
    for at, (_, label) in enumerate(made):
        labels.setdefault(label, []).append(str(at))

    def fetch(wanted: Any) -> Any:
        return ((str(at), payload) for at, (payload, _) in enumerate(made) if str(at) in wanted)

    return compare(rows, cover, labels, fetch, seed)  # type: ignore[arg-type]


def sentence(seed: int) -> str:
    rng = generator(seed)
    return " ".join("".join(chr(97 + at) for at in rng.integers(0, 26, 6)) for _ in range(8))


def test_copies_of_one_text_are_less_varied_than_real_ones():
    rows = Rows("text", [(sentence(at), "a") for at in range(20)] + [(sentence(100 + at), "b") for at in range(20)])
    same = [(f"{sentence(500)} {at}", "a") for at in range(30)]
    other = [(sentence(600 + at), "b") for at in range(12)]
    found = compared(rows, same + other)
    assert list(found) == ["a", "b"]
    assert found["a"].n == 20
    assert found["a"].made < 2
    assert found["a"].real > 15
    assert found["b"].n == 12
    assert found["b"].made == pytest.approx(found["b"].real, rel=0.05)


def test_the_same_seed_gives_the_same_scores_and_order_of_fetching_does_not_count():
    rows = Rows("text", [(sentence(at % 9 + 7 * (at % 4)), "a") for at in range(40)])
    made = [(sentence(500 + at % 11), "a") for at in range(25)]
    first = compared(rows, made)
    assert compared(rows, made) == first
    assert compared(rows, made, seed=2) != first


def image(seed: int, spread: float) -> Any:
    rng, fixed = generator(seed), generator(0)
    base = fixed.integers(60, 190, (16, 16, 3)).astype(float)
    return (base + spread * rng.standard_normal((16, 16, 3))).clip(0, 255).astype(np.uint8)


def clip(seed: int, spread: float) -> Wave:
    rng = generator(seed)
    time = np.arange(4000) / 8000
    hz = 400 * (1 + spread * rng.uniform(-1, 1))
    sound = sum(np.sin(2 * np.pi * hz * k * time) / k for k in (1, 2, 3)) * np.hanning(4000)
    return Wave((0.1 * sound + 1e-4 * rng.standard_normal(4000)).astype(np.float32)[None], 8000)


@pytest.mark.parametrize(("modality", "make", "wide", "narrow"), [("image", image, 40, 4), ("speech", clip, 0.8, 0.02)])
def test_pictures_and_clips_that_differ_little_are_less_varied(modality, make, wide, narrow):
    rows = Rows(modality, [(make(at, wide), "a") for at in range(16)])
    alike = compared(rows, [(make(100 + at, narrow), "a") for at in range(16)])["a"]
    varied = compared(rows, [(make(100 + at, wide), "a") for at in range(16)])["a"]
    assert alike.real == varied.real
    assert alike.made < 0.7 * varied.made
    assert varied.made == pytest.approx(varied.real, rel=0.25)


def test_only_classes_with_enough_on_either_side_are_compared_and_only_rows_that_count():
    rows = Rows("text", [(sentence(at), "a" if at < 6 else "b" if at < 10 else None) for at in range(12)])
    made = [(sentence(500 + at), label) for at, label in enumerate("aaaaaabbbbbbcccccc")]
    assert list(compared(rows, made)) == ["a"], "b has 4 real rows, c none"
    counted = np.arange(12) != 3
    assert compared(rows, made, counted=counted)["a"].n == 5
    assert compared(rows, made[:4]) == {}
    assert compared(Rows("image", []), []) == {}


def test_of_many_items_some_are_read(monkeypatch):
    rows = Rows("text", [(sentence(at), "ab"[at % 2]) for at in range(60)])
    made = [(sentence(500 + at), "ab"[at % 2]) for at in range(80)]
    monkeypatch.setattr(diversity, "_ITEMS", 40)
    assert {label: one.n for label, one in compared(rows, made).items()} == {"a": 20, "b": 20}
    assert rows.read == 40
    monkeypatch.setattr(diversity, "CLASSES", 1)
    assert {label: one.n for label, one in compared(rows, made).items()} == {"a": 30}
