"""What endpoints charge: whether a job says it, what a sample of a tool costs, what cannot be paid any more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from memory.errors import UsageError
from memory.job import Job, Policy, Price
from tools.card import Tool
from tools.engines import remote_pictures, speech_endpoint, writer
from tools.models.choose import ENDPOINT

_PRICES: Mapping[str, tuple[str, str]] = {
    "model": ("policy.price", "policy.price: {asked, answered}, in dollars for a million tokens"),
    "image_model": ("policy.price.picture", "policy.price: {picture}, in dollars for one picture"),
    "speech_model": ("policy.price.speech", "policy.price: {speech}, in dollars for a million characters"),
}
"""Field of the policy that names a model -> the field of its price, and how to say it."""


def check_prices(job: Job, models: Sequence[str] = ("model", "image_model", "speech_model")) -> None:
    """Refuse a limit of money without the price of each of `models` that is at an endpoint.

    Raises UsageError naming the field.
    """
    policy = job.policy
    if job.limits.money_usd is None:
        return
    for model in models:
        if (getattr(policy, model) or "").startswith(ENDPOINT) and not _is_priced(model, policy.price):
            field, what = _PRICES[model]
            raise UsageError(
                f"limits.money_usd cannot be kept without knowing what policy.{model} costs; say {what}.", where=field
            )


def _is_priced(model: str, price: Price | None) -> bool:
    if price is None:
        return False
    others = price.picture is not None or price.speech is not None
    said = {"image_model": price.picture is not None, "speech_model": price.speech is not None}
    return said.get(model, bool(price.asked or price.answered) or not others)


def priced(tools: Mapping[str, Tool], policy: Policy) -> dict[str, Tool]:
    """Return tools with what an endpoint charges for 1,000 samples on the cards of those that run on one."""
    return {
        name: _with_charge(tool, 1000 * _charge(tool, policy, speech_endpoint.USUAL_CHARACTERS))
        for name, tool in tools.items()
    }


def _with_charge(tool: Tool, money_usd: float) -> Tool:
    cost = replace(tool.cost, money_usd=round(tool.cost.money_usd + money_usd, 6))
    return replace(tool, cost=cost) if money_usd else tool


def _charge(tool: Tool, policy: Policy, characters: int) -> float:
    """Return what an endpoint charges for a sample of a tool, in dollars; 0 where the tool runs on none."""
    engine, price = tool.needs.engine, policy.price or Price()
    if engine in remote_pictures.ENGINES and (policy.image_model or "").startswith(ENDPOINT):
        return remote_pictures.charge(price)
    if engine in speech_endpoint.ENGINES and (policy.speech_model or "").startswith(ENDPOINT):
        return speech_endpoint.charge(price, characters)
    return 0.0


def unpaid(
    job: Job,
    tools: Mapping[str, Tool],
    spent_usd: float,
    tokens: int,
    characters: int = speech_endpoint.USUAL_CHARACTERS,
) -> frozenset[str]:
    """Return the tools of which what is left of money and tokens may not cover a sample more, of so many characters."""
    money = math.inf if job.limits.money_usd is None else max(0.0, round(job.limits.money_usd - spent_usd, 8))
    words = math.inf if job.limits.tokens is None else job.limits.tokens - tokens
    price = job.policy.price or Price()
    found = set()
    for name, tool in tools.items():
        asked = writer.SPARE_TOKENS + tool.cost.tokens / 1000 if tool.needs.engine in writer.ENGINES else 0.0
        charge = _charge(tool, job.policy, characters) + price.of(round(asked / 2), round(asked / 2))
        if asked > words or charge > money:
            found.add(name)
    return frozenset(found)
