"""What this machine can do, said to a person: which weights are here, and fetching those that are not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import machine
from memory.errors import UsageError
from tools.catalogue import load
from tools.weights.table import TABLE, VITS


@pytest.fixture
def fetch(tmp_path, monkeypatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs the command as a person does, with another hub and an empty cache."""

    def run(*names: str, endpoint: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        command = [sys.executable, "-c", "from agent.cli import main; main()", "fetch", *names]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return run


def test_every_tool_that_runs_on_weights_is_named_by_an_entry():
    named = {user for entry in machine.weights() for user in entry["for"]}
    own = {tool.name for tool in load().values() if tool.needs.engine} - {
        "image.generate_class",
        "speech.speak_text",
        "speech.speak_written",
    }
    assert named == own | {"the search of the literature", "captions of image.imagine_image"}


def test_the_table_is_listed_with_what_is_here(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = {entry["name"]: entry for entry in machine.weights()}
    assert list(found) == list(TABLE)
    assert found["all-MiniLM-L6-v2"]["why_not"] is None
    voice = found["vits-vctk"]
    assert "augplan fetch vits-vctk" in voice["why_not"]
    assert machine.weights_told(voice) == "vits-vctk (MIT, 0.16 GB): not here; for speech.speak_with_model"


def test_a_name_that_is_not_in_the_table_fetches_nothing(tiny_hub, monkeypatch):
    running = tiny_hub({TABLE["vits-vctk"].repository: dict.fromkeys(VITS, b"{}")})
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
    with pytest.raises(UsageError, match="no weights 'vits-vtck' in the table; there are: all-MiniLM"):
        machine.fetch(["vits-vctk", "vits-vtck"])
    assert running.asked == []


def test_a_person_fetches_weights_and_is_told_where_they_are(fetch, tiny_hub, tmp_path):
    repository = TABLE["vits-vctk"].repository
    running = tiny_hub({repository: {file: file.encode() for file in VITS}})
    done = fetch("vits-vctk", "--json", endpoint=running.url)
    assert done.returncode == 0, done.stderr
    [entry] = json.loads(done.stdout)
    folder = Path(entry["folder"])
    assert folder.is_relative_to(tmp_path)
    assert {one.name for one in folder.iterdir()} == set(VITS)
    assert entry["why_not"] is None


def test_a_hub_out_of_reach_is_said_in_a_line(fetch):
    done = fetch("vits-ljs", endpoint="http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("augplan: vits-ljs: kakao-enterprise/vits-ljs cannot be fetched: ")
    assert "Traceback" not in done.stderr


def test_a_tool_is_told_with_the_ranges_of_its_parameters():
    [entry] = machine.catalogue("speech.speak_with_model")
    told = machine.tool_told(entry)
    assert "cites: rosenberg2019augmented, lin2020keyword" in told
    own = told[told.index("parameters:") + 1 :]
    assert own[1] == (
        "  rate (from 0.5 to 2; usually 0.85 to 1.2): Speed, 1 is the voice's own; an endpoint may take no notice."
    )
    assert own[2].startswith("  semitones (from -6 to 6; usually -2 to 2): Shift of pitch and formants")
    assert not [line for line in told if line.startswith("  seed")]


@pytest.mark.parametrize("name", sorted(load()))
def test_every_tool_can_be_told(name):
    [entry] = machine.catalogue(name)
    assert machine.tool_told(entry)[0] == f"name: {name}"
