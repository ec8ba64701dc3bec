"""Requests in words, read by rules: the same words give the same wish, and what is not understood is quoted.

sentence ─▶ act? ─▶ question? ─▶ items ─▶ settings ─▶ targets ─▶ what is left
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy

from agent.reading_heard import TAKEN, Heard
from agent.reading_items import Item, items_of
from agent.reading_lexicon import Lexicon, key_of, singular
from agent.reading_numbers import Token, tokens
from agent.reading_settings import read_settings
from agent.reading_targets import NEUTRAL, Scene, read_targets
from agent.wish import LONGEST_REQUEST, Act, Facts, Wish, WishedLimits, WishedTarget

LONGEST = 4_000
"""Characters that are read."""
_LONGEST_QUOTE, _MOST = 240, 64
_ACTS: dict[Act, str] = {
    "run": "go|run|run it|start|start it|go ahead|do it|begin|launch|launch it|run the job|run this|execute|let's go"
    "|make it so|start the run|proceed|run now|go for it|get going",
    "plan": "plan|plan it|show me the plan|show the plan|show plan|what is the plan|what's the plan|make a plan"
    "|the plan|see the plan|preview|dry run|plan only|just plan|give me the plan",
    "approve": "yes|y|yep|yeah|ok|okay|agreed|approve|approved|looks good|fine|sure|i agree|i approve|sounds good|good"
    "|yes do it|that's fine|lgtm|correct|right|accept|perfect|great",
    "refuse": "no|n|nope|refuse|decline|reject|disagree|i disagree|no way|don't|do not|rather not|better not",
    "undo": "undo|undo that|take that back|revert|revert that|go back|undo the last|undo it|never mind|nevermind",
    "stop": "stop|abort|cancel|halt|quit|exit|stop it|stop the run|cancel it|cancel the run|bye|end|stop now",
    "show_job": "show me the job|show the job|show job|job|the job|what have i asked for|what did i ask for"
    "|show me the settings|show settings|status of the job|show me what you have|summary",
}
_ACT_OF = {key_of(phrase): act for act, phrases in _ACTS.items() for phrase in phrases.split("|")}
_POLITE = {"please", "pls", "now", "then", "thanks", "thank", "you", "and", "so", "hey", "hi", "hello", ",", "just"}
_OPENERS = ("approve", "refuse", "undo", "stop")
_QUESTION = re.compile(
    r"(?:why|how|which|explain|describe|tell me|is there|what(?! (?:i|we) (?:want|need)\b)(?!'s the plan))\b",
    re.IGNORECASE,
)
_REQUEST_ASKED = re.compile(r"(?:can|could|would|will) (?:you|we|i|it)\b|(?:how|what) about\b", re.IGNORECASE)
_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|ok|okay|so|and|but|please|then|also|well|thanks|thank you)\b[\s,]*)+", re.IGNORECASE
)
_CONTEXT = re.compile(
    r"(?:note that|fyi|for your information|context|background|request|by the way|btw"
    r"|(?:search|look)(?: the literature)? for"
    r"|(?:look for|find|search for) (?:papers|strategies|literature) (?:on|about|for))"
    r"[\s:,]+(.+)",
    re.IGNORECASE | re.DOTALL,
)


def read(text: str, facts: Facts, last: WishedTarget | None = None) -> Wish:
    """Return what a person wants, as far as it was understood; the rest stands in `unclear`, word for word.

    `last` is the target that was spoken of before: `make it 80` is about it. Names are those of `facts` alone.
    """
    heard, scene = Heard(text[:LONGEST]), Scene(facts, last)
    reader = _Reader(Lexicon(facts), heard, scene)
    for sentence in _sentences(heard.text):
        reader.read(sentence)
    if text[LONGEST:].strip():
        reader.unclear.append(f"{_cut(text[LONGEST:].strip())} (only the first {LONGEST:,} characters are read)")
    return reader.wish()


def _sentences(text: str) -> Iterator[list[Token]]:
    """Yield the tokens of every sentence, its closing mark included; numbers of a list are left out."""
    said: list[Token] = []
    for token in tokens(re.sub(r"(?m)^(\s*)(\d{1,3}[.)]|[*•])(?=\s)", lambda own: " " * len(own.group()), text)):
        said.append(token)
        if token.kind == "mark" and token.low in ".!?;\n…":
            yield said
            said = []
    if said:
        yield said


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE].rstrip()}…"


class _Reader:
    """Reads one sentence after the other."""

    def __init__(self, lexicon: Lexicon, heard: Heard, scene: Scene) -> None:
        self.lexicon, self.heard, self.scene = lexicon, heard, scene
        self.act: Act = "none"
        self.questions: list[str] = []
        self.context: list[str] = []
        self.unclear: list[str] = []

    def read(self, sentence: Sequence[Token]) -> None:
        said = [one for one in sentence if not (one.kind == "mark" and one.low in ".!;\n…")]
        if all(one.low == "?" for one in said):
            return
        words, asked = self._words(said), said[-1].low == "?"
        said = [one for one in said if one.low != "?"]
        act = self._act(said)
        if act is not None:
            self._acted(act)
        elif asked and _REQUEST_ASKED.match(words):
            self._maybe(said, words)
        elif asked or _QUESTION.match(words):
            self.questions.append(words)
        elif context := _CONTEXT.match(words):
            self.context.append(context.group(1).strip())
        else:
            self._statement(said)

    def _words(self, said: Sequence[Token]) -> str:
        raw = self.heard.text[said[0].start : said[-1].end]
        return _GREETING.sub("", raw, count=1) if _GREETING.match(raw) else raw

    # --- acts ---

    def _act(self, said: Sequence[Token]) -> Act | None:
        """Return the act that a whole piece is: never one with anything quoted in it."""
        if any(one.kind in {"quote", "path"} for one in said):
            return None
        key = tuple(one.low for one in said if one.kind != "mark")
        polite = tuple(low for low in key if low not in _POLITE)
        agreed = polite[1:] if _ACT_OF.get(polite[:1]) == "approve" else ()
        return _ACT_OF.get(key) or _ACT_OF.get(polite) or _ACT_OF.get(agreed)

    def _acted(self, act: Act) -> None:
        """Keep an act; what is to be done goes before a yes or a no."""
        if self.act == "none" or act not in {"approve", "refuse"}:
            self.act = act

    def _without_acts(self, said: list[Token]) -> list[Token]:
        """Take an act off the end, `…, then run it`, and off the beginning, `yes, …`, unless a class is called so."""
        cuts = [at for at, one in enumerate(said) if one.low in {",", "and", "then"}]
        if (
            cuts
            and (act := self._act(said[cuts[-1] + 1 :])) in {"run", "plan", "show_job"}
            and not self._is_class(said[cuts[-1] + 1 :])
        ):
            self._acted(act or "none")
            said = said[: cuts[-1]]
            while said and said[-1].low in {",", "and", "then"}:
                said = said[:-1]
        opener = next((at for at in cuts if said[at : at + 1] and said[at].low in {",", "and", "then"}), 0)
        lists = self._is_class(said[:opener]) and self._is_class(said[opener + 1 : opener + 2])
        if opener and (act := self._act(said[:opener])) in _OPENERS and not lists:
            if act in {"undo", "stop"} or not said[opener + 1 :]:
                self._acted(act or "none")
            said = said[opener + 1 :]
        return said

    def _is_class(self, said: Sequence[Token]) -> bool:
        return singular(tuple(one.low for one in said)) in self.lexicon.classes

    # --- statements ---

    def _maybe(self, said: list[Token], words: str) -> None:
        """Read a request that is put as a question; where it asks for nothing it is a question."""
        before = deepcopy((self.heard, self.scene, self.unclear))
        wish = self.wish()
        self._statement(said)
        if self.wish().model_copy(update={"unclear": ()}) == wish.model_copy(update={"unclear": ()}):
            self.heard, self.scene, self.unclear = before
            self.questions.append(words)

    def _statement(self, said: Sequence[Token]) -> None:
        said = self._reasoned(self._without_acts(list(said)))
        items = items_of(said, self.lexicon, self.heard.text)
        left = read_settings(self.heard, items)
        left = read_targets(self.heard, left, self.scene)
        self._leave(left)

    def _reasoned(self, said: list[Token]) -> list[Token]:
        """Take off the reason that is given, `because …`: it is what the literature is searched for."""
        at = next((at for at, one in enumerate(said) if one.low == "because"), len(said))
        if said[at + 1 :]:
            self.context.append(self.heard.text[said[at + 1].start : said[-1].end])
        return said[:at]

    def _leave(self, left: Sequence[Item]) -> None:
        """Quote what was not understood, with what to ask of it."""
        notes, self.heard.unclear = self.heard.unclear, []
        nothing_taken = all(one.sign != TAKEN for one in left)
        for run in _runs(left):
            inside = [note for item, note in notes if item.start < run[-1].end and run[0].start < item.end]
            own = [one.note for one in run if one.note and one.sign == "?"]
            if own or inside or nothing_taken or any(one.sign not in NEUTRAL for one in run):
                self._quote(run[0].start, run[-1].end, [*own, *inside])
        for item, note in notes:
            if all(one.sign == TAKEN for one in left if one.start < item.end and item.start < one.end):
                self._quote(item.start, item.end, [note])

    def _quote(self, start: int, end: int, notes: Sequence[str]) -> None:
        note = f" ({'; '.join(dict.fromkeys(notes))})"[:140] if notes else ""
        self.unclear.append(f"{_cut(self.heard.text[start:end])}{note}")

    def wish(self) -> Wish:
        """Return everything that was heard."""
        return Wish(
            act=self.act,
            targets=tuple(self.heard.targets[:_MOST]),
            limits=WishedLimits(**self.heard.limits),
            request="; ".join(self.context)[:LONGEST_REQUEST],
            question=" ".join(self.questions),
            unclear=tuple(dict.fromkeys(self.unclear))[:_MOST],
            **self.heard.fields,
        )


def _runs(left: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield what stands between pieces that were understood, without joining words at its ends."""
    run: list[Item] = []
    for item in [*left, Item(TAKEN, 0, 0)]:
        if item.sign != TAKEN:
            run.append(item)
            continue
        while run and run[0].sign in {"SEP", "THEN", "="}:
            run.pop(0)
        while run and run[-1].sign in {"SEP", "THEN", "="}:
            run.pop()
        if run:
            yield run
        run = []
