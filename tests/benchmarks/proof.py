"""Does it help? The planner against doing nothing, other weights, fixed recipes and random tools, on test items.

    python tests/benchmarks/proof.py DATA --regime few --rows 20 --seeds 5            # few rows a class
    python tests/benchmarks/proof.py DATA --regime tail --rows 200 --ratio 50         # a long tail
    python tests/benchmarks/proof.py DATA --regime groups --groups 2                  # few speakers, other ones in use
    ... --shift '{"tool": "image.affine", "draw": {"rotate_deg": [-25, 25]}}'         # use differs, and the job says so

DATA holds train.csv and test.csv, or train/metadata.csv and test/metadata.csv beside their media. Training rows are
drawn anew for every seed; the planner never sees the test rows, which are changed by `--shift` before they are
written. Every recipe is then measured by the same learner on the same test items; where recipes make samples, all make
as many (`--dose` a row, classes brought to one size). Printed: macro-F1 and the paired gain over doing nothing, mean
over seeds with its 90 % interval, samples, seconds, and the regret against the best recipe in hindsight.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from agent import checks, policy, recipes, session
from agent.settings import from_environment
from memory.datasets.dataset import open_dataset
from memory.datasets.media import decode
from memory.job import Job, Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools import apply, catalogue
from tools.coverage.coverage import survey
from tools.engines.engine import Place
from tools.probe.bench import Bench, Training, probe_for
from tools.probe.held import hold_out

FIXED = {
    "text": {
        "EDA": [["text.swap_words"], ["text.delete_words"], ["text.insert_words"], ["text.replace_words"]],
        "AEDA": [["text.insert_punctuation"]],
        "typos": [["text.keyboard_noise"]],
    },
    "image": {
        "flip and crop": [["image.flip_crop"]],
        "TrivialAugment": [["image.trivial_augment"]],
        "TrivialAugment, flip, crop": [["image.trivial_augment", "image.flip_crop"]],
        "affine": [["image.affine"]],
    },
    "speech": {
        "noise": [["speech.add_noise"]],
        "speed, noise, masks": [
            ["speech.change_speed", "speech.add_noise", "speech.mask_time", "speech.mask_frequency"]
        ],
        "speed": [["speech.change_speed"]],
        "masks": [["speech.mask_time", "speech.mask_frequency"]],
        "espeak-ng": [["speech.speak_text"]],
    },
}
NOTHING, WEIGHTS, RANDOM, PLANNER = "nothing", "class weights", "random tools", "augplan"


@dataclass(frozen=True)
class Rows:
    """The rows of one split and where their media lie."""

    names: list[str]
    rows: list[dict[str, str]]
    folder: Path | None


def read(data: Path, split: str) -> Rows:
    """Read a split of a data folder."""
    table, folder = data / f"{split}.csv", None
    if not table.exists():
        table, folder = data / split / "metadata.csv", data / split
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return Rows(list(reader.fieldnames or ()), list(reader), folder)


def chosen(own: argparse.Namespace, train: Rows, test: Rows, seed: int) -> tuple[list[Any], list[Any]]:
    """Return the training and the test rows of one seed."""
    rng = np.random.default_rng(seed)
    label = own.label
    kept, held = train.rows, test.rows
    if own.regime == "groups":
        names = sorted({row[own.group] for row in kept})
        mine = {names[at] for at in rng.permutation(len(names))[: own.groups]}
        others = [*kept, *held]
        kept = [row for row in kept if row[own.group] in mine]
        held = [row for row in others if row[own.group] not in mine]
    classes = sorted({row[label] for row in kept})
    if own.regime == "tail":
        order, steps = [classes[at] for at in rng.permutation(len(classes))], max(len(classes) - 1, 1)
        sizes = {name: max(1, round(own.rows * own.ratio ** (-at / steps))) for at, name in enumerate(order)}
    elif own.regime == "total":
        picked = [kept[at] for at in rng.permutation(len(kept))[: own.rows]]
        return picked, held
    else:
        sizes = dict.fromkeys(classes, own.rows)
    picked = []
    for name, count in sizes.items():
        mine = [row for row in kept if row[label] == name]
        picked += [mine[at] for at in rng.permutation(len(mine))[:count]]
    return picked, held


def write(place: Path, data: Path, train: Rows, rows: tuple[list[Any], list[Any]]) -> None:
    """Write the dataset of one seed."""
    for split, part in zip(("train", "test"), rows, strict=True):
        folder = place if train.folder is None else place / split
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / (f"{split}.csv" if train.folder is None else "metadata.csv")).open(
            "w", encoding="utf-8", newline=""
        ) as file:
            writer = csv.DictWriter(file, train.names)
            writer.writeheader()
            writer.writerows(part)
        for row in part if train.folder is not None else ():
            source = next(path for name in ("train", "test") if (path := data / name / row["file_name"]).exists())
            target = folder / row["file_name"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())


def shifted(own: argparse.Namespace, place: Path) -> None:
    """Change the test items of a dataset for good, as its use would."""
    if not own.shift:
        return
    dataset, maker = maker_of(own, place, own.test_noise, seed=90_001)
    step = Step.model_construct(id="shift", calls=tuple(own.shift), fill=(), cites=(), why="")
    rows = dataset.rows("test").tolist()
    made = maker.make(step, [apply.Task(at, row, 0, Cell(at={})) for at, row in enumerate(rows)])
    if dataset.modality == "text":
        table = place / "test.csv"
        with table.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        payload = str(dataset.columns.payload)
        by_text = dict(zip(map(str, dataset.payloads(rows)), made, strict=True))
        for line in lines:
            one = by_text.get(line[payload])
            line[payload] = line[payload] if one is None or one.text is None else one.text
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, lines[0].keys())
            writer.writeheader()
            writer.writerows(lines)
        return
    paths = dataset.column("payload")
    for row, one in zip(rows, made, strict=True):
        if one.blob is not None:
            (place / str(paths[row])).write_bytes(one.blob)


def maker_of(own: argparse.Namespace, place: Path, noise: Path | None, seed: int) -> Any:
    """Return the dataset in a folder, and what makes samples from it."""
    from memory.datasets.noise import read_noise

    work_in = place.parent / f"{place.name}-{seed}"
    work_in.mkdir(exist_ok=True)
    dataset = open_dataset(Source.model_validate(own.source | {"path": str(place)}), work_in, 0)
    cover = survey(dataset)
    clips = read_noise(noise) if noise is not None else []
    place = Place(Policy(), dataset, cover, "cpu", seed)
    return dataset, apply.Maker(dataset, cover, catalogue.load(), seed, noise=clips, place=place)


def planned(own: argparse.Namespace, place: Path, seed: int) -> tuple[dict[str, Any], float]:
    """Let augplan work on the training rows; return its report and the seconds it took."""
    job = {
        "dataset": own.source | {"path": str(place)},
        "targets": [{"measure": "probe_macro_f1", "gain": 0.0}],
        "use": [call.model_dump() for call in own.shift],
        "limits": {"samples": own.budget, "seconds": 3600},
        "assets": {"noise": None if own.noise is None else str(own.noise)},
        "seed": seed,
    }
    settings = from_environment(runs=place.parent / "runs", memory=place.parent / "memory")
    began = time.perf_counter()
    ended = session.start(Job.model_validate(job), session.Ask(settings, yes=True))
    assert isinstance(ended, session.Ended)
    return ended.report, time.perf_counter() - began


def samples_of(own: argparse.Namespace, place: Path, bench: Bench, parts: Sequence[Sequence[str]]) -> Any:
    """Make the samples of a fixed recipe: classes brought to one size, then `--dose` a row; no gate looks at them."""
    dataset, maker = maker_of(own, place, own.noise, seed=7)
    sizes = bench.held.sizes()
    wanted = policy.level(sizes, policy.samples_at(sizes, own.dose), {})
    payloads, labels, parents = [], [], []
    for at, tools in enumerate(parts):
        calls = tuple(Call(tool=name, draw=dict(catalogue.load()[name].params.usual)) for name in tools)
        fill = tuple(
            Fill(cell=Cell(at={"label": label}), count=count // len(parts) + (at < count % len(parts)))
            for label, count in wanted.items()
            if count // len(parts) + (at < count % len(parts))
        )
        step = Step.model_construct(id=f"fixed.{at}", calls=calls, fill=fill, cites=(), why="")
        planned_tasks = apply.tasks(step, maker.coverage, 7)
        for low in range(0, len(planned_tasks), apply.SHARD):
            for one in maker.make(step, planned_tasks[low : low + apply.SHARD]):
                if one.refused is None:
                    payloads.append(one.text if one.blob is None else decode(dataset.modality, one.blob, one.id))
                    labels.append(one.label)
                    parents.append(one.parents)
    return bench.read(payloads, labels, parents)


def kept_by(report: dict[str, Any], bench: Bench) -> Any:
    """Return the samples that a run exported, read from its run folder."""
    from memory.datasets.made import Made

    folder = Path(report["run"])
    made = Made(folder / "made")
    steps = json.loads((folder / "report.json").read_text())["kept_steps"]
    pairs = [one for one, _ in made.accepted(steps)]
    payloads = [one.text if one.blob is None else decode(report["modality"], one.blob, one.id) for one in pairs]
    return bench.read([p for p in payloads if p is not None], [o.label for o in pairs], [o.parents for o in pairs])


def one_seed(own: argparse.Namespace, train: Rows, test: Rows, seed: int, place: Path) -> dict[str, dict[str, float]]:
    """Return recipe -> macro-F1 on the test items, samples and seconds, for one draw of training rows."""
    data = place / f"data-{seed}"
    write(data, own.data, train, chosen(own, train, test, seed))
    shifted(own, data)
    report, seconds = planned(own, data, seed)
    dataset, maker = maker_of(own, data, own.noise, seed=8)
    held = hold_out(dataset, maker.coverage, 0, "test")
    probe = probe_for(dataset, maker.coverage, held, device=own.device, workers=2, encoder=None)
    bench = Bench(dataset, held, probe, 1000 + seed, runs=1 if dataset.modality == "text" else own.runs)
    base = bench.predict(Training())
    found: dict[str, dict[str, float]] = {}

    def measured(name: str, training: Training, spent: float) -> None:
        said = base if training == Training() else bench.predict(training)
        score = bench.compare(base, said)
        samples = 0 if training.made is None else len(training.made)
        found[name] = {"macro_f1": score.after, "gain": score.gain, "samples": samples, "seconds": spent}

    measured(NOTHING, Training(), 0.0)
    measured(WEIGHTS, Training(weighting="classes"), 0.0)
    here = {name for name, tool in catalogue.load().items() if not catalogue.why_not_runnable(tool)}
    fixed: dict[str, Sequence[Sequence[str]]] = {
        name: parts
        for name, parts in FIXED[dataset.modality].items()
        if {one for part in parts for one in part} <= here
    }
    usual = Job.model_validate({"dataset": {"path": "."}})
    fixed[RANDOM] = [
        [tool.name]
        for tool in catalogue.select("augment", dataset.modality)
        if tool.labels == "kept" and tool.name in here and not checks.why_too_slow(tool, usual, "cpu")
    ]
    for name, parts in fixed.items():
        began = time.perf_counter()
        lot = samples_of(own, data, bench, parts)
        measured(name, Training(made=lot), time.perf_counter() - began)
    settled = report["proof"]["settled"]
    kept = kept_by(report, bench)
    extra = policy.level(held.sizes(), policy.samples_at(held.sizes(), policy.PILOT_DOSE), {})
    training = {
        recipes.AS_IS: Training(),
        recipes.REWEIGHTED: Training(weighting="classes"),
        recipes.COPIED: Training(copies=extra),
    }.get(settled) or Training(made=kept if len(kept) else None)
    measured(PLANNER, training, seconds)
    found[PLANNER]["made"] = report["made"]
    sys.stderr.write(
        f"seed {seed}: settled on {settled}, {report['made']} made; "
        + ", ".join(f"{name} {100 * one['macro_f1']:.1f}" for name, one in found.items())
        + f"; {seconds:.0f} s\n"
    )
    return found


def told(found: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Return mean, interval, cost and regret of every recipe."""
    table = {}
    fixed = [name for name in found[0] if name not in (PLANNER, RANDOM)]
    best = max(fixed, key=lambda name: statistics.fmean(one[name]["macro_f1"] for one in found))
    for name in found[0]:
        gains = [100 * (one[name]["macro_f1"] - one[NOTHING]["macro_f1"]) for one in found]
        behind = [100 * (one[best]["macro_f1"] - one[name]["macro_f1"]) for one in found]
        table[name] = {
            "macro_f1": round(100 * statistics.fmean(one[name]["macro_f1"] for one in found), 1),
            "gain": round(statistics.fmean(gains), 1),
            "gain_interval": interval(gains),
            "samples": round(statistics.fmean(one[name]["samples"] for one in found)),
            "seconds": round(statistics.fmean(one[name]["seconds"] for one in found), 1),
            "regret": round(statistics.fmean(behind), 1),
            "regret_interval": interval(behind),
        }
    return {"best_in_hindsight": best, "seeds": len(found), "recipes": table}


def interval(values: Sequence[float]) -> list[float]:
    """Return the 90 % interval of a mean over seeds (Student's t)."""
    if len(values) < 2:
        return [round(values[0], 1)] * 2
    t = {2: 6.31, 3: 2.92, 4: 2.35, 5: 2.13, 6: 2.02, 8: 1.89, 10: 1.83}.get(len(values), 1.8)
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    middle = statistics.fmean(values)
    return [round(middle - half, 1), round(middle + half, 1)]


def main() -> None:
    """Run, and print a line a recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--regime", choices=("few", "total", "tail", "groups"), default="few")
    parser.add_argument("--rows", type=int, default=20, help="a class; in all with `total`; of the largest with `tail`")
    parser.add_argument("--ratio", type=float, default=50)
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--label", default="label")
    parser.add_argument("--group", default=None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--dose", type=float, default=2.0)
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shift", action="append", default=[], help="a call as JSON; test items are changed by it")
    parser.add_argument("--noise", type=Path, help="recordings that tools mix in")
    parser.add_argument("--test-noise", type=Path, help="recordings that --shift mixes in")
    own = parser.parse_args()
    own.shift = [Call.model_validate_json(one) for one in own.shift]
    own.source = {"columns": {"label": own.label, "group": own.group}}
    train, test = read(own.data, "train"), read(own.data, "test")
    found = []
    with TemporaryDirectory() as temporary:
        for seed in range(own.first_seed, own.first_seed + own.seeds):
            found.append(one_seed(own, train, test, seed, Path(temporary)))
    facts = told(found)
    print(f"best in hindsight: {facts['best_in_hindsight']}, {facts['seeds']} seeds")
    for name, one in facts["recipes"].items():
        print(f"{name:28}", json.dumps(one))


if __name__ == "__main__":
    main()
