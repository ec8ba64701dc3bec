"""Texts as phonemes: where marks go, what is handed to espeak-ng, and what the real library says where it is here."""

# ruff: noqa: RUF001  phonemes look like other letters

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.errors import UsageError
from tools.engines import espeak, phonemes
from tools.engines.phonemes import Phonemes, build, why_missing

MARKS = ';:,.!?¡¿—…"«»“”(){}[]'
PAIRS = [
    ("Turn off the kitchen lights, please.", "tˈɜːn ˈɔf ðə kˈɪtʃən lˈaɪts, plˈiːz."),
    (
        "He said, “I won't go!” and left the room — quietly.",
        "hiː sˈɛd, “aɪ woʊnt ɡˈoʊ!” ænd lˈɛft ðə ɹˈuːm — kwˈaɪətli.",
    ),
    ("Dr. Smith's 1,000 dogs", "dˈɑːktɚ. smˈɪθz wˈʌn θˈaʊzənd dˈɑːɡz"),
    ("10:30, 50% of 1.6", "tˈɛn:θˈɜːɾi, fˈɪfti pɚsˈɛnt ʌv wˈʌn pɔɪnt sˈɪks"),
    ("Wait -- what? No - never – not — ever.", "wˈeɪt wˈʌt? nˈoʊ nˈɛvɚ nˈɑːt — ˈɛvɚ."),
    ("(Brackets) [square] {curly} <angle>.", "(bɹˈækɪts) [skwˈɛɹ] {kˈɜːli} ˈæŋɡəl."),
    ("naïve café résumé façade Zoë Brontë coöperate", "naɪˈiːv kæfˈeɪ ɹˈɛzuːmˌeɪ fəsˈɑːd zˈoʊi bɹˈɔntɛ kˈɑːɚpɚɹˌeɪt"),
    ("U.S.A.", "jˈuː.ˈɛs.ˈeɪ."),
    ("e.g. this", "ˈiː.dʒˈiː. ðˈɪs"),
    ("rock–roll", "ɹˈɑːk ɹˈoʊl"),
    ("well-known", "wˈɛlnˈoʊn"),
    (
        "NASA, IBM, UNESCO, the BBC and the FBI; iPhone, eBay.",
        "nˈæsɐ, ˌaɪbˌiːˈɛm, ʌnˈɛskoʊ, ðə bˌiːbˌiːsˈiː ænd ðɪ ˌɛfbˌiːˈaɪ; ˈaɪ fˈoʊn, ˈiː bˈeɪ.",
    ),
    ("'Tis the season to be jolly, fa-la-la!", "tˈɪz ðə sˈiːzən təbi dʒˈɑːli, fˈɑːlˌælˌæ!"),
    ("the apple", "ðɪ ˈæpəl"),
    ("the, apple", "ðə, ˈæpəl"),
    ("a\n!\n\n - b", "ˈeɪ ! bˈiː"),
    ("a, -, b", "ˈeɪ,, bˈiː"),
    ("a! - - ? b", "ˈeɪ! ? bˈiː"),
    ("...", "..."),
    ("'", ""),
    ("", ""),
]
"""Texts, and what phonemizer 3.4.0 makes of them with espeak-ng 1.51 and 1.52 alike, its white space joined."""
real = pytest.mark.skipif(why_missing() is not None, reason="the library of espeak-ng is not installed")


def louder(clauses: list[str]) -> list[str]:
    """Stand in for espeak-ng: capitals for words, nothing for a dash."""
    return [" ".join(word.upper() for word in clause.split() if word != "-") for clause in clauses]


@pytest.fixture
def step() -> Phonemes:
    return Phonemes(louder)


# --- where marks go ---


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("one, two", "ONE, TWO"),
        ("one ,two  —  three", "ONE ,TWO — THREE"),
        ("(one) “two”!", "(ONE) “TWO”!"),
        ("3.14 and 1,000", "3.14 AND 1,000"),
        ("3. 14, x.5 3,,4", "3. 14, X.5 3,,4"),
        ("It costs 3.50.", "IT COSTS 3.50."),
        ("one\n\n \ntwo\r\n", "ONE TWO"),
        ("one, -, two", "ONE,, TWO"),
        ("-", ""),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_marks_stay_where_they_are(step, text: str, told: str):
    assert step.of([text]) == [told]


def test_each_clause_is_asked_once_and_without_marks():
    asked: list[str] = []

    def listen(clauses):
        asked.extend(clauses)
        return louder(clauses)

    step = Phonemes(listen)
    asked.clear()
    assert step.of(["yes, no", "no! yes", "...", "3.5"]) == ["YES, NO", "NO! YES", "...", "3.5"]
    assert asked == ["yes", "no", "3.5"]
    asked.clear()
    assert step.of(["", "?"]) == ["", "?"]
    assert asked == [], "nothing is started for nothing"


def test_a_clause_without_an_answer_is_an_error(step):
    step._transcribe = lambda clauses: louder(clauses)[1:]
    with pytest.raises(ValueError, match="shorter"):
        step.of(["one, two"])


def test_the_digest_names_what_is_said():
    assert Phonemes(louder).digest == Phonemes(louder).digest
    assert Phonemes(louder).digest != Phonemes(lambda clauses: [clause.lower() for clause in clauses]).digest


@given(st.lists(st.text(f"ab1 -\n{MARKS}", max_size=20), max_size=5))
def test_every_mark_is_kept_in_order_and_neighbours_change_nothing(texts):
    step = Phonemes(louder)
    told = step.of(texts)
    assert told == [step.of([text])[0] for text in texts]
    for text, one in zip(texts, told, strict=True):
        assert [mark for mark in one if mark in MARKS] == [mark for mark in text if mark in MARKS]
        assert one.replace(" ", "") == "".join(one for one in text.upper() if one not in " \n-") or "-" in text
        assert "  " not in one
        assert "\n" not in one


# --- espeak-ng ---


def test_what_is_missing_names_the_command(monkeypatch):
    monkeypatch.setattr(espeak, "library", lambda: (Path("missing"), Path("missing")))
    monkeypatch.setattr(phonemes, "find_library", lambda _: None)
    assert "pip install 'augplan[speech]'" in str(why_missing())
    with pytest.raises(UsageError, match="pip install"):
        build()


def test_the_library_of_the_system_stands_in_for_the_package(monkeypatch):
    monkeypatch.setattr(espeak, "library", lambda: (Path("missing"), Path("missing")))
    monkeypatch.setattr(phonemes, "find_library", lambda name: f"lib{name}.so.1")
    assert why_missing() is None
    command = phonemes._command()
    assert command is not None
    assert command[-2:] == ("libespeak-ng.so.1", ""), "with the data that it was built for"


def test_a_library_that_cannot_be_loaded_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak, "library", lambda: (tmp_path / "none", tmp_path / "none"))
    monkeypatch.setattr(phonemes, "find_library", lambda _: "libnowhere.so.9")
    with pytest.raises(UsageError, match=r"libnowhere\.so\.9"):
        build()


@pytest.fixture(scope="module")
def library() -> Phonemes:
    return build()


@real
@pytest.mark.parametrize(("text", "told"), PAIRS)
def test_it_says_what_phonemizer_says(library, text: str, told: str):
    assert library.of([text]) == [told]


@real
def test_a_text_is_the_same_in_any_company_and_on_any_thread(library):
    texts = [text for text, _ in PAIRS]
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(library.of, [texts, texts[::-1], texts[3:4], texts * 3]))
    told = [told for _, told in PAIRS]
    assert runs == [told, told[::-1], told[3:4], told * 3]


@real
def test_long_and_odd_texts_pass(library):
    (long,) = library.of(["word " * 400])
    assert long.split() == ["wˈɜːd"] * 400
    assert library.of(["yes\0no", "\ud800", "日本", "no"])[3] == "nˈoʊ"


@real
def test_an_accent_that_is_not_there_is_refused():
    command = phonemes._command()
    assert command is not None
    done = subprocess.run([*command, "-v", "xx-nowhere", "--ipa"], input=b"one", capture_output=True, check=False)
    assert done.returncode == 1
    assert b"does not exist" in done.stderr
    assert command[0] == sys.executable
