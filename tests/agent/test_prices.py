"""What endpoints charge: said before a run, on the cards of tools, within one limit, and named where it ends a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agent import checks, nodes, prices, replaying, session
from agent.settings import Settings
from agent.tally import Tally
from memory.bundled import materialise
from memory.datasets.made import Made
from memory.documents import dump_yaml, read_job
from memory.errors import UsageError
from memory.exchanges import Exchanges
from memory.job import Job, Limits, Policy
from memory.records import Call, Cell, Fill, Gap, Plan, Step
from memory.runs import Run
from tools.catalogue import load

PRICE = {"picture": 0.01, "speech": 50.0}
RUNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pictures": ("digits", "image.imagine_image", {"image_model": "openai:painter"}),
    "speech": ("numbers", "speech.speak_with_model", {"speech_model": "openai:talker"}),
}


def job_of(money_usd: float | None = 1.0, **policy: Any) -> Job:
    return Job.model_validate({"dataset": {"path": "x"}, "limits": {"money_usd": money_usd}, "policy": policy})


def plan_of(tool: str, count: int) -> Plan:
    fill = (Fill(cell=Cell(at={"label": "a"}), count=count),)
    return Plan(
        round=1, planner="rules", steps=(Step(id="s", calls=(Call(tool=tool),), fill=fill, cites=("x",), why=""),)
    )


# --- before a run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "price", "field"),
    [
        ("model", None, "policy.price"),
        ("model", {"picture": 0.1}, "policy.price"),
        ("image_model", None, "policy.price.picture"),
        ("image_model", {"asked": 1.0, "speech": 1.0}, "policy.price.picture"),
        ("speech_model", {"asked": 1.0, "picture": 1.0}, "policy.price.speech"),
    ],
)
def test_a_limit_of_money_needs_the_price_of_what_is_at_an_endpoint(model, price, field):
    with pytest.raises(UsageError) as caught:
        prices.check_prices(job_of(price=price, **{model: "openai:NAME"}))
    assert caught.value.where == field
    assert f"policy.{model} costs" in str(caught.value)


def test_a_price_that_is_said_is_enough_even_when_it_is_nothing(tmp_path: Path):
    free = {"asked": 1.0, "picture": 0.0, "speech": 0.0}
    named = {"model": "openai:a", "image_model": "openai:b", "speech_model": "openai:c"}
    job = job_of(price=free, **named)
    prices.check_prices(job)
    (tmp_path / "job.yaml").write_text(dump_yaml(job), encoding="utf-8")
    prices.check_prices(read_job(tmp_path / "job.yaml"))
    prices.check_prices(job_of(None, **named))
    prices.check_prices(job_of(model="folder", image_model="FLUX.2-klein-4B", speech_model="kakao-enterprise/vits-ljs"))
    unsaid = job_of(price={"asked": 1.0}, image_model="openai:b")
    with pytest.raises(UsageError):
        prices.check_prices(Job.model_validate_json(unsaid.model_dump_json()))


@pytest.mark.parametrize("what", RUNS)
def test_a_run_without_the_price_is_refused_and_leaves_nothing(what, tmp_path, run_job, settings, model_server):
    name, tool, models = RUNS[what]
    data = materialise(name, tmp_path / "data")  # type: ignore[arg-type]
    policy = {**models, "remote": "allow", "encoder": "lexical", "tools": {"allow": [tool]}}
    job = Job.model_validate({"dataset": {"path": str(data)}, "policy": policy, "limits": {"money_usd": 1.0}})
    with model_server() as server:
        with pytest.raises(UsageError, match=r"policy\.price"):
            run_job(job, settings=settings.model_copy(update={"openai_base_url": server.url}))
        assert server.requests == []


# --- what a plan costs ------------------------------------------------------------------------------------


def test_a_plan_costs_what_its_endpoints_charge():
    policy = Policy.model_validate({**RUNS["pictures"][2], **RUNS["speech"][2], "price": PRICE})
    tools = prices.priced(load(), policy)

    def money(tool: str) -> float:
        return checks.cost_of(plan_of(tool, 30), tools, "cpu", policy.price)["money_usd"]

    for tool in ("image.edit_image", "image.imagine_image", "image.replace_background"):
        assert money(tool) == pytest.approx(0.3)
    assert money("speech.speak_with_model") == pytest.approx(30 * 60 * 50 / 1e6)
    assert money("image.blur") == money("speech.speak_text") == money("image.generate_class") == 0
    approving = policy.model_copy(update={"approval": Policy.model_validate({"approval": {"money_usd": 0.2}}).approval})
    cost = checks.cost_of(plan_of("image.edit_image", 30), tools, "cpu", policy.price)
    assert checks.needs_approval(plan_of("image.edit_image", 30), approving, [], cost) == (
        "takes more than is free: money_usd 0.3 of 0.2"
    )


def test_engines_on_this_machine_cost_nothing():
    local = Policy.model_validate({"image_model": "FLUX.2-klein-4B", "speech_model": "some/voice", "price": PRICE})
    assert prices.priced(load(), local) == load()
    assert prices.unpaid(job_of(0.0, **local.model_dump(exclude_unset=True)), load(), 0.0, 0) == frozenset()


def test_what_cannot_be_paid_any_more_is_told_by_what_is_left():
    job = job_of(0.05, **RUNS["pictures"][2], **RUNS["speech"][2], price=PRICE)
    assert not prices.unpaid(job, load(), 0.01, 0)
    assert {"image.edit_image", "image.imagine_image"} <= prices.unpaid(job, load(), 0.045, 0)
    assert "speech.speak_with_model" not in prices.unpaid(job, load(), 0.045, 0)
    assert {"speech.speak_with_model", "speech.speak_written"} <= prices.unpaid(job, load(), 0.045, 0, 600)
    assert not prices.unpaid(job.model_copy(update={"limits": Limits()}), load(), 9.0, 0)
    few = job_of(None).model_copy(update={"limits": Limits(tokens=5000)})
    assert not prices.unpaid(few, load(), 0.0, 3000)
    assert {"text.paraphrase", "speech.speak_written"} <= prices.unpaid(few, load(), 0.0, 4500)


def test_a_cell_and_a_run_that_the_budget_left_short_say_so():
    dry = Tally(made=24, rejected={"budget": 20, "novelty": 4}, dry_rounds=3, dry_made=24)
    assert checks.why_closed(dry, None, reachable=True, forbidden=False, usable=True) == "budget"
    gap = Gap(target=0, cell=Cell(at={"label": "a"}), required=3, before=1, have=1, parents=1, reason="budget")
    other = gap.model_copy(update={"reason": "rejected"})
    assert checks.why_stop([gap, other], Limits(), 24, 1.0, 3) == "budget_spent"
    assert checks.why_stop([other], Limits(), 24, 1.0, 3) == "no_progress"


# --- whole runs -------------------------------------------------------------------------------------------


def paid_job(what: str, place: Path, money_usd: float, **more: Any) -> Job:
    name, tool, models = RUNS[what]
    data = materialise(name, place / "data")  # type: ignore[arg-type]
    policy = {**models, "remote": "allow", "encoder": "lexical", "tools": {"allow": [tool]}, "price": PRICE, **more}
    wanted = {"only": {"label": ["7"] if what == "pictures" else ["five"]}, "at_least": 60}
    job = {"dataset": {"path": str(data)}, "targets": [wanted], "policy": policy}
    return Job.model_validate({**job, "limits": {"samples": 2000, "rounds": 9, "money_usd": money_usd}})


@pytest.fixture
def at(settings: Settings):
    return lambda url: settings.model_copy(update={"openai_base_url": url, "openai_api_key": SecretStr("sk-secret")})


@pytest.mark.parametrize("what", RUNS)
def test_a_budget_that_is_spent_on_the_way_ends_the_run_with_its_reason(
    what, tmp_path, run_job, settings, model_server, at
):
    with model_server() as server:
        report = run_job(paid_job(what, tmp_path, 0.05 if what == "pictures" else 0.004), settings=at(server.url))
        asked = len(server.requests)
    assert report["stop_reason"] == "budget_spent"
    assert report["made"] < 130, "it ends when nothing more can be paid"
    assert {line["reason"] for line in report["targets"] if not line["met"]} == {"budget"}
    folder = Path(report["run"])
    kept = Exchanges(folder)
    assert len(kept) == asked
    assert report["cost"]["money_usd"] == kept.money_usd <= (0.05 if what == "pictures" else 0.004)
    assert asked == 5 if what == "pictures" else asked > 1
    why = {made.refused for step in _steps(folder) for made in _refused(folder, step)}
    assert bool(why) == (what == "pictures"), "short words stop where a usual line is not covered any more"
    assert all("SpentError" in one and "are left in limits.money_usd" in one for one in why)
    again = replaying.replay(folder, settings)
    assert again.ok, again.differs


def test_tokens_that_are_spent_end_a_run_that_only_writes(tmp_path, run_job, settings, model_server, at):
    data = materialise("requests", tmp_path / "data")
    policy = {
        "model": "openai:writer",
        "remote": "allow",
        "encoder": "lexical",
        "tools": {"allow": ["text.paraphrase"]},
    }
    facts = {"dataset": {"path": str(data)}, "policy": policy, "limits": {"samples": 2000, "tokens": 9000, "rounds": 9}}
    with model_server(lambda _: {"text": "Could you please look into my order, it is late again?"}) as server:
        report = run_job(Job.model_validate(facts), settings=at(server.url))
        assert 0 < len(server.requests) < 30
    assert report["stop_reason"] == "budget_spent"
    assert report["cost"]["tokens"] <= 9000
    assert report["made"] < 250, "it ends when nothing more can be paid"
    assert {line["reason"] for line in report["targets"] if not line["met"]} == {"budget"}
    assert report["rejected"]["budget"] > 0
    again = replaying.replay(Path(report["run"]), settings)
    assert again.ok, again.differs


def test_a_run_that_goes_on_counts_what_was_paid_before(tmp_path, settings, model_server, at, monkeypatch):
    job = paid_job("pictures", tmp_path, 0.05)
    with model_server() as server:

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(nodes.work, "judge_steps", killed)
            with pytest.raises(KeyboardInterrupt):
                session.start(job, session.Ask(at(server.url), yes=True))
        [folder] = settings.runs.iterdir()
        paid = Exchanges(folder).money_usd
        assert paid > 0
        ended = session.resume(folder, session.Ask(at(server.url), yes=True))
        assert isinstance(ended, session.Ended)
        assert len(server.requests) == 5
    assert ended.report["cost"]["money_usd"] == Exchanges(folder).money_usd == 0.05
    assert ended.report["stop_reason"] == "budget_spent"


def test_a_round_above_the_free_amount_waits_for_a_person(tmp_path, model_server, at):
    job = paid_job("pictures", tmp_path, 5.0, approval={"money_usd": 0.001})
    with model_server() as server:
        waiting = session.start(job, session.Ask(at(server.url)))
        assert isinstance(waiting, session.Waiting)
        assert server.requests == []


def _steps(folder: Path) -> list[str]:
    return [step.id for plan in Run.open(folder).plans() for step in plan.steps]


def _refused(folder: Path, step: str) -> list[Any]:
    """Return the candidates of a step that the budget refused."""
    pairs = Made(Run.open(folder).made).judged_pairs([step])
    return [made for made, judged in pairs if judged.rejected_by == "budget"]
