"""Files of one record a line: added to, whole after a kill, and read as far as they are whole."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from memory import lines


class Note(BaseModel):
    text: str


def notes(file: Path) -> list[str]:
    return [Note.model_validate_json(line).text for line, _ in lines.whole(file)]


@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=6), cut=st.integers(0, 400))
def test_what_a_kill_left_half_written_is_cut_off_by_the_next_line(tmp_path_factory, texts, cut):
    file = tmp_path_factory.mktemp("lines") / "notes.jsonl"
    end = 0
    for text in texts:
        end = lines.append(file, end, Note(text=text))
    assert notes(file) == texts
    file.write_bytes(file.read_bytes()[: min(cut, end)])
    left = notes(file)
    assert left == texts[: len(left)]
    end = max((place for _, place in lines.whole(file)), default=0)
    lines.append(file, end, Note(text="after"), synced=True)
    assert notes(file) == [*left, "after"]


def test_a_file_that_is_not_there_has_no_lines(tmp_path):
    assert notes(tmp_path / "nothing") == []


def test_what_no_encoding_holds_becomes_a_question_mark(tmp_path):
    lines.append(tmp_path / "notes", 0, Note.model_construct(text="half \ud800 a pair"))
    assert notes(tmp_path / "notes") == ["half ? a pair"]
