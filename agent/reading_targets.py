"""How many of what: the counts of a sentence, clause by clause, and the cells they are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from agent.reading_heard import TAKEN, Heard
from agent.reading_items import Item
from agent.reading_words import PREPOSITIONS
from agent.wish import MOST_VALUES, Facts, Only, WishedTarget

Place = tuple[tuple[str, ...], tuple[Only, ...]]
NEUTRAL = frozenset(PREPOSITIONS.split("|")) | {
    *(
        "SEP",
        "THEN",
        TAKEN,
        "=",
        "U",
        "L",
        "LS",
        "IT",
        "EACH",
        "BRING",
        "NEED",
        "WANT",
        "HAVE",
        "MIN",
        "ALSO",
        "CHANGE",
    ),
    *("ONLY", "EVERYTHING", "OTHER", "EXCEPT", "PAIR", "SAME", "MORE", "ADD", "TARGETS", "BALANCE", "ALLOW", "FINE"),
    *("SIZE", "TIMES", "BEFORE", "TRAIN", "NOT", "IMPROVE", "MACHINE", "ROUND"),
}
"""Signs that ask for nothing by themselves."""
_VETOES = {
    *("NOT", "MAX", "T", "DOLLAR", "TOKENS", "SECONDS", "MINUTES", "HOURS", "GPU", "REMOTE", "PERCENT", "POINTS"),
    *("?", "Q", "P", "FORGET", "SAVE", "SMALLEST", "LARGEST"),
}
"""Signs that make a count mean something else."""
_FACTORS = {"DOUBLE": 2.0, "TRIPLE": 3.0, "QUADRUPLE": 4.0}
_WISHES = {"BRING", "NEED", "WANT", "ADD", "MIN", "MORE"}


@dataclass
class Scene:
    """What words like `it`, `the others` and `the same` refer to."""

    facts: Facts
    last: WishedTarget | None = None
    """The target that was spoken of before."""
    place: Place | None = None
    """The cells that were named last in this text."""
    classes: list[str] = field(default_factory=list)
    """Classes that were named in this text."""


def read_targets(heard: Heard, items: Sequence[Item], scene: Scene) -> list[Item]:
    """Keep the targets that a sentence states; return its items with all that was understood replaced by `_`."""
    left: list[Item] = []
    clauses = _clauses(_rewritten(items, scene.facts))
    for at, clause in enumerate(clauses):
        borrowed = _borrowed(clauses, at)
        if _read(heard, [*clause, *borrowed], scene):
            left.append(Item(TAKEN, clause[0].start, clause[-1].end))
        else:
            left += clause
    return left


# --- clauses --------------------------------------------------------------------------------------


def _rewritten(items: Sequence[Item], facts: Facts) -> list[Item]:
    """Put what stands for a class or a number in its place: `smallest class`, `as many as refund`, `three times`."""
    found: list[Item] = []
    at = 0
    while at < len(items):
        item, taken = _rewrite(items[at : at + 3], facts)
        found.append(item)
        at += taken
    return found


def _rewrite(some: Sequence[Item], facts: Facts) -> tuple[Item, int]:
    """Return what the first of some items stands for, and how many of them it takes."""
    signs = [one.sign for one in some]
    first, last = some[0], some[min(1, len(some) - 1)]
    whole = replace(first, end=last.end)
    found: tuple[Item, int] = first, 1
    if signs[0] in {"SMALLEST", "LARGEST"} and signs[1:2] == ["L"]:
        found = _extreme(whole, facts, largest=signs[0] == "LARGEST"), 2
    elif signs[:2] == ["SMALLEST", "LS"]:
        found = replace(whole, sign="RARE"), 2
    elif signs[0] == "SIZE" and signs[1:2] in (["C"], ["LARGEST"]):
        found = _size(whole, last, facts)
    elif signs[:3] == ["N", "PERCENT", "MORE"]:
        found = replace(first, sign="F", value=1 + (first.value or 0) / 100, end=some[2].end), 3
    elif signs[:2] == ["N", "TIMES"]:
        found = replace(whole, sign="F"), 2
    elif signs[0] in _FACTORS:
        found = replace(first, sign="F", value=_FACTORS[signs[0]]), 1
    return found


def _size(whole: Item, of: Item, facts: Facts) -> tuple[Item, int]:
    """Read `as many as refund` as a number, where it is one class that has any."""
    names = of.names if of.sign == "C" else _extreme(of, facts, largest=True).names[:1]
    have = facts.classes[names[0]] if len(names) == 1 else 0
    return (replace(whole, sign="N", value=have), 2) if have else (replace(whole, sign="?", note="how many?"), 2)


def _extreme(item: Item, facts: Facts, *, largest: bool) -> Item:
    counts = facts.classes.values()
    wanted = (max if largest else min)(counts, default=0)
    names = tuple(name for name, count in facts.classes.items() if count == wanted)
    if len(names) == 1:
        return replace(item, sign="C", names=names)
    choices = " or ".join(map(repr, names[:4]))
    return replace(item, sign="?", names=names, note=f"which one: {choices}?" if names else "there is none")


def _clauses(items: Sequence[Item]) -> list[list[Item]]:
    """Cut where another statement begins: at `but` and the like, and at `and` between two counts."""
    found: list[list[Item]] = [[]]
    for at, item in enumerate(items):
        counted = any(one.sign in {"N", "F"} for one in found[-1])
        follows = any(one.sign in {"N", "F", "SAME"} for one in items[at + 1 :])
        is_range = any(one.low == "between" for one in found[-1])
        begins = counted and follows and not is_range
        if item.sign == "THEN" or (item.sign == "SEP" and (begins or _is_verb(items[at + 1 :]))):
            found.append([])
        else:
            found[-1].append(item)
    return [clause for clause in found if clause]


def _is_verb(items: Sequence[Item]) -> bool:
    return bool(items) and items[0].sign in {"BRING", "ADD"} and any(one.sign in {"N", "F"} for one in items)


def _borrowed(clauses: Sequence[Sequence[Item]], at: int) -> list[Item]:
    """Return the classes that a clause leaves to its neighbour: `20 dark and 30 bright pictures of dogs`."""
    signs = {one.sign for one in clauses[at]}
    if "V" not in signs or signs & {"C", "L", "LS", "EACH", "U", "EVERYTHING"}:
        return []
    around = [*clauses[at + 1 : at + 2], *clauses[max(0, at - 1) : at]]
    found = [[one for one in clause if one.sign == "C"] for clause in around]
    return next((classes for classes in found if classes), [])


# --- one clause -----------------------------------------------------------------------------------


def _read(heard: Heard, clause: Sequence[Item], scene: Scene) -> bool:
    """Read one clause; return whether it was understood as a whole."""
    signs = {one.sign for one in clause}
    place, note = _place(clause, scene)
    before = scene.place
    if place is not None:
        scene.place = place
        scene.classes += [name for one in clause if one.sign == "C" for name in one.names]
    if note or signs & _VETOES or any(_is_content(one) for one in clause):
        return _unread(heard, clause, note)
    if "HAVE" in signs and not signs & _WISHES:
        return bool(signs & {"N", "C", "V"})
    if "IT" in signs and signs & {"C", "V", "A", "EACH", "RARE"} == set() and before is not None:
        place = before
    amount = _amount(clause, heard, scene)
    if amount is None:
        asks = place is not None and (signs & _WISHES or signs & {"C", "V"})
        return _unread(heard, clause, "how many?" if asks and not signs & {"N", "F"} else "")
    place = place or before or (None if scene.last is None else (scene.last.axes, scene.last.only))
    if place is None:
        return _unread(heard, clause, "of what?")
    if "RARE" in signs and "at_least" not in amount:
        return _unread(heard, clause, "which classes?")
    return _keep(heard, place, amount) or _unread(heard, clause, "")


def _is_content(item: Item) -> bool:
    return not item.sign.isupper() and item.sign not in NEUTRAL


def _unread(heard: Heard, clause: Sequence[Item], note: str) -> bool:
    """Leave a clause, with what to ask of it."""
    if note:
        heard.unclear.append((replace(clause[0], end=clause[-1].end), note))
    return False


def _keep(heard: Heard, place: Place, amount: dict[str, float]) -> bool:
    axes, only = place
    try:
        new = WishedTarget.model_validate({"axes": axes, "only": only, **amount})
    except ValidationError:
        return False
    heard.targets = [one for one in heard.targets if (one.axes, one.only) != place]
    heard.targets.append(new)
    return True


def _amount(clause: Sequence[Item], heard: Heard, scene: Scene) -> dict[str, float] | None:
    """Return the one count of a clause: in all, beside what there is, or times that; None where there is not one."""
    items = [one for at, one in enumerate(clause) if not _is_start(clause, at)]
    counts = [one for one in items if one.sign in {"N", "F"}]
    signs = {one.sign for one in items}
    if not counts:
        like = next(iter(reversed(heard.targets)), scene.last)
        is_same = "SAME" in signs or ("ALSO" in signs and not signs & {"MORE", "ADD"})
        return like.model_dump(include={"at_least", "factor", "more"}) if is_same and like is not None else None
    value = counts[0].value or 0.0
    if len(counts) > 1:
        return None
    if counts[0].sign == "F":
        return {"factor": value}
    if value != int(value):
        return None
    at = items.index(counts[0])
    before = items[at - 1] if at else None
    if signs & {"ADD", "MORE"} or (before is not None and before.low == "make" and "CHANGE" not in signs):
        return {"more": int(value)}
    return {"at_least": int(value) + (before is not None and before.sign == "OVER")}


def _is_start(clause: Sequence[Item], at: int) -> bool:
    """Return whether an item belongs to the first half of `from 8 to 100`."""
    signs = [one.sign for one in clause]
    return signs[at : at + 4] == ["from", "N", "to", "N"] or (
        at > 0 and signs[at - 1 : at + 3] == ["from", "N", "to", "N"]
    )


# --- the cells of a clause ------------------------------------------------------------------------


def _place(clause: Sequence[Item], scene: Scene) -> tuple[Place | None, str]:
    """Return the cells that a clause names, or None, and what to say where they cannot be asked for."""
    signs = {one.sign for one in clause}
    only: dict[str, tuple[str, ...]] = {}
    for item in clause:
        if item.sign == "V":
            only[item.axis] = tuple(dict.fromkeys((*only.get(item.axis, ()), *item.names)))
    spread = signs & {"EACH", "PAIR", "EVERYTHING", "by"}
    lone = [item.axis for item in clause if item.sign == "A" and item.axis not in only and not spread]
    if lone:
        return None, f"every {lone[0]}, or which?"
    axes = [item.axis for item in clause if item.sign in {"A", "V"}]
    labels, note = _labels(clause, signs, scene)
    if labels is None and not axes and ("EVERYTHING" in signs or ("EACH" in signs and "IT" not in signs)):
        labels = ()
    if labels is not None:
        axes.insert(0, "label")
        only |= {"label": labels} if labels else {}
    axes = list(dict.fromkeys(axes))
    limited = tuple(Only(axis=axis, values=only[axis][:MOST_VALUES]) for axis in axes if axis in only)
    if note or len(axes) > 3:
        return None, note or "that is more than three axes"
    return ((tuple(axes), limited) if axes else None), ""


def _labels(clause: Sequence[Item], signs: set[str], scene: Scene) -> tuple[tuple[str, ...] | None, str]:
    """Return the classes that a clause names, () for every class, None for no word of classes."""
    split = next((at for at, one in enumerate(clause) if one.sign == "EXCEPT"), len(clause))
    named, excepted = _classes(clause[:split]), _classes(clause[split:])
    if split < len(clause) and not excepted:
        return None, "except which class?"
    if "OTHER" in signs and not named:
        excepted = [*excepted, *scene.classes]
        if not excepted:
            return None, "other than which?"
    if excepted and not named:
        rest = tuple(name for name in scene.facts.classes if name not in excepted)
        fits = 0 < len(rest) <= MOST_VALUES and all(len(name) <= 200 for name in rest)
        return (rest, "") if fits else (None, "these cannot be named one by one")
    if named:
        return tuple(name for name in named if name not in excepted), ""
    every = signs & {"LS", "RARE"} or ("L" in signs and signs & {"EACH", "PAIR"})
    return (() if every else None), ""


def _classes(items: Iterable[Item]) -> list[str]:
    return list(dict.fromkeys(name for one in items if one.sign == "C" for name in one.names))
