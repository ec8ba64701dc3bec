"""How a transformers model on this machine chooses the tokens of many answers at once, each by its own rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from memory.errors import ModelError
from memory.exchanges import Reply, Request
from tools.models import seeing

if TYPE_CHECKING:
    import torch


@dataclass
class Choice:
    """One answer as far as it goes."""

    model: Loaded
    request: Request
    prompt: list[int]
    limit: int
    """Most tokens: those asked for, or as many as the context has room for."""
    guide: Any = None
    """llguidance's matcher; None for plain text."""
    shown: seeing.Shown | None = None
    """The prompt with its pictures; None for words alone."""
    chosen: list[int] = field(default_factory=list)
    ended: bool = False
    """By its own last word, not by the limit."""
    draws: Any = None

    @property
    def kind(self) -> tuple[object, ...]:
        """What answers of one batch have in common; empty for words alone."""
        return () if self.shown is None else self.shown.kind

    @property
    def over(self) -> bool:
        """Whether nothing more is chosen."""
        return self.ended or len(self.chosen) == self.limit

    def reply(self) -> Reply:
        """Return the answer as it stands."""
        return Reply(
            text=self.model.text_of(self.chosen),
            finish="stop" if self.ended else "length",
            tokens_in=len(self.prompt),
            tokens_out=len(self.chosen) + self.ended,
        )

    def again(self) -> Choice:
        """Return the same answer from its start."""
        return replace(self, guide=self.model.guide(self.request), chosen=[], ended=False, draws=None)

    def clock(self, waits: Any) -> None:
        """Fill `waits` (vocabulary,) float64 with exponential draws of this answer's own."""
        import torch

        if self.draws is None:
            self.draws = torch.Generator(waits.device)
            self.draws.manual_seed(self.request.seed)
        waits.exponential_(generator=self.draws)

    def take(self, token: int, on_text: Callable[[str], None] | None) -> None:
        """Go on by a token; `on_text` is handed all words so far."""
        self._take(token)
        if on_text is not None and not self.ended:
            on_text(self.model.text_of(self.chosen))

    def _take(self, token: int) -> None:
        if token in self.model.ends:
            self.ended = True
            return
        self.chosen.append(token)
        if self.guide is not None:
            self.guide.consume_token(token)
            self.ended = self.guide.is_stopped() and not self.guide.is_error()


@dataclass
class Loaded:
    """A model, its tokenizer, and what is the same for all answers."""

    net: Any
    tokenizer: Any
    ends: list[int]
    """Tokens that end an answer."""
    context: int
    """Most tokens of prompt and answer together."""
    width: int
    """Size of the vocabulary that the model scores."""
    marks: list[str]
    """Texts that a tokenizer reads as a turn's beginning or end, or as a picture."""
    eyes: seeing.Eyes | None = None
    """What shows it pictures; None where it reads words alone."""
    _grammars: Any = None

    def begin(self, messages: list[dict[str, Any]], request: Request) -> Choice:
        """Return an answer without a token yet; `images` of a message are data URLs.

        Raises ModelError for a prompt, a picture or a schema that cannot be used.
        """
        import jinja2

        pictures = [url for one in messages for url in one.get("images", ())]
        plain = [{"role": one["role"], "content": self._content(one)} for one in messages]
        try:
            text = self.tokenizer.apply_chat_template(
                plain, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except jinja2.TemplateError as problem:
            raise ModelError(f"The model's chat template does not take this conversation: {problem}.") from problem
        shown = self.eyes.show(text, pictures) if self.eyes is not None and pictures else None
        prompt = list(self.tokenizer(text, add_special_tokens=False).input_ids) if shown is None else shown.prompt
        room = self.context - len(prompt)
        if room < 1:
            raise ModelError(
                f"The prompt has {len(prompt)} tokens, and the context of the model {self.context}; ask for less at "
                "once, or take a model with a longer context."
            )
        return Choice(self, request, prompt, min(request.max_tokens, room), self.guide(request), shown)

    def guide(self, request: Request) -> Any:
        """Return what holds an answer to its schema, or None. Raises ModelError for a schema that it cannot hold to."""
        if request.reply_schema is None:
            return None
        import llguidance
        import llguidance.hf

        if self._grammars is None:
            self._grammars = llguidance.hf.from_tokenizer(self.tokenizer, n_vocab=self.width, eos_token=self.ends)
        # Open whitespace lets a small model write blanks until the limit.
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(request.reply_schema), overrides={"whitespace_flexible": False}
        )
        matcher = llguidance.LLMatcher(self._grammars, grammar, log_level=0)
        if matcher.is_error():
            raise ModelError(f"An answer cannot be held to this schema: {matcher.get_error()}")
        return matcher

    def run(self, choices: Sequence[Choice], on_text: Callable[[str], None] | None) -> None:
        """Choose the tokens of a batch of one kind to their ends; `on_text` needs a batch of one.

        Raises torch.OutOfMemoryError where the batch does not fit.
        """
        import torch
        from transformers import LogitsProcessorList

        longest = max(len(one.prompt) for one in choices)
        pad = self.ends[0]
        ids = torch.tensor([[pad] * (longest - len(one.prompt)) + one.prompt for one in choices])
        seen = torch.tensor([[0] * (longest - len(one.prompt)) + [1] * len(one.prompt) for one in choices])
        pieces = None if on_text is None else _Pieces(on_text)

        def choose(_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            told = None if pieces is None else pieces.so_far
            tokens = _next_tokens(choices, scores)
            for row, one in enumerate(choices):
                if one.over:
                    tokens[row] = pad
                else:
                    one.take(tokens[row], told)
            places = torch.tensor(tokens)[:, None].to(scores.device, non_blocking=True)
            return torch.full_like(scores, float("-inf")).scatter_(1, places, 0.0)

        settings = settings_of(
            max_new_tokens=max(one.limit for one in choices), do_sample=False, eos_token_id=self.ends, pad_token_id=pad
        )
        with torch.inference_mode():
            self.net.generate(
                ids.to(self.net.device),
                attention_mask=seen.to(self.net.device),
                **seeing.joined([one.shown for one in choices if one.shown is not None], longest, self.net),
                generation_config=settings,
                logits_processor=LogitsProcessorList([cast("Any", choose)]),
            )
        if pieces is not None:
            pieces.whole(self.text_of(choices[0].chosen))

    def text_of(self, chosen: list[int]) -> str:
        """Return the words that tokens stand for."""
        return str(self.tokenizer.decode(chosen, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _content(self, message: dict[str, Any]) -> str | list[dict[str, str]]:
        """Return what a message says as the chat template takes it."""
        text = self._defused(message["content"])
        return text if self.eyes is None else self.eyes.content(text, len(message.get("images", ())))

    def _defused(self, text: str) -> str:
        """Return a text that cannot end its own turn: what the data holds is no instruction."""
        for mark in self.marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text


def _next_tokens(choices: Sequence[Choice], scores: torch.Tensor) -> list[int]:
    """Return the next token of each answer: the likeliest at temperature 0, else one drawn; of no use to one over.

    `scores` are logits (answers, vocabulary). All is done for the whole batch, and the device is waited for once.
    """
    import torch

    scores = _allowed(choices, scores)
    tokens = scores.argmax(-1)
    warm = [row for row, one in enumerate(choices) if one.request.temperature > 0 and not one.over]
    if warm:
        rows = torch.tensor(warm).to(scores.device, non_blocking=True)
        heat = torch.tensor([[choices[row].request.temperature] for row in warm], dtype=torch.float64)
        shares = torch.softmax(scores[rows].double() / heat.to(scores.device, non_blocking=True), -1)
        # The first of exponential clocks that run at the rate of each share: an exact draw, alike on every batch.
        waits = torch.empty_like(shares)
        for row, own in zip(warm, waits, strict=True):
            choices[row].clock(own)
        tokens[rows] = (shares / waits).argmax(-1)
    found: list[int] = tokens.tolist()
    return found


def _allowed(choices: Sequence[Choice], scores: torch.Tensor) -> torch.Tensor:
    """Return scores with those of tokens that do not fit the schema of their answer at minus infinity."""
    held = [(row, one.guide) for row, one in enumerate(choices) if one.guide is not None and not one.over]
    if not held:
        return scores
    import llguidance.numpy as masks
    import numpy as np
    import torch

    bits = masks.allocate_token_bitmask(len(choices), scores.shape[-1])  # every token fits
    for row, guide in held:
        masks.fill_next_token_bitmask(guide, bits, row)
    packed = torch.from_numpy(bits.view(np.uint8)).to(scores.device, non_blocking=True)
    each = (packed[:, :, None] >> torch.arange(8, dtype=torch.uint8, device=scores.device)) & 1
    return scores.masked_fill(each.flatten(1)[:, : scores.shape[-1]] == 0, float("-inf"))


class _Pieces:
    """Hands a growing text on piece by piece, and keeps back a character that is not whole yet."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text, self._sent = on_text, 0

    def so_far(self, text: str) -> None:
        if not text.endswith("\ufffd"):
            self.whole(text)

    def whole(self, text: str) -> None:
        if len(text) > self._sent:
            self._on_text(text[self._sent :])
            self._sent = len(text)


def settings_of(**given: Any) -> Any:
    """Return settings of `generate`: those given, and otherwise what the library does, not what came with a model."""
    from transformers import GenerationConfig

    return cast("Any", GenerationConfig)(**given)
