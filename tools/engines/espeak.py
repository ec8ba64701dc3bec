"""espeak-ng, the voice that needs no weights: a formant synthesiser with about a hundred voices and languages.

It is a program of its own under GPL-3, and stays one: it is started for every utterance, the text goes in and the
sound comes out through pipes. Its licence does not reach what it says. Where the program is not installed but the
package `espeakng-loader` is, a small program around that package's library takes its place.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from memory.datasets.media import Wave, decode
from memory.errors import UsageError
from memory.job import Policy

if TYPE_CHECKING:
    from tools.engines.engine import Place

Run = Callable[[Sequence[str], str], bytes]
"""Starts the program with arguments and a text on its standard input, and returns its standard output."""
_TIMEOUT_S = 30.0
_CARRIER = "espeakng-loader"
_PROBE = "The five boxing wizards jump quickly, as vexed charming judges thought: 0 1 2 3 4 5 6 7 8 9."


@dataclass(frozen=True)
class Manner:
    """How something is said."""

    voice: str
    """Language and accent, such as `en-gb`."""
    variant: str
    """Another throat for the same accent, such as `f3`; empty: the accent's own."""
    rate_wpm: int
    """Words a minute."""
    pitch: int
    """0 to 99; 50 is the voice's own."""


class Espeak:
    """Says texts. Every utterance is a process of its own, so threads and neighbours cannot touch each other."""

    def __init__(self, run: Run, variants: frozenset[str]) -> None:
        """Keep how the program is started, and its variants; the digest names the sound of a fixed sentence."""
        self._run, self.variants = run, variants
        heard = run(_arguments(Manner("en-us", "", 160, 50)), _PROBE)
        self.digest = hashlib.sha256(heard).hexdigest()

    def speak(self, text: str, manner: Manner) -> Wave:
        """Return what a text sounds like, one channel.

        Raises UsageError for a variant or voice that is not installed, and where the program fails.
        """
        if manner.variant and manner.variant not in self.variants:
            raise UsageError(
                f"espeak-ng has no variant {manner.variant!r} here; `espeak-ng --voices=variant` lists them."
            )
        sound = decode("speech", self._run(_arguments(manner), text), f"espeak-ng, voice {manner.voice}")
        assert isinstance(sound, Wave), "speech is decoded to a wave"
        return sound


def why_missing(policy: Policy) -> str | None:  # noqa: ARG001  every engine is asked in the same way
    """Return which commands bring espeak-ng; None where it is here."""
    if _command() is not None:
        return None
    return f"espeak-ng is not installed; run: pip install {_CARRIER}, or apt-get install espeak-ng"


def build(place: Place) -> Espeak:  # noqa: ARG001  it is the same for every run
    """Return the engine. Raises UsageError where espeak-ng is not installed or does not work."""
    command = _command()
    if command is None:
        raise UsageError(str(why_missing(Policy())))
    data = library()[1] if command[0] == sys.executable else _data_of(command)
    return Espeak(started_as(repeatable(command)), frozenset(file.name for file in (data / "voices" / "!v").glob("*")))


def repeatable(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command with `-D` where it has that: since 1.52 breath is drawn from the clock without it."""
    if command[0] == sys.executable:  # ours seeds the library itself
        return command
    said = started_as(command)(["--help"], "").decode("utf-8", "replace")
    return (*command, "-D") if re.search(r"^\s*-D\b", said, re.MULTILINE) else command


def started_as(command: Sequence[str]) -> Run:
    """Return what starts `command` for one utterance: no shell, the text through a pipe, a deadline."""

    def run(arguments: Sequence[str], text: str) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  the program's own path, and arguments that parameters bound
                [*command, *arguments], input=text.encode(), capture_output=True, check=True, timeout=_TIMEOUT_S
            )
        except subprocess.CalledProcessError as problem:
            said = " ".join(problem.stderr.decode("utf-8", "replace").split())[:200]
            raise UsageError(f"espeak-ng failed: {said or f'exit code {problem.returncode}'}") from problem
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise UsageError(f"espeak-ng gave no sound: {problem}") from problem
        return done.stdout

    return run


def _arguments(manner: Manner) -> list[str]:
    voice = f"{manner.voice}+{manner.variant}" if manner.variant else manner.voice
    return ["-v", voice, "-s", str(manner.rate_wpm), "-p", str(manner.pitch), "-z", "--stdin", "--stdout"]


def _command() -> tuple[str, ...] | None:
    """Return what is started: the program on the path, else ours around the package's library; None without either."""
    found = shutil.which("espeak-ng")
    if found is not None:
        return (found,)
    file, data = library()
    if not file.is_file() or not data.is_dir():
        return None
    return sys.executable, "-I", str(Path(__file__).with_name("espeak_library.py")), str(file), str(data.parent)


def library() -> tuple[Path, Path]:
    """Return where the package keeps its library and its data, whether they are there or not."""
    ending = {"win32": "espeak-ng.dll", "darwin": "libespeak-ng.dylib"}.get(sys.platform, "libespeak-ng.so")
    try:
        folder = Path(str(distribution(_CARRIER).locate_file("espeakng_loader")))
    except PackageNotFoundError:
        folder = Path("missing")
    return folder / ending, folder / "espeak-ng-data"


def _data_of(command: Sequence[str]) -> Path:
    """Return the program's data folder, which it names beside its version."""
    said = started_as(command)(["--version"], "").decode("utf-8", "replace")
    found = re.search(r"Data at:\s*(.+?)\s*$", said)
    if found is None:
        raise UsageError("espeak-ng does not say where its data are; a version of 1.49 or later does.")
    return Path(found.group(1))
