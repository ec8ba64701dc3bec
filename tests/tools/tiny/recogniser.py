"""A wav2vec 2.0 model with small random weights, and a Whisper model of one or several languages."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from memory.datasets.media import Wave

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]
ENDS = ["<|endoftext|>", "<|startoftranscript|>"]
LANGUAGES = ["<|de|>", "<|en|>", "<|fr|>"]
TASKS = ["<|translate|>", "<|transcribe|>", "<|nospeech|>", "<|notimestamps|>"]


def save_ctc(folder: Path, always: str = "", model_type: str = "wav2vec2") -> Path:
    """Write a CTC model in `folder`; with `always` it hears that letter in every frame."""
    import transformers

    names = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
    config = getattr(transformers, f"{names[model_type]}Config")(
        vocab_size=len(LETTERS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_stride=(20, 16),
        conv_kernel=(20, 16),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        model = getattr(transformers, f"{names[model_type]}ForCTC")(config)
        if always:
            model.lm_head.bias[LETTERS.index(always)] = 1e4
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    words = folder / "words.json"
    words.write_text(json.dumps({letter: at for at, letter in enumerate(LETTERS)}))
    transformers.Wav2Vec2CTCTokenizer(str(words)).save_pretrained(folder)
    words.unlink()
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def save_whisper(folder: Path, multilingual: bool = True) -> Path:
    """Write a Whisper model in `folder`."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *ENDS, *LANGUAGES, *TASKS]
    code = {word: at for at, word in enumerate(words)}
    config = WhisperConfig(
        vocab_size=len(words),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_target_positions=32,
        pad_token_id=code[ENDS[0]],
        bos_token_id=code[ENDS[0]],
        eos_token_id=code[ENDS[0]],
        decoder_start_token_id=code[ENDS[1]],
        init_std=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        model = WhisperForConditionalGeneration(config)
    settings: dict[str, Any] = {"is_multilingual": multilingual, "no_timestamps_token_id": code[TASKS[3]]}
    if multilingual:
        settings["lang_to_id"] = {name: code[name] for name in LANGUAGES}
        settings["task_to_id"] = {"translate": code[TASKS[0]], "transcribe": code[TASKS[1]]}
    making: Any = GenerationConfig
    model.generation_config = making(
        pad_token_id=code[ENDS[0]],
        bos_token_id=code[ENDS[0]],
        eos_token_id=code[ENDS[0]],
        decoder_start_token_id=code[ENDS[1]],
        max_length=32,
        suppress_tokens=[code[word] for word in [ENDS[1], *LANGUAGES, *TASKS]],
        **settings,
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer = WhisperTokenizer(vocab={word: code[word] for word in [*letters, ENDS[0]]}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": [ENDS[1], *LANGUAGES, *TASKS]})
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    return folder


class Clips:
    """Four spoken rows, two a label; the first has a transcript."""

    def __init__(self) -> None:
        time = np.arange(4000) / 8000
        self.items = [
            Wave((0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None], 8000) for hz in (200, 300, 400, 500)
        ]
        self.columns = {"id": ["a", "b", "c", "d"], "label": ["zero", "one", "zero", "one"]}

    def column(self, name: str) -> list[Any]:
        return self.columns[name]

    def payloads(self, rows: Any) -> list[Wave]:
        return [self.items[row] for row in rows]

    def transcript(self, row: int) -> str:
        return "Say zero, please!" if row == 0 else ""


def place(policy: Any) -> Any:
    """Return what a recogniser is made from."""
    return SimpleNamespace(
        policy=policy, dataset=Clips(), coverage=SimpleNamespace(train=np.arange(4)), device="cpu", seed=3
    )


def build(policy: Any = None) -> Any:
    """Return the engine."""
    from memory.job import Policy
    from tools.engines import recogniser

    with tempfile.TemporaryDirectory() as folder:
        return recogniser.build(place(policy or Policy(asr_model=str(save_ctc(Path(folder) / "ctc")))))
