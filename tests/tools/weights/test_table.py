"""The table of weights: what it says can be relied on."""

from __future__ import annotations

import importlib
import importlib.util
import re

import pytest

from memory.job import Policy
from tools.catalogue import load
from tools.weights.table import FAMILIES, PERMISSIVE, TABLE, entry_of, licence_of, serving, why_forbidden, with_beside

GATES_AND_WRITERS = ("writer", "recogniser", "matcher")
"""Engines whose model a job must name."""


@pytest.mark.parametrize("entry", TABLE.values(), ids=TABLE)
def test_every_entry_says_what_it_is_and_holds_no_pickle(entry):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repository)
    assert entry.licence
    assert entry.gb > 0
    assert entry.serves
    assert all(one == "search" or importlib.util.find_spec(f"tools.engines.{one}") for one in entry.serves)
    assert entry.files or entry.drawing
    assert not [name for name in entry.files if name.endswith((".bin", ".pt", ".pkl", ".ckpt", ".msgpack"))]
    assert any(name.endswith((".safetensors", ".safetensors.index.json")) for name in entry.files) or entry.drawing
    assert set(entry.sha256 or entry.files) == set(entry.files)
    assert all(len(one) == 64 for one in (entry.sha256 or {}).values())
    assert entry.revision is None or re.fullmatch(r"[0-9a-f]{40}|refs/pr/\d+", entry.revision)
    assert entry.sha256 is None or len(str(entry.revision)) == 40
    assert entry_of(entry.name) == entry_of(entry.repository) == entry


def test_what_stands_beside_an_entry_is_in_the_table():
    assert [one.name for one in with_beside(TABLE["opus-mt-en-fr"])] == ["opus-mt-en-fr", "opus-mt-fr-en"]
    assert all(len(with_beside(one)) == 1 + (one.beside is not None) for one in TABLE.values())


def test_every_engine_that_runs_on_weights_has_an_entry_that_is_taken_or_suggested():
    engines = {tool.needs.engine for tool in load().values()} - {None, "class_diffusion", "espeak", "written_speech"}
    assert engines == {engine for one in TABLE.values() for engine in one.serves} - {"search", "captions"}
    for engine in engines - {"guide_pictures"}:  # no control network is under a licence without conditions
        assert serving(engine)[0].licence in PERMISSIVE, engine


def test_licences_are_those_of_the_entry_or_the_family():
    assert licence_of("vits-vctk") == licence_of("kakao-enterprise/vits-vctk") == "MIT"
    assert licence_of("facebook/mms-tts-deu") == licence_of("facebook/mms-1b-all") == "CC-BY-NC-4.0"
    assert licence_of("openai/whisper-large-v3-turbo") == "MIT"
    assert licence_of("openai/whisper-tiny") == "Apache-2.0"
    assert licence_of("models/mine") is None
    assert not [pattern for pattern, _ in FAMILIES if entry_of(pattern)]


def test_a_licence_forbids_only_what_is_known_and_not_permissive():
    strict, free = Policy(), Policy(licences="any")
    said = "facebook/mms-tts-eng is under CC-BY-NC-4.0 and policy.licences is permissive"
    assert why_forbidden("facebook/mms-tts-eng", strict) == said
    assert why_forbidden("facebook/mms-tts-eng", free) is None
    assert why_forbidden("vits-vctk", strict) is why_forbidden("some/model", strict) is None
