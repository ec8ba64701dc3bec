"""Make a dataset long-tailed, bring every class back to a size, and count the export anew.

    python tests/benchmarks/long_tail.py DATA --ratio 50 --largest 200 --at-least 100

The count is made by `datasets.load_dataset` and this file alone, not by augplan.
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
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np


def sizes(classes: list[str], ratio: float, largest: int, rng: np.random.Generator) -> dict[str, int]:
    """Return class -> items: exponentially falling from `largest` to `largest / ratio`, in a drawn order."""
    order = [classes[at] for at in rng.permutation(len(classes))]
    steps = max(len(order) - 1, 1)
    return {name: max(1, round(largest * ratio ** (-at / steps))) for at, name in enumerate(order)}


def thin(rows: list[dict[str, str]], label: str, ratio: float, largest: int, seed: int) -> list[dict[str, str]]:
    """Keep a long tail of the rows."""
    rng = np.random.default_rng(seed)
    wanted = sizes(sorted({row[label] for row in rows}), ratio, largest, rng)
    kept = []
    for name, count in wanted.items():
        mine = [row for row in rows if row[label] == name]
        kept += [mine[at] for at in rng.permutation(len(mine))[:count]]
    return kept


def rewrite(file: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def long_tailed(source: Path, to: Path, ratio: float, largest: int, seed: int) -> str:
    """Copy a dataset (CSV files, or folders with metadata.csv) with a long tail in training; return its label column."""
    shutil.copytree(source, to)
    table = to / "train.csv" if (to / "train.csv").exists() else to / "train" / "metadata.csv"
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    label = "label" if "label" in rows[0] else next(name for name in rows[0] if name in {"intent", "class"})
    kept = thin(rows, label, ratio, largest, seed)
    rewrite(table, kept)
    if table.name == "metadata.csv":
        names = {row["file_name"] for row in kept}
        for file in (to / "train").rglob("*"):
            if file.is_file() and file != table and file.relative_to(to / "train").as_posix() not in names:
                file.unlink()
    return label


def check(export: Path, source: Path, label: str, report: dict[str, object], cache: Path) -> dict[str, object]:
    """Count the export anew and compare: cells, evaluation splits, files."""
    from datasets import load_dataset

    loaded = load_dataset(str(export), cache_dir=str(cache))
    name = (
        (lambda value: loaded["train"].features[label].int2str(value))
        if hasattr(loaded["train"].features[label], "int2str")
        else str
    )
    free = [not one for one in loaded["train"]["duplicate_of"]]
    counted = Counter(name(value) for value, keep in zip(loaded["train"][label], free, strict=True) if keep)
    targets = report["targets"]
    assert isinstance(targets, list)
    wrong = {
        line["cell"]["label"]: (line["after"], counted[line["cell"]["label"]])
        for line in targets
        if counted[line["cell"]["label"]] != line["after"]
    }
    synthetic = sum(bool(one) for split in loaded if split != "train" for one in loaded[split]["synthetic"])
    changed = [
        str(file.relative_to(source))
        for split in ("test", "validation")
        for place in (source / split, source / f"{split}.csv")
        for file in ([place] if place.is_file() else place.rglob("*") if place.is_dir() else [])
        if file.is_file()
        and (
            not (export / file.relative_to(source)).exists()
            or (export / file.relative_to(source)).read_bytes() != file.read_bytes()
        )
    ]
    return {
        "cells_that_differ": wrong,
        "synthetic_in_evaluation": synthetic,
        "evaluation_files_changed": changed[:3],
        "counts": dict(counted),
    }


def main() -> None:
    """Run and print one JSON document."""
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
        data = place / "data"
        label = long_tailed(own.data, data, own.ratio, own.largest, own.seed)
        job = {
            "dataset": {"path": str(data), "columns": {"label": label}},
            "targets": [{"axes": ["label"], "at_least": own.at_least}],
            "seed": own.seed,
        }
        (place / "job.yaml").write_text(json.dumps(job))
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "agent", "run", str(place / "job.yaml"), "--json", "--runs", str(place / "runs"), "--batch-size", str(own.batch_size)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        wall = time.perf_counter() - began
        if done.returncode not in (0, 5):
            sys.exit(done.stderr)
        report = json.loads(done.stdout)
        found = check(Path(report["export"]), data, label, report, place / "cache")
        keys = ("stop_reason", "met", "rounds", "made", "accepted", "rejected", "cost", "export_digest")
        arms = {name: [arm["accepted"], arm["made"], arm["rejected"]] for name, arm in report["arms"].items()}
        print(
            json.dumps(
                {
                    "exit": done.returncode,
                    "wall_s": round(wall, 1),
                    **{key: report[key] for key in keys},
                    "arms": arms,
                    **found,
                },
                indent=1,
            )
        )  # noqa: T201


if __name__ == "__main__":
    main()
