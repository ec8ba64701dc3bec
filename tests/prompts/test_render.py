"""Prompts are filled completely, once, and from the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory.digests import digest
from memory.errors import UsageError
from prompts.render import render, render_from

GREETING = "---\nversion: 3\nslots: [who, what]\n---\n\nDear ${who},\nhere is ${what} for ${who}.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "greet.md").write_text(GREETING, encoding="utf-8")
    return tmp_path


def broken(folder: Path, content: str) -> str:
    (folder / "broken.md").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"^broken\.md") as caught:
        render_from(folder, "broken", who="x")
    return str(caught.value)


def test_every_slot_is_filled_and_the_text_is_named_by_its_digest(folder: Path):
    made = render_from(folder, "greet", who="Ana", what="a ü")
    assert made.text == "Dear Ana,\nhere is a ü for Ana."
    assert made.digest == digest("Dear Ana,\nhere is a ü for Ana.")
    assert made.version == 3


def test_what_is_filled_in_is_never_filled_again(folder: Path):
    assert (
        render_from(folder, "greet", who="${what}", what="\\1 $x").text == "Dear ${what},\nhere is \\1 $x for ${what}."
    )


def test_a_plain_dollar_stays(folder: Path):
    (folder / "price.md").write_text('---\nversion: 1\nslots: [n]\n---\n{"$ref": "$5"} ${n}', encoding="utf-8")
    assert render_from(folder, "price", n="2").text == '{"$ref": "$5"} 2'


def test_a_prompt_may_have_no_slots_and_one_may_be_called_name(folder: Path):
    (folder / "plain.md").write_text("---\nversion: 1\n---\nHello.", encoding="utf-8")
    (folder / "named.md").write_text("---\nversion: 1\nslots: [name]\n---\n${name}", encoding="utf-8")
    assert render_from(folder, "plain").text == "Hello."
    assert render_from(folder, "named", name="x").text == "x"


def test_a_missing_slot_is_refused(folder: Path):
    with pytest.raises(UsageError, match=r"greet\.md: Slots without a text: what"):
        render_from(folder, "greet", who="Ana")


def test_an_unknown_slot_is_refused_with_the_known_ones(folder: Path):
    with pytest.raises(UsageError, match="no slots how; known: who, what"):
        render_from(folder, "greet", who="a", what="b", how="c")


@pytest.mark.parametrize("name", ["none", "../greet", "/etc/passwd", "greet.md", ""])
def test_only_prompts_of_the_folder_are_read(folder: Path, name: str):
    with pytest.raises(UsageError, match="There is no prompt"):
        render_from(folder, name)
    with pytest.raises(UsageError, match="There is no prompt"):
        render(name)


def test_a_template_that_is_not_in_order_is_refused(folder: Path):
    assert "between two lines of ---" in broken(folder, "Dear ${who}")
    assert "look at: whom" in broken(folder, "---\nversion: 1\nslots: [who]\n---\n${who} ${whom}")
    assert "look at: whom" in broken(folder, "---\nversion: 1\nslots: [who, whom]\n---\n${who}")
    assert "look at: ${who" in broken(folder, "---\nversion: 1\nslots: []\n---\n${who")
    assert "version" in broken(folder, "---\nslots: [who]\n---\n${who}")
    assert "verzion" in broken(folder, "---\nversion: 1\nverzion: 1\nslots: [who]\n---\n${who}")
    assert "cannot be read" in broken(folder, "---\nversion: [\n---\n${who}")
