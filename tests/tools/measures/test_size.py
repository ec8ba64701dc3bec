from __future__ import annotations

from tools.measures.size import size


def test_the_shorter_side_counts(flat):
    assert size([flat(0, height=30, width=20), flat(0, 0, 0, height=10, width=50)]) == [20.0, 10.0]
