"""VITS (Kim, Kong & Son 2021) as transformers has it, MMS voices among them, with noise that is drawn line by line.

The model's own forward pass draws from PyTorch's global generator, for a whole batch at once. Here the same modules are
run in the same order: the encoder and the durations for one line at a time, which are cheap; the flow and the decoder,
which take nearly all the time, for many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memory.datasets.media import Wave
from memory.errors import UsageError
from tools.engines.voice import Line
from tools.seeds import generator
from tools.weights import Weights

if TYPE_CHECKING:
    import torch

LONGEST_S = 60.0
"""Seconds of a line at most: what a model stretches further is refused, not cut."""
_AT_ONCE = 32
_GRAIN = 32
"""Frames to a multiple of which lines are padded, so that a result never depends on a longer neighbour."""


@dataclass(frozen=True)
class _Plan:
    """A line between the two halves of the model."""

    latents: torch.Tensor
    """(channels, frames) what the flow starts from."""
    speaker: torch.Tensor | None
    """(size,) or None for a model of one voice."""


class Vits:
    """A VITS model in float32: it has few weights, and bfloat16 is heard as noise."""

    def __init__(self, model: Any, tokenizer: Any, digest: str, device: str = "cpu") -> None:
        """Keep the model in evaluation mode on `device`, its tokenizer, and the name of its weights."""
        self.digest = digest
        self.model, self.tokenizer, self.device = model.to(device).eval(), tokenizer, device
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

        made: list[Wave | None] = [None] * len(lines)
        with torch.inference_mode():
            plans = {at: plan for at, line in enumerate(lines) if (plan := self._planned(line)) is not None}
            alike: dict[int, list[int]] = {}
            for at, plan in plans.items():
                alike.setdefault(_padded(plan.latents.shape[1]), []).append(at)
            # On a CPU a batch is no faster, and is rounded in another way than a line alone.
            size = 1 if self.device == "cpu" else _AT_ONCE
            for frames, places in alike.items():
                for start in range(0, len(places), size):
                    part = places[start : start + size]
                    for at, wave in zip(part, self._decoded([plans[one] for one in part], frames), strict=True):
                        made[at] = Wave(wave.float().cpu().numpy()[None], self.rate_hz)
        return made

    def _planned(self, line: Line) -> _Plan | None:
        """Encode one line and stretch it to its durations; see VitsModel.forward."""
        import torch

        ids = self.tokenizer(line.text, return_tensors="pt")["input_ids"].to(self.device)
        if ids.shape[1] <= int(self.tokenizer.add_blank):  # a text without a letter gives one blank, or nothing
            return None
        model, rng = self.model, generator(line.seed)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        speaker = self._speaker(line.voice, rng)
        mask = torch.ones_like(ids, dtype=torch.float32)[:, :, None]
        told = model.text_encoder(input_ids=ids, padding_mask=mask, return_dict=True)
        logs = self._log_durations(told.last_hidden_state.transpose(1, 2), mask.transpose(1, 2), speaker, noise)
        durations = torch.ceil(torch.exp(logs.double()) / (model.speaking_rate * line.rate))[0, 0]
        frames = max(1.0, float(durations.sum()))
        if not frames * self._hop <= LONGEST_S * self.rate_hz:  # so that NaN is refused too
            return None
        times = durations.long()
        if int(times.sum()) == 0:
            times[0] = 1
        means = told.prior_means[0].repeat_interleave(times, dim=0).T
        spread = told.prior_log_variances[0].repeat_interleave(times, dim=0).T.exp()
        drawn = torch.empty(means.shape).normal_(generator=noise).to(self.device)
        return _Plan(means + drawn * spread * model.noise_scale, None if speaker is None else speaker[0, :, 0])

    def _log_durations(
        self, hidden: torch.Tensor, mask: torch.Tensor, speaker: torch.Tensor | None, noise: torch.Generator
    ) -> torch.Tensor:
        """Return the logarithm of each token's frames (1, 1, tokens); see VitsStochasticDurationPredictor.forward."""
        import torch

        predictor = self.model.duration_predictor
        if not self.model.config.use_stochastic_duration_prediction:
            plain: torch.Tensor = predictor(hidden, mask, speaker)
            return plain
        inputs = predictor.conv_pre(hidden)
        if speaker is not None:
            inputs = inputs + predictor.cond(speaker)
        inputs = predictor.conv_proj(predictor.conv_dds(inputs, mask)) * mask
        drawn = torch.empty((1, 2, inputs.shape[2])).normal_(generator=noise).to(self.device)
        latents = drawn * self.model.noise_scale_duration
        flows = list(reversed(predictor.flows))
        for flow in [*flows[:-2], flows[-1]]:  # the one left out changes nothing that is used
            latents, _ = flow(latents.flip(1), mask, global_conditioning=inputs, reverse=True)
        logs: torch.Tensor = latents[:, :1]
        return logs

    def _decoded(self, plans: Sequence[_Plan], frames: int) -> list[torch.Tensor]:
        """Return the waves (time,) of plans that share a padded length, each cut to its own."""
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
        waves = self.model.decoder(spectrogram, speakers)[:, 0]
        return [wave[: length * self._hop] for wave, length in zip(waves, lengths, strict=True)]

    def _speaker(self, voice: str, rng: Any) -> torch.Tensor | None:
        """Return the embedding (1, size, 1) of the speaker that is named, or else drawn; None for a single voice."""
        import torch

        known = int(self.model.config.num_speakers)
        if voice and not (voice.isdecimal() and int(voice) < max(known, 1)):
            raise UsageError(f"The model has no speaker {voice!r}; its speakers are 0 to {max(known, 1) - 1}.")
        if known <= 1:
            return None
        number = int(voice) if voice else int(rng.integers(known))
        found: torch.Tensor = self.model.embed_speaker(torch.tensor([number], device=self.device))
        return found[:, :, None]


def _padded(frames: int) -> int:
    return (frames // _GRAIN + 1) * _GRAIN


def load(files: Mapping[str, Path], device: str, entry: Weights | None = None) -> Vits:
    """Load a model from its four files, which lie in one folder. No code of the model's is run, and no pickle read.

    Raises UsageError where weights are missing in the file, or where it is not the upstream's that `entry` names.
    """
    from transformers import VitsModel, VitsTokenizer
    from transformers.utils import logging

    hashes = {name: hashlib.sha256(place.read_bytes()).hexdigest() for name, place in sorted(files.items())}
    for name, wanted in (entry.files if entry is not None else {}).items():
        if hashes.get(name) != wanted:
            raise UsageError(f"{name} of {entry.name if entry else ''} is not the upstream's: its SHA-256 differs.")
    cast("Any", logging).disable_progress_bar()
    folder = files["config.json"].parent
    model, told = cast("Any", VitsModel).from_pretrained(
        folder, use_safetensors=True, local_files_only=True, dtype="float32", output_loading_info=True
    )
    if told["missing_keys"] or told["mismatched_keys"]:
        lacking = sorted(map(str, [*told["missing_keys"], *told["mismatched_keys"]]))
        raise UsageError(
            f"The weights lack {len(lacking)} parts of the model, such as {lacking[0]}.", where=str(folder)
        )
    tokenizer = VitsTokenizer.from_pretrained(folder, local_files_only=True)
    whole = hashlib.sha256("\n".join(f"{name} {value}" for name, value in hashes.items()).encode()).hexdigest()
    return Vits(model, tokenizer, whole, device)
