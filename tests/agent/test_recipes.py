"""What may be tried on a dataset, and what is expected of it."""

from __future__ import annotations

import pytest

from agent import recipes
from agent.priors import Prior
from agent.recipes import COPIED, MIX, REWEIGHTED, USE, USE_MIX, USUAL
from memory.records import Call, Modality, Strategy
from tools.card import Tool
from tools.catalogue import select
from tools.seeds import check_draw

MODALITIES: tuple[Modality, ...] = ("text", "image", "speech")


def tools_of(modality: Modality) -> list[Tool]:
    return [tool for tool in select("augment", modality) if tool.labels == "kept"]


def made(modality: Modality, use: tuple[Call, ...] = (), imbalance: float = 1.0) -> dict[str, recipes.Recipe]:
    tools = tools_of(modality)
    facts = {"title": "", "score": 1.0, "families": (), "modalities": (modality,), "outcome": "gain"}
    known = [Strategy.model_validate({**facts, "key": tool.cites[0], "tools": (tool.name,)}) for tool in tools]
    priors = {tool.family: Prior(mean=0.05, spread=0.1) for tool in tools}
    return recipes.recipes(modality, tools, known, priors, use, imbalance)


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_tool_is_a_recipe_and_all_of_them_one_more(modality: Modality):
    found = made(modality)
    names = {tool.name for tool in tools_of(modality)}
    assert names <= set(found)
    assert set(found[MIX].tools) == names
    assert USUAL in found
    assert REWEIGHTED not in found


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_recipe_can_be_drawn_and_cites_papers(modality: Modality):
    known = {tool.name: tool for tool in tools_of(modality)}
    for recipe in made(modality).values():
        assert len(recipe.parts) == len(recipe.cites)
        assert all(recipe.cites)
        for part in recipe.parts:
            for call in part:
                check_draw(known[call.tool], call.draw)


def test_other_weights_are_a_recipe_where_classes_are_unequal():
    assert REWEIGHTED in made("image", imbalance=50)
    assert COPIED in made("image")


def test_a_described_use_is_a_recipe_alone_and_behind_every_tool():
    use = (Call(tool="image.blur", draw={"sigma": (0.02, 0.04)}),)
    found = made("image", use)
    assert found[USE].parts == (use,)
    assert use in found[USE_MIX].parts
    assert all(part[-1:] == use for part in found[USE_MIX].parts)


def test_strengths_are_narrower_and_wider_about_the_same_middle():
    found, known = made("image"), {tool.name: tool for tool in tools_of("image")}
    [affine] = [part[0] for part in found[MIX].parts if part[0].tool == "image.affine"]
    [narrow] = [part[0] for part in found[f"{MIX}-narrow"].parts if part[0].tool == "image.affine"]
    [wide] = [part[0] for part in found[f"{MIX}-wide"].parts if part[0].tool == "image.affine"]
    assert affine.draw["rotate_deg"] == known["image.affine"].params.usual["rotate_deg"] == (-20.0, 20.0)
    assert narrow.draw["rotate_deg"] == (-10.0, 10.0)
    assert wide.draw["rotate_deg"] == (-40.0, 40.0)


def test_families_together_bring_more_than_one_and_less_than_their_sum():
    several = made("image")[MIX].prior.mean
    assert made("image")["image.affine"].prior.mean < several < 5 * 0.05
