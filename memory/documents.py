"""Jobs and plans as YAML that a person writes, reads and commits."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from memory.errors import UsageError
from memory.job import AskAbove, Goal, Job, Reach, Source
from memory.records import Cell, Plan, Record

R = TypeVar("R", bound=Record)

MODELS = ("model", "image_model", "speech_model", "asr_model", "match_model")
"""Fields of the policy that may name a folder."""
_LARGEST = 64 * 2**20
"""Bytes of YAML that are read at most; a job has a few hundred, a plan for 10,000 classes some millions."""
_HUB_ID = re.compile(r"(?!.*\.(csv|tsv|jsonl?|parquet|txt)$)\w[\w.-]*/[\w.-]+")
"""`owner/name`, and not a file in a folder."""


class _Loader(yaml.SafeLoader):
    """Plain values only: no tags that make objects, no aliases, and no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read; write the value out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for name, _ in node.value:
            if name.value in seen if isinstance(name.value, str) else False:
                raise yaml.constructor.ConstructorError(None, None, f"key {name.value!r} stands twice", name.start_mark)
            seen.add(str(name.value))
        return super().construct_mapping(node, deep)


def read_job(path: Path) -> Job:
    """Read a job. Relative paths in it start at the folder of the job file.

    Raises UsageError naming the file and the field: no such file, no YAML, an unknown key, a bad value.
    """
    return _from_folder(_read(path, Job), path.absolute().parent)


def read_job_or_data(path: Path) -> Job:
    """Return the job in a YAML file, or a job of defaults for a dataset."""
    if path.suffix in {".yaml", ".yml"}:
        return read_job(path)
    return Job(dataset=Source(path=str(path.resolve() if path.exists() else path)))


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises UsageError naming the file and the field."""
    return _read(path, Plan)


def dump_yaml(record: Record) -> str:
    """Return `record` as YAML that reads back as an equal record.

    Fields come in the order of their declaration; those that are empty by default are left out.
    """
    return yaml.safe_dump(_plain(record), sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)


def _plain(value: Any) -> Any:
    if isinstance(value, Cell):
        return dict(value.at)
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        full = {name: (getattr(value, name), field.get_default()) for name, field in fields.items()}
        return {name: _plain(own) for name, (own, usual) in full.items() if not (own == usual and _empty(own))}
    if isinstance(value, Mapping):
        return {name: _plain(own) for name, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(own) for own in value]
    return value


def _empty(value: Any) -> bool:
    return value is None or value in ("", (), {}) or (isinstance(value, BaseModel) and _plain(value) == {})


def _read(path: Path, kind: type[R]) -> R:
    value = _load(path)
    if not isinstance(value, dict):
        raise UsageError(f"A {kind.__name__.lower()} is a mapping of keys to values; this is not.", where=str(path))
    try:
        return kind.model_validate(_tuples(value))
    except ValidationError as problem:
        said = "; ".join(_said(kind, error) for error in problem.errors()[:3])
        raise UsageError(f"{said}.", where=str(path)) from problem


def _tuples(value: Any) -> Any:
    """Return `value` with tuples for lists, as records hold them; so two words that look like numbers stay words."""
    if isinstance(value, dict):
        return {name: _tuples(own) for name, own in value.items()}
    return tuple(_tuples(own) for own in value) if isinstance(value, list) else value


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as problem:
        raise UsageError(f"The file cannot be read: {problem.strerror}.", where=str(path)) from problem
    if len(content) > _LARGEST:
        raise UsageError(f"The file has more than {_LARGEST} bytes; that is no job or plan.", where=str(path))
    try:
        return yaml.load(content.decode(), _Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = str(path) if mark is None else f"{path}:{mark.line + 1}"
        raise UsageError(f"This is not YAML that can be read: {problem.problem}.", where=where) from problem
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        first = str(problem).splitlines()[0] if str(problem) else "nested too deeply"
        raise UsageError(f"This is not YAML that can be read: {first}.", where=str(path)) from problem


def _said(kind: type[Record], error: Any) -> str:
    """Say one complaint of pydantic for the person who wrote the YAML."""
    unions = error["loc"][0:1] == ("targets",) or error["loc"][:2] == ("policy", "approval")
    loc = tuple(part for at, part in enumerate(error["loc"]) if not (at == 2 and unions))
    place = ".".join(str(part) for part in loc) or "the whole"
    if error["type"] == "extra_forbidden":
        known = _keys_at(kind, error["loc"][:-1])
        near = get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        return f"{place}: unknown key; {hint}"
    if error["type"] == "literal_error" and error["loc"][-1] == "measure":
        return f"{place}: there is no measure {error['input']!r}; there are probe_macro_f1 and held_out_coverage"
    if error["type"] == "string_type" and not isinstance(error["input"], (dict, tuple, type(None))):
        return f"{place}: YAML reads this as {error['input']!r}; put it in quotes to make it a word"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}"


_MEASURED: Mapping[str, type[Record]] = {"goal": Goal, "reach": Reach, "above": AskAbove}
"""How pydantic calls a part of a union, in the place of an error."""


def _keys_at(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the record that stands at `place` inside a record of `kind`."""
    for part in place:
        kind = _MEASURED.get(str(part), kind)
        field = kind.model_fields.get(str(part))
        if field is not None:
            kind = _record_in(field.annotation) or kind
    return list(kind.model_fields)


def _record_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, (_record_in(inner) for inner in get_args(annotation))), None)


def _from_folder(job: Job, folder: Path) -> Job:
    """Return `job` with its relative paths made absolute."""
    source = job.dataset.path
    if not _HUB_ID.fullmatch(source) or (folder / source).exists():
        source = _absolute(source, folder)
    noise = None if job.assets.noise is None else _absolute(job.assets.noise, folder)
    export = None if job.export.path is None else _absolute(job.export.path, folder)
    models = {name: _model(getattr(job.policy, name), folder) for name in MODELS}
    return job.model_copy(
        update={
            "policy": job.policy.model_copy(update=models),
            "dataset": job.dataset.model_copy(update={"path": source}),
            "assets": job.assets.model_copy(update={"noise": noise}),
            "export": job.export.model_copy(update={"path": export}),
        }
    )


def _model(name: str | None, folder: Path) -> str | None:
    """Return the name of a model; where it is a folder beside the job, that folder."""
    return _absolute(name, folder) if name is not None and (folder / Path(name).expanduser()).is_dir() else name


def _absolute(path: str, folder: Path) -> str:
    return str(folder / Path(path).expanduser())
