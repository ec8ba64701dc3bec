"""A small learner, trained many times: with and without made samples, on this fold and that.

Every fit gets the same number of steps whatever it is trained on, so a larger training set is not a longer training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload, Pixels, Wave
from memory.errors import UsageError
from memory.records import Modality
from tools.probe import network
from tools.probe.features import Encoder, TextFeatures, image_features, speech_features, text_features
from tools.probe.logistic import Regression

if TYPE_CHECKING:
    import torch

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LogProbabilities = NDArray[np.float32]

LEAST_STEPS, MOST_STEPS = 300, 2000
_STEPS_A_ROW = {"text": 0.0, "image": 3.0, "speech": 2.0}
"""Of 32 rows each: 96 epochs of images, 64 of clips, which need no more. The learner of texts takes none."""


def steps_for(modality: Modality, rows: int) -> int:
    """Return the steps of every fit on a dataset of `rows` real training rows, within 300 to 2,000."""
    return int(min(max(_STEPS_A_ROW[modality] * rows, LEAST_STEPS), MOST_STEPS))


@dataclass(frozen=True)
class Fit:
    """One learner to train, and what it is asked about. Positions are rows of the features handed over."""

    train: Ints
    labels: Ints
    """Class code of every training position."""
    weights: Floats
    """Of every training position, mean 1."""
    test: Ints
    seed: int
    """Of the first weights and the order of the batches."""


class Probe:
    """Logistic regression for texts (see `logistic`), a convolutional network for the rest (see `network`)."""

    def __init__(  # noqa: PLR0913 - what a learner is, said once
        self,
        modality: Modality,
        classes: int,
        *,
        channels: int = 1,
        steps: int | None = None,
        device: str = "cpu",
        workers: int = 2,
        encoder: Encoder | None = None,
    ) -> None:
        """Keep how to train: `channels` of images (1 or 3), `steps` of every fit, `workers` fits side by side.

        `encoder` adds the meaning of texts. The caller gives PyTorch its number of threads; results are the same on
        every run with one thread.
        """
        self.modality, self.classes, self.channels = modality, classes, channels
        self.steps = LEAST_STEPS if steps is None else steps
        self.device, self.workers, self.encoder = device, workers, encoder

    def features(self, payloads: Sequence[Payload]) -> Any:
        """Return what the learner sees of each payload; an item's features do not depend on the others."""
        if self.modality == "text":
            return text_features(cast("Sequence[str]", payloads), self.encoder)
        if self.modality == "image":
            return image_features(cast("Sequence[Pixels]", payloads), self.channels)
        return speech_features(cast("Sequence[Wave]", payloads))

    def stack(self, parts: Sequence[Any]) -> Any:
        """Return several lots of features as one, in their order."""
        if self.modality != "text":
            return np.concatenate(list(parts))
        from scipy.sparse import csr_matrix, vstack

        texts = cast("Sequence[TextFeatures]", parts)
        dense = [one.dense for one in texts if one.dense is not None]
        counts = csr_matrix(vstack([one.counts for one in texts], format="csr"))
        return TextFeatures(counts, np.concatenate(dense) if dense else None)

    def predict(self, features: Any, fits: Sequence[Fit]) -> list[LogProbabilities]:
        """Train each of `fits` and return what it says: (test, classes) log-probabilities.

        A class without a training row has minus infinity. A fit's answer depends on nothing but the fit and the rows
        it names. Raises UsageError for a fit without training rows.
        """
        for at, fit in enumerate(fits):
            if not len(fit.train):
                raise UsageError(f"Fit {at} of the probe has no training rows; hold out less.")
        answer: Callable[[Fit], LogProbabilities] = (
            partial(self._said_of_texts, features)
            if self.modality == "text"
            else partial(self._said_by_network, self._tensor(features))
        )
        if self.workers <= 1 or len(fits) <= 1:
            return [answer(fit) for fit in fits]
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(answer, fits))

    def _said_of_texts(self, features: TextFeatures, fit: Fit) -> LogProbabilities:
        seen, codes = np.unique(fit.labels, return_inverse=True)
        model = Regression.fit(features, fit.train, codes, fit.weights, len(seen))
        return self._spread(model.log_probabilities(features, fit.test), seen)

    def _said_by_network(self, items: torch.Tensor, fit: Fit) -> LogProbabilities:
        import torch

        seen, codes = np.unique(fit.labels, return_inverse=True)
        random = torch.Generator().manual_seed(fit.seed)
        shown = items[self._tensor(fit.train)]
        mean, spread = self._standard(shown)
        size = (int(items.shape[1]), int(items.shape[2]), int(items.shape[3]))
        model = network.start(size, len(seen), random, over_time=self.modality == "speech").to(self.device)
        order = network.batches(len(shown), self.steps, random).to(self.device)
        weights = self._tensor(fit.weights.astype(np.float32))
        network.train(model, (shown - mean) / spread, self._tensor(codes), weights, order)
        said = model.log_probabilities((items[self._tensor(fit.test)] - mean) / spread)
        return self._spread(said.cpu().numpy(), seen)

    def _standard(self, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and deviation of every channel of images, of every band of speech."""
        over = (0, 2, 3) if self.modality == "image" else (0, 3)
        return shown.mean(over, keepdim=True), shown.std(over, correction=0, keepdim=True).clamp_min(1e-3)

    def _spread(self, said: NDArray[Any], seen: Ints) -> LogProbabilities:
        """Return (items, classes) from (items, seen classes)."""
        out = np.full((len(said), self.classes), -np.inf, np.float32)
        out[:, seen] = said
        return out

    def _tensor(self, values: NDArray[Any]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
