"""A lock between processes: one holder, given back when it dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from memory import locks

HOLD = (
    "import sys; from pathlib import Path; from memory import locks\n"
    "with locks.held(Path(sys.argv[1]), 1.0): print('in', flush=True); sys.stdin.read()"
)


def test_a_lock_has_one_holder_and_outlives_none(tmp_path: Path):
    file = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        assert locks.is_held(file)
        with pytest.raises(locks.BusyError), locks.held(file, 0.1):
            pytest.fail("the lock was given twice")
        other.kill()
    with locks.held(file, 1.0):
        assert locks.is_held(file)
    assert not locks.is_held(file)


def test_no_file_is_no_lock(tmp_path: Path):
    assert not locks.is_held(tmp_path / "nothing")
