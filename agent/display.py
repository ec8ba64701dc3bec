"""What a terminal shows: progress on standard error, tables on standard output."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agent import wording

EFFECTS = 3
"""Effects of a paper on the screen."""
SHOWN = 24
"""Lines of a table on the screen; `--json` gives all."""

_SAYING = {
    "open": "reading",
    "inspect": "inspecting",
    "index": "indexing the literature (once)",
    "apply": "making",
    "judge": "judging",
    "measure": "measuring",
}


class Watch:
    """Shows how far a run is: one live bar on a terminal, plain lines elsewhere."""

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.quiet = quiet
        self.console = console or Console(stderr=True)
        self.live: Progress | None = None
        self.last: tuple[str, str] | None = None
        if not quiet and self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self.live = Progress(*columns, console=self.console, transient=True)
            self.task = self.live.add_task("reading", total=None)
            self.live.start()

    def __call__(self, event: dict[str, Any]) -> None:
        """Take one event of a run: {node, done, of, step?, note?}."""
        if self.quiet:
            return
        if "note" in event:
            self.console.print(Text(str(event["note"])))
            return
        what = f"{_SAYING.get(event['node'], event['node'])} {event.get('step', '')}".rstrip()
        if self.live is not None:
            self.live.update(self.task, description=what, completed=event.get("done", 0), total=event.get("of"))
        elif self.last != (what, "end") and event.get("done") == event.get("of"):
            self.console.print(Text(f"{what}: {event.get('of', '')}"))
            self.last = (what, "end")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the live bar off the terminal while somebody types."""
        if self.live is not None:
            self.live.stop()
        try:
            yield
        finally:
            if self.live is not None:
                self.live.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()


def say(text: str = "") -> None:
    """Print plain words on standard output; nothing in them is markup."""
    Console(highlight=False, soft_wrap=True).print(Text(text))


def warn(text: str) -> None:
    """Print plain words on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text))


def table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = (), most: int = SHOWN
) -> None:
    """Print a table; columns named in `numbers` are set to the right. It is cut after `most` lines, and says so."""
    grid = Table(title=Text(title), title_justify="left", header_style="bold")
    for head in heads:
        grid.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
    for row in rows[:most]:
        grid.add_row(*(Text(str(value)) for value in row))
    Console().print(grid)
    if len(rows) > most:
        say(f"... and {len(rows) - most} more; --json gives all.")


def report(result: dict[str, Any]) -> None:
    """Print how a run ended: coverage before and after, what it proved, what was made and refused, where it is."""
    cells = [line for line in result["targets"] if "measure" not in line["cell"]]
    lines = sorted(cells, key=lambda line: (line["met"], line["before"] / line["required"]))
    rows = [(*(wording.cell_of(line), line["required"], line["before"], line["after"]), _state(line)) for line in lines]
    heads, numbers = ("cell", "required", "before", "after", "state"), ("required", "before", "after")
    title = f"{result['dataset']} ({result['modality']}): {result['stop_reason']}"
    if rows:
        table(title, heads, rows, numbers)
    if result["proof"]:
        if not rows:
            say(title)
        _proof(result["proof"])
    for head, text in wording.remarks(result):
        say(f"{head}: {text}")
    refused = ", ".join(f"{gate} {count}" for gate, count in sorted(result["rejected"].items())) or "none"
    dropped = f", {result['dropped']} dropped" if result["dropped"] else ""
    counts = f"{result['made']} made, {result['accepted']} accepted{dropped}; refused: {refused}"
    say(f"{counts}; {result['cost']['seconds']:.1f} s")
    if result["export"]:
        say(f"export: {result['export']}")
    say(f"run:    {result['run']}")


def _proof(proof: dict[str, Any]) -> None:
    tried = sorted(proof["tried"], key=lambda one: (not one["kept"], -(one["points"] or 0.0)))
    rows = [(one["arm"], one["accepted"], _points(one, "points"), wording.fate(one)) for one in tried]
    if rows:
        heads = ("recipe", "samples", "gain in macro-F1", "")
        table("Tried, on items nobody was trained on", heads, rows, ("samples",))
    found = proof["held_out"]
    if found is None:
        say("No split was held out, so nothing could be proven.")
    else:
        shown = [(found["settled"], f"{100 * found['after']:.1f}", _points(found, "gain"))]
        shown += [
            (name, f"{100 * one['macro_f1']:.1f}", _points(one, "gain")) for name, one in found["instead"].items()
        ]
        table(f"Proof, on {found['items']} {found['split']} items", ("trained on", "macro-F1", "gain"), shown)
    for line in proof["advice"]:
        say(line)


def _points(one: dict[str, Any], name: str) -> str:
    return "not measured" if one[name] is None else wording.gain(one[name], one["low"], one["high"])


def _state(line: dict[str, Any]) -> str:
    return "met" if line["met"] else f"short: {line['reason']}"


def profile(facts: dict[str, Any]) -> None:
    """Print what `inspect` found."""
    splits = ", ".join(f"{name} {count}" for name, count in facts["splits"].items())
    say(f"{facts['samples']} samples ({splits})")
    say("columns: " + ", ".join(f"{role} = {name}" for role, name in facts["columns"].items() if isinstance(name, str)))
    for note in facts["notes"]:
        say(f"note: {note}")
    rows = [(name, one["rows"], one["counted"]) for name, one in facts["classes"].items()]
    rows.sort(key=lambda row: row[2])
    table("Classes in training", ("class", "rows", "distinct"), rows, ("rows", "distinct"))
    near, leaks = facts["near_duplicates"], facts["leaks"]
    ratio = "-" if facts["imbalance_ratio"] is None else f"{facts['imbalance_ratio']:.1f}"
    say(f"imbalance ratio {ratio}; near-duplicates {near['count']}; leaks {leaks['count']}")
    rows = [(wording.cell_of(one), one["closes"], f"{one['items']:g}") for one in facts["requests"]]
    if rows:
        title = f"Fewest cells that close the {facts['uncovered_patterns']['count']} uncovered patterns"
        table(title, ("cell", "closes", "items wanted"), rows, ("closes", "items wanted"))
    for one in facts["confounds"]:
        pairs = ", ".join(f"{label} with {value}" for label, value in one["cells"])
        say(f"confound: the label can be read off {one['axis']} (V {one['strength']:.2f}): {pairs}")
    attributes = [
        (name, one.get("unit", ""), _number(one.get("min")), _number(one.get("median")), _number(one.get("max")))
        for name, one in facts["attributes"].items()
    ]
    if attributes:
        table("Attributes", ("attribute", "unit", "min", "median", "max"), attributes, ("min", "median", "max"))
    gaps = [(wording.cell_of(gap), gap["have"], gap["required"]) for gap in facts["gaps"]]
    if gaps:
        table("Gaps", ("cell", "have", "required"), gaps, ("have", "required"))
    for one in facts["skipped"]["first"][:SHOWN]:
        warn(f"skipped {one['where']}: {one['why']}")


def strategies(entries: Sequence[dict[str, Any]]) -> None:
    """Print papers as people read them: what it is, what gain to expect and from how much, what was measured, tools."""
    from agent import library
    from agent.planner import told
    from agent.priors import Prior
    from memory.literature.notes import Effect

    for one in entries:
        flags = f" [{', '.join(one['flags'])}]" if one["flags"] else ""
        say(f"{one['score']:.2f}  {one['title']} ({one['year']}, {one['evidence']}) {one['key']}{flags}")
        for line in textwrap.wrap(one["approach"] or "", 100):
            say(f"      {line}")
        if one["prior"] is not None:
            say(f"      {', '.join(one['families'])}: {told(Prior.model_validate(one['prior']))}")
        for effect in one["effects"][:EFFECTS]:
            say(f"      measured: {library.told(Effect.model_validate(effect))}")
        if len(one["effects"]) > EFFECTS:
            say(f"      ... and {len(one['effects']) - EFFECTS} more effects; --json gives all.")
        if one["families"]:
            say(f"      tools: {', '.join(one['tools']) or 'none yet'}")
        if one["remark"]:
            say(f"      note: {one['remark']}")
        say(f"      {one['address'] or 'no address known'}")
        say()


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else ""


def json_out(value: object) -> None:
    """Write one JSON document on standard output."""
    import json

    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
