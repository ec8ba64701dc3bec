"""Opening a dataset, and loading what was exported the way a reader would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory.datasets.dataset import Dataset, open_dataset
from memory.job import Source

Open = Callable[..., Dataset]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def read(path: Path, **more: Any) -> Dataset:
        return open_dataset(Source(path=str(path), **more), tmp_path / "workspace", 0)

    return read


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        from datasets import disable_progress_bars, load_dataset

        disable_progress_bars()
        return load_dataset(str(path), cache_dir=str(tmp_path / "cache"))

    return read
