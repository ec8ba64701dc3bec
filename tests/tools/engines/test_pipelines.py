"""Which model a policy means, what is missing, and how a folder is read."""

from __future__ import annotations

import dataclasses
import gc
import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from memory.errors import UsageError
from memory.job import Policy
from tools.engines import engine as engines
from tools.engines import pipelines
from tools.engines.engine import Place
from tools.engines.orders import Order
from tools.engines.pictures import Usual
from tools.weights.table import TABLE, serving

WORKS = ("vary", "edit", "fill", "guide", "imagine")


@pytest.fixture
def tiny(tiny_module) -> Any:
    return tiny_module("pipelines")


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty Hugging Face cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def held(hub: Path, repository: str, folder: Path) -> None:
    """Put a folder into the cache as a repository's main branch."""
    place = hub / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40)
    shutil.copytree(folder, place / "snapshots" / ("a" * 40))


def place(**policy: Any) -> Place:
    return Place(Policy(**policy), cast("Any", None), cast("Any", None), "cpu", 1)


@pytest.mark.parametrize("work", WORKS)
def test_missing_weights_are_named_with_the_command_and_the_memory_they_take(hub, work):
    entry = serving(f"{work}_pictures")[0]
    said = engines.why_missing(f"{work}_pictures", Policy(licences="any"))
    assert said is not None
    assert f"run: augplan fetch {entry.name}" in said
    assert f"{entry.drawing.vram_gb:g} GB of GPU memory" in said


def test_a_default_is_never_fetched_unasked_and_a_named_one_may_be(hub):
    assert pipelines.why_missing(Policy(remote="allow"), "vary") is not None
    assert pipelines.why_missing(Policy(remote="allow", image_model="FLUX.2-klein-4B"), "vary") is None
    assert pipelines.why_missing(Policy(remote="deny", image_model="FLUX.2-klein-4B"), "vary") is not None


def test_weights_under_other_licences_are_not_chosen(hub):
    said = pipelines.why_missing(Policy(image_model="stable-diffusion-1.5"), "vary")
    assert said == "stable-diffusion-1.5 is under CreativeML-OpenRAIL-M and policy.licences is permissive"
    assert "augplan fetch" in str(
        pipelines.why_missing(Policy(image_model="stable-diffusion-1.5", licences="any"), "vary")
    )
    assert "OpenRAIL" in str(pipelines.why_missing(Policy(), "guide"))


def test_a_name_that_means_nothing_says_what_there_is():
    said = pipelines.why_missing(Policy(image_model="dall-e"), "vary")
    assert said is not None
    assert "There is no image model 'dall-e'" in said
    assert "FLUX.2-klein-4B" in said


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(pipelines.importlib.util, "find_spec", lambda _name: None)
    assert "pip install diffusers" in str(pipelines.why_missing(Policy(), "vary"))


def test_a_folder_serves_what_its_class_can_do(tiny):
    folder = str(tiny.folder("klein"))
    able = {work: engines.why_missing(f"{work}_pictures", Policy(image_model=folder)) for work in WORKS}
    assert [work for work, why in able.items() if why is None] == ["vary", "edit", "fill", "imagine"]
    assert "A Flux2KleinPipeline cannot guide pictures; these can: StableDiffusionControlNetPipeline" in str(
        able["guide"]
    )
    with pytest.raises(UsageError, match=r"policy\.image_model: .*cannot guide pictures"):
        engines.build("guide_pictures", place(image_model=folder))


def test_a_folder_is_built_with_the_steps_and_the_side_of_its_class(tiny):
    made = engines.build("imagine_pictures", place(image_model=str(tiny.folder("stable"))))
    assert made.usual == Usual(30, 7.5, 64)
    picture = made.make([Order("a photo", 1, (28, 24), steps=1)])[0]
    assert picture.shape == (3, 28, 24)


def test_a_table_entry_is_read_from_the_cache_with_its_control_network(tiny, hub):
    entry = TABLE["stable-diffusion-1.5-canny"]
    policy = {"image_model": entry.name, "licences": "any"}
    held(hub, TABLE["stable-diffusion-1.5"].repository, tiny.folder("stable"))
    said = str(pipelines.why_missing(Policy(**policy), "guide"))
    assert "sd-controlnet-canny is not in the Hugging Face cache" in said
    held(hub, entry.repository, tiny.folder("controlled") / "controlnet")
    assert pipelines.why_missing(Policy(**policy), "guide") is None
    assert "cannot edit" in str(pipelines.why_missing(Policy(**policy), "edit"))
    made = engines.build("guide_pictures", place(**policy))
    assert made.usual == Usual(entry.drawing.steps, entry.drawing.guidance, entry.drawing.side)
    lines = torch.zeros((1, 32, 32), dtype=torch.uint8)
    lines[:, 10:12] = 255
    asked = Order("a photo", 1, (32, 32), lines, steps=1, side=64)
    assert made.make([asked])[0].shape == (3, 32, 32)


def test_pickled_weights_are_not_read(tiny, tmp_path):
    shutil.copytree(tiny.folder("stable"), tmp_path / "pickled")
    file = tmp_path / "pickled" / "unet" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    said = pipelines.why_missing(Policy(image_model=str(tmp_path / "pickled")), "vary")
    assert said == f"{tmp_path / 'pickled'} is no whole pipeline in safetensors: unet/*.safetensors is missing."
    with pytest.raises(UsageError, match="only pipelines in safetensors are read"):
        pipelines.open_pictures(tmp_path / "pickled", "vary", "cpu")


def test_an_index_that_names_another_programs_class_is_refused(tiny, tmp_path):
    shutil.copytree(tiny.folder("stable"), tmp_path / "odd")
    index = tmp_path / "odd" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": ["pipeline", "Mine"]}))
    assert "cannot vary pictures" in str(pipelines.why_missing(Policy(image_model=str(tmp_path / "odd")), "vary"))


def test_works_on_the_same_folder_share_their_weights_and_let_go_of_them(tiny, tmp_path):
    shutil.copytree(tiny.folder("stable"), tmp_path / "shared")
    one, other = (pipelines.open_pictures(tmp_path / "shared", work, "cpu") for work in ("vary", "imagine"))
    assert one.pipe.unet is other.pipe.unet
    assert one.parts.lock is other.parts.lock
    assert one.digest != other.digest
    key = (str((tmp_path / "shared").resolve()), "None", "cpu", False)
    assert key in pipelines._READ
    del one, other
    gc.collect()
    assert key not in pipelines._READ


def test_a_machine_that_compiles_has_the_denoiser_compiled_once_for_all_works(tiny, monkeypatch):
    compiled = []

    def note(denoiser: Any) -> None:
        compiled.append(denoiser)

    monkeypatch.setattr("diffusers.UNet2DConditionModel.compile_repeated_blocks", note)
    where = dataclasses.replace(place(image_model=str(tiny.folder("stable"))), compiled=True)
    one, other = (engines.build(f"{work}_pictures", where) for work in ("vary", "imagine"))
    assert compiled == [one.pipe.unet]
    assert other.pipe.unet is one.pipe.unet


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling for a CPU needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # what torch.compile imports
def test_a_compiled_model_draws_the_same_picture_up_to_rounding(tiny):
    plain, compiled = (
        pipelines.open_pictures(tiny.folder("stable"), "imagine", "cpu", compiled=how) for how in (False, True)
    )
    assert plain.digest != compiled.digest
    assert plain.pipe.unet is not compiled.pipe.unet
    order = Order("a photo", 1, (28, 24), steps=2)
    one, other = (own.make([order])[0].int() for own in (plain, compiled))
    assert int((one - other).abs().max()) <= 2


def test_the_digest_names_the_weights_and_how_they_are_run(tiny, tmp_path):
    shutil.copytree(tiny.folder("stable"), tmp_path / "copy")
    usual = Usual(2, 1.5, 64)

    def digest(folder: Path, how: Usual = usual) -> str:
        return pipelines.open_pictures(folder, "vary", "cpu", usual=how).digest

    assert digest(tmp_path / "copy") == digest(tiny.folder("stable"))
    assert digest(tmp_path / "copy", dataclasses.replace(usual, steps=3)) != digest(tmp_path / "copy")
    gc.collect()
    config = tmp_path / "copy" / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + "\n")
    assert digest(tmp_path / "copy") != digest(tiny.folder("stable"))


def test_an_endpoint_is_asked_only_where_it_may_be_and_for_what_it_can_do():
    named = "openai:some-model"
    assert "policy.remote is deny" in str(pipelines.why_missing(Policy(image_model=named), "edit"))
    assert pipelines.why_missing(Policy(image_model=named, remote="allow"), "edit") is None
    assert "takes no strength" in str(pipelines.why_missing(Policy(image_model=named, remote="allow"), "vary"))
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        engines.build("edit_pictures", place(image_model=named, remote="allow"))
