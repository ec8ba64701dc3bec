"""What limits augmentation, by the literature, and what augplan does about it: a table made from the notes."""

from __future__ import annotations

from collections.abc import Mapping

from memory.literature.notes import Note
from memory.literature.vocabulary import Vocabulary, Weakness

_EXAMPLES = 2


def table(notes: Mapping[str, Note], words: Vocabulary) -> str:
    """Return the limitations as a Markdown table, those that most papers name first; what nothing answers is a hole."""
    naming = {
        name: [key for key, note in notes.items() if note.is_augmentation and name in _kinds(note)]
        for name in words.limitations
    }
    order = sorted(naming, key=lambda name: (-len(naming[name]), name))
    rows = [f"| {' | '.join(_row(name, words.limitations[name], naming[name]))} |" for name in order]
    return "\n".join(["| Limitation | Papers | Answered by | Open |", "|---|---|---|---|", *rows])


def _kinds(note: Note) -> set[str]:
    return {one.kind for one in note.limitations}


def _row(name: str, weakness: Weakness, papers: list[str]) -> tuple[str, str, str, str]:
    examples = ", ".join(papers[:_EXAMPLES])
    answers = "; ".join(_answer(one) for one in weakness.answers) or "**hole**"
    return f"{name.replace('-', ' ')}: {weakness.meaning}", f"{len(papers)}: {examples}", answers, weakness.hole or ""


def _answer(answer: str) -> str:
    """Return `gate gates.leak: rejects ...` as Markdown, with the name as code."""
    place, _, does = answer.partition(": ")
    kind, _, name = place.partition(" ")
    return f"{kind} `{name}`: {does}"
