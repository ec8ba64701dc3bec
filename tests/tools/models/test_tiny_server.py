"""A real open model behind a real socket, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from memory.errors import ModelError
from memory.exchanges import Exchanges, Message, Reply, Request
from tools.models.asker import Asker
from tools.models.endpoint import Endpoint
from tools.models.local import Local


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Noise(Part):
    tool: Literal["noise"]
    snr_db: int = Field(ge=0, le=30)


class Swap(Part):
    tool: Literal["swap"]
    share: float = Field(ge=0, le=1)
    words: list[Annotated[str, Field(max_length=8)]] = Field(max_length=2)


class Plan(Part):
    steps: list[Annotated[Noise | Swap, Field(discriminator="tool")]] = Field(min_length=1, max_length=2)
    note: str = Field(max_length=20)


SAID = (Message(role="system", content="Plan."), Message(role="user", content="Typing errors, please."))


@pytest.fixture
def endpoint(tiny_server: str) -> Endpoint:
    return Endpoint("tiny", tiny_server, None, timeout_s=60, retries=0)


def test_a_record_with_a_choice_of_steps_comes_over_the_wire(endpoint: Endpoint, tmp_path: Path):
    asker = Asker(Exchanges(tmp_path), endpoint)
    got = asker.ask("plan", SAID, Plan, max_tokens=400)
    assert got.value.steps
    assert got.repaired == ()
    (one,) = Exchanges(tmp_path)
    assert one.to == endpoint.to
    assert one.tokens > 0
    (tmp_path / "replay").mkdir()
    again = Asker(Exchanges(tmp_path / "replay"), None, recorded=Exchanges(tmp_path), model="tiny")
    assert again.ask("plan", SAID, Plan, max_tokens=400).value == got.value


def test_the_server_and_the_model_in_this_process_say_the_same(endpoint: Endpoint, tiny_model_folder: Path):
    local = Local("tiny", tiny_model_folder)
    requests = [Request(model="tiny", messages=SAID, max_tokens=20, temperature=1.0, seed=seed) for seed in range(3)]
    pieces: list[str] = []
    here = local.complete_all(requests)
    assert endpoint.complete_all(requests) == here
    assert isinstance(here[0], Reply)
    assert endpoint.complete(requests[0], pieces.append) == here[0]
    assert "".join(pieces) == here[0].text


def test_it_refuses_as_servers_do(endpoint: Endpoint):
    with pytest.raises(ModelError, match="context of the model"):
        endpoint.complete(Request(model="tiny", messages=(Message(role="user", content="x" * 9_000),)))
