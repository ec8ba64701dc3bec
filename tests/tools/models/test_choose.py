from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from memory.errors import UsageError
from tools.models.choose import name_of, source_of, why_missing
from tools.models.endpoint import Endpoint
from tools.models.local import Local
from tools.weights.table import TABLE

FAR = "https://models.example/v1"
NEAR = ("http://localhost:8000/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1", "http://127.9.9.9/v1")


def chosen(name: str, remote: bool = False, base_url: str = FAR, key: str | None = None):
    return source_of(name, remote=remote, base_url=base_url, api_key=key, device="cpu")


def test_an_endpoint_is_asked_only_where_that_is_allowed_wherever_it_is():
    for address in (FAR, *NEAR):
        with pytest.raises(UsageError, match="remote: allow"):
            chosen("openai:m", base_url=address, key="k")
    assert "remote: allow" in (why_missing("openai:m", remote=False) or "")
    assert why_missing("openai:m", remote=True) is None


def test_a_key_is_needed_but_on_this_machine():
    for key in (None, "", "  "):
        with pytest.raises(UsageError, match="OPENAI_API_KEY"):
            chosen("openai:m", remote=True, key=key)
    for address in NEAR:
        assert isinstance(chosen("openai:m", remote=True, base_url=address), Endpoint)
    made = chosen("openai:org/m:free", remote=True, key="k")
    assert (made.name, made.to, made.remote) == ("org/m:free", FAR, True)


def test_a_name_that_only_looks_like_this_machine_wants_a_key():
    for address in ("http://localhost.example/v1", "http://127.0.0.1.example/v1", "http://127.0.0.1@far.example/v1"):
        with pytest.raises(UsageError, match="OPENAI_API_KEY"):
            chosen("openai:m", remote=True, base_url=address)


def test_an_endpoint_without_a_model_is_refused():
    with pytest.raises(UsageError, match="names no model"):
        chosen("openai:", remote=True, key="k")


def test_a_folder_is_a_model_on_this_machine(tiny_model_folder: Path):
    made = chosen(str(tiny_model_folder))
    assert isinstance(made, Local)
    assert (made.name, made.to, made.remote) == ("tiny", "this machine", False)
    assert made.name == name_of(str(tiny_model_folder))
    assert why_missing(str(tiny_model_folder), remote=False) is None


@pytest.mark.parametrize("gone", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_part_says_which(tmp_path: Path, gone: str):
    for file in {"config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin"} - {gone}:
        (tmp_path / file).touch()
    said = gone if gone.endswith(".json") else "safetensors"
    with pytest.raises(UsageError, match=said):
        chosen(str(tmp_path))
    assert said in (why_missing(str(tmp_path), remote=False) or "")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty Hugging Face cache."""
    from huggingface_hub import constants

    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(constants, name, str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize("name", ["nobody/nothing", "./no/such/folder", "", "a b", "../.."])
def test_a_model_that_is_nowhere_says_how_to_get_it(hub: Path, name: str):
    if name == "../..":
        name = "../no-such-folder"
    with pytest.raises(UsageError, match=r"no model|config\.json"):
        chosen(name)
    assert why_missing(name, remote=False)


def test_a_hub_id_is_found_in_the_cache(hub: Path, tiny_model_folder: Path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    there = hub / "models--owner--tiny"
    (there / "refs").mkdir(parents=True)
    (there / "refs" / "main").write_text(commit)
    (there / "snapshots").mkdir()
    (there / "snapshots" / commit).symlink_to(tiny_model_folder)
    assert why_missing("owner/tiny", remote=False) is None
    made = chosen("owner/tiny")
    assert isinstance(made, Local)
    assert made.name == name_of("owner/tiny") == "owner/tiny"
    assert made.folder.resolve() == tiny_model_folder.resolve()


def test_an_entry_of_the_weights_table_is_found_at_its_revision(hub: Path, tiny_model_folder: Path):
    entry = TABLE["Qwen3-4B-Instruct-2507"]
    place = hub / f"models--{entry.repository.replace('/', '--')}" / "snapshots" / str(entry.revision)
    shutil.copytree(tiny_model_folder, place)
    assert "augplan fetch Qwen3-4B-Instruct-2507" in (why_missing(entry.name, remote=False) or "")
    (place / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model.safetensors"}}')
    assert why_missing(entry.name, remote=False) is why_missing(entry.repository, remote=False) is None
    made = chosen(entry.name)
    assert isinstance(made, Local)
    assert (made.name, made.folder) == (entry.name, place)


def test_the_index_of_weights_is_followed_and_a_bad_one_named(hub: Path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    there = hub / "models--owner--big"
    files = there / "snapshots" / commit
    files.mkdir(parents=True)
    (there / "refs").mkdir()
    (there / "refs" / "main").write_text(commit)
    for file in ("config.json", "tokenizer.json", "model-00001-of-00001.safetensors"):
        (files / file).touch()
    (files / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00001.safetensors"}}')
    assert isinstance(chosen("owner/big"), Local)
    (files / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(UsageError, match="index"):
        chosen("owner/big")
