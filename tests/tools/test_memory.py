"""A batch that does not fit into memory is halved until it does, and the samples stay the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIDE, ITEMS = 768, 16
SCRIPT = """
import json, resource, sys
from pathlib import Path
import torch
from memory.datasets.dataset import open_dataset
from memory.job import Source
from memory.records import Call, Cell, Fill, Step
from tools import catalogue, executors
from tools.apply import Maker, tasks
from tools.coverage.coverage import survey

torch.set_num_threads(1)
data, place, spare = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
dataset = open_dataset(Source(path=str(data), modality="image"), place, 0)
cover, tool = survey(dataset), sys.argv[4]
maker = Maker(dataset, cover, catalogue.load(), 7, batch_size=64)
step = Step(id="s", calls=(Call(tool=tool),), fill=(Fill(cell=Cell(at={"label": "a"}), count=16),), cites=("k",))
planned = tasks(step, cover, 7)
maker.make(step, planned[:1])  # libraries are loaded before the memory is bounded
sizes, run = [], executors.guarded
def seen(tool, batch, params):
    sizes.append(len(params))
    return run(tool, batch, params)
sys.modules["tools.apply"].guarded = seen
if spare:
    used = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + spare * 2**20, resource.RLIM_INFINITY))
made = maker.make(step, planned)
print(json.dumps({"sizes": sizes, "content": [one.content for one in made], "refused": [one.refused for one in made]}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is bounded by RLIMIT_AS")
@pytest.mark.parametrize("tool", ["image.affine", "image.blur"])
def test_a_batch_is_halved_until_it_fits_and_no_sample_changes(tool: str, tmp_path: Path):
    rng = np.random.default_rng(3)
    folder = tmp_path / "data" / "train" / "a"
    folder.mkdir(parents=True)
    for at in range(ITEMS):
        small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        small.resize((SIDE, SIDE), Image.Resampling.BILINEAR).save(folder / f"{at:02d}.png", compress_level=1)

    def made(spare: int) -> dict[str, list[object]]:
        words = [str(tmp_path / "data"), str(tmp_path / f"work-{spare}"), str(spare), tool]
        done = subprocess.run([sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, list[object]] = json.loads(done.stdout)
        return found

    free = made(0)
    assert free["sizes"] == [ITEMS]
    for spare in (90, 75, 60, 45):  # MiB; how much a batch takes differs a little from one allocator to another
        bounded = made(spare)
        assert bounded["sizes"][0] == ITEMS
        if len(bounded["sizes"]) > 1:
            break
    assert len(bounded["sizes"]) > 1, "the whole batch never fitted"
    assert bounded["refused"] == [None] * ITEMS
    assert bounded["content"] == free["content"]
