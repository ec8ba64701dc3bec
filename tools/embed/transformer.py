"""A sentence encoder on this machine: a transformer, pooled over its tokens (Reimers & Gurevych 2019, section 3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError

if TYPE_CHECKING:
    import torch

_BATCH = 64
_NEEDED = ("config.json", "tokenizer.json", "model.safetensors")


class TransformerEncoder:
    """Texts to unit vectors. Files are read at once and checked; the model itself is built when it is first used."""

    def __init__(self, name: str, digest: str, read: Callable[[], Mapping[str, bytes]]) -> None:
        """Keep how to read the files; `digest` names everything that can change a vector."""
        self.name, self.digest = name, digest
        self._read = read

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return one unit vector a text, float32 (texts, dimensions); what exceeds the model's length is cut off.

        `progress` is told after every batch how many texts are done.
        """
        model, tokenizer, pooling = self._model
        out: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        order = sorted(range(len(texts)), key=lambda at: (len(texts[at]), at))  # alike lengths need little padding
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            for at, vector in zip(part, _vectors(model, tokenizer, pooling, [texts[at] for at in part]), strict=True):
                out[at] = vector
            if progress is not None:
                progress(start + len(part))
        return np.stack(out) if out else np.empty((0, 0), np.float32)

    @cached_property
    def _model(self) -> tuple[Any, Any, str]:
        return _build(self.name, self._read())


def from_folder(name: str, places: Mapping[str, Path]) -> TransformerEncoder:
    """Return the encoder whose files (`tools.weights.table.ENCODER`) are in `places`; only safetensors are read.

    Raises UsageError naming a file that it needs and has not.
    """
    missing = [file for file in _NEEDED if file not in places]
    if missing:
        raise UsageError(f"This encoder has no {missing[0]}; only models in safetensors are read.", where=name)
    content = {file: place.read_bytes() for file, place in places.items()}
    hashes = {file: hashlib.sha256(data).hexdigest() for file, data in content.items()}
    return TransformerEncoder(name, digest_of(hashes), lambda: content)


def digest_of(hashes: Mapping[str, str]) -> str:
    """Return what names an encoder: file -> SHA-256 of all that it is made of, and how texts are pooled here."""
    named = "".join(f"{file} {sha256}\n" for file, sha256 in sorted(hashes.items()))
    return hashlib.sha256(named.encode()).hexdigest()


def _build(name: str, content: Mapping[str, bytes]) -> tuple[Any, Any, str]:
    """Return (model, tokenizer, pooling); draws nothing from a global generator, runs no code that came with files."""
    import torch
    from safetensors.torch import load
    from tokenizers import Tokenizer
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_MAPPING
    from transformers.utils import logging

    quiet, mapping = cast("Any", logging), cast("Any", MODEL_MAPPING)
    quiet.disable_progress_bar()
    config = AutoConfig.for_model(**json.loads(content["config.json"]))
    model, info = mapping[type(config)].from_pretrained(
        None,
        config=config,
        state_dict=load(content["model.safetensors"]),
        dtype=torch.float32,
        output_loading_info=True,
    )
    if info["missing_keys"]:
        raise UsageError(f"Its weights lack {sorted(info['missing_keys'])[0]!r} and more.", where=name)
    tokenizer = Tokenizer.from_str(content["tokenizer.json"].decode())
    tokenizer.enable_truncation(_longest(content, config))
    tokenizer.enable_padding(pad_id=config.pad_token_id or 0)
    return model.eval(), tokenizer, _pooling(name, content)


def _longest(content: Mapping[str, bytes], config: Any) -> int:
    said = json.loads(content.get("sentence_bert_config.json", b"{}")).get("max_seq_length")
    return int(said or getattr(config, "max_position_embeddings", 512))


def _pooling(name: str, content: Mapping[str, bytes]) -> str:
    """Return `mean` or `cls`, as the model was trained; raises UsageError for another way."""
    said = json.loads(content.get("1_Pooling/config.json", b'{"pooling_mode_mean_tokens": true}'))
    if said.get("pooling_mode_mean_tokens"):
        return "mean"
    if said.get("pooling_mode_cls_token"):
        return "cls"
    raise UsageError("It is pooled in another way than by mean or first token, which is not supported.", where=name)


def _vectors(model: Any, tokenizer: Any, pooling: str, texts: list[str]) -> NDArray[np.float32]:
    import torch

    encoded = tokenizer.encode_batch(texts)
    ids = torch.tensor([one.ids for one in encoded])
    mask = torch.tensor([one.attention_mask for one in encoded])
    with torch.inference_mode():
        states: torch.Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask[..., None].to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1) if pooling == "mean" else states[:, 0]
        unit = torch.nn.functional.normalize(pooled, dim=-1)
    vectors: NDArray[np.float32] = unit.numpy()
    return vectors
