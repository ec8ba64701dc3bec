"""Make a dataset long-tailed, bring every class back to a size, and count the export anew.

    python tests/benchmarks/long_tail.py DATA --ratio 50 --largest 200 --at-least 100

DATA holds train.csv, or train/metadata.csv beside its media. The count of the export is made by
`datasets.load_dataset` and this file alone, not by augplan.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np


def class_sizes(classes: list[str], ratio: float, largest: int, rng: np.random.Generator) -> dict[str, int]:
    """Return class -> items: exponentially falling from `largest` to `largest / ratio`, in a drawn order."""
    order = [classes[at] for at in rng.permutation(len(classes))]
    steps = max(len(order) - 1, 1)
    return {name: max(1, round(largest * ratio ** (-at / steps))) for at, name in enumerate(order)}


def thinned(rows: list[dict[str, str]], label: str, ratio: float, largest: int, seed: int) -> list[dict[str, str]]:
    """Return a long tail of the rows."""
    rng = np.random.default_rng(seed)
    kept = []
    for name, count in class_sizes(sorted({row[label] for row in rows}), ratio, largest, rng).items():
        mine = [row for row in rows if row[label] == name]
        kept += [mine[at] for at in rng.permutation(len(mine))[:count]]
    return kept


def long_tailed(source: Path, to: Path, ratio: float, largest: int, seed: int) -> str:
    """Copy a dataset with a long tail in training; return the name of its label column."""
    shutil.copytree(source, to)
    table = to / "train.csv" if (to / "train.csv").exists() else to / "train" / "metadata.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    label = next(name for name in rows[0] if name in {"label", "intent", "class"})
    kept = thinned(rows, label, ratio, largest, seed)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    if table.name == "metadata.csv":
        names = {row["file_name"] for row in kept}
        for media in (to / "train").rglob("*.*"):
            if media != table and media.relative_to(to / "train").as_posix() not in names:
                media.unlink()
    return label


def evaluation_files(source: Path) -> Iterator[Path]:
    """Yield every file of the evaluation splits, relative to the dataset."""
    for split in ("test", "validation"):
        for file in (source / f"{split}.csv", *(source / split).rglob("*")):
            if file.is_file():
                yield file.relative_to(source)


def recount(export: Path, source: Path, label: str, report: dict[str, Any], cache: Path) -> dict[str, Any]:
    """Count the export anew; return what differs from the report and from the source."""
    from datasets import load_dataset

    loaded = load_dataset(str(export), cache_dir=str(cache))
    train = loaded["train"].select_columns([label, "duplicate_of"])
    feature = train.features[label]
    named = feature.int2str if hasattr(feature, "int2str") else str
    counts = Counter(named(row[label]) for row in train if not row["duplicate_of"])
    lines = {line["cell"]["label"]: line["after"] for line in report["targets"]}
    changed = [
        str(name)
        for name in evaluation_files(source)
        if not (export / name).exists() or (export / name).read_bytes() != (source / name).read_bytes()
    ]
    made = (one for name in loaded if name != "train" for one in loaded[name]["synthetic"])
    return {
        "cells_that_differ": {name: (after, counts[name]) for name, after in lines.items() if counts[name] != after},
        "synthetic_in_evaluation": sum(map(bool, made)),
        "evaluation_files_changed": changed,
        "counts": dict(counts),
    }


def run(job: Path, place: Path, batch_size: int) -> tuple[dict[str, Any], float]:
    """Carry out the job in a process of its own; return its report and the seconds it took."""
    words = ["run", str(job), "--json", "--runs", str(place / "runs"), "--batch-size", str(batch_size)]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "agent", *words], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 5):
        sys.exit(done.stderr)
    return json.loads(done.stdout), time.perf_counter() - began


def main() -> None:
    """Run, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--ratio", type=float, default=50)
    parser.add_argument("--largest", type=int, default=200)
    parser.add_argument("--at-least", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--keep", type=Path, help="a new folder to leave everything in")
    own = parser.parse_args()
    with TemporaryDirectory() as temporary:
        place = own.keep or Path(temporary) / "work"
        place.mkdir(parents=True)
        label = long_tailed(own.data, place / "data", own.ratio, own.largest, own.seed)
        dataset = {"path": "data", "columns": {"label": label}}
        job = {"dataset": dataset, "targets": [{"axes": ["label"], "at_least": own.at_least}], "seed": own.seed}
        (place / "job.yaml").write_text(json.dumps(job))
        report, seconds = run(place / "job.yaml", place, own.batch_size)
        found = recount(Path(report["export"]), place / "data", label, report, place / "cache")
        keys = ("stop_reason", "rounds", "made", "accepted", "rejected", "cost", "export_digest")
        shown = {"wall_s": round(seconds, 1), **{key: report[key] for key in keys}, **found}
        shown["arms"] = {name: f"{arm['accepted']} of {arm['made']}" for name, arm in report["arms"].items()}
        print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
