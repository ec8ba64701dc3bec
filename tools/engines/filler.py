"""A masked language model on this machine: which words fit in the place of others (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from memory.errors import UsageError
from memory.job import Policy
from tools.engines.engine import Place
from tools.weights.hub import place_of
from tools.weights.hub import why_missing as why_not_here
from tools.weights.loading import digest_of, load
from tools.weights.table import serving

if TYPE_CHECKING:
    import torch

ENTRIES = serving("filler")
"""Models that may serve, the best first; the last two read English only."""
_ROWS = 32
_GRAIN = 16


@dataclass(frozen=True)
class Word:
    """A word that fits, and how well."""

    text: str
    chance: float
    """Its probability among all tokens."""


class Filler:
    """Fills masks. One text at a time goes through the model on a CPU, so that no neighbour can change a rounding."""

    def __init__(self, model: Any, tokenizer: Any, digest: str, device: str = "cpu") -> None:
        """Keep a masked language model of transformers (BERT, DistilBERT, RoBERTa or XLM-R) and its fast tokenizer."""
        import torch

        self.model, self.tokenizer = model.eval().to(device), tokenizer
        self.digest, self.device = digest, device
        self.mask = str(tokenizer.mask_token)
        """What stands in a text in place of a word."""
        self.special = tuple(map(str, tokenizer.all_special_tokens))
        """Texts that hold one of these are read otherwise than they are spelt."""
        words = _whole_words(tokenizer)
        self._words = list(words.values())
        self._own = torch.tensor(list(words), dtype=torch.long, device=device)
        """(words,) the tokens that they are."""
        self._lock = Lock()

    def fill(self, texts: Sequence[str], top: int) -> list[list[list[Word]] | None]:
        """Return for each text, for each mask in it, the `top` likeliest whole words of letters, likeliest first.

        None for a text that is longer than the model reads. All masks of a text are filled in one pass, so its words
        do not depend on each other.
        """
        with self._lock:
            encoded = [self.tokenizer(text)["input_ids"] for text in texts]
            out: list[list[list[Word]] | None] = [None] * len(texts)
            fitting = [at for at, ids in enumerate(encoded) if len(ids) <= self._longest]
            fitting.sort(key=lambda at: len(encoded[at]))  # alike lengths need little padding
            rows = 1 if self.device == "cpu" else _ROWS
            for start in range(0, len(fitting), rows):
                part = fitting[start : start + rows]
                for at, words in zip(part, self._fill([encoded[at] for at in part], top), strict=True):
                    out[at] = words
        return out

    @property
    def _longest(self) -> int:
        return min(int(self.tokenizer.model_max_length), int(self.model.config.max_position_embeddings) - 2)

    def _fill(self, encoded: list[list[int]], top: int) -> list[list[list[Word]]]:
        import torch

        width = max(map(len, encoded))
        if len(encoded) > 1:
            width = -(-width // _GRAIN) * _GRAIN
        ids = torch.full((len(encoded), width), self.tokenizer.pad_token_id)
        reads = torch.zeros_like(ids)
        for row, tokens in enumerate(encoded):
            ids[row, : len(tokens)], reads[row, : len(tokens)] = torch.tensor(tokens), 1
        masks = ids == self.tokenizer.mask_token_id
        with torch.inference_mode():
            states = self.model.base_model(
                input_ids=ids.to(self.device), attention_mask=reads.to(self.device)
            ).last_hidden_state
            # Only what is wanted leaves the device: a row of scores has up to 250,000 values.
            scores = _head(self.model)(states[masks.to(self.device)]).float().log_softmax(-1)
            words = iter(self._likeliest(scores, top))
        return [[next(words) for _ in range(count)] for count in masks.sum(1).tolist()]

    def _likeliest(self, scores: torch.Tensor, top: int) -> list[list[Word]]:
        """Return the likeliest whole words of each row of log-probabilities (masks, vocabulary)."""
        own = scores[:, self._own]
        values, places = own.topk(min(top, own.shape[-1]))
        chances = values.exp().tolist()
        return [
            [Word(self._words[at], chance) for at, chance in zip(row, odds, strict=True)]
            for row, odds in zip(places.tolist(), chances, strict=True)
        ]


def why_missing(policy: Policy) -> str | None:  # noqa: ARG001  every engine is asked in the same way
    """Return how to get a model where none of ENTRIES is in the Hugging Face cache; None where one is."""
    return why_not_here(ENTRIES[0]) if all(place_of(entry) is None for entry in ENTRIES) else None


def build(place: Place) -> Filler:
    """Load the first of ENTRIES that is on this machine. Raises UsageError where there is none, or it is not whole."""
    for entry in ENTRIES:
        folder = place_of(entry)
        if folder is not None:
            return from_folder(folder, entry.repository, place.device)
    raise UsageError(f"{why_missing(place.policy)}.", where="text.refill_words")


def from_folder(folder: Path, name: str, device: str = "cpu") -> Filler:
    """Load a masked language model from a folder: safetensors, a fast tokenizer, no code of its own."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = load(AutoModelForMaskedLM, folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return Filler(model, tokenizer, f"{name}@{digest_of(folder, ENTRIES[0].files)}", device)


def _head(model: Any) -> Any:
    """Return what turns hidden states into scores of tokens; the classes name it differently."""
    if hasattr(model, "vocab_transform"):  # DistilBERT keeps its parts apart
        return lambda states: model.vocab_projector(
            model.vocab_layer_norm(model.activation(model.vocab_transform(states)))
        )
    return model.cls if hasattr(model, "cls") else model.lm_head


def _whole_words(tokenizer: Any) -> dict[int, str]:
    """Return token id -> word for the tokens that are whole words of letters, ascending by id.

    WordPiece marks tokens that go on with a word (`##ing`); the others mark those that begin one (`▁word`, `Ġword`).
    """
    special = set(tokenizer.all_special_ids)
    named = sorted((at, token) for token, at in tokenizer.get_vocab().items() if at not in special)
    if any(token.startswith("##") for _, token in named):
        return {at: token for at, token in named if token.isalpha()}
    starts = {at: token[1:] for at, token in named if token[0] == "▁" and token[1:].isalpha()}
    if starts:
        return starts
    # Byte-level tokens are spelt in stand-ins for bytes; beyond ASCII those are not the letters they look like.
    return {at: token[1:] for at, token in named if token[0] == "Ġ" and token[1:].isascii() and token[1:].isalpha()}
