"""The command that talks: what a person types goes in, what is said comes out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.options import Runs, settings_of

if TYPE_CHECKING:
    from agent.chat import Talk

LEAVE = frozenset({"/quit", "/exit", "quit", "exit", "bye"})
_PROMPT = "you> "


def chat(
    data: Annotated[Path | None, typer.Argument(help="A job (YAML) or a dataset to talk about.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="openai:NAME, or a folder or hub id.")] = None,
    remote: Annotated[bool, typer.Option("--remote", help="Allow what is needed to be sent to an endpoint.")] = False,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with this chat folder.")] = None,
    runs: Runs = None,
) -> None:
    """Ask for augmentation in words, agree to plans, ask why. Without a model, common requests are understood."""
    from agent import display
    from agent.chat import Talk
    from memory.chats import Chat
    from memory.errors import UsageError

    if resume is not None and data is not None:
        raise UsageError("A chat goes on with its own data; say /data PATH in it for other ones.")
    settings = settings_of(runs)
    folder = Chat.create(settings.runs) if resume is None else Chat.open(resume)
    with display.Watch() as watch:
        talk = Talk(folder, settings, display.say, watch)
        if data is not None:
            talk.open(_job(data, model, remote))
            if talk.at.job is None:  # said already what is wrong
                raise typer.Exit(2)
        _converse(talk, watch)
    display.say(f"Go on with: augplan chat --resume {folder.folder}")


def _job(data: Path, model: str | None, remote: bool) -> Any:
    """Return the job to talk about, with the model that talks and plans where one is named."""
    from memory.documents import read_job_or_data

    job = read_job_or_data(data)
    given: dict[str, Any] = {} if model is None else {"model": model, "planner": "model"}
    given |= {"remote": "allow"} if remote else {}
    return job.model_copy(update={"policy": job.policy.model_copy(update=given)})


def _converse(talk: Talk, watch: Any) -> None:
    """Hear lines until there are no more; a run that is interrupted can be gone on with."""
    from agent import display

    while True:
        line = _line(watch)
        if line is None or line.strip().lower() in LEAVE:
            return
        if not line.strip():
            continue
        if not sys.stdin.isatty():
            display.say(f"{_PROMPT}{line.strip()}")
        try:
            talk.hear(line.strip())
        except KeyboardInterrupt:
            display.say("Stopped. Nothing that was made is lost; /resume goes on.")
        display.say()


def _line(watch: Any) -> str | None:
    """Return the next line, or None at the end. The bar of progress is not drawn while somebody types."""
    try:
        with watch.paused():
            return input(_PROMPT) if sys.stdin.isatty() else (sys.stdin.readline() or None)
    except (EOFError, KeyboardInterrupt):
        return None
