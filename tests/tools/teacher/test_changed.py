"""What the teacher says of samples whose label is not their parent's."""

from __future__ import annotations

import pytest

from memory.datasets.dataset import open_dataset
from memory.job import Source
from tools.teacher.teacher import Teacher

PARTS = {
    "refund": ("refund", "money", "payment", "charged", "invoice", "card", "amount", "bank"),
    "delivery": ("parcel", "courier", "driver", "door", "address", "depot", "truck", "shipping"),
    "praise": ("thanks", "great", "friendly", "happy", "lovely", "perfect", "quick", "best"),
}


def sentence(label: str, seed: int) -> str:
    words = PARTS[label]
    return " ".join(f"{seed * 7919 + at * 104729:x} {words[(seed // (at + 1) + at) % 8]}" for at in range(6))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """Three plain classes, and one row labelled a delivery that reads as a refund."""
    place = tmp_path_factory.mktemp("talk")
    rows = [f"{sentence(label, 3 + 11 * at)},{label},{label}-{at}" for label in PARTS for at in range(20)]
    rows.append(f"{sentence('refund', 977)},delivery,odd")
    (place / "rows.csv").write_text("text,label,id\n" + "\n".join(rows) + "\n")
    return Teacher(open_dataset(Source(path=str(place / "rows.csv")), place / "work", 0), 7)


@pytest.mark.parametrize(
    ("parent", "text"), [("delivery-3", sentence("delivery", 36)), ("odd", sentence("refund", 977))]
)
@pytest.mark.parametrize("seed", [401, 977, 1201])
def test_reading_as_the_parents_own_class_is_held_against_a_sample(teacher, parent, text, seed):
    """Whatever contradicts the parent's own label: that label itself is never among what is excused."""
    kept, turned = teacher.opinions(
        [sentence("delivery", seed), sentence("praise", seed)], ["praise", "praise"], [parent] * 2, [text] * 2
    )
    assert not kept.agrees
    assert "reads as 'delivery'" in kept.why
    assert turned.agrees
    assert not turned.why


def test_a_parent_that_reads_as_another_class_is_no_reason_to_reject(teacher):
    [turned] = teacher.opinions([sentence("refund", 55)], ["refund"], ["odd"], [sentence("refund", 977)])
    assert turned.agrees
