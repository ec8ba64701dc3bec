"""Opening a dataset, and comparing what came of it with what should have."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from memory.datasets.dataset import Dataset, open_dataset
from memory.errors import UsageError
from memory.job import Source


@pytest.fixture
def open_at(tmp_path: Path) -> Callable[..., Dataset]:
    """Open a path, with the fields of a source."""

    def run(path: Path | str, seed: int = 0, **fields: Any) -> Dataset:
        return open_dataset(Source(path=str(path), **fields), tmp_path / "workspace", seed)

    return run


@pytest.fixture
def meets(tmp_path: Path, open_at: Callable[..., Dataset]) -> Callable[..., None]:
    """Make bad input in an empty folder, open it, and compare.

    An outcome is ("refused", parts of the message...), ("left out", rows that stay, where, why) or
    ("works", rows, labels...).
    """

    def run(make: Callable[[Path], Any], outcome: tuple[Any, ...]) -> None:
        folder = tmp_path / "set"
        folder.mkdir()
        made = make(folder)
        fields = made if isinstance(made, dict) else {"path": made or folder}
        what, *expected = outcome
        if what == "refused":
            with pytest.raises(UsageError) as problem:
                open_at(**fields)
            for part in expected:
                assert part in str(problem.value)
            return
        found = open_at(**fields)
        assert len(found) == expected[0]
        assert len(found.payloads(range(len(found)))) == len(found)
        if what == "works":
            assert found.skipped == []
            assert sorted(set(found.column("label"))) == sorted(expected[1:])
        else:
            _, where, why = expected
            assert [one.where for one in found.skipped] == [where]
            assert why in found.skipped[0].why
            assert found.skipped_count == 1

    return run


@pytest.fixture
def png() -> Callable[..., bytes]:
    """Encode a small image of any mode."""

    def run(mode: str = "RGB", size: tuple[int, int] = (6, 4), form: str = "PNG", **options: Any) -> bytes:
        file = io.BytesIO()
        Image.new(mode, size, options.pop("colour", 0)).save(file, format=form, **options)
        return file.getvalue()

    return run


@pytest.fixture
def wav() -> Callable[..., bytes]:
    """Encode a short clip."""

    def run(samples: Any = None, rate_hz: int = 8000, form: str = "WAV", subtype: str | None = None) -> bytes:
        file = io.BytesIO()
        heard = np.sin(np.arange(800) / 5).astype(np.float32) / 2 if samples is None else samples
        soundfile.write(file, heard, rate_hz, format=form, subtype=subtype)
        return file.getvalue()

    return run
