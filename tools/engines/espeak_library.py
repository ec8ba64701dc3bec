"""A program that says standard input with the espeak-ng library, and writes a WAV file to standard output.

    python -I espeak_library.py LIBRARY FOLDER -v en-us+f3 -s 160 -p 50 -z --stdin --stdout

It takes the arguments of `espeak-ng` and stands in where only the library is installed. Run as a process of its own,
nothing of one utterance is left for the next.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import sys
import wave

_SYNCHRONOUS, _CHARACTERS, _UTF8 = 2, 1, 1
_RATE, _PITCH = 1, 3
_WAVES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def say(library: ctypes.CDLL, folder: bytes, asked: argparse.Namespace, text: bytes) -> tuple[bytes, int]:
    """Return 16-bit samples and their rate in Hz. Raises ValueError for a voice that is not there."""
    heard = bytearray()

    def take(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, 2 * count))
        return 0

    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, folder, 0)
    if rate_hz <= 0:
        raise ValueError("The espeak-ng library could not read its data.")
    kept = _WAVES(take)  # the library keeps no reference to it
    library.espeak_SetSynthCallback(kept)
    if library.espeak_SetVoiceByName(asked.voice.encode()) != 0:
        raise ValueError("The specified espeak-ng voice does not exist.")
    if hasattr(library, "espeak_ng_SetRandSeed"):  # since 1.52 breath and whisper are drawn from the clock
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    library.espeak_SetParameter(_RATE, asked.rate, 0)
    library.espeak_SetParameter(_PITCH, asked.pitch, 0)
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, _CHARACTERS, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return bytes(heard), rate_hz


def main() -> None:
    """Say what comes in."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("folder")
    parser.add_argument("-v", dest="voice", default="en")
    parser.add_argument("-s", dest="rate", type=int, default=175)
    parser.add_argument("-p", dest="pitch", type=int, default=50)
    for flag in ("-z", "--stdin", "--stdout"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args()
    try:
        samples, rate_hz = say(ctypes.CDLL(asked.library), asked.folder.encode(), asked, sys.stdin.buffer.read())
    except (OSError, ValueError) as problem:
        sys.exit(str(problem))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(samples)
    sys.stdout.buffer.write(file.getvalue())


if __name__ == "__main__":
    main()
