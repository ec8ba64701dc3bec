"""Translation models on this machine, in pairs: English into a pivot language, and back (Marian; Tiedemann 2020)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from memory.errors import UsageError
from memory.job import Policy
from tools.engines.engine import Place
from tools.weights.hub import place_of
from tools.weights.hub import why_missing as why_not_here
from tools.weights.loading import digest_of, load
from tools.weights.table import PIVOTS, TABLE, Weights

_ROWS = 8
"""Texts in one pass. Short batches are filled up with blanks, so that every matrix product has one shape."""
_GRAIN = 16
_LONGEST = 256
"""Most tokens of a text: the models were trained on single sentences and lose the thread of long ones."""
_BEAMS = 4
_LIKELIEST = 50


@dataclass(frozen=True)
class Trip:
    """One text on its way."""

    text: str
    pivot: str
    """One of `Translator.pivots`."""
    seed: int
    temperature: float
    """Of the way there; the way back takes the best of four beams."""


class Marian:
    """One direction: a Marian model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, device: str = "cpu") -> None:
        """Prepare the model for reading; of its generation settings only the tokens that it may not write are kept."""
        from transformers import GenerationConfig

        settings: Any = GenerationConfig
        self.model, self.tokenizer, self.device = model.eval().to(device), tokenizer, device
        # Whether sacremoses is installed must not change a result.
        tokenizer.punc_normalizer = lambda text: text
        self.pad, self.end = int(tokenizer.pad_token_id), int(tokenizer.eos_token_id)
        self.model.generation_config = settings(
            pad_token_id=self.pad,
            eos_token_id=self.end,
            decoder_start_token_id=model.config.decoder_start_token_id,
            bad_words_ids=[[self.pad]],
            max_length=None,
        )

    def translate(self, texts: Sequence[str], draws: Sequence[tuple[int, float]] | None = None) -> list[str | None]:
        """Return one translation a text, or None: longer than 256 tokens, or it did not come to an end.

        With `draws`, (seed, temperature) a text, every token is drawn from the 50 likeliest; else the best of four
        beams is taken. A result depends on its text and draw alone: texts are padded to steps of 16 tokens and go
        through in passes of eight of one length, filled up with blanks.
        """
        encoded = [self.tokenizer(text)["input_ids"] for text in texts]
        widths: dict[int, list[int]] = {}
        for at, ids in enumerate(encoded):
            if len(ids) <= _LONGEST:
                widths.setdefault(-(-len(ids) // _GRAIN) * _GRAIN, []).append(at)
        made: list[str | None] = [None] * len(texts)
        for width, places in widths.items():
            for start in range(0, len(places), _ROWS):
                part = places[start : start + _ROWS]
                how = None if draws is None else [draws[at] for at in part]
                for at, text in zip(part, self._pass([encoded[at] for at in part], width, how), strict=True):
                    made[at] = text
        return made

    def _pass(
        self, encoded: list[list[int]], width: int, draws: Sequence[tuple[int, float]] | None
    ) -> list[str | None]:
        import torch

        ids = torch.full((_ROWS, width), self.pad)
        reads = torch.zeros_like(ids)
        for row, tokens in enumerate([*encoded, *[[self.end]] * (_ROWS - len(encoded))]):
            ids[row, : len(tokens)], reads[row, : len(tokens)] = torch.tensor(tokens), 1
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=ids.to(self.device),
                attention_mask=reads.to(self.device),
                num_beams=1 if draws else _BEAMS,
                do_sample=False,
                max_new_tokens=2 * width,
                logits_processor=[_drawing(draws, _ROWS)] if draws else [],
            ).cpu()
        return [self._read(row) for row in out[: len(encoded)].tolist()]

    def _read(self, tokens: list[int]) -> str | None:
        if self.end not in tokens[1:]:  # cut off; the first token is the start
            return None
        text = str(self.tokenizer.decode(tokens[1:], skip_special_tokens=True)).strip()
        return text or None


class Pair:
    """There and back, loaded when they are first used."""

    def __init__(self, there: Path | Marian, back: Path | Marian, device: str = "cpu") -> None:
        """Keep two models, or the folders that they are in."""
        self._there, self._back, self._device = there, back, device

    @cached_property
    def there(self) -> Marian:
        """English into the pivot."""
        return _loaded(self._there, self._device)

    @cached_property
    def back(self) -> Marian:
        """The pivot into English."""
        return _loaded(self._back, self._device)


class Translator:
    """Translates English there and back. One thread at a time: a tokenizer of Marian has a state."""

    def __init__(self, pairs: dict[str, Pair], digest: str) -> None:
        """Keep pivot -> pair; `digest` names the files of all of them."""
        self._pairs, self.digest, self._lock = pairs, digest, Lock()
        self.pivots = tuple(sorted(pairs))

    def there_and_back(self, trips: Sequence[Trip]) -> list[str | None]:
        """Return the text of every trip after it was translated there and back; None where either way failed.

        Raises KeyError for a pivot that is not one of `pivots`.
        """
        made: list[str | None] = [None] * len(trips)
        for pivot in dict.fromkeys(trip.pivot for trip in trips):
            pair, places = self._pairs[pivot], [at for at, trip in enumerate(trips) if trip.pivot == pivot]
            own = [trips[at] for at in places]
            with self._lock:
                there = pair.there.translate(
                    [trip.text for trip in own], [(trip.seed, trip.temperature) for trip in own]
                )
                left = [(at, text) for at, text in zip(places, there, strict=True) if text is not None]
                back = pair.back.translate([text for _, text in left])
            for (at, _), text in zip(left, back, strict=True):
                made[at] = text
        return made


def why_missing(policy: Policy) -> str | None:  # noqa: ARG001  every engine is asked in the same way
    """Return how to get a pair where none is in the Hugging Face cache; None where one is."""
    if any(_folders(pivot) for pivot in PIVOTS):
        return None
    return why_not_here(_entries(PIVOTS[0])[0])


def build(place: Place) -> Translator:
    """Return the pairs that are on this machine. Raises UsageError where there is none."""
    here = {pivot: folders for pivot in PIVOTS if (folders := _folders(pivot)) is not None}
    if not here:
        raise UsageError(f"{why_missing(place.policy)}.", where="text.translate_back")
    files = TABLE[f"opus-mt-en-{PIVOTS[0]}"].files
    names = (f"{pivot}:{'+'.join(digest_of(one, files) for one in folders)}" for pivot, folders in here.items())
    pairs = {pivot: Pair(there, back, place.device) for pivot, (there, back) in here.items()}
    return Translator(pairs, f"opus-mt@{','.join(names)}")


def _entries(pivot: str) -> tuple[Weights, Weights]:
    return TABLE[f"opus-mt-en-{pivot}"], TABLE[f"opus-mt-{pivot}-en"]


def _folders(pivot: str) -> tuple[Path, Path] | None:
    there, back = map(place_of, _entries(pivot))
    return None if there is None or back is None else (there, back)


def _loaded(one: Path | Marian, device: str) -> Marian:
    if isinstance(one, Marian):
        return one
    from transformers import MarianMTModel, MarianTokenizer

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        tokenizer = MarianTokenizer.from_pretrained(one, local_files_only=True)
    return Marian(load(MarianMTModel, one), tokenizer, device)


def _drawing(draws: Iterable[tuple[int, float]], rows: int) -> Any:
    """Return what draws tokens: greedy decoding of its scores samples each row from the row's own generator.

    The largest of log-probability + Gumbel noise is a draw by probability (the Gumbel-max trick; Maddison, Tarlow &
    Minka 2014, section 2), so no library has to be given the global generator.
    """
    import torch
    from transformers.generation.logits_process import LogitsProcessor

    own = list(draws)
    own += [(0, 1.0)] * (rows - len(own))
    generators = [torch.Generator().manual_seed(seed) for seed, _ in own]
    heat = torch.tensor([[temperature] for _, temperature in own])

    class Drawing(LogitsProcessor):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
            best, at = scores.topk(min(_LIKELIEST, scores.shape[-1]))
            waits = [torch.empty(best.shape[-1]).exponential_(generator=one) for one in generators]
            noisy = best.cpu().float() / heat - torch.stack(waits).log()  # - ln of an exponential draw is Gumbel
            chosen = at.gather(1, noisy.argmax(-1, keepdim=True).to(at.device))
            return torch.full_like(scores, float("-inf")).scatter(1, chosen, 0.0)

    return Drawing()
