"""What requests say beside counts: limits, tools, policy, goals, the student, the export. One pattern, one reading.

A pattern is written in signs (`agent.reading_words`) and small words, over a sentence without fillers. What a reading
takes is gone for those after it; what none takes is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.reading_heard import Heard, Reading, compiled, swept
from agent.reading_items import Item

_TIMES = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}


def read_settings(heard: Heard, items: list[Item]) -> list[Item]:
    """Return the items of a sentence with all that was understood replaced by `_`."""
    return swept(heard, items, _READINGS)


def _only(items: Sequence[Item], sign: str) -> list[Item]:
    return [one for one in items if one.sign == sign]


def _number(items: Sequence[Item]) -> float:
    return next((one.value or 0.0 for one in items if one.sign == "N"), 0.0)


def _whole(value: float) -> int | None:
    return int(value) if value == int(value) else None


# --- limits ---------------------------------------------------------------------------------------


def _samples(heard: Heard, items: Sequence[Item]) -> bool:
    return heard.limit(samples=_whole(_number(items)))


def _tokens(heard: Heard, items: Sequence[Item]) -> bool:
    return heard.limit(tokens=_whole(_number(items)))


def _rounds(heard: Heard, items: Sequence[Item]) -> bool:
    return heard.limit(rounds=_whole(_number(items)))


def _money(heard: Heard, items: Sequence[Item]) -> bool:
    return heard.limit(money_usd=_number(items))


def _time(heard: Heard, items: Sequence[Item]) -> bool:
    seconds = _number(items) * next(_TIMES[one.sign] for one in items if one.sign in _TIMES)
    return heard.limit(**{"gpu_seconds" if _only(items, "GPU") else "seconds": seconds})


def _per_real(heard: Heard, items: Sequence[Item]) -> bool:
    return heard.limit(synthetic_per_real=_number(items))


def _lifted(heard: Heard, items: Sequence[Item]) -> bool:
    low = " ".join(one.low for one in items)
    names = {"time": "seconds", "money": "money_usd", "token": "tokens", "sample": "samples", "item": "samples"}
    found = tuple(name for word, name in names.items() if word in low)
    return bool(found) and heard.limit(lifted=tuple(dict.fromkeys((*heard.limits.get("lifted", ()), *found))))


# --- tools ----------------------------------------------------------------------------------------


def _named(heard: Heard, items: Sequence[Item], field_name: str) -> bool:
    """Keep the tools that are named; say so where this data has none of the kind."""
    for item in _only(items, "T"):
        if not item.names or item.note:
            heard.unclear.append((item, "no tool for this data does that"))
        if item.names and not heard.put(**{field_name: item.names}):
            return False
    return True


def _denied(heard: Heard, items: Sequence[Item]) -> bool:
    return _named(heard, items, "deny")


def _allowed(heard: Heard, items: Sequence[Item]) -> bool:
    return _named(heard, items, "allow")


def _preferred(heard: Heard, items: Sequence[Item]) -> bool:
    """Tools cannot be preferred: say what can be said of them."""
    heard.unclear.append((replace(items[0], end=items[-1].end), "say 'only …' to use nothing else"))
    return True


def _alone(heard: Heard, items: Sequence[Item]) -> bool:
    return _named(heard, items, "use_only")


# --- policy, goals, and what is done with the result ----------------------------------------------


def _fixed(**values: Any) -> Reading:
    return lambda heard, _items: heard.put(**values)


def _ask_above(heard: Heard, items: Sequence[Item]) -> bool:
    if _only(items, "DOLLAR"):
        return heard.put(ask_above_usd=_number(items))
    return heard.put(ask_above_samples=_whole(_number(items)))


def _gain(heard: Heard, items: Sequence[Item]) -> bool:
    return heard.put(gain=round(_number(items) / 100, 6))


def _coverage(heard: Heard, items: Sequence[Item]) -> bool:
    share = _number(items) / (100 if _only(items, "PERCENT") else 1)
    return share > 0 and heard.put(held_out_coverage=round(share, 6))


def _seed(heard: Heard, items: Sequence[Item]) -> bool:
    seed = _whole(_number(items))
    return seed is not None and heard.put(seed=seed)


def _export(heard: Heard, items: Sequence[Item]) -> bool:
    """Keep a format and a folder; of a file's name the folder is what stands before its ending."""
    for item in _only(items, "FORMAT"):
        heard.put(export_format=item.names[0])
    places = [one for one in items if one.sign in {"P", "Q"}]
    places += [one for one in items[-1:] if not one.sign.isupper()]
    for item in places:
        place = heard.raw(item)
        stem, _, ending = place.rpartition(".")
        if stem and ending in {"csv", "jsonl", "parquet"}:
            heard.put(export_path=stem, export_format=ending)
        elif not heard.put(export_path=place):
            return False
    return True


_NOT_A_CELL = "(?! (?:MORE )?(?:U )?(?:(?:of|for|in|from) )?(?:C|V|EACH|EVERYTHING|IT|L|LS) )"
"""Not before a cell: `at most 500 samples of refund` is no limit of the run."""
_TIME = "(?:SECONDS|MINUTES|HOURS)"
_ALL = "(?:EACH |IT |U |result |results )*"
_PATTERNS: tuple[tuple[str, Reading], ...] = (
    # asking comes first: `ask above 1 dollar` is no budget
    (
        "(?:AUTO )?ASK (?:ONLY |BEFORE |SPEND |for |ROUND |IT |HAVE )*(?:OVER|MAX) N (?:DOLLAR|U|SYNTHETIC U)",
        _ask_above,
    ),
    ("AUTO (?:BEFORE |IT |SPEND )*MAX N (?:DOLLAR|U)", _ask_above),
    ("NOT (?:NEED |HAVE |WANT |BRING |to )*ASK(?: BEFORE)?(?: (?:EACH )?ROUND)?", _fixed(approval="auto")),
    ("AUTO(?: BEFORE)?(?: (?:EACH )?ROUND)?", _fixed(approval="auto")),
    ("(?:NEED )?ASK(?: BEFORE)?(?: (?:EACH |IT )*ROUND)?(?: BEFORE)?", _fixed(approval="ask")),
    # limits
    ("(?:MAX |OVER )?N (?:TIMES )?SYNTHETIC(?: U)?(?: (?:to|for|EACH))+ (?:N )?REAL(?: U)?", _per_real),
    ("(?:MAX )?N (?:U )?(?:for EACH|EACH|for) REAL(?: U)?", _per_real),
    ("(?:MAX )?N TIMES (?:as )?SYNTHETIC (?:as|than) REAL(?: U)?", _per_real),
    (
        (
            "(?:(?<! U )|(?!MAX))(?:SPEND |NEED |be |is |BRING )*(?:MAX |in |for |of )+"
            f"N {_TIME}(?: (?:on |of )?GPU)?(?: MAX)?"
        ),
        _time,
    ),
    (f"N {_TIME}(?: GPU)?(?: of GPU)? MAX|MAX N GPU {_TIME}", _time),
    ("(?:NOT )?SPEND (?:is |of |= |IT |NEED |be )*(?:MAX |OVER )?N DOLLAR", _money),
    ("(?:for |with )?MAX (?:is |= |of |IT |to )*N DOLLAR(?: SPEND)?|N DOLLAR (?:MAX|SPEND)", _money),
    ("(?:SPEND |BRING |with )?MAX (?:of |is |to )*N TOKENS|N TOKENS MAX|SPEND (?:of |is |MAX )*N TOKENS", _tokens),
    ("(?:BRING |in |with )?MAX N ROUND|N ROUND MAX|in N ROUND", _rounds),
    (
        f"(?:BRING |ADD |NOT |with )?MAX (?:of |is |IT |to )*N (?:MORE |SYNTHETIC )*(?:U|SYNTHETIC){_NOT_A_CELL}",
        _samples,
    ),
    ("N (?:MORE |SYNTHETIC )?U MAX", _samples),
    ("NOLIMIT (?:LIMITS|TOKENS|U)|NOT (?:LIMITS|TOKENS|U) (?:MAX|LIMITS)", _lifted),
    # what leaves this machine, and who is asked
    ("(?:U )?STAY(?: (?:IT|on|in|to|U))*(?: (?:MACHINE|REMOTE))?(?: ONLY)?", _fixed(remote="deny")),
    ("NOT (?:ALLOW |BRING |to )*REMOTE(?: SEP REMOTE)*", _fixed(remote="deny")),
    ("REMOTE (?:is |are )?NOT(?: (?:FINE|ALLOW))?", _fixed(remote="deny")),
    ("(?:ALLOW|FINE) (?:IT )?REMOTE(?: SEP REMOTE)*|REMOTE (?:is |are )?(?:FINE|ALLOW)", _fixed(remote="allow")),
    # tools
    (
        "(?:USING |with )?ONLY (?:ALLOW |with |USING )?T(?: U)?|(?:ALLOW |with )?T ONLY|ALLOW (?:ONLY|NOT EXCEPT) T",
        _alone,
    ),
    ("EXCEPT T|NOT (?:ALLOW |ADD |BRING |EACH |SYNTHETIC |WANT |with )*T(?: U)?", _denied),
    ("T (?:is |are |be )?NOT (?:FINE|ALLOW|WANT)|T (?:is |are )?(?:FORGET|forbidden|banned)|FORGET T", _denied),
    ("(?:ALLOW|FINE) (?:EACH )?T|T (?:is |are )?(?:FINE|ALLOW)", _allowed),
    ("(?:USING|with) T(?: U)?", _preferred),
    # goals
    ("HELP (?:by |of )?(?:MIN )?N (?:POINTS|PERCENT)", _gain),
    ("HELP", _fixed(gain=0.0)),
    (
        "(?:IMPROVE|BRING) (?:IT |TRAIN )*(?:SCORE )?(?:by |of |MIN |IT )*N (?:POINTS|PERCENT)(?: (?:of |in )?SCORE)?",
        _gain,
    ),
    ("(?:MIN )?N (?:POINTS|PERCENT) (?:of |in |MORE )*(?:IMPROVE|SCORE)(?: (?:in |of )?SCORE)?", _gain),
    ("SCORE (?:NEED |BRING |IMPROVE |by |MIN )+N (?:POINTS|PERCENT)|(?:by )?MIN N POINTS", _gain),
    ("(?:IMPROVE|BRING) (?:IT |TRAIN )*SCORE(?: of (?:IT )?TRAIN)?|IMPROVE (?:IT|TRAIN)", _fixed(gain=0.0)),
    ("(?:BRING )?TRAIN (?:NEED |BRING )*IMPROVE", _fixed(gain=0.0)),
    (
        "COVERAGE (?:of |is |to |at |NEED |BRING |be |MIN |VALIDATION |= )*N(?: PERCENT)?(?: of VALIDATION)?",
        _coverage,
    ),
    ("FORGET (?:EACH |IT |of |about )*TARGETS", _fixed(drop_targets=True)),
    (
        (
            "(?:BRING )?(?:EACH )?(?:(?:LS?|U|IT) )?(?:is |are |be |NEED )?"
            "BALANCE(?>(?: (?:EACH|IT|U|LS?|of)(?= ))*)(?! (?:(?:at|to|with|=) )?(?:MIN )?N )"
        ),
        _fixed(balance=True),
    ),
    ("(?:BRING )?(?:EACH L|LS|EACH LS|EVERYTHING|IT) (?:to |NEED )?SIZE LARGEST(?: (?:L|one))?", _fixed(balance=True)),
    # the student, the export, the seed
    ("(?:TRAIN )?NOT PRETRAINED(?: TRAIN)?", _fixed(student="scratch")),
    ("(?:TRAIN |WANT |to |NEED |be |is )*PRETRAINED(?: TRAIN)*(?: on IT)?", _fixed(student="pretrained")),
    ("TRAIN (?:is |be |IT |TRAIN )*SCRATCH|SCRATCH TRAIN", _fixed(student="scratch")),
    (f"(?:SAVE|BRING) {_ALL}(?:(?:to|in|into|MAX|at) )?(?:folder |directory )?(?:P|Q)(?: (?:as|in) FORMAT)?", _export),
    (f"SAVE {_ALL}(?:as|in) FORMAT (?:to|in|into|MAX) (?:folder |directory )?(?:P|Q)", _export),
    (f"SAVE {_ALL}(?:to|in|into) (?:folder |directory )?[a-z][a-z0-9]*(?= (?:as|in) FORMAT | $| SEP )", _export),
    (f"(?:SAVE )?{_ALL}(?:as|in|to) FORMAT(?: (?:MAKE_FORMAT|U))?", _export),
    ("(?:SAVE )?FORMAT (?:MAKE_FORMAT|U)|(?:SAVE )?MAKE_FORMAT (?:is |= |be |NEED )*FORMAT", _export),
    ("(?:ALLOW |BRING |with )*SEED (?:is |to |of |be |= )*N", _seed),
)
_READINGS = compiled(_PATTERNS)
