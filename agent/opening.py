"""What a sitting begins with: the context that nodes use, and the record that opens a trace."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agent import checks, prices
from agent.settings import Settings, keep_quiet
from agent.state import Context
from memory import outcomes
from memory.datasets.dataset import open_dataset, reopen
from memory.datasets.made import Made
from memory.datasets.noise import read_noise
from memory.documents import read_plan
from memory.errors import UsageError
from memory.exchanges import Exchanges, without_secrets
from memory.exports.export import kind_of
from memory.job import Job
from memory.records import Modality
from memory.runs import Run
from tools import catalogue, devices
from tools.coverage.coverage import check_axes
from tools.executors import Here
from tools.judge import gates_for
from tools.models import choose
from tools.models.asker import Asker
from tools.models.purse import purse_of
from tools.weights.table import why_forbidden

Say = Callable[[dict[str, Any]], None]
PACKAGES = (
    "augplan",
    "torch",
    "torchaudio",
    "torchvision",
    "numpy",
    "scikit-learn",
    "langgraph",
    "pydantic",
    "datasets",
    "chromadb",
    "transformers",
    "diffusers",
    "openai",
)


@dataclass(frozen=True)
class Ask:
    """How this sitting goes about its work; none of it changes a result."""

    settings: Settings
    say: Say = lambda _event: None
    yes: bool = False
    dry_run: bool = False
    answer: Mapping[str, Any] | None = None
    """A person's answer to the plan that the run waits with: {agreed, who, why, without}."""
    replay: Path | None = None
    """A folder with recorded exchanges: the language model is heard from there, and nothing is sent."""


def context_of(run: Run, job: Job, ask: Ask) -> Context:
    """Return what nodes work with. Raises UsageError for a job that cannot be carried out here."""
    keep_quiet(job.policy.remote)
    prices.check_prices(job)
    workspace = run.dataset
    known = (workspace / "dataset.json").exists()
    dataset = reopen(workspace) if known else open_dataset(job.dataset, workspace, job.seed)
    given = run.folder / "plan-given.yaml"
    noise = job.assets.noise
    check_axes(dataset, (axis for target in job.cells for axis in target.axes))
    catalogue.check_patterns(job.policy)
    checks.check_use(job.use, {tool.name: tool for tool in catalogue.select("augment", dataset.modality)})
    kind_of(dataset, job.export.format)  # refuse an impossible format before any work
    gates_for(dataset.modality, job.policy)  # ... and a gate whose model is not here
    exchanges = Exchanges(run.folder)
    recorded = Exchanges(run.recorded) if run.recorded.is_dir() else None
    device = devices.choose(ask.settings.device, dataset.modality, models=_has_models(job, dataset.modality))
    return Context(
        job=job,
        device=device,
        run=run,
        dataset=dataset,
        made=Made(run.made),
        tools=prices.priced(catalogue.load(), job.policy),
        executor=Here(ask.settings.workers),
        modality=dataset.modality,
        settings=ask.settings,
        noise=read_noise(Path(noise)) if noise is not None else [],
        exchanges=exchanges,
        recorded=recorded,
        asker=asker_of(job, exchanges, recorded, ask.settings, device=device),
        given=read_plan(given) if given.exists() else None,
        remembered=outcomes.read(run.folder),
        yes=ask.yes,
        dry_run=ask.dry_run,
        say=ask.say,
    )


def _has_models(job: Job, modality: Modality) -> bool:
    """Return whether a model may run on this machine: the job's own, or one that a tool has weights for."""
    policy = job.policy
    if policy.model is not None and not policy.model.startswith(choose.ENDPOINT):
        return True
    heavy = [tool for tool in catalogue.select("augment", modality) if tool.needs.engine not in (None, "writer")]
    return any(
        not catalogue.why_not_allowed(one, policy) and not catalogue.why_not_runnable(one, policy) for one in heavy
    )


def asker_of(
    job: Job, exchanges: Exchanges, recorded: Exchanges | None, settings: Settings, device: str = "cpu"
) -> Asker | None:
    """Return the language model that a job names, which keeps its `exchanges`; None where it names none.

    Where exchanges were `recorded` elsewhere, those alone are heard. Raises UsageError for a model that is not here or
    may not be asked, for a planner without a model, and for a limit of money without a price.
    """
    policy = job.policy
    if policy.model is None:
        if policy.planner == "model":
            raise UsageError("A model is to plan, and none is named; say policy.model.", where="policy.planner")
        return None
    prices.check_prices(job, ("model",))
    if forbidden := why_forbidden(policy.model, policy):
        raise UsageError(f"{forbidden}.", where="policy.model")
    source = None
    if recorded is None:
        source = choose.source_of(
            policy.model,
            remote=policy.remote == "allow",
            base_url=settings.openai_base_url,
            api_key=settings.key,
            device=device,
            timeout_s=settings.timeout,
        )
    return Asker(
        exchanges,
        source,
        recorded,
        purse=purse_of(job, exchanges),
        model=choose.name_of(policy.model),
    )


def opening(use: Context) -> dict[str, Any]:
    """Return the first record of a trace: what was given and what is in force, the data, versions, the machine."""
    dataset = {"name": use.dataset.name, "digest": use.dataset.digest, "splits": use.dataset.splits()}
    return {
        "kind": "opened",
        "given": use.job.model_dump(mode="json", exclude_unset=True),
        "in_force": use.job.model_dump(mode="json"),
        "settings": use.settings.model_dump(mode="json"),
        "dataset": {**dataset, "modality": use.modality, "skipped": use.dataset.skipped_count},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "machine": devices.describe(use.device),
        "egress": egress(use),
    }


def egress(use: Context) -> str:
    """Return what may leave the machine; each question to a model is a record of its own (`sent`)."""
    policy, sent = use.job.policy, []
    if policy.remote == "deny":
        return "none: policy.remote is deny"
    if use.dataset.layout == "hub":
        sent.append(f"the name {use.job.dataset.path!r}, to the Hugging Face hub, when the dataset was opened")
    if policy.encoder.startswith(choose.ENDPOINT):
        sent.append(f"the notes of the literature and the question, to {without_secrets(use.settings.openai_base_url)}")
    else:
        sent.append(f"the name of the encoder {policy.encoder!r}, to the Hugging Face hub, where it was not here")
    for name in (policy.model, policy.image_model, policy.speech_model):
        if name is not None and name.startswith(choose.ENDPOINT):
            sent.append(f"what is put to {name!r}, to {without_secrets(use.settings.openai_base_url)}")
    return "; ".join(sent)


def sent_since(use: Context, known: set[str]) -> list[dict[str, Any]]:
    """Return what went to an endpoint and is not in `known` (digests of exchanges), as records of the trace."""
    found = []
    for at, one in enumerate(use.exchanges):
        mark = f"{at}:{one.key}"
        if mark not in known and not one.replayed and one.to != choose.HERE:
            known.add(mark)
            found.append([mark, one.purpose, one.to, one.request.size])
    return [{"kind": "sent", "exchanges": found}] if found else []
