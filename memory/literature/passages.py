"""What search sees of a note: passages whose meaning is compared, and fields whose words are."""

from __future__ import annotations

from collections.abc import Iterable

from memory.literature.notes import Note
from memory.literature.vocabulary import Vocabulary, Word

FIELDS = ("head", "body", "terms", "needs")


def passages(note: Note) -> list[str]:
    """Return the short texts that stand for a note: its title and task, how it works, and the needs it answers.

    Each is embedded by itself, so a question need only be like a part of the note.
    """
    return [f"{note.title}. {note.task}", *([note.approach] if note.approach else []), *note.needs]


def fields(note: Note, words: Vocabulary) -> dict[str, str]:
    """Return the texts whose words count, by field; `terms` brings in what people call what the note is tagged with."""
    own = [note.approach, note.feeds, note.data_regime, *note.generators, *note.mitigations]
    tags = [
        *(f"{name} {_spelled(words.families[name])}" for name in note.families),
        *(f"{name} {_spelled(words.situations[name])}" for name in note.applies_when),
        *(f"{name} {_spelled(words.tasks[name])}" for name in note.tasks),
    ]
    return {
        "head": f"{note.title} {note.task}",
        "body": _joined([*own, *(one.text for one in note.limitations)]),
        "terms": _joined(tags),
        "needs": _joined(note.needs),
    }


def phrase(name: str, word: Word) -> str:
    """Return a word of the vocabulary as a phrase that can be embedded, or be a part of a question."""
    return f"{name.rpartition(':')[2].replace('-', ' ')}: {word.meaning}"


def _spelled(word: Word) -> str:
    return f"{word.meaning} {' '.join(word.terms)}"


def _joined(parts: Iterable[str | None]) -> str:
    return " ".join(part for part in parts if part)
