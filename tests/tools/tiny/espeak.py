"""The engine of espeak-ng around a program of ours: vowels of the letters, as fast, high and long as it is asked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from memory.datasets.media import Wave, encode_wave

RATE_HZ = 22050


def say(arguments: Sequence[str], text: str) -> bytes:
    """Return a WAV in which every letter is a tone of two partials, with silence around them."""
    asked = dict(zip(arguments[::2], arguments[1::2], strict=False))
    size = round(RATE_HZ * 12 / int(asked["-s"]))
    own = 90 + zlib.crc32(asked["-v"].encode()) % 120 + int(asked["-p"])
    time = np.arange(size) / RATE_HZ
    tones = [np.sin(2 * np.pi * own * time) + np.sin(2 * np.pi * own * (2 + ord(one) % 9) * time) for one in text]
    silence = np.zeros(RATE_HZ // 8)
    sound = np.concatenate([silence, *(0.2 * tone * np.hanning(size) for tone in tones), silence])
    return encode_wave(Wave(sound.astype(np.float32)[None], RATE_HZ))


def build() -> Any:
    """Return the engine."""
    from tools.engines.espeak import Espeak
    from tools.speech.speak_text import SpeakText

    return Espeak(say, frozenset(SpeakText.usual["variant"]))
