"""Every benchmark still runs; what it measures here, on a handful of items, means nothing."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memory.bundled import materialise

FOLDER = Path(__file__).parent / "benchmarks"
SMALL = {
    "digits_diffusion.py": ["--rows", "3", "--made", "2", "--iterations", "4"],
    "gpu/pictures.py": ["--tiny", "--rounds", "1"],
    "gpu/speech.py": ["--tiny", "--rounds", "1"],
    "gpu/text.py": ["--tiny", "--rounds", "1"],
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
SHARED = {"gpu/busy.py"}
"""What benchmarks import."""
TOLD = {
    "gpu/pictures.py": ["naive loop", "engine"],
    "gpu/speech.py": ["naive loop", "engine", "one by one", "in batches"],
    "gpu/text.py": ["generate, float32", "Local", "Local, schema", "naive loop", "filler"],
}
"""Contestants of those for a GPU, in the order in which they are told."""


def test_every_benchmark_is_tried():
    assert {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.py")} == set(SMALL) | SHARED


@pytest.mark.parametrize("name", [name for name in SMALL if name not in TOLD])
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


@pytest.mark.parametrize("name", TOLD)
def test_a_benchmark_for_a_gpu_measures_every_contestant(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = subprocess.run([sys.executable, FOLDER / name, *SMALL[name]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the figures mean nothing" in done.stdout
    rates = re.findall(r"^  (\S.*?) +([0-9.]+) \D+/s \(", done.stdout, re.MULTILINE)
    assert [contestant for contestant, _ in rates] == TOLD[name]
    assert all(float(rate) > 0 for _, rate in rates)


def test_without_a_gpu_nothing_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    files = [str(FOLDER / name) for name in TOLD]
    code = (
        "import runpy, sys\n"
        f"for file in {files!r}:\n"
        f"    sys.argv, sys.path[0] = [file], {str(FOLDER / 'gpu')!r}\n"
        "    runpy.run_path(file, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["There is no GPU here"] * len(TOLD)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return what benchmarks for a GPU share, before a GPU that is not there; `nvidia-smi` is a file to be written."""
    spec = importlib.util.spec_from_file_location("busy_here", FOLDER / "gpu" / "busy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    for name, found in {
        "is_available": True,
        "synchronize": None,
        "reset_peak_memory_stats": None,
        "max_memory_allocated": 3 * 2**29,
        "get_device_properties": SimpleNamespace(name="Nothing 1", uuid="12-34", total_memory=2**34),
    }.items():
        monkeypatch.setattr(module.torch.cuda, name, lambda *_, found=found: found)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    return module


def nvidia_smi(folder: Path, says: str) -> None:
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{says}\n")
    file.chmod(0o755)


def test_the_gpu_is_asked_how_busy_it_is(busy, tmp_path):
    nvidia_smi(tmp_path, 'case "$*" in *--id=GPU-12-34*) echo " 73 ";; *) exit 1;; esac')
    one = busy.measured(lambda: time.sleep(0.5) or 7.0)
    assert (one.made, one.busy, one.peak_gib) == (7.0, 73.0, 1.5)
    assert one.samples >= 1
    assert 0.5 <= one.seconds < 2


@pytest.mark.parametrize("says", ["echo '[N/A]'", "exit 9"])
def test_a_gpu_that_does_not_say_is_unknown(busy, tmp_path, says, capsys):
    nvidia_smi(tmp_path, says)
    busy.take_turns("Work", "items", {"loop": lambda: time.sleep(0.2) or 2}, {"ours": lambda: time.sleep(0.2) or 6}, 1)
    told = capsys.readouterr().out
    assert told.count("GPU busy unknown") == 2
    assert 2.5 < float(re.search(r"ours / loop: (\S+)", told)[1]) < 3.5


def test_where_it_was_measured_is_told(busy, capsys):
    assert busy.device_for(SimpleNamespace(tiny=False, cpu=False)) == "cuda"
    assert capsys.readouterr().out.startswith(f"Nothing 1, 16 GiB; {datetime.now(UTC).date()}; torch ")
