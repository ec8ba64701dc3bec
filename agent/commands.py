"""What can be said in a chat with a slash: everything, without a model and without guessing."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from agent import audit, machine
from agent.wish import Wish
from memory.documents import dump_yaml
from memory.errors import UsageError
from memory.job import Job
from tools.catalogue import select

if TYPE_CHECKING:
    from agent.chat import Talk


@dataclass(frozen=True)
class Command:
    """One command: how it is written, what it does."""

    form: str
    help: str
    act: Callable[[Talk, str], Any]


def carry_out(talk: Talk, text: str) -> None:
    """Carry out one command. Raises UsageError for one that is not there, or for words that do not fit."""
    name, _, rest = text[1:].strip().partition(" ")
    known = COMMANDS.get(name.lower())
    if known is None:
        raise UsageError(f"There is no command /{name}; /help lists them.")
    known.act(talk, rest.strip())


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as problem:
        raise UsageError(f"{text!r} cannot be read: {problem}.") from problem


def _help(talk: Talk, _rest: str) -> None:
    lines = [f"{one.form:<38} {one.help}" for one in COMMANDS.values()]
    talk.tell("\n".join([*lines, "", "Or say it in words: " + "; ".join(EXAMPLES)]))


EXAMPLES = (
    "bring refund to a hundred, no typos",
    "every class at least 120, at most 500 samples",
    "only if it helps, by two points",
    "double the minority class",
    "why was this sample rejected? (with its id)",
)


def _data(talk: Talk, rest: str) -> None:
    words = _words(rest)
    if len(words) != 1:
        raise UsageError("Write /data PATH: a job (YAML), a file, a folder or a hub id.")
    talk.take(Path(words[0]))


def _target(talk: Talk, rest: str) -> None:
    """`/target 120`, `/target label=refund 100`, `/target label,channel 10`."""
    words = _words(rest)
    if not words or not words[-1].isdigit():
        raise UsageError("Write /target COUNT, /target AXIS=VALUE COUNT or /target AXIS,AXIS COUNT.")
    axes: list[str] = []
    only: list[dict[str, Any]] = []
    for part in words[:-1]:
        name, found, value = part.partition("=")
        axes += name.split(",")
        if found:
            only.append({"axis": name, "values": tuple(value.split(","))})
    wanted: dict[str, Any] = {"axes": tuple(axes) or ("label",), "at_least": int(words[-1]), "only": tuple(only)}
    _wish(talk, {"targets": (wanted,)})


def _limit(talk: Talk, rest: str) -> None:
    words = _words(rest)
    if len(words) != 2:
        raise UsageError("Write /limit NAME NUMBER: samples, seconds, gpu_seconds, tokens, money_usd, rounds ...")
    try:
        number = float(words[1])
    except ValueError:
        raise UsageError(f"{words[1]!r} is no number.") from None
    _wish(talk, {"limits": {words[0]: number}})


def _policy(name: str) -> Callable[[Talk, str], None]:
    def act(talk: Talk, rest: str) -> None:
        if not rest:
            raise UsageError(f"Write /{name} TOOL, or a pattern such as text.*")
        _wish(talk, {name: tuple(_words(rest))})

    return act


def _set(talk: Talk, rest: str) -> None:
    """`/set policy.remote allow`: any field of the job, as in its YAML."""
    place, _, value = rest.partition(" ")
    if not place or not value:
        raise UsageError("Write /set FIELD VALUE, such as: /set policy.approval {money_usd: 0.5}")
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError as problem:
        raise UsageError(f"{value!r} is no YAML value.") from problem
    after = _with(talk.job, place.split("."), read)
    before = talk.job
    talk.settle_on(after)
    old, new = dump_yaml(before).splitlines(), dump_yaml(after).splitlines()
    talk.tell("\n".join(f"- {line.strip()}" for line in new if line not in old) or "Nothing changed.")


def _with(job: Job, place: list[str], value: Any) -> Job:
    """Return a job with one field set. Raises UsageError naming the field."""
    plain = job.model_dump(mode="json", exclude_unset=True)
    at = plain
    for name in place[:-1]:
        at = at.setdefault(name, {})
        if not isinstance(at, dict):
            raise UsageError("This part of a job has no fields of its own.", where=".".join(place))
    at[place[-1]] = value
    try:
        return Job.model_validate(plain)
    except ValidationError as problem:
        raise UsageError(f"{problem.errors()[0]['msg']}.", where=".".join(place)) from problem


def _wish(talk: Talk, wanted: dict[str, Any]) -> None:
    try:
        heard = Wish.model_validate(wanted)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise UsageError(f"{first['msg']}.", where=".".join(map(str, first["loc"]))) from problem
    if talk.change(heard) is False:
        talk.tell("That changes nothing.")


def _inspect(talk: Talk, _rest: str) -> None:
    from agent import answers

    _, dataset, coverage = talk.read()
    talk.tell("\n".join(one.text for one in answers.of_data(coverage, dataset.splits(), talk.job)))


def _strategies(talk: Talk, rest: str) -> None:
    from agent import answers

    found = answers.of_literature(rest, talk.job, talk.dataset().modality, talk.settings, most=8)
    talk.tell("\n".join(f"{one.text} [{one.ref}]" for one in found) or "The literature at hand has no answer to this.")


def _tools(talk: Talk, rest: str) -> None:
    if rest:
        facts = machine.catalogue(rest)[0]
        talk.tell("\n".join(f"{key}: {value}" for key, value in facts.items()))
        return
    talk.tell("\n".join(f"{tool.name}: {tool.summary}" for tool in select("augment", talk.dataset().modality)))


def _why(talk: Talk, rest: str) -> None:
    if not rest:
        raise UsageError("Write /why SAMPLE, with an id as in the export's sample_id.")
    facts = audit.lineage(_run(talk), rest)
    talk.tell(facts["unknown"] if "unknown" in facts else audit.why(_run(talk), rest))


def _trace(talk: Talk, _rest: str) -> None:
    talk.tell(audit.story(_run(talk)))


def _run(talk: Talk) -> Path:
    if talk.at.run is None:
        raise UsageError("No run was started in this chat.")
    return Path(talk.at.run)


def _act(name: str) -> Callable[[Talk, str], None]:
    return lambda talk, _rest: talk.act(name)


COMMANDS: dict[str, Command] = {
    "help": Command("/help", "what can be said", _help),
    "data": Command("/data PATH", "take up a job or a dataset", _data),
    "inspect": Command("/inspect", "classes and gaps", _inspect),
    "job": Command("/job", "the job as it stands, as YAML", _act("show_job")),
    "target": Command("/target [AXIS=VALUE] COUNT", "want so many items in a cell, or in every class", _target),
    "limit": Command("/limit NAME NUMBER", "spend at most so much", _limit),
    "only": Command("/only TOOL ...", "use these tools alone", _policy("use_only")),
    "allow": Command("/allow TOOL ...", "use these tools again", _policy("allow")),
    "deny": Command("/deny TOOL ...", "never use these tools", _policy("deny")),
    "set": Command("/set FIELD VALUE", "set any field of the job", _set),
    "undo": Command("/undo", "take the latest change back", _act("undo")),
    "plan": Command("/plan", "the first plan, without making anything", _act("plan")),
    "run": Command("/run", "carry out the job", _act("run")),
    "yes": Command("/yes", "agree to what is shown", _act("approve")),
    "no": Command("/no", "refuse what is shown", _act("refuse")),
    "resume": Command("/resume", "go on with a run that was stopped", lambda talk, _rest: talk.resume()),
    "strategies": Command("/strategies WORDS", "search the literature", _strategies),
    "tools": Command("/tools [NAME]", "the tools, or one of them", _tools),
    "why": Command("/why SAMPLE", "why a made sample is there", _why),
    "trace": Command("/trace", "what the latest run decided", _trace),
    "ask": Command("/ask QUESTION", "answer from data, papers and trace", lambda talk, rest: talk.answer(rest)),
}
