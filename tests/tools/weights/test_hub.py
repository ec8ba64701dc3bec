"""The Hugging Face cache and hub: whole or not at all, safetensors alone, and the command that brings the rest."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from memory.errors import UsageError
from tools.weights import hub
from tools.weights.table import TABLE, VITS

VOICE = TABLE["vits-vctk"]
PICTURES = TABLE["FLUX.2-klein-4B"]


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Return an empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def upstream(cache, monkeypatch, tiny_hub):
    """Return what starts a hub of some repositories, which is asked instead of the true one."""

    def start(repositories):
        running = tiny_hub(repositories)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        return running

    return start


def snapshot(cache: Path, repository: str, revision: str = "a" * 40, main: bool = True) -> Path:
    place = cache / f"models--{repository.replace('/', '--')}"
    folder = place / "snapshots" / revision
    folder.mkdir(parents=True)
    if main:
        (place / "refs").mkdir(exist_ok=True)
        (place / "refs" / "main").write_text(revision)
    return folder


def filled(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("{}")
    return folder


def pipeline(folder: Path, *shards: str) -> Path:
    """Write what a pipeline of one denoiser and a scheduler looks like, without weights but for `shards`."""
    filled(folder, "unet/config.json", "scheduler/scheduler_config.json", *(f"unet/{shard}" for shard in shards))
    parts = {"_class_name": "X", "unet": ["diffusers", "U"], "scheduler": ["diffusers", "S"], "checker": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(parts))
    return folder


# --- what is here -------------------------------------------------------------------------------------


def test_what_is_no_hub_id_is_nowhere():
    assert hub.on_hub("not a hub id!", ["config.json"], None, remote=False) == {}


def test_the_main_branch_goes_before_other_revisions(cache):
    for name in ("0a", "0b", "0c"):
        filled(snapshot(cache, "a/b", name, main=False), "config.json")
    place = cache / "models--a--b" / "snapshots"
    assert hub.folder_of("a/b", ["config.json"]) == place / "0a"
    (place.parent / "refs").mkdir()
    (place.parent / "refs" / "main").write_text("0b")
    assert hub.folder_of("a/b", ["config.json"]) == place / "0b"
    assert hub.folder_of("a/b", ["model.safetensors"]) is None


def test_missing_weights_are_named_with_the_command_their_licence_and_size(cache):
    said = f"is not in the Hugging Face cache; run: augplan fetch vits-vctk (MIT, {VOICE.gb:g} GB)"
    assert hub.why_missing(VOICE) == f"kakao-enterprise/vits-vctk {said}"
    folder = filled(snapshot(cache, VOICE.repository), "config.json", "vocab.json")
    assert "is not whole in the Hugging Face cache: model.safetensors is missing" in str(hub.why_missing(VOICE))
    filled(folder, *VITS)
    assert hub.why_missing(VOICE) is None
    assert hub.place_of(VOICE) == folder
    assert hub.how_to_get_named("nobody/nothing") == "run: hf download nobody/nothing"
    assert hub.how_to_get_named(VOICE.repository).startswith("run: augplan fetch vits-vctk")


def test_a_pair_is_missing_while_one_of_it_is(cache):
    there, back = TABLE["opus-mt-en-de"], TABLE["opus-mt-de-en"]
    filled(snapshot(cache, there.repository), *there.files)
    said = str(hub.why_missing(there))
    assert said.startswith(
        "Helsinki-NLP/opus-mt-de-en is not in the Hugging Face cache; run: augplan fetch opus-mt-en-de"
    )
    assert f"{2 * there.gb:g} GB" in said
    filled(snapshot(cache, back.repository), *back.files)
    assert hub.why_missing(there) is hub.why_missing(back) is None


def test_a_pipeline_is_whole_only_with_every_shard_in_safetensors(tmp_path):
    assert hub.lacks(pipeline(tmp_path / "whole", "model.safetensors")) is None
    assert hub.lacks(pipeline(tmp_path / "pickled", "model.bin")) == "unet/*.safetensors"
    cut = pipeline(tmp_path / "cut", "a.safetensors")
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (cut / "unet" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert hub.lacks(cut) == "unet/b.safetensors"
    (cut / "scheduler" / "scheduler_config.json").unlink()
    (cut / "unet" / "b.safetensors").write_bytes(b"")
    assert hub.lacks(cut) == "scheduler/config.json"
    assert hub.lacks(tmp_path) == "a model_index.json that can be read"


def test_a_pipeline_that_is_half_in_the_cache_says_what_is_missing_and_how_to_get_it(cache):
    said = str(hub.why_missing(PICTURES))
    assert f"run: augplan fetch FLUX.2-klein-4B (Apache-2.0, {PICTURES.gb:g} GB; 13 GB of GPU memory" in said
    folder = pipeline(snapshot(cache, PICTURES.repository))
    assert "unet/*.safetensors is missing" in str(hub.why_missing(PICTURES))
    (folder / "unet" / "model.safetensors").write_bytes(b"")
    assert hub.why_missing(PICTURES) is None
    assert hub.pipeline_folders(PICTURES, remote=False) == (folder, None)


def test_a_control_network_stands_beside_its_pipeline(cache):
    entry = TABLE["stable-diffusion-1.5-canny"]
    own = filled(snapshot(cache, entry.repository), *entry.files)
    with pytest.raises(
        UsageError, match=r"stable-diffusion-v1-5 is not in .*augplan fetch stable-diffusion-1\.5-canny"
    ):
        hub.pipeline_folders(entry, remote=False)
    beside = pipeline(snapshot(cache, TABLE["stable-diffusion-1.5"].repository), "model.safetensors")
    assert hub.pipeline_folders(entry, remote=False) == (beside, own)


def test_weights_in_parts_are_whole_only_with_every_part(cache):
    entry = TABLE["Qwen3-4B-Instruct-2507"]
    folder = filled(snapshot(cache, entry.repository), *entry.files)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}')
    filled(folder, "1.safetensors")
    assert "2.safetensors is missing" in str(hub.why_missing(entry))
    filled(folder, "2.safetensors")
    assert hub.place_of(entry) == folder


def test_an_index_that_cannot_be_read_is_named(cache):
    entry = TABLE["Qwen3-4B-Instruct-2507"]
    folder = filled(snapshot(cache, entry.repository), *entry.files)
    for broken in ("[]", "{", '{"weight_map": 3}'):
        (folder / "model.safetensors.index.json").write_text(broken)
        assert "a readable model.safetensors.index.json is missing" in str(hub.why_missing(entry))


# --- what is fetched ----------------------------------------------------------------------------------


def test_weights_are_fetched_without_pickles_and_copies_and_only_once(cache, upstream):
    more = ("README.md", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "onnx/config.json", "tokenizer.json")
    files = {name: name.encode() for name in (*VITS, *more)}
    running = upstream({VOICE.repository: files})
    (folder,) = hub.fetch(VOICE)
    assert folder == cache / "models--kakao-enterprise--vits-vctk" / "snapshots" / running.commit(VOICE.repository)
    there = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    assert there == {*VITS, "tokenizer.json"}
    assert (folder / "model.safetensors").read_bytes() == b"model.safetensors"
    asked = list(running.asked)
    assert hub.fetch(VOICE) == [folder]
    assert running.asked == asked


def test_a_pipeline_is_fetched_without_the_copy_in_one_file(upstream):
    parts = {"unet": ["diffusers", "U"]}
    files = {
        "model_index.json": json.dumps(parts).encode(),
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": b"1",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"2",
        "unet/diffusion_pytorch_model.bin": b"3",
        "flux-2-klein-4b.safetensors": b"4",
    }
    running = upstream({PICTURES.repository: files})
    (folder,) = hub.fetch(PICTURES)
    assert hub.lacks(folder) is None
    assert sorted(one.removeprefix(f"{PICTURES.repository}/") for one in running.asked) == [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]


def test_both_of_a_pair_are_fetched(upstream):
    there, back = TABLE["opus-mt-en-de"], TABLE["opus-mt-de-en"]
    running = upstream({one.repository: dict.fromkeys(one.files, b"{}") for one in (there, back)})
    assert len(hub.fetch(back)) == 2
    assert {"/".join(one.split("/")[:2]) for one in running.asked} == {there.repository, back.repository}


def test_what_the_hub_does_not_have_is_said(upstream):
    upstream({VOICE.repository: dict.fromkeys(VITS[:1], b"{}")})
    with pytest.raises(UsageError, match=r"vits-vctk: .*model\.safetensors is missing, and the hub does not have it"):
        hub.fetch(VOICE)
    with pytest.raises(UsageError, match=r"openai/whisper-small cannot be fetched: RepositoryNotFoundError: 404"):
        hub.fetch(TABLE["whisper-small"])


def test_a_revision_is_fetched_that_is_not_the_main_branch(upstream):
    entry = dataclasses.replace(VOICE, revision="refs/pr/1")
    running = upstream({VOICE.repository: dict.fromkeys(VITS, b"{}")})
    (folder,) = hub.fetch(entry)
    assert folder.name == running.commit(VOICE.repository)
