"""Every benchmark still runs; what it measures here, on a handful of items, means nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from memory.bundled import materialise

FOLDER = Path(__file__).parent / "benchmarks"
SMALL = {
    "digits_diffusion.py": ["--rows", "3", "--made", "2", "--iterations", "4"],
    "gpu_pictures.py": [],
    "image_tools.py": ["--size", "28", "--items", "4", "--rounds", "5"],
    "inspect_speed.py": [],
    "long_tail.py": ["--ratio", "4", "--largest", "12", "--at-least", "10"],
    "near_duplicates.py": ["--texts", "300"],
    "planners.py": ["--only", "text: one class"],
    "proof.py": ["--regime", "total", "--rows", "24", "--label", "intent", "--seeds", "1", "--budget", "60"],
    "retrieval.py": ["--limit", "4", "--records", "20"],
    "spoken.py": ["--groups", "2", "--rows", "3", "--seeds", "1", "--only", "convert_voice"],
    "speech_tools.py": ["--items", "2", "--rounds", "1", "--only", "gain"],
    "text_tools.py": ["--sentences", "64", "--rounds", "5"],
}


def test_every_benchmark_is_tried():
    assert {file.name for file in FOLDER.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs(name: str, tmp_path: Path):
    words = list(SMALL[name])
    if name in {"long_tail.py", "inspect_speed.py", "proof.py"}:
        data = materialise("requests", tmp_path)
        (data / "job.yaml").unlink()
        words.append(str(data))
    if name == "spoken.py":
        words.append(str(materialise("numbers", tmp_path)))
    done = subprocess.run(
        [sys.executable, FOLDER / name, *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
