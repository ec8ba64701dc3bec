"""The table of limitations: from the notes, with the holes shown."""

from __future__ import annotations

from memory.literature import limitations, notes, vocabulary


def test_every_limitation_has_a_row_and_those_that_most_papers_name_come_first():
    known, words = notes.load(), vocabulary.load()
    rows = limitations.table(known, words).splitlines()[2:]
    assert len(rows) == len(words.limitations)
    counts = [int(row.split(" | ")[1].split(":")[0]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0


def test_a_hole_is_shown_as_one():
    words = vocabulary.load()
    holes = [name for name, one in words.limitations.items() if not one.answers]
    assert holes
    rows = limitations.table(notes.load(), words).splitlines()
    for name in holes:
        [row] = [row for row in rows if row.startswith(f"| {name.replace('-', ' ')}:")]
        assert "**hole**" in row


def test_a_paper_more_changes_the_table():
    known = dict(notes.load())
    before = limitations.table(known, vocabulary.load())
    del known["sridhar2024temporal"]
    assert limitations.table(known, vocabulary.load()) != before
