"""How long one survey of a dataset takes: read, measure, find near-duplicates and leaks.

python tests/benchmarks/inspect_speed.py                       50,000 made sentences
python tests/benchmarks/inspect_speed.py DATA [--modality M]   a dataset on disk
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

from memory.datasets.dataset import open_dataset
from memory.job import Source
from tools.coverage.coverage import profile, survey
from tools.seeds import generator


def sentences(folder: Path, rows: int = 50_000) -> Path:
    rng = generator(1)
    words = ["".join(chr(97 + at) for at in rng.integers(0, 26, length)) for length in rng.integers(2, 11, 5000)]
    with (folder / "made.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label", "split"])
        for at in range(rows):
            text = " ".join(words[one] for one in rng.integers(0, 5000, 12))
            table.writerow([text, f"class {at % 7}", "test" if at % 10 == 0 else "train"])
    return folder / "made.csv"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("data", nargs="?")
    asked.add_argument("--modality", choices=["text", "image", "speech"])
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = options.data or str(sentences(Path(place)))
        workspace = Path(place) / "workspace"
        start = time.perf_counter()
        dataset = open_dataset(Source(path=path, modality=options.modality), workspace, 0)
        opened = time.perf_counter()
        coverage = survey(dataset)
        surveyed = time.perf_counter()
        said = profile(dataset, coverage)
        told = time.perf_counter()
        survey(dataset)
        again = time.perf_counter()
    print(f"{len(dataset)} rows of {dataset.modality}, splits {dataset.splits()}")
    print(f"open    {opened - start:7.2f} s  {len(dataset) / (opened - start):9.0f} rows/s")
    print(f"survey  {surveyed - opened:7.2f} s  {len(dataset) / (surveyed - opened):9.0f} rows/s")
    print(f"profile {told - surveyed:7.2f} s\nsurvey again, from what is kept {again - told:.2f} s")
    repeats, leaks = said["near_duplicates"], said["leaks"]
    print(f"near-duplicates {repeats['count']} ({repeats['share']:.2%}), leaks {leaks['count']}")


if __name__ == "__main__":
    main()
