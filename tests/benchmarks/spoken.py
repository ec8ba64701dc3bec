"""Do synthetic voices help with real ones? Spoken words of few speakers, learnt for speakers that were never heard.

    python tests/benchmarks/spoken.py DATA --group speaker --groups 1 --rows 15 --seeds 6

DATA holds train/metadata.csv and test/metadata.csv beside their clips; the label must be what is said. For every seed
some speakers are drawn, and `--rows` clips a class of theirs are trained on; all clips of the other speakers are asked
about. Every recipe makes as many samples (`--dose` a row), and the same learner is trained on the real rows with each.
Printed: macro-F1 and the paired gain over the real rows alone, mean over seeds with its 90 % interval, and seconds of
making. espeak-ng must be installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import proof

from memory.datasets.dataset import open_dataset
from memory.datasets.media import decode
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools import apply, catalogue
from tools.coverage.coverage import survey
from tools.engines.engine import Place
from tools.probe.bench import Bench, Training, probe_for
from tools.probe.held import hold_out

REAL = "real only"
CLASSICAL = ["speech.change_speed", "speech.add_noise", "speech.mask_time", "speech.mask_frequency"]
RECIPES: dict[str, list[list[str]]] = {
    "noise": [["speech.add_noise"]],
    "speed, noise, masks": [CLASSICAL],
    "convert_voice": [["speech.convert_voice"]],
    "espeak": [["speech.speak_text"]],
    "espeak, noise": [["speech.speak_text", "speech.add_noise"]],
    "espeak, room, noise": [["speech.speak_text", "speech.add_room", "speech.add_noise"]],
    "half each: classical, espeak": [CLASSICAL, ["speech.speak_text"]],
}


def made_by(maker: apply.Maker, bench: Bench, parts: Sequence[Sequence[str]], count: int) -> Any:
    """Return `count` samples a class, its share by each part's chain of tools; no gate looks at them."""
    payloads, labels, parents = [], [], []
    for at, tools in enumerate(parts):
        calls = tuple(Call(tool=name) for name in tools)
        fill = tuple(Fill(cell=Cell(at={"label": name}), count=count // len(parts)) for name in bench.held.classes)
        step = Step.model_construct(id=f"spoken.{at}", calls=calls, fill=fill, cites=(), why="")
        planned = apply.tasks(step, maker.coverage, 7)
        for low in range(0, len(planned), apply.SHARD):
            for one in maker.make(step, planned[low : low + apply.SHARD]):
                if one.refused is None and one.blob is not None:
                    payloads.append(decode("speech", one.blob, one.id))
                    labels.append(one.label)
                    parents.append(one.parents)
    return bench.read(payloads, labels, parents)


def one_seed(own: argparse.Namespace, rows: tuple[Any, Any], seed: int, place: Path) -> dict[str, dict[str, float]]:
    """Return recipe -> macro-F1 on unheard speakers, samples and seconds of making, for one draw of speakers."""
    data = place / f"data-{seed}"
    proof.write(data, own.data, rows[0], proof.chosen(own, *rows, seed))
    source = Source.model_validate({"path": str(data), "columns": {"label": own.label, "group": own.group}})
    work_in = place / f"work-{seed}"
    work_in.mkdir()
    dataset = open_dataset(source, work_in, 0)
    cover = survey(dataset)
    engines = Place(Policy(), dataset, cover, "cpu", seed)
    maker = apply.Maker(dataset, cover, catalogue.load(), seed, place=engines)
    held = hold_out(dataset, cover, 0, "test")
    probe = probe_for(dataset, cover, held, device="cpu", workers=1, encoder=None)
    bench = Bench(dataset, held, probe, 1000 + seed, runs=own.runs)
    base = bench.predict(Training())
    found = {REAL: {"macro_f1": bench.compare(base, base).after, "samples": 0, "seconds": 0.0}}
    count = round(own.dose * len(held.rows) / len(held.classes))
    for name, parts in RECIPES.items():
        if own.only and name not in own.only:
            continue
        began = time.perf_counter()
        lot = made_by(maker, bench, parts, count)
        spent = time.perf_counter() - began
        score = bench.compare(base, bench.predict(Training(made=lot))).after
        found[name] = {"macro_f1": score, "samples": len(lot), "seconds": spent}
    sys.stderr.write(
        f"seed {seed}: " + ", ".join(f"{k} {100 * one['macro_f1']:.1f}" for k, one in found.items()) + "\n"
    )
    return found


def main() -> None:
    """Run, and print a line a recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--label", default="label")
    parser.add_argument("--group", default="speaker")
    parser.add_argument("--groups", type=int, default=1, help="speakers that are trained on")
    parser.add_argument("--rows", type=int, default=15, help="clips a class")
    parser.add_argument("--dose", type=float, default=2.0, help="samples a row")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="trainings of each")
    parser.add_argument("--only", action="append", default=[], help="a recipe's name; may stand more than once")
    own = parser.parse_args()
    own.regime = "groups"
    rows = proof.read(own.data, "train"), proof.read(own.data, "test")
    found = []
    with TemporaryDirectory() as temporary:
        for seed in range(own.first_seed, own.first_seed + own.seeds):
            found.append(one_seed(own, rows, seed, Path(temporary)))
    for name in found[0]:
        gains = [100 * (one[name]["macro_f1"] - one[REAL]["macro_f1"]) for one in found]
        facts = {
            "macro_f1": round(100 * statistics.fmean(one[name]["macro_f1"] for one in found), 1),
            "gain": round(statistics.fmean(gains), 1),
            "gain_interval": proof.interval(gains),
            "samples": round(statistics.fmean(one[name]["samples"] for one in found)),
            "seconds": round(statistics.fmean(one[name]["seconds"] for one in found), 1),
        }
        print(f"{name:36}", json.dumps(facts))


if __name__ == "__main__":
    main()
