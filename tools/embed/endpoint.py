"""Embeddings from an OpenAI-compatible endpoint. Texts leave the machine: only where the policy allows it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError
from memory.exchanges import without_secrets

_BATCH = 128
_TIMEOUT_S = 60.0


class EndpointEncoder:
    """Texts to unit vectors, over HTTP; counts the tokens it is charged for."""

    def __init__(self, model: str, base_url: str, api_key: str, client: Any = None) -> None:
        """Keep where to ask; nothing is sent before `encode`. `client` stands in for the openai client in tests."""
        self.name = f"openai:{model}"
        self.digest = hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()
        self.tokens = 0
        self._model, self._base_url, self._api_key, self._client = model, base_url, api_key, client
        self._shown = without_secrets(base_url)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return one unit vector a text, float32 (texts, dimensions); `progress` is told how many are done.

        Raises UsageError when the endpoint cannot be reached or refuses; the client retries twice by itself.
        """
        import openai

        client = self._client or openai.OpenAI(base_url=self._base_url, api_key=self._api_key, timeout=_TIMEOUT_S)
        rows: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            part = list(texts[start : start + _BATCH])
            try:
                answer = client.embeddings.create(model=self._model, input=part, encoding_format="float")
            except openai.OpenAIError as problem:
                raise UsageError(f"The endpoint gave no embeddings: {problem}", where=self._shown) from problem
            if len(answer.data) != len(part):
                raise UsageError(f"It gave {len(answer.data)} vectors for {len(part)} texts.", where=self._shown)
            rows += [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
            self.tokens += answer.usage.total_tokens
            if progress is not None:
                progress(start + len(part))
        vectors = np.asarray(rows, np.float32)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        return unit
