"""Every layout, from disk through a whole run to what `datasets.load_dataset` reads."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from memory.bundled import materialise
from memory.job import Job


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    return materialise("numbers", tmp_path / "bundled")


def lines_of(numbers: Path, split: str) -> list[dict[str, str]]:
    head, *rows = (numbers / split / "metadata.csv").read_text(encoding="utf-8").splitlines()
    return [dict(zip(head.split(","), row.split(","), strict=True)) for row in rows]


def jsonl(place: Path, texts: Path) -> Path:
    import pyarrow.csv as read

    place.mkdir()
    for split in ("train", "test"):
        rows = read.read_csv(texts / f"{split}.csv").to_pylist()
        (place / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return place


def one_csv_with_a_split_column(place: Path, texts: Path) -> Path:
    place.mkdir()
    lines = ["text,label,split"]
    for split in ("train", "test"):
        lines += [f"{line},{split}" for line in (texts / f"{split}.csv").read_text(encoding="utf-8").splitlines()[1:]]
    (place / "all.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place / "all.csv"


def saved(place: Path, texts: Path) -> Path:
    import datasets
    import pyarrow.csv as read

    parts = {split: datasets.Dataset(read.read_csv(texts / f"{split}.csv")) for split in ("train", "test")}
    datasets.DatasetDict(parts).save_to_disk(str(place))
    return place


@pytest.mark.parametrize("make", [jsonl, one_csv_with_a_split_column, saved], ids=lambda make: make.__name__)
def test_text_in_every_layout(make: Callable[[Path, Path], Path], texts, tmp_path, run_job):
    from datasets import load_dataset

    path = make(tmp_path / "made", texts)
    job = Job.model_validate({"dataset": {"path": str(path)}, "targets": [{"at_least": 14}]})
    report = run_job(job)
    loaded = load_dataset(report["export"], cache_dir=str(tmp_path / "cache"))
    assert Counter(row["label"] for row in loaded["train"] if not row["duplicate_of"]) == {"refund": 14, "delivery": 14}
    assert len(loaded["test"]) == 2
    assert not any(loaded["test"]["synthetic"])
    assert all(json.loads(row["parents"]) for row in loaded["train"] if row["synthetic"])


def sizes(report: dict[str, Any]) -> dict[str, int]:
    return {line["cell"]["label"]: line["after"] for line in report["targets"]}


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_of_many_sizes_and_modes(suffix, tmp_path, run_job):
    from datasets import load_dataset

    rng = np.random.default_rng(5)
    modes = {"png": ("L", "RGB", "RGBA", "P", "1", "I;16"), "jpg": ("L", "RGB", "CMYK")}[suffix]
    for label, count in (("cat", 12), ("dog<script>", 5)):
        folder = tmp_path / "pets" / "train" / label
        folder.mkdir(parents=True)
        for at in range(count):
            size = (9 + 7 * (at % 3), 12 + 5 * (at % 2))
            low = Image.fromarray((rng.random((4, 4, 3)) * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
            mode = modes[at % len(modes)]
            picture = (
                Image.fromarray(np.asarray(low.convert("L")).astype(np.uint16) * 256)
                if mode == "I;16"
                else low.convert(mode)
            )
            picture.save(folder / f"{at}.{suffix}")
    shutil.copytree(tmp_path / "pets" / "train" / "cat", tmp_path / "pets" / "test" / "cat")
    for file in (tmp_path / "pets" / "test" / "cat").iterdir():
        Image.fromarray((rng.random((20, 20, 3)) * 255).astype(np.uint8)).save(file)
    report = run_job(Job.model_validate({"dataset": {"path": str(tmp_path / "pets")}, "targets": [{"at_least": 12}]}))
    assert sizes(report) == {"cat": 12, "dog<script>": 12}
    loaded = load_dataset(report["export"], cache_dir=str(tmp_path / "cache"))
    name = loaded["train"].features["label"].int2str if hasattr(loaded["train"].features["label"], "int2str") else str
    assert Counter(name(row["label"]) for row in loaded["train"] if not row["duplicate_of"]) == sizes(report)
    assert all(row["image"].size for row in loaded["train"])
    page = (Path(report["run"]) / "report.html").read_text(encoding="utf-8")
    assert "dog&lt;script&gt;" in page
    assert "dog<script>" not in page


def nemo(place: Path, numbers: Path) -> Path:
    place.mkdir()
    rows = []
    for line in lines_of(numbers, "train"):
        shutil.copy(numbers / "train" / line["file_name"], place / line["file_name"])
        seconds = soundfile.info(place / line["file_name"]).duration
        rows.append({"audio_filepath": line["file_name"], "duration": seconds, "label": line["label"]})
    (place / "train_manifest.json").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return place / "train_manifest.json"


def embedded(place: Path, numbers: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place.mkdir()
    for split in ("train", "test"):
        rows = [
            {
                "audio": {"bytes": (numbers / split / line["file_name"]).read_bytes(), "path": line["file_name"]},
                "label": line["label"],
            }
            for line in lines_of(numbers, split)
        ]
        pq.write_table(pa.Table.from_pylist(rows), place / f"{split}.parquet")
    return place


def resampled(place: Path, numbers: Path) -> Path:
    """The same clips in stereo, at several rates and in several formats."""
    kinds = [("wav", 16000), ("flac", 8000), ("ogg", 11025), ("wav", 44100)]
    for split in ("train", "test"):
        (place / split).mkdir(parents=True)
        lines = ["file_name,label,speaker"]
        for at, line in enumerate(lines_of(numbers, split)):
            samples, _ = soundfile.read(numbers / split / line["file_name"])
            ending, rate = kinds[at % 4]
            name = f"{at:03d}.{ending}"
            soundfile.write(place / split / name, np.stack([samples, samples * 0.5], axis=1), rate)
            lines.append(f"{name},{line['label']},{line['speaker']}")
        (place / split / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.mark.parametrize("make", [nemo, embedded, resampled], ids=lambda make: make.__name__)
def test_speech_in_every_layout(make: Callable[[Path, Path], Path], numbers, tmp_path, run_job):
    from datasets import load_dataset

    path = make(tmp_path / "made", numbers)
    job = Job.model_validate({"dataset": {"path": str(path)}, "targets": [{"at_least": 24}]})
    report = run_job(job)
    assert all(after >= 24 for after in sizes(report).values())
    loaded = load_dataset(report["export"], cache_dir=str(tmp_path / "cache"))
    assert Counter(row["label"] for row in loaded["train"] if not row["duplicate_of"]) == sizes(report)
    for row in loaded["train"]:
        samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
        assert len(samples) > 0
        assert rate in {8000, 11025, 16000, 44100}


def test_noise_of_a_folder_is_mixed_in(numbers, tmp_path, run_job):
    rng = np.random.default_rng(9)
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hum.wav", rng.standard_normal(16000) * 0.1, 16000)
    wanted = {
        "dataset": {"path": str(numbers)},
        "targets": [{"at_least": 20}],
        "policy": {"tools": {"allow": ["speech.add_noise"]}},
    }
    with_noise = run_job(Job.model_validate({**wanted, "assets": {"noise": str(tmp_path / "noise")}}))
    without = run_job(Job.model_validate(wanted))
    assert with_noise["export_digest"] != without["export_digest"]
    assert all(after >= 20 for after in sizes(with_noise).values())


def test_a_later_export_under_the_same_name_is_not_mistaken_for_an_earlier_one(texts, tmp_path, run_job):
    from datasets import load_dataset

    for at_least in (12, 14):
        for seed in (1, 2):
            wanted = {"dataset": {"path": str(texts)}, "targets": [{"at_least": at_least}], "seed": seed}
            report = run_job(Job.model_validate(wanted))
            loaded = load_dataset(report["export"], cache_dir=str(tmp_path / "cache"))["train"]
            with (Path(report["export"]) / "train.csv").open(encoding="utf-8", newline="") as file:
                assert [row["sample_id"] for row in csv.DictReader(file)] == loaded["sample_id"][:]
