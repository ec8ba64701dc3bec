"""A file is whole, or as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memory import atomic


def test_a_file_holds_what_was_written_last_and_nothing_else_stays(tmp_path: Path):
    atomic.write(tmp_path / "a.json", b"first, and longer")
    atomic.write(tmp_path / "a.json", b"second")
    assert (tmp_path / "a.json").read_bytes() == b"second"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch):
    atomic.write(tmp_path / "a.json", b"old")

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        atomic.write(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_the_content_is_flushed_before_the_name_is_moved(tmp_path: Path, monkeypatch):
    seen = []
    flush, move = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append("flush"), flush(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda path, to: (seen.append("move"), move(path, to))[1])
    atomic.write(tmp_path / "a.json", b"x")
    assert seen == ["flush", "move", "flush"]
