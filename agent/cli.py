"""The command line: parse, call, print.

Exit codes: 0 done, 2 bad input, 3 needs confirmation, 4 failed, 5 finished with targets unmet.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli_audit import audit_app
from agent.cli_chat import chat
from agent.cli_machine import doctor, fetch, tools
from agent.cli_outcomes import outcomes_app
from agent.options import BatchSize, Json, Runs, Seed, Work, Workers, Yes, settings_of

if TYPE_CHECKING:
    from agent.session import Ask, Ended, Waiting

app = typer.Typer(
    name="augplan",
    help="Plan data augmentation for text, images and speech, do it, and prove whether it helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(audit_app, name="audit")
app.command()(chat)
app.add_typer(outcomes_app, name="outcomes")

UNMET = 5
WAITING = 3


def main() -> None:
    """Run the command line; what augplan explains itself is printed without a traceback."""
    from memory.errors import AugplanError

    try:
        app()
    except AugplanError as problem:
        sys.stderr.write(f"augplan: {problem}\n")
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("augplan: stopped; go on with: augplan run --resume RUN\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as problem:  # the edge of the program: a person gets one line, and the way to more
        from agent.settings import wants_traceback

        if wants_traceback():
            raise
        kind = type(problem).__name__
        sys.stderr.write(f"augplan: a fault of augplan itself ({kind}: {problem}). AUGPLAN_TRACEBACK=1 shows where.\n")
        sys.exit(4)


@app.command()
def demo(runs: Runs = None, json: Json = False) -> None:
    """Fill the gaps of three small bundled datasets: text, images, speech. No key, no network, no GPU."""
    from datetime import UTC, datetime

    from agent import display
    from memory.bundled import NAMES, materialise
    from memory.documents import read_job

    settings = settings_of(runs)
    place = settings.runs / f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    settings = settings.model_copy(update={"runs": place})
    reports = []
    for name in NAMES:
        data = materialise(name, place)
        reports.append(_start(read_job(data / "job.yaml"), settings, name, json))
        if not json:
            display.report(reports[-1])
            display.say()
    if json:
        display.json_out(reports)
    else:
        first = reports[0]["run"]
        display.say(f"Look into a run: open {first}/report.html, or: augplan audit show {first}")
    raise typer.Exit(0 if all(one["met"] for one in reports) else UNMET)


def _start(job: Any, settings: Any, name: str, quiet: bool) -> dict[str, Any]:
    from agent import display, session

    with display.Watch(quiet) as watch:
        ended = session.start(job, session.Ask(settings, watch, yes=True), name=name)
    assert isinstance(ended, session.Ended), "a run that agrees to every plan does not wait"
    return ended.report


@app.command()
def inspect(data: Work, json: Json = False) -> None:
    """Show statistics, gaps, leaks and near-duplicates of a dataset; writes nothing."""
    from agent import display, inspection

    with display.Watch(json) as watch:
        facts = inspection.profile_of(data, watch)
    if json:
        display.json_out(facts)
    else:
        display.profile(facts)


@app.command()
def plan(
    data: Annotated[Path | None, typer.Argument(help="A job (YAML) or a dataset.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the plan to this YAML file.")] = None,
    seed: Seed = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a job and stop.")] = False,
    json: Json = False,
) -> None:
    """Show the first plan for a job; makes no sample."""
    from agent import display, inspection
    from memory.documents import dump_yaml
    from memory.errors import UsageError
    from memory.job import Job

    if schema:
        display.json_out(Job.model_json_schema())
        return
    if data is None:
        raise UsageError("Name a job (YAML) or a dataset to plan for.")
    if out is not None and (out.exists() or not out.absolute().parent.is_dir()):
        raise UsageError("This file exists already, or its folder does not; name another.", where=str(out))
    with display.Watch(json or out is None) as watch:
        made = inspection.first_plan(data, watch, seed)
    if out is not None:
        out.write_text(dump_yaml(made), encoding="utf-8")
        display.warn(f"plan: {out}; run it with: augplan run {data} --plan {out}")
    if json:
        display.json_out(made.model_dump(mode="json"))
    elif out is None:
        display.say(dump_yaml(made))


@app.command()
def run(
    job: Annotated[Path | None, typer.Argument(help="A job (YAML) or a dataset; not with --resume.")] = None,
    plan_file: Annotated[Path | None, typer.Option("--plan", help="Carry out this plan and stop.")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with this run folder.")] = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Inspect and plan; make no sample.")] = False,
    seed: Seed = None,
    runs: Runs = None,
    batch_size: BatchSize = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Carry out a job: inspect, plan, make, judge, measure again, until its targets are met."""
    from agent import display, session
    from memory.documents import read_job_or_data, read_plan
    from memory.errors import UsageError

    if (job is None) == (resume is None):
        raise UsageError("Name a job or a dataset, or a run folder with --resume; one of the two.")
    if resume is not None and (plan_file is not None or seed is not None or dry_run):
        raise UsageError("A run goes on as it began; --plan, --seed and --dry-run are for a new one.")
    settings = settings_of(runs, batch_size=batch_size, workers=workers)
    with display.Watch(json) as watch:
        ask = session.Ask(settings, watch, yes=yes, dry_run=dry_run)
        if resume is not None:
            ended = session.resume(resume, ask)
        else:
            assert job is not None, "checked above"
            wanted = read_job_or_data(job)
            wanted = wanted if seed is None else wanted.model_copy(update={"seed": seed})
            given = None if plan_file is None else read_plan(plan_file)
            ended = session.start(wanted, ask, given)
    raise typer.Exit(_finish(ended, ask, json))


def _finish(ended: Ended | Waiting, ask: Ask, json: bool) -> int:
    """Ask as long as the run waits for a person who is there; print how it ended; return the exit code."""
    from dataclasses import replace

    from agent import display, session

    while isinstance(ended, session.Waiting):
        asked = ended.question
        words = f"Round {asked['round']}: make {asked['samples']} samples with {', '.join(asked['recipes'])}"
        if json or not sys.stdin.isatty():
            display.warn(f"{words}. Agree with: augplan run --resume {ended.run.folder} --yes")
            if json:
                display.json_out({"run": str(ended.run.folder), "waiting": asked})
            return WAITING
        answer = {"agreed": typer.confirm(f"{words}?"), "who": "person at the terminal"}
        with display.Watch() as watch:
            ended = session.resume(ended.run.folder, replace(ask, say=watch, answer=answer))
    if json:
        display.json_out(ended.report)
    else:
        display.report(ended.report)
    dry = ended.report["stop_reason"] == "dry_run"
    return 0 if ended.report["met"] or dry else UNMET


@app.command()
def strategies(
    words: Annotated[str, typer.Argument(help="What you look for, in your own words.")] = "",
    data: Annotated[Path | None, typer.Option("--data", help="A job or dataset: ask about its state and gaps.")] = None,
    modality: Annotated[str | None, typer.Option("--modality", help="text, image or speech.")] = None,
    when: Annotated[
        list[str] | None, typer.Option("--when", help="Only papers for this situation: few-shot ...")
    ] = None,
    runnable: Annotated[bool, typer.Option("--runnable", help="Only what a tool does that runs here.")] = False,
    licences: Annotated[str, typer.Option("--licences", help="With --runnable: permissive or any.")] = "permissive",
    per_class: Annotated[float | None, typer.Option("--per-class", min=0, help="Real items a class.")] = None,
    student: Annotated[str | None, typer.Option("--student", help="What is trained: pretrained or scratch.")] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="What compares meanings; see the README.")] = None,
    remote: Annotated[bool, typer.Option("--remote", help="Allow the encoder to be fetched or asked.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Papers to show.")] = 10,
    json: Json = False,
) -> None:
    """Search the literature: papers, what they measured, what gain to expect, and the tools that do it."""
    from agent import display, library

    policy = library.policy_of(encoder=encoder, remote=remote, licences=licences)
    question = library.question_of(
        words=words,
        data=data,
        modality=modality,
        within=tuple(when or ()),
        runnable=runnable,
        per_class=per_class,
        student=student,
        limit=limit,
    )
    with display.Watch(json) as watch:
        answer = library.ask(question, policy, settings_of(), watch)
    if answer.why_lexical:
        display.warn(f"Only words are compared, not meanings: {answer.why_lexical}")
    if not answer.answered:
        best = answer.entries[0]["score"] if answer.entries else 0.0
        display.warn(f"The literature at hand has no answer to this (best score {best:.2f}).")
    if json:
        display.json_out(answer.entries)
    else:
        display.strategies(answer.entries)


for command in (tools, doctor, fetch):
    app.command()(command)
