"""Tokens of many answers at once: each by its own rules, held to its own schema, in batches as on a GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import llguidance.numpy as masks
import numpy as np
import pytest
import torch

from memory.exchanges import Message, Request
from tools.models.decoding import Choice, Loaded, _allowed, _next_tokens
from tools.models.loading import load
from tools.models.local import AT_ONCE, MOST_AT_ONCE, Local

SCHEMA: dict[str, object] = {"enum": ["early", "late", "never"]}


@pytest.fixture(scope="module")
def model(tiny_model_folder: Path) -> Loaded:
    return load(tiny_model_folder, "cpu")


def request(**more: Any) -> Request:
    message = Message(role="user", content="When?")
    return Request(model="tiny", messages=(message,), **({"max_tokens": 8} | more))


def choice(model: Loaded, **more: Any) -> Choice:
    return model.begin([{"role": "user", "content": "When?"}], request(**more))


def logits(rows: int, width: int) -> torch.Tensor:
    return torch.randn((rows, width), generator=torch.Generator().manual_seed(1))


def test_each_row_goes_by_its_own_rules(model):
    rules: list[dict[str, Any]] = [
        {},
        {"temperature": 1.0, "seed": 3},
        {"reply_schema": SCHEMA},
        {"temperature": 0.3, "seed": 9, "reply_schema": SCHEMA},
        {"temperature": 1.0, "seed": 4},
    ]
    scores = logits(len(rules), model.width)
    for _ in range(2):  # the second draw of an answer goes on from its first
        together = _next_tokens([choice(model, **own) for own in rules], scores)
        alone = [_next_tokens([choice(model, **own)], row[None])[0] for own, row in zip(rules, scores, strict=True)]
        assert together == alone
    assert together[0] == int(scores[0].argmax())


def test_draws_follow_the_shares(model):
    scores = torch.full((1, model.width), float("-inf"))
    scores[0, :3] = torch.tensor([0.5, 0.3, 0.2]).log()
    drawn = [_next_tokens([choice(model, temperature=1.0, seed=seed)], scores)[0] for seed in range(600)]
    np.testing.assert_allclose(np.bincount(drawn) / 600, [0.5, 0.3, 0.2], atol=0.06)


def test_only_tokens_that_fit_are_left_and_only_where_there_is_a_schema(model):
    scores = logits(3, model.width)
    held = choice(model, reply_schema=SCHEMA)
    left = _allowed([choice(model), held, choice(model)], scores)
    assert torch.equal(left[[0, 2]], scores[[0, 2]])
    bits = masks.allocate_token_bitmask(1, model.width)
    masks.fill_next_token_bitmask(held.guide, bits)
    fits = [bool(bits[0, at // 32] >> (at % 32) & 1) for at in range(model.width)]
    assert 0 < sum(fits) < model.width
    assert torch.isfinite(left[1]).tolist() == fits


def test_an_answer_that_is_over_is_not_asked_again(model):
    done, live = choice(model, reply_schema=SCHEMA), choice(model, reply_schema=SCHEMA)
    for token in model.tokenizer('"late"', add_special_tokens=False).input_ids:
        done.take(token, None)
    assert done.over
    _next_tokens([done, live], logits(2, model.width))
    assert json.loads(done.reply().text) == "late"


def test_batches_as_on_a_gpu_give_the_same(tiny_model_folder):
    asks = [
        Request(
            model="tiny",
            messages=(Message(role="user", content="word " * at),),
            max_tokens=6 + at % 5,
            temperature=at % 2,
            seed=at,
        )
        for at in range(AT_ONCE + 4)
    ]
    together = Local("tiny", tiny_model_folder, "cpu:0").complete_all(asks)
    assert together == Local("tiny", tiny_model_folder).complete_all(asks)


@pytest.mark.parametrize(
    ("device", "lengths", "size"),
    [
        ("cpu", [10] * 100, AT_ONCE),
        ("cuda", [300] * 100, MOST_AT_ONCE),
        ("cuda", [1_000] * 100, 32),
        ("cuda", [10] * 20 + [1_000] * 80, 32),
        ("cuda", [9_000] * 100, AT_ONCE),
    ],
)
def test_a_gpu_takes_more_at_once_while_they_are_short(device, lengths, size):
    assert Local("tiny", Path("nowhere"), device)._together(lengths) == size
