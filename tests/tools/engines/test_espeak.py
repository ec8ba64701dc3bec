"""espeak-ng: how it is started, what it is asked, and what the real program and library say where they are here."""

from __future__ import annotations

import ast
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from memory.errors import UsageError
from memory.job import Policy
from tools.engines import espeak
from tools.engines.espeak import Espeak, Manner, build, repeatable, started_as, why_missing

PLAIN = Manner("en-us", "f3", 160, 50)


def library_is_here() -> bool:
    try:
        return bool(distribution("espeakng-loader"))
    except PackageNotFoundError:
        return False


def test_words_go_in_through_a_pipe_and_manner_as_arguments(tmp_path: Path):
    script = tmp_path / "program.py"
    script.write_text("import sys; sys.stdout.write(repr((sys.argv[1:], sys.stdin.read())))")
    said = started_as([sys.executable, "-I", str(script)])(espeak._arguments(PLAIN), "-w file; $(reboot)")
    arguments, text = ast.literal_eval(said.decode())
    assert arguments == ["-v", "en-us+f3", "-s", "160", "-p", "50", "-z", "--stdin", "--stdout"]
    assert text == "-w file; $(reboot)"


def test_what_the_program_complains_of_is_told(tmp_path: Path):
    script = tmp_path / "program.py"
    script.write_text("import sys; sys.exit('The voice does not exist.')")
    with pytest.raises(UsageError, match=r"The voice does not exist"):
        started_as([sys.executable, "-I", str(script)])([], "x")


def test_a_program_that_hangs_is_stopped(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(espeak, "_TIMEOUT_S", 0.2)
    script = tmp_path / "program.py"
    script.write_text("import time; time.sleep(60)")
    with pytest.raises(UsageError, match="timed out"):
        started_as([sys.executable, "-I", str(script)])([], "x")


def test_an_unknown_variant_is_refused_instead_of_said_in_the_usual_voice(engine_for):
    with pytest.raises(UsageError, match="no variant 'nobody'"):
        engine_for("espeak").speak("one", Manner("en-us", "nobody", 160, 50))


def test_the_digest_names_the_sound(engine_for):
    own = engine_for("espeak")

    def louder(arguments, text):
        return own._run([*arguments[:3], "200", *arguments[4:]], text)

    assert Espeak(own._run, own.variants).digest == own.digest
    assert Espeak(louder, own.variants).digest != own.digest


def test_what_is_missing_names_the_commands(monkeypatch):
    monkeypatch.setattr(espeak, "_command", lambda: None)
    said = why_missing(Policy())
    assert said is not None
    assert "pip install espeakng-loader" in said
    assert "apt-get install espeak-ng" in said
    with pytest.raises(UsageError, match="not installed"):
        build(None)  # type: ignore[arg-type]


def check_that_it_speaks(engine: Espeak) -> None:
    sound = engine.speak("seven", PLAIN)
    assert sound.rate_hz == 22050
    assert 0.2 < sound.seconds < 1.5
    assert np.abs(sound.samples).max() > 0.05
    assert np.array_equal(engine.speak("seven", PLAIN).samples, sound.samples)
    assert engine.speak("seven", Manner("en-us", "f3", 320, 50)).seconds < 0.8 * sound.seconds
    assert not np.array_equal(engine.speak("seven", Manner("en-gb-scotland", "m7", 160, 50)).samples, sound.samples)
    assert "f3" in engine.variants
    with pytest.raises(UsageError, match="does not exist"):
        engine.speak("seven", Manner("xx-nowhere", "", 160, 50))


def test_a_program_that_draws_from_the_clock_is_told_not_to(tmp_path):
    program = tmp_path / "espeak-ng"
    for said, expected in (("-d <device>", ()), ("-D\n   Enable deterministic random mode", ("-D",))):
        program.write_text(f"#!/bin/sh\nprintf '%s' '{said}'\n", encoding="utf-8")
        program.chmod(0o755)
        assert repeatable((str(program),)) == (str(program), *expected)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_program_speaks():
    assert why_missing(Policy()) is None
    check_that_it_speaks(build(None))  # type: ignore[arg-type]


@pytest.mark.skipif(not library_is_here(), reason="espeakng-loader is not installed")
def test_the_library_stands_in_for_the_program(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert why_missing(Policy()) is None
    check_that_it_speaks(build(None))  # type: ignore[arg-type]
