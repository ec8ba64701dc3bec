"""What a diffusion model that is trained on a few handwritten digits makes of them, without any weights from elsewhere.

    python tests/benchmarks/digits_diffusion.py --rows 60 --made 30

Trains the engine `class_diffusion` on some digits of scikit-learn a class, draws samples at guidance 0, 1 and 2, and
puts them before the gates of a run. Prints a line for the training and one for each weight of guidance: how many
samples the gates accept, how many a classifier of the real rows reads as their label, what a classifier of the samples
alone, or of rows and accepted samples together, reads of real test digits, and how far samples are from their nearest
training image (median; pixels in [0, 1]). The rest of the digits, which nothing was trained on, is the yardstick.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from memory.datasets.dataset import open_dataset
from memory.datasets.media import decode
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools import apply, catalogue
from tools.coverage.coverage import survey
from tools.engines.class_diffusion import learn
from tools.engines.denoiser import Recipe
from tools.engines.engine import Place
from tools.judge import Judge, gates_for

TOOL = "image.generate_class"
GUIDANCE = (0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Digits:
    """Images (items, 64) of [0, 1] and their classes."""

    images: np.ndarray
    classes: np.ndarray

    def read_by(self, other: Digits) -> float:
        """Return the share that a support vector machine trained on `other` reads as their class, in percent."""
        machine = SVC(gamma="scale", C=10).fit(other.images, other.classes)
        return round(100 * float(machine.score(self.images, self.classes)), 1)

    def beside(self, other: Digits) -> Digits:
        """Return these and others."""
        return Digits(np.concatenate([self.images, other.images]), np.concatenate([self.classes, other.classes]))


def divided(rows: int, seed: int, folder: Path) -> tuple[Digits, Digits]:
    """Write `rows` drawn digits a class as an image folder; return them and the rest."""
    whole = load_digits()
    order = np.random.default_rng(seed).permutation(len(whole.target))
    train = np.concatenate([order[whole.target[order] == one][:rows] for one in range(10)])
    for at in train.tolist():
        place = folder / "train" / str(whole.target[at])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(whole.images[at] * 255 / 16).astype(np.uint8)).save(place / f"{at:04d}.png")
    rest = np.setdiff1d(order, train)
    return tuple(Digits(whole.data[part] / 16, whole.target[part]) for part in (train, rest))  # type: ignore[return-value]


def distance(of: Digits, to: Digits) -> float:
    """Return the median distance to the nearest image of `to`."""
    return round(float(np.median(NearestNeighbors(n_neighbors=1).fit(to.images).kneighbors(of.images)[0])), 3)


def drawn(maker: apply.Maker, judge: Judge, guidance: float, made: int) -> tuple[Digits, np.ndarray, dict[str, Any]]:
    """Return samples, which of them the gates accept, and facts of making and judging."""
    fill = tuple(Fill(cell=Cell(at={"label": str(one)}), count=made) for one in range(10))
    call = Call(tool=TOOL, draw={"guidance": guidance})
    step = Step(id=f"at-{guidance:g}", calls=(call,), fill=fill, cites=("azizi2023synthetic",))
    began = time.perf_counter()
    tried = maker.make(step, apply.tasks(step, maker.coverage, maker.run_seed))
    spent = time.perf_counter() - began
    candidates = [one for one in tried if one.blob is not None]
    pixels = [decode("image", one.blob or b"", one.id) for one in candidates]
    judged = judge.judge(candidates, pixels)
    rejected = Counter(one.rejected_by for one in judged if not one.accepted)
    samples = Digits(
        np.stack([np.asarray(one, np.float64).ravel() / 255 for one in pixels]),
        np.array([int(str(one.label)) for one in candidates]),
    )
    facts = {
        "guidance": guidance,
        "made": len(candidates),
        "refused": len(tried) - len(candidates),
        "accepted_percent": round(100 * sum(one.accepted for one in judged) / len(judged), 1),
        "rejected": dict(rejected),
        "ms_a_sample": round(1000 * spent / len(tried), 1),
    }
    return samples, np.array([one.accepted for one in judged]), facts


def main() -> None:
    """Run, and print one JSON document a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60, help="training digits a class")
    parser.add_argument("--made", type=int, default=30, help="samples a class")
    parser.add_argument("--iterations", type=int, default=Recipe().iterations, help="steps of training at most")
    parser.add_argument("--seed", type=int, default=1)
    own = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        train, test = divided(own.rows, own.seed, place / "digits")
        dataset = open_dataset(Source(path=str(place / "digits"), modality="image"), place, 0)
        cover = survey(dataset)
        rows = cover.train[cover.counted].tolist()
        labels = dataset.column("label")
        began = time.perf_counter()
        engine = learn(
            dataset.payloads(rows),  # type: ignore[arg-type]
            [str(labels[row]) for row in rows],
            own.seed,
            recipe=Recipe(iterations=own.iterations),
        )
        facts = {"rows": len(rows), "train_seconds": round(time.perf_counter() - began, 1)}
        facts |= {name: engine.facts[name] for name in ("iterations", "best_at", "parameters", "together", "losses")}
        facts |= {"real_reads_test": test.read_by(train), "test_distance": distance(test, train)}
        print(json.dumps(facts), flush=True)
        maker = apply.Maker(
            dataset, cover, catalogue.load(), own.seed, place=Place(Policy(), dataset, cover, "cpu", own.seed)
        )
        maker.material._engines["class_diffusion"] = engine  # trained above, with the steps that were asked for
        for guidance in GUIDANCE:
            judge = Judge(dataset, cover, own.seed, gates_for("image", Policy()))
            samples, accepted, facts = drawn(maker, judge, guidance, own.made)
            kept = Digits(samples.images[accepted], samples.classes[accepted])
            facts |= {
                "read_by_real": samples.read_by(train),
                "samples_read_test": test.read_by(samples),
                "both_read_test": test.read_by(train.beside(kept)),
                "distance": distance(samples, train),
            }
            print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
