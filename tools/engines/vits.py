"""VITS (Kim, Kong & Son 2021) as transformers has it, MMS voices among them, with noise that is drawn line by line.

The model's own forward pass draws from PyTorch's global generator, for a whole batch at once. Here the same modules are
run in the same order: on a CPU for one line at a time, on a GPU for many. There the encoder and the durations, little
work in many small steps, take longer than the flow and the decoder when they are run line by line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.datasets.media import Wave
from memory.errors import UsageError
from tools.engines import phonemes
from tools.engines.phonemes import Phonemes
from tools.engines.voice import Line
from tools.kernels.spoken import spelled
from tools.seeds import generator
from tools.weights.loading import digest_of
from tools.weights.loading import load as load_whole

if TYPE_CHECKING:
    import torch

LONGEST_S = 60.0
"""Seconds of a line at most: what a model stretches further is refused, not cut."""
_AT_ONCE = 32
_GRAIN = 32
"""Frames to a multiple of which lines are padded, so that a result never depends on a longer neighbour."""


@dataclass(frozen=True)
class _Begun:
    """A line as the model reads it."""

    ids: torch.Tensor
    """(tokens,) on the CPU."""
    rate: float
    speaker: int | None
    """None for a model of one voice."""
    noise: torch.Generator
    """On the CPU whatever the device is, so that a GPU starts from the same noise."""


@dataclass(frozen=True)
class _Plan:
    """A line between the two halves of the model."""

    latents: torch.Tensor
    """(channels, frames) what the flow starts from."""
    speaker: torch.Tensor | None
    """(size,) or None for a model of one voice."""


class Vits:
    """A VITS model in float32: it has few weights, and bfloat16 is heard as noise."""

    def __init__(
        self, model: Any, tokenizer: Any, digest: str, device: str = "cpu", phonemes: Phonemes | None = None
    ) -> None:
        """Keep the model in evaluation mode on `device`, its tokenizer, and the name of its weights.

        With `phonemes` the tokenizer is shown those of a text instead of its letters.
        """
        self.digest, self._phonemes = digest, phonemes
        self.model, self.tokenizer, self.device = model.to(device).eval(), tokenizer, device
        _settle(self.model.flow)
        self.english = str(getattr(tokenizer, "language", None) or "en")[:2] == "en"
        self.rate_hz = int(model.config.sampling_rate)
        self._hop = 1
        for factor in model.config.upsample_rates:
            self._hop *= int(factor)

    def speak(self, lines: Sequence[Line]) -> list[Wave | None]:
        """Return the sound of each line; None for a text without a known letter, and for one of over a minute.

        Raises UsageError for a speaker that the model does not have.
        """
        import torch

        lines, made = self._as_read(lines), list[Wave | None]([None] * len(lines))
        # On a CPU a batch is no faster, and is rounded in another way than a line alone.
        alone = self.device == "cpu"
        with torch.inference_mode():
            plans = [self._planned(line) for line in lines] if alone else self._plans(lines)
            alike: dict[int, list[int]] = {}
            for at, plan in enumerate(plans):
                if plan is not None:
                    alike.setdefault(_padded(plan.latents.shape[1]), []).append(at)
            for frames, places in alike.items():
                for part in _parts(places, 1 if alone else _AT_ONCE):
                    waves = self._decoded([plan for at in part if (plan := plans[at]) is not None], frames)
                    for at, wave in zip(part, waves, strict=True):
                        made[at] = Wave(wave.numpy()[None], self.rate_hz)
        return made

    def _as_read(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Return lines as the tokenizer is shown them; see VitsTokenizer.prepare_for_tokenization for the order.

        A voice that reads letters is shown digits as English words; of one that reads phonemes espeak-ng reads them.
        """
        if self._phonemes is None:
            return [replace(line, text=spelled(line.text)) for line in lines] if self.english else lines
        told = self._phonemes.of([self.tokenizer.normalize_text(line.text) for line in lines])
        return [replace(line, text=text) for line, text in zip(lines, told, strict=True)]

    def _planned(self, line: Line) -> _Plan | None:
        """Plan one line alone."""
        (plan,) = self._plans([line])
        return plan

    def _plans(self, lines: Sequence[Line]) -> list[_Plan | None]:
        """Plan lines together with those that are about as long; None for those that `speak` has no sound for."""
        out: list[_Plan | None] = [None] * len(lines)
        begun = {at: one for at, line in enumerate(lines) if (one := self._begun(line)) is not None}
        for part in _parts(sorted(begun, key=lambda at: len(begun[at].ids)), _AT_ONCE):
            for at, plan in zip(part, self._stretched([begun[at] for at in part]), strict=True):
                out[at] = plan
        return out

    def _begun(self, line: Line) -> _Begun | None:
        """Return the tokens of a line, and what it draws from; None for a text without a letter."""
        import torch

        ids = self.tokenizer(line.text, return_tensors="pt")["input_ids"][0]
        if len(ids) <= int(self.tokenizer.add_blank):  # a text without a letter gives one blank, or nothing
            return None
        rng = generator(line.seed)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return _Begun(ids, line.rate, self._speaker(line.voice, rng), noise)

    def _stretched(self, lines: Sequence[_Begun]) -> list[_Plan | None]:
        """Encode lines and stretch each to its durations; see VitsModel.forward. None for one of over LONGEST_S."""
        import torch

        model, tokens = self.model, [len(one.ids) for one in lines]
        ids = torch.nn.utils.rnn.pad_sequence([one.ids for one in lines], batch_first=True).to(self.device)
        reads = (torch.arange(ids.shape[1])[None] < torch.tensor(tokens)[:, None]).to(self.device)
        mask = reads[:, :, None].float()
        numbers = [one.speaker for one in lines if one.speaker is not None]
        voices = model.embed_speaker(torch.tensor(numbers, device=self.device))[:, :, None] if numbers else None
        told = model.text_encoder(
            input_ids=ids, padding_mask=mask, attention_mask=reads if len(lines) > 1 else None, return_dict=True
        )
        hidden = told.last_hidden_state.transpose(1, 2)
        logs = self._log_durations(hidden, mask.transpose(1, 2), voices, lines).double().cpu()
        plans: list[_Plan | None] = []
        for row, one in enumerate(lines):
            places = self._places(logs[row, 0, : tokens[row]], one.rate)
            if places is None:
                plans.append(None)
                continue
            places = places.to(self.device)
            means, spread = told.prior_means[row, places].T, told.prior_log_variances[row, places].T.exp()
            drawn = torch.empty(means.shape).normal_(generator=one.noise).to(self.device)
            speaker = None if voices is None else voices[row, :, 0]
            plans.append(_Plan(means + drawn * spread * model.noise_scale, speaker))
        return plans

    def _places(self, logs: torch.Tensor, rate: float) -> torch.Tensor | None:
        """Return the token of each frame (frames,) from the logarithms of durations (tokens,); None for too many."""
        import torch

        durations = torch.ceil(torch.exp(logs) / (self.model.speaking_rate * rate))
        frames = max(1.0, float(durations.sum()))
        if not frames * self._hop <= LONGEST_S * self.rate_hz:  # so that NaN is refused too
            return None
        times = durations.long()
        if int(times.sum()) == 0:
            times[0] = 1
        return torch.arange(len(times)).repeat_interleave(times)

    def _log_durations(
        self, hidden: torch.Tensor, mask: torch.Tensor, speaker: torch.Tensor | None, lines: Sequence[_Begun]
    ) -> torch.Tensor:
        """Return the logarithms of tokens' frames (lines, 1, tokens); see VitsStochasticDurationPredictor.forward."""
        import torch

        predictor = self.model.duration_predictor
        if not self.model.config.use_stochastic_duration_prediction:
            plain: torch.Tensor = predictor(hidden, mask, speaker)
            return plain
        inputs = predictor.conv_pre(hidden)
        if speaker is not None:
            inputs = inputs + predictor.cond(speaker)
        inputs = predictor.conv_proj(predictor.conv_dds(inputs, mask)) * mask
        drawn = torch.zeros((len(lines), 2, inputs.shape[2]))
        for row, one in zip(drawn, lines, strict=True):
            row[:, : len(one.ids)] = torch.empty((2, len(one.ids))).normal_(generator=one.noise)
        latents = drawn.to(self.device) * self.model.noise_scale_duration
        flows = list(reversed(predictor.flows))
        for flow in [*flows[:-2], flows[-1]]:  # the one left out changes nothing that is used
            latents, _ = flow(latents.flip(1), mask, global_conditioning=inputs, reverse=True)
        logs: torch.Tensor = latents[:, :1]
        return logs

    def _decoded(self, plans: Sequence[_Plan], frames: int) -> list[torch.Tensor]:
        """Return the waves (time,) of plans that share a padded length, each cut to its own, on the CPU."""
        import torch

        lengths = [plan.latents.shape[1] for plan in plans]
        latents = torch.stack(
            [torch.nn.functional.pad(plan.latents, (0, frames - plan.latents.shape[1])) for plan in plans]
        )
        within = torch.arange(frames, device=self.device)[None] < torch.tensor(lengths, device=self.device)[:, None]
        mask = within[:, None].float()
        voices = [plan.speaker for plan in plans if plan.speaker is not None]
        speakers = torch.stack(voices)[:, :, None] if voices else None
        spectrogram = self.model.flow(latents, mask, speakers, reverse=True) * mask
        waves = self.model.decoder(spectrogram, speakers)[:, 0].cpu()
        return [wave[: length * self._hop] for wave, length in zip(waves, lengths, strict=True)]

    def _speaker(self, voice: str, rng: Any) -> int | None:
        """Return the number of the speaker that is named, or else drawn; None for a single voice."""
        known = int(self.model.config.num_speakers)
        if voice and not (voice.isdecimal() and int(voice) < max(known, 1)):
            raise UsageError(f"The model has no speaker {voice!r}; its speakers are 0 to {max(known, 1) - 1}.")
        if known <= 1:
            return None
        return int(voice) if voice else int(rng.integers(known))


def _padded(frames: int) -> int:
    return (frames // _GRAIN + 1) * _GRAIN


def _parts(places: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _settle(flow: Any) -> None:
    """Keep weights in place of the two parts that they are made of: else they are made anew in every pass."""
    from torch.nn.utils import parametrize

    for part in flow.modules():
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")


def load(files: Mapping[str, Path], device: str) -> Vits:
    """Load a model from its four files, which lie in one folder. No code of the model's is run, and no pickle read.

    Raises UsageError where the file lacks weights, and where a model reads phonemes and espeak-ng is not here.
    """
    from transformers import VitsModel, VitsTokenizer

    folder = files["config.json"].parent
    tokenizer = VitsTokenizer.from_pretrained(folder, local_files_only=True)
    whole, reader = digest_of(folder, files), None
    if tokenizer.phonemize:
        reader = phonemes.build()
        whole = hashlib.sha256(f"{whole}\n{reader.digest}".encode()).hexdigest()
        # It is shown phonemes, and drops what its vocabulary lacks: an unknown token may have no place in the model.
        tokenizer.phonemize, tokenizer.normalize = False, True
    return Vits(load_whole(VitsModel, folder), tokenizer, whole, device, reader)
