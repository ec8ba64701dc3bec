"""A VITS model of 4 speakers with small random weights, saved and loaded as any other."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch

LETTERS = "_abcdefghijklmnopqrstuvwxyz' "


def save(folder: Path, **config: Any) -> Path:
    """Write a model in `folder`, and return it."""
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    small = {
        "vocab_size": len(LETTERS),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "ffn_dim": 16,
        "flow_size": 16,
        "spectrogram_bins": 9,
        "prior_encoder_num_flows": 2,
        "prior_encoder_num_wavenet_layers": 2,
        "posterior_encoder_num_wavenet_layers": 1,
        "duration_predictor_num_flows": 2,
        "duration_predictor_filter_channels": 16,
        "depth_separable_num_layers": 2,
        "upsample_initial_channel": 16,
        "upsample_rates": [8, 8],
        "upsample_kernel_sizes": [16, 16],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
        "num_speakers": 4,
        "speaker_embedding_size": 8,
        "sampling_rate": 8000,
        "noise_scale_duration": 0.3,
        "initializer_range": 0.05,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = VitsModel(VitsConfig(**(small | config)))
        # A trained voice takes some frames a letter; random weights take one.
        model.speaking_rate = 0.2
        model.config.speaking_rate = 0.2
    model.save_pretrained(folder)
    letters = folder / "letters.json"
    letters.write_text(json.dumps({letter: at for at, letter in enumerate(LETTERS)}))
    VitsTokenizer(str(letters), pad_token="_", unk_token="_", language="eng", phonemize=False).save_pretrained(folder)
    letters.unlink()
    return folder


def build() -> Any:
    """Return the engine."""
    from tools.engines.vits import load
    from tools.engines.voice import files_of

    with tempfile.TemporaryDirectory() as place:
        return load(files_of(str(save(Path(place) / "model"))), "cpu")
