"""A program that reads standard input with the espeak-ng library, and writes a WAV file or phonemes.

    python -I espeak_library.py LIBRARY FOLDER -v en-us+f3 -s 160 -p 50 -z --stdin --stdout
    python -I espeak_library.py LIBRARY FOLDER -v en-us -q --ipa --stdin

The first takes the arguments of `espeak-ng` and stands in where only the library is installed. The second writes one
line of phonemes for every line, in the International Phonetic Alphabet with its marks of stress. An empty FOLDER is the
one that the library was built with. Run as a process of its own, nothing of one input is left for the next.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import sys
import wave

_SYNCHRONOUS, _CHARACTERS, _UTF8 = 2, 1, 1
_RATE, _PITCH = 1, 3
_IPA = 2
_WAVES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def say(library: ctypes.CDLL, folder: bytes, asked: argparse.Namespace, text: bytes) -> tuple[bytes, int]:
    """Return 16-bit samples and their rate in Hz. Raises ValueError for a voice that is not there."""
    heard = bytearray()

    def take(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            heard.extend(ctypes.string_at(samples, 2 * count))
        return 0

    rate_hz = _started(library, folder)
    kept = _WAVES(take)  # the library keeps no reference to it
    library.espeak_SetSynthCallback(kept)
    _choose(library, asked.voice)
    if hasattr(library, "espeak_ng_SetRandSeed"):  # since 1.52 breath and whisper are drawn from the clock
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    library.espeak_SetParameter(_RATE, asked.rate, 0)
    library.espeak_SetParameter(_PITCH, asked.pitch, 0)
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, _CHARACTERS, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return bytes(heard), rate_hz


def transcribe(library: ctypes.CDLL, folder: bytes, voice: str, lines: list[bytes]) -> list[bytes]:
    """Return the phonemes of each line, its clauses with a space between them; a line is the same in any company.

    Raises ValueError for a voice that is not there.
    """
    _started(library, folder)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    told = []
    for line in lines:
        _choose(library, voice)  # anew for each: the library remembers what it read before
        rest, clauses = ctypes.c_char_p(line), list[bytes]()
        while rest.value is not None:  # each call reads one clause and moves on; after the last it sets no place
            clauses.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA) or b"")
        told.append(b" ".join(b" ".join(clauses).split()))
    return told


def _started(library: ctypes.CDLL, folder: bytes) -> int:
    """Return the rate in Hz of a library that has read its data."""
    rate_hz: int = library.espeak_Initialize(_SYNCHRONOUS, 0, folder or None, 0)
    if rate_hz <= 0:
        raise ValueError("The espeak-ng library could not read its data.")
    return rate_hz


def _choose(library: ctypes.CDLL, voice: str) -> None:
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError("The specified espeak-ng voice does not exist.")


def main() -> None:
    """Say what comes in, or write its phonemes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("folder")
    parser.add_argument("-v", dest="voice", default="en")
    parser.add_argument("-s", dest="rate", type=int, default=175)
    parser.add_argument("-p", dest="pitch", type=int, default=50)
    for flag in ("-q", "-z", "--ipa", "--stdin", "--stdout"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args()
    came, folder = sys.stdin.buffer.read(), asked.folder.encode()
    try:
        library = ctypes.CDLL(asked.library)
        if asked.ipa:
            content = b"\n".join(transcribe(library, folder, asked.voice, came.split(b"\n")))
        else:
            content = _file_of(*say(library, folder, asked, came))
    except (OSError, ValueError) as problem:
        sys.exit(str(problem))
    sys.stdout.buffer.write(content)


def _file_of(samples: bytes, rate_hz: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(samples)
    return file.getvalue()


if __name__ == "__main__":
    main()
