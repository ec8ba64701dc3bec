"""What `policy.asr_model` names: a recogniser of speech on this machine, with the words that clips are to say.

CTC models (Graves et al. 2006) such as wav2vec 2.0 and HuBERT, and Whisper (Radford et al. 2023). Both are read
greedily and a clip at a time, so that what is heard depends on the clip alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast

from memory.datasets.media import Wave
from memory.errors import UsageError
from memory.job import Policy
from tools.engines import named
from tools.engines.named import Kind, RealRows
from tools.kernels.heard import error_rate, plain
from tools.kernels.spoken import texts_of
from tools.weights.loading import digest_of, load

if TYPE_CHECKING:
    import torch

    from tools.engines.engine import Place

_CTC = ("hubert", "wav2vec2", "wavlm")
KIND = Kind(
    engine="recogniser",
    what="a CTC model (wav2vec 2.0, HuBERT, WavLM) or a Whisper model",
    types=(*_CTC, "whisper"),
)
ROWS = 8
"""Real rows of a label that are heard."""
_MARGIN_S = 0.25
"""Silence on either side of a clip: recognisers were trained on speech that neither begins nor ends abruptly."""
_LONGEST_S = 60.0
_TOKENS_A_SECOND = 20


class Ear(Protocol):
    """A recogniser at work."""

    rate_hz: int
    longest_s: float

    def read(self, sound: torch.Tensor) -> str:
        """Return what is said in (time,) float32 at `rate_hz`."""
        ...


class CtcEar:
    """A CTC model, read by its likeliest token at every frame."""

    longest_s = _LONGEST_S

    def __init__(self, model: Any, features: Any, tokenizer: Any, device: str = "cpu") -> None:
        """Keep the model in evaluation mode on `device`, and what prepares its input and spells its output."""
        self.model, self.features, self.tokenizer, self.device = model.eval().to(device), features, tokenizer, device
        self.rate_hz = int(features.sampling_rate)

    def read(self, sound: torch.Tensor) -> str:
        """Return what is said in (time,) float32 at `rate_hz`."""
        inputs = self.features(sound.numpy(), sampling_rate=self.rate_hz, return_tensors="pt")
        tokens = self.model(inputs["input_values"].to(self.device)).logits[0].argmax(-1)
        return str(self.tokenizer.decode(tokens.tolist()))


class WhisperEar:
    """A Whisper model, read greedily; one of many languages hears all clips in the language of the real ones."""

    def __init__(self, model: Any, features: Any, tokenizer: Any, device: str = "cpu") -> None:
        """Keep the model in evaluation mode on `device`, and what prepares its input and spells its output."""
        self.model, self.features, self.tokenizer, self.device = model.eval().to(device), features, tokenizer, device
        self.rate_hz, self.longest_s = int(features.sampling_rate), float(features.chunk_length)
        self.language: str | None = None

    def settle(self, sounds: Sequence[torch.Tensor]) -> None:
        """Choose the language that most of some sounds are heard in, the first in the alphabet of equals.

        A single word is too short to tell a language by, and an English model has none to choose.
        """
        if not getattr(self.model.generation_config, "is_multilingual", False):
            return
        names = {number: name for name, number in self.model.generation_config.lang_to_id.items()}
        votes = Counter(names[int(self.model.detect_language(input_features=self._inputs(one)))] for one in sounds)
        self.language = min(votes, key=lambda name: (-votes[name], name), default=None)

    def read(self, sound: torch.Tensor) -> str:
        """Return what is said in (time,) float32 at `rate_hz`."""
        known = {} if self.language is None else {"language": self.language, "task": "transcribe"}
        room = int(self.model.config.max_target_positions) - 8  # what comes before the words
        tokens = self.model.generate(
            self._inputs(sound),
            do_sample=False,
            num_beams=1,
            max_new_tokens=max(8, min(room, 16 + int(_TOKENS_A_SECOND * len(sound) / self.rate_hz))),
            **known,
        )
        return str(self.tokenizer.decode(tokens[0].tolist(), skip_special_tokens=True))

    def _inputs(self, sound: torch.Tensor) -> torch.Tensor:
        found = self.features(sound.numpy(), sampling_rate=self.rate_hz, return_tensors="pt")
        return cast("torch.Tensor", found["input_features"].to(self.device))


class Recogniser:
    """Hears clips, knows what each was to say, and how well it hears real ones. One thread at a time."""

    def __init__(self, ear: Ear, rows: RealRows, digest: str) -> None:
        """Keep what hears, and the real rows that it shows itself on; they are read when they are asked for."""
        self.ear, self.digest, self._rows = ear, digest, rows
        self._errors: dict[str, tuple[float, ...]] = {}
        self._lock, self._settled = Lock(), False
        self.words = {
            label: plain(said) for label, said in zip(rows.labels, texts_of(rows.labels), strict=True) if said
        }
        """Label -> its words, plain; a label without any is left out."""

    def hear(self, clips: Sequence[Wave]) -> list[str | None]:
        """Return what is said in each clip, plain; None for one that is longer than the model hears at once."""
        import torch

        with self._lock, torch.inference_mode():
            self._settle()
            return [self._heard(clip) for clip in clips]

    def errors_on_real(self, label: str) -> tuple[float, ...]:
        """Return the error rate of what is heard in real rows of a label, at most `ROWS`, drawn by the run's seed."""
        if label not in self._errors:
            rows = self._rows.of(label)
            said = texts_of([label] * len(rows), [self._rows.dataset.transcript(row) for row in rows])
            heard = self.hear(cast("list[Wave]", self._rows.payloads(rows)))
            self._errors[label] = tuple(
                error_rate(say, text)
                for say, text in zip((plain(one or "") for one in said), heard, strict=True)
                if say and text is not None
            )
        return self._errors[label]

    def _settle(self) -> None:
        if not self._settled and isinstance(self.ear, WhisperEar):
            clips = cast("list[Wave]", self._rows.payloads(self._rows.any()))
            self.ear.settle([self._sound(clip) for clip in clips if clip.seconds <= self.ear.longest_s])
        self._settled = True

    def _heard(self, clip: Wave) -> str | None:
        sound = self._sound(clip)
        return None if len(sound) > self.ear.longest_s * self.ear.rate_hz else plain(self.ear.read(sound))

    def _sound(self, clip: Wave) -> torch.Tensor:
        """Return a clip as (time,) float32 at the rate of the model, its channels averaged, between silences."""
        import torch

        from tools.kernels.filters import resample

        mono = torch.from_numpy(clip.samples.mean(axis=0, keepdims=True, dtype="float32"))
        if clip.rate_hz != self.ear.rate_hz:
            mono = resample(mono, clip.rate_hz, self.ear.rate_hz)
        margin = round(_MARGIN_S * self.ear.rate_hz)
        return torch.nn.functional.pad(mono[0], (margin, margin))


def why_missing(policy: Policy) -> str | None:
    """Return what is missing for `policy.asr_model`, or which rule forbids it; None where it can be read."""
    return named.why_missing(KIND, policy)


def build(place: Place) -> Recogniser:
    """Return the recogniser of a run. Raises UsageError where it is missing, forbidden or not whole."""
    folder = named.folder(KIND, place.policy)
    return Recogniser(ear_of(folder, place.device), RealRows(place, ROWS), f"{folder.name}@{digest_of(folder)}")


def ear_of(folder: Path, device: str) -> CtcEar | WhisperEar:
    """Load what hears from a folder. Raises UsageError where parts of it are missing or do not fit."""
    from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer, WhisperForConditionalGeneration

    whisper = named.type_of(folder) == "whisper"
    try:
        features = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call, unused-ignore]
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call, unused-ignore]
    except (OSError, ValueError) as problem:
        raise UsageError(f"This recogniser cannot be read: {problem}.", where=str(folder)) from problem
    model = load(WhisperForConditionalGeneration if whisper else AutoModelForCTC, folder)
    return (WhisperEar if whisper else CtcEar)(model, features, tokenizer, device)
